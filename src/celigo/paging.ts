import { digestOf } from '../core/digest.ts';
import { getOwn, isArray, isObject, type Json, type JsonObject } from '../core/json.ts';
import { MOST_RECORDS } from '../core/records.ts';
import { type ApiClient, type ApiHead, type ApiResponse, hasBody, ownUrl, parseJson } from './client.ts';
import { ApiError } from './errors.ts';
import { readLinks } from './links.ts';

/** Largest page asked for; the server may give less (api-notes#paging-link). */
const PAGE_SIZE = 1000;
/** Page lengths at which a missing `Link` does not prove the end (api-notes#paging-end). */
const ROUND_COUNTS: ReadonlySet<number> = new Set([100, 1000, 1001]);
/** A server that sends more pages than this repeats itself. Reaching it is an error, never an end. */
const MOST_PAGES = 10_000;
/** So does one of which so many pages in a row bring fewer new records than two each. */
const PAGES_IN_A_ROW = 500;

type Query = Readonly<Record<string, string>>;

/** One page, decoded. */
export interface Page {
  /** Records on the page. */
  readonly count: number;
  /** `nextPageURL` of the body, where the page has one. */
  readonly nextPageUrl?: string | undefined;
}

interface WalkOptions<P extends Page> {
  /** Path of the collection below the base URL. */
  readonly path: string;
  /** Parameters without which the walk would mean something else. */
  readonly query?: Query;
  /** Parameters that are left out when the server refuses them with 400. */
  readonly optional?: Query;
  /** Names of parameters that the server refused: not sent, and added to. Shared by the walks of one run. */
  readonly refused?: Set<string>;
  /** `false`: no `limit` is sent. */
  readonly paged: boolean;
  /**
   * What is known of a page already. Where it still has that `ETag`, `read` gets an answer 304 without a body; one that
   * was `linked` has to show its `Link` again, since a list can grow or shrink beyond a page that stays the same.
   */
  readonly known?: (url: URL) => { readonly etag: string; readonly linked?: true } | undefined;
  /** Decodes the body of a page; an ApiError marks it as broken and has it fetched again. */
  readonly read: (response: ApiResponse) => P;
  /** Takes a page in; gives the number of its records that no earlier page of this walk held. */
  readonly visit: (page: P) => Promise<number>;
  /** How to continue without a link; by default with `skip`, after pages of usual lengths. */
  readonly probe?: Probe;
  readonly signal: AbortSignal;
}

/** How a walk finds out whether a page without a link was the last one. */
interface Probe {
  /** The parameter that names how many records to leave out. */
  readonly parameter: string;
  /** Whether a page of so many records may have been cut off. */
  readonly isFull: (count: number) => boolean;
}

/** The page to which `Link: …; rel="next"` leads, if any. @throws ApiError for a header that leaves it open */
function nextLink(baseUrl: string, { headers, url }: Answered): URL | undefined {
  if (headers.link === undefined) return undefined;
  const next = readLinks(headers.link)?.filter(({ relations }) => relations.includes('next'));
  if (!next) throw new ApiError(`${url.pathname} sent an invalid Link header`, { transient: false });
  const [first, ...others] = next.map(({ target }) => ownUrl(baseUrl, target, url));
  if (others.some(({ href }) => href !== first?.href))
    throw new ApiError(`${url.pathname} sent a Link header with several next pages`, { transient: false });
  return first;
}

/**
 * The absolute URL of `nextPageURL`: absolute, or relative with or without `/v1` (api-notes#next-page-url).
 * @throws ApiError when it leaves the base URL's origin
 */
function nextPageTarget(baseUrl: string, next: string): URL {
  const absolute = /^[a-z]+:/i.test(next);
  if (absolute) return ownUrl(baseUrl, next);
  const path = next.startsWith('/') ? next : `/${next}`;
  return ownUrl(baseUrl, /^\/v1\//i.test(path) ? path : `/v1${path}`);
}

function withQuery(path: string, query: Query): string {
  const text = new URLSearchParams(query).toString();
  return text === '' ? path : `${path}?${text}`;
}

/** Which parameters to leave out, one attempt after the other, while the server answers 400. */
function leavings(limit: readonly string[], optional: readonly string[]): string[][] {
  const both = [...limit, ...optional];
  return [[...limit], [...optional], both].filter(
    (names, i, all) => names.length > 0 && all.findIndex((other) => other.join() === names.join()) === i,
  );
}

/** A link to another page of the same collection that lost parameters of ours gets them back. */
function withOurQuery(target: URL, first: URL, ours: Query): URL {
  if (target.pathname.toLowerCase() !== first.pathname.toLowerCase()) return target;
  const lost = Object.entries(ours).filter(([name]) => !target.searchParams.has(name));
  if (lost.length === 0) return target;
  const full = new URL(target);
  // Appended: writing the rest again might change how it is escaped.
  full.search = `${target.search === '' ? '?' : `${target.search}&`}${new URLSearchParams(lost).toString()}`;
  return full;
}

function without(query: Query, isLeftOut: (name: string) => boolean): Query {
  return Object.fromEntries(Object.entries(query).filter(([name]) => !isLeftOut(name)));
}

/** One page as it came. */
interface Fetched<P extends Page> {
  readonly url: string;
  readonly response: Answered;
  readonly nextPageUrl: string | undefined;
  /** Absent where there are no records, and once they were visited: the next page may be long in coming. */
  content: P | undefined;
}

/** What is needed of an answer besides its body. */
type Answered = Pick<ApiHead, 'url' | 'headers'>;

/** @param conditional `false`: a page that is known already is sent all the same */
async function fetchPage<P extends Page>(
  client: ApiClient,
  options: WalkOptions<P>,
  url: string,
  conditional = true,
): Promise<Fetched<P>> {
  const known = conditional ? options.known?.(ownUrl(client.baseUrl, url)) : undefined;
  let content: P | undefined;
  const response = await client.send({
    url,
    signal: options.signal,
    // A list is read page by page. Documents by their ids fill the time until the next page comes.
    leading: true,
    ifNoneMatch: known?.etag,
    accept: (answer) => {
      content = answer.status === 304 || hasBody(answer) ? options.read(answer) : undefined;
    },
  });
  const isLost = response.status === 304 && known?.linked && response.headers.link === undefined;
  if (isLost) return fetchPage(client, options, url, false);
  const { url: answered, headers } = response;
  return { url, response: { url: answered, headers }, nextPageUrl: content?.nextPageUrl, content };
}

function isRefusal(error: unknown): boolean {
  return error instanceof ApiError && error.status === 400;
}

/** The first page, and the parameters that the server accepts. `limit` is added where we choose the page. */
interface Start<P extends Page> {
  readonly page: Fetched<P>;
  readonly ours: Query;
  readonly limit: Query;
}

/** Fetches the first page, leaving out parameters that the server refuses; those are added to `refused`. */
async function fetchFirst<P extends Page>(client: ApiClient, options: WalkOptions<P>): Promise<Start<P>> {
  const { path, query, refused = new Set<string>() } = options;
  const isRefused = (name: string): boolean => refused.has(name);
  const optional = without(options.optional ?? {}, isRefused);
  const paging = without(options.paged ? { limit: String(PAGE_SIZE) } : {}, isRefused);
  let firstRefusal: unknown;
  for (const leftOut of [[], ...leavings(Object.keys(paging), Object.keys(optional))]) {
    const isLeftOut = (name: string): boolean => leftOut.includes(name);
    const ours = { ...query, ...without(optional, isLeftOut) };
    const limit = without(paging, isLeftOut);
    try {
      const page = await fetchPage(client, options, withQuery(path, { ...ours, ...limit }));
      for (const name of leftOut) refused.add(name);
      return { page, ours, limit };
    } catch (error) {
      if (!isRefusal(error)) throw error;
      firstRefusal ??= error;
    }
  }
  throw firstRefusal;
}

/** The page that a page links to, by header or body. @throws ApiError for a link that leads elsewhere */
function linkedPage(baseUrl: string, { response, nextPageUrl }: Fetched<Page>): URL | undefined {
  const link = nextLink(baseUrl, response);
  if (link) return link;
  return nextPageUrl ? nextPageTarget(baseUrl, nextPageUrl) : undefined;
}

/**
 * Reads a collection from its first to its last page, however the server pages. Returns only after an explicit end;
 * every doubt is an error, so that absence can be trusted (api-notes#paging-end).
 * @returns whether the end is certain. `false` only with a `probe` of the caller's: after a full page the server sent
 * the same again or refused to continue, so that there may be more
 * @throws ApiError when a page cannot be read, repeats, leads elsewhere, or the server goes in circles
 */
export async function walkCollection<P extends Page>(client: ApiClient, options: WalkOptions<P>): Promise<boolean> {
  const { path, probe } = options;
  const isFull = probe?.isFull ?? ((length: number) => ROUND_COUNTS.has(length));
  const start = await fetchFirst(client, options);
  /** Digests: a link may be long. */
  const seen = new Set<string>();
  let page = start.page;
  let total = 0;
  /** New records of the pages in this row. */
  let added = 0;
  let probing = false;
  let pageLength: number | undefined;

  for (let number = 0; number < MOST_PAGES; number++) {
    seen.add(digestOf(page.url));
    const count = page.content?.count ?? 0;
    const fresh = page.content ? await options.visit(page.content) : 0;
    page.content = undefined;
    total += count;
    added += fresh;
    if (number % PAGES_IN_A_ROW === PAGES_IN_A_ROW - 1) {
      if (added < 2 * PAGES_IN_A_ROW) throw endless(path, `${PAGES_IN_A_ROW} pages in a row held ${added} new records`);
      added = 0;
    }
    if (probing && fresh === 0) return probe === undefined || count === 0;

    let next: string;
    const target = linkedPage(client.baseUrl, page);
    if (target) {
      if (count > 0 && fresh === 0) {
        throw new ApiError(`${path}: a page repeats records of earlier pages and links to more`, { transient: false });
      }
      next = withOurQuery(target, ownUrl(client.baseUrl, path), start.ours).href;
      if (seen.has(digestOf(next)))
        throw new ApiError(`${path}: the next page is one that was already read`, { transient: false });
    } else {
      // No link: the end, unless the page is as full as a page can be.
      const full = count > 0 && ((options.paged && count === PAGE_SIZE) || count === pageLength || isFull(count));
      if (!full) return true;
      pageLength ??= count;
      probing = true;
      next = withQuery(path, { ...start.ours, ...start.limit, [probe?.parameter ?? 'skip']: String(total) });
      if (seen.has(digestOf(next))) return true;
    }
    try {
      page = await fetchPage(client, options, next);
      // A promised page that is empty: as likely a failure that looks like an answer, so that it is asked for again.
      if (target && (page.content?.count ?? 0) === 0) page = await fetchPage(client, options, next, false);
    } catch (error) {
      if (probing && probe && isRefusal(error)) return false;
      throw error;
    }
  }
  throw endless(path, `it has more than ${MOST_PAGES} pages`);
}

function endless(path: string, why: string): ApiError {
  return new ApiError(`${path}: the list does not end: ${why}`, { transient: false });
}

/**
 * All records of a collection, each once, by what `identify` returns for it; those without an identity are left out. Of
 * several copies the last counts.
 * @throws ApiError when the collection cannot be read completely
 */
export async function listRecords(
  client: ApiClient,
  options: Pick<WalkOptions<Page>, 'path' | 'optional' | 'paged' | 'signal'>,
  identify: (record: JsonObject) => string | undefined,
): Promise<Map<string, JsonObject>> {
  const found = new Map<string, JsonObject>();
  await walkCollection(client, {
    ...options,
    read: (response) => {
      const { records, nextPageUrl } = recordsOf(response);
      return { records, nextPageUrl, count: records.length };
    },
    visit: async ({ records }) => {
      const before = found.size;
      for (const record of records.filter(isObject)) {
        const id = identify(record);
        if (id !== undefined) found.set(id, record);
      }
      return found.size - before;
    },
  });
  return found;
}

/** Members that hold the records of an answer other than an array (api-notes#list-shapes). */
const ENVELOPES: ReadonlySet<string> = new Set(['items', 'data', 'audit', 'auditLogs']);

/** Members by which an envelope says that it holds a failure instead. */
export const FAILURES = ['error', 'errors', 'message'] as const;

/** The next page that a body names. @throws ApiError (transient) for anything but an address */
export function nextPageUrlOf(body: JsonObject, what: string): string | undefined {
  const next = getOwn(body, 'nextPageURL');
  if (!next) return undefined;
  if (typeof next === 'string') return next;
  throw new ApiError(`${what} answered with a nextPageURL that is not an address`, { transient: true });
}

/** @throws ApiError for more records than a page of the API ever has */
function fewEnough(records: readonly Json[], { url }: ApiResponse): readonly Json[] {
  if (records.length <= MOST_RECORDS) return records;
  throw new ApiError(`${url.pathname} answered with more than ${MOST_RECORDS} records at once`, { transient: false });
}

/**
 * The records of a list answer with a body: an array, or one of the documented objects around one. `member`: they are
 * in that member of another document.
 * @throws ApiError (transient) for any other shape, so that it is asked again and never looks like an empty collection;
 * with the status 404 for a document without the member
 */
export function recordsOf(
  response: ApiResponse,
  member?: string,
): { readonly records: readonly Json[]; readonly nextPageUrl: string | undefined } {
  const body = parseJson(response);
  const inside = member === undefined || !isObject(body) ? body : getOwn(body, member);
  if (isArray(inside)) return { records: fewEnough(inside, response), nextPageUrl: undefined };
  if (isObject(body) && member === undefined) {
    const [only, ...others] = Object.entries(body).filter(([, value]) => isArray(value));
    const failed = FAILURES.some((name) => getOwn(body, name));
    if (only && others.length === 0 && !failed && ENVELOPES.has(only[0]))
      return {
        records: fewEnough(only[1] as readonly Json[], response),
        nextPageUrl: nextPageUrlOf(body, response.url.pathname),
      };
  }
  if (
    member !== undefined &&
    isObject(body) &&
    inside === undefined &&
    response.url.pathname.endsWith(`/${String(body._id)}`)
  )
    throw new ApiError(`${response.url.pathname} shows no ${member}`, { status: 404, transient: false });
  const shown = response.body.toString('utf8', 0, 120).toWellFormed();
  throw new ApiError(`${response.url.pathname} answered with something that is not a list: ${shown}`, {
    transient: true,
  });
}
