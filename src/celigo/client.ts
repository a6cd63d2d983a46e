import { isUtf8 } from 'node:buffer';
import pRetry, { type Options as RetryOptions } from 'p-retry';
import { partOf } from '../core/cut.ts';
import { AppError } from '../core/errors.ts';
import type { Json } from '../core/json.ts';
import { countValues } from '../core/records.ts';
import { serverTime } from '../core/server-time.ts';
import { type Answer, sizeText, Workspace } from '../net/exchange.ts';
import { proxiesOf } from '../net/proxies.ts';
import { provenSkewMs, skewAfter, UNKNOWN_SKEW } from './clock-skew.ts';
import { damageError } from './codings.ts';
import { ApiError, isTransientStatus, readErrorBody } from './errors.ts';
import { createPacer, type PacerOptions } from './pacing.ts';
import { retryAfterMs } from './retry-after.ts';
import { openWire, type WireOptions, type WireRequest } from './wire.ts';

/** The least that is waited after a 429 that asks for less. Milliseconds. */
const LEAST_PAUSE_MS = 250;

interface ClientOptions extends PacerOptions, WireOptions {
  /** Without trailing slash; paths are appended. The token goes to this origin only. */
  readonly baseUrl: string;
  readonly retries: number;
  /** Longest pause that the server may ask of one request, in one answer or several. */
  readonly maxPauseMs: number;
  readonly onRetry?: (event: RetryEvent) => void;
}

/** A request that will be tried again. */
interface RetryEvent {
  readonly method: string;
  readonly path: string;
  readonly reason: string;
  readonly attempt: number;
}

export interface ApiRequest extends WireRequest {
  /** Path with query below the base URL, or an absolute URL of the same origin. */
  readonly url: string;
  /** A POST that may be sent twice without harm; others never are (api-notes#post-once). */
  readonly repeatable?: boolean;
  /** The answer leads to further requests: it is sent before those that lead nowhere. */
  readonly leading?: boolean;
  /**
   * Reads a complete answer, at once: its body is gone afterwards. An ApiError that it throws counts as a failure of
   * the request, which may be retried.
   */
  readonly accept?: (response: ApiResponse) => void;
}

/** An answer without its body. */
export interface ApiHead {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly url: URL;
}

export interface ApiResponse extends ApiHead {
  /** Bytes of the body; empty for 204 and 304. Valid UTF-8. The next answer takes their place. */
  readonly body: Buffer;
}

interface ClientStats {
  requests: number;
  retries: number;
  /** Milliseconds during which the client sent nothing because the server asked for a pause. */
  throttledMs: number;
  /** Bytes of bodies, as they came over the wire. */
  bytes: number;
  /** Answers by status; `none` counts the requests without one. */
  statuses: Record<string, number>;
}

/** The only way to the API. */
export interface ApiClient {
  readonly baseUrl: string;
  readonly stats: Readonly<ClientStats>;
  /**
   * The server's clock minus ours in milliseconds: 0 unless the `Date` of the answers, which has a resolution of one
   * second, proves that they differ; then the least difference that agrees with all answers.
   */
  readonly clockSkewMs: () => number;
  /**
   * Sends one request: retried after transient failures, never faster than the limit, and held back with all others
   * while the server asks for a pause.
   * @throws AppError `AUTH` on 401
   * @throws ApiError on any other answer outside 2xx, except 304 to a request with an `ETag`, and when no complete
   * answer came
   */
  send(request: ApiRequest): Promise<ApiHead>;
  /** The body as JSON; `undefined` for an empty one. @throws as `send`, and ApiError for a body that is not JSON */
  json(request: ApiRequest): Promise<Json | undefined>;
  close(): Promise<void>;
}

/** The absolute form of `url` within the base URL's origin. @throws ApiError for another origin, or an invalid URL */
export function ownUrl(baseUrl: string, url: string, from?: URL): URL {
  const base = new URL(baseUrl);
  const relative = url.startsWith('/') && from === undefined;
  const [text, start] = relative ? [baseUrl + url] : [url, from ?? `${baseUrl}/`];
  if (!URL.canParse(text, start)) {
    throw new ApiError(`the server sent a link that is not a valid URL: ${partOf(url, 0, 120)}`, { transient: false });
  }
  const target = new URL(text, start);
  if (target.origin !== base.origin || target.username !== '' || target.password !== '') {
    throw new ApiError(`the server sent a link to another host (${target.origin}); it was not followed`, {
      transient: false,
    });
  }
  return target;
}

/**
 * Whether an answer to a reading request holds something; 204 says that there is nothing (api-notes#list-shapes).
 * @throws ApiError (transient) for an answer that says neither
 */
export function hasBody({ status, body, url }: ApiResponse): boolean {
  if (status === 200 && body.length > 0) return true;
  if (status === 204 && body.length === 0) return false;
  const what = `${url.pathname} answered ${status} with${body.length > 0 ? '' : 'out'} a body`;
  throw new ApiError(`${what}, which is not a complete answer`, { status, transient: true });
}

/** What is parsed at most, in bytes and in values. */
interface MostParsed {
  readonly bytes: number;
  readonly values: number;
}

/** Of one answer. */
const MOST_OF_ANSWER: MostParsed = { bytes: 64 * 2 ** 20, values: 2_000_000 };
/** Of one document: those of the API have 16 MiB at most as it stores them. */
export const MOST_OF_DOCUMENT: MostParsed = { bytes: 24 * 2 ** 20, values: 500_000 };
/** So few bytes of an answer never have so many values that they matter. */
const FEW_BYTES = 4 * 2 ** 20;

/** What has been parsed of one answer. */
export interface Parsed {
  bytes: number;
  values: number;
}

export function nothingParsed(): Parsed {
  return { bytes: 0, values: 0 };
}

/** Of what a JSON text has more than it may, if it has. */
export function excessOf(body: Buffer, { bytes, values }: MostParsed): string | undefined {
  if (body.length > bytes) return sizeText(bytes);
  return body.length > values && countValues(body, values) > values ? `${values} values` : undefined;
}

/** The same for one part of an answer, together with those before it. */
function excessWith(parsed: Parsed, body: Buffer): string | undefined {
  const { bytes, values } = MOST_OF_ANSWER;
  parsed.bytes += body.length;
  if (parsed.bytes > bytes) return sizeText(bytes);
  if (parsed.bytes <= FEW_BYTES) return undefined;
  parsed.values += countValues(body, values);
  return parsed.values > values ? `${values} values` : undefined;
}

/**
 * Parses a body, within the limits of one answer and of `most`. `parsed`: it is one part of several of an answer,
 * which together have the limits of one.
 * @throws ApiError when it is not JSON, or so much that it would take the memory of the whole program
 */
export function parseJson(
  response: Pick<ApiResponse, 'body' | 'url' | 'status'>,
  parsed: Parsed = nothingParsed(),
  most: MostParsed = MOST_OF_ANSWER,
): Json | undefined {
  if (response.body.length === 0) return undefined;
  const excess = excessOf(response.body, most) ?? excessWith(parsed, response.body);
  if (excess !== undefined) {
    throw new ApiError(`${response.url.pathname} answered ${response.status} with more than ${excess} of JSON`, {
      transient: false,
    });
  }
  try {
    return JSON.parse(response.body.toString('utf8')) as Json;
  } catch (cause) {
    throw new ApiError(`${response.url.pathname} answered ${response.status} with a body that is not JSON`, {
      status: response.status,
      transient: true,
      cause,
    });
  }
}

/** What the client takes from the configuration of an account. */
type ClientSettings = Omit<ClientOptions, 'proxies' | 'userAgent' | 'onRetry'>;

/** The client of a configured account. @throws AppError `USAGE` for an invalid proxy URL in the environment */
export function clientOf(
  account: ClientSettings,
  env: Readonly<Record<string, string | undefined>>,
  options: Pick<ClientOptions, 'userAgent' | 'onRetry'> & { readonly retries?: number },
): ApiClient {
  const { baseUrl, token, rateLimit, concurrency } = account;
  const { requestTimeoutMs, maxResponseBytes, maxPauseMs, retries } = account;
  return createClient({
    ...{ baseUrl, token, rateLimit, concurrency },
    ...{ requestTimeoutMs, maxResponseBytes, maxPauseMs, retries },
    proxies: proxiesOf(env),
    ...options,
  });
}

/**
 * Statuses that say "there is none", and "not for you", with the forms in which the API says it itself. What follows
 * from them must not follow from a gateway's page (api-notes#error-shapes).
 */
const DENIALS: ReadonlyMap<number, readonly unknown[]> = new Map([
  [404, ['errors']],
  [410, ['errors']],
  [402, ['errors', 'message']],
  [403, ['errors', 'message']],
]);

function failureOf(what: string, target: URL, status: number, body: Buffer): ApiError | AppError {
  const { message, apiCode, named, form } = readErrorBody(body.toString('utf8'));
  const text = `${what} answered ${status}${message === '' ? '' : ` (${message})`}`;
  if (status === 401) {
    const hint =
      'Check that the token has not expired or been revoked, and that region or baseUrl is the one it was created ' +
      'in: a token works in its own region only';
    return new AppError('AUTH', `${target.origin} refused the API token: ${text}`, { hint });
  }
  if (DENIALS.get(status)?.includes(form) === false) {
    return new ApiError(`${text}, not in the form of the API: a gateway may have answered instead`, {
      transient: true,
    });
  }
  return new ApiError(text, { status, apiCode, named, transient: isTransientStatus(status) });
}

/** When a request is sent again: after transient failures, a POST only when it certainly had no effect. */
function retryPolicy(
  request: ApiRequest,
  retries: number,
  onRetry: (event: RetryEvent) => void,
  path: string,
): RetryOptions {
  const method = request.method ?? 'GET';
  const repeatable = method !== 'POST' || request.repeatable === true;
  return {
    retries,
    minTimeout: 250,
    maxTimeout: 30_000,
    factor: 2,
    randomize: true,
    signal: request.signal,
    // Being throttled is limited by time instead.
    shouldConsumeRetry: ({ error }) => !(error instanceof ApiError) || error.status !== 429,
    shouldRetry: ({ error, attemptNumber }) => {
      // Only 429 says for certain that a POST was not carried out.
      const allowed = error instanceof ApiError && error.transient && (repeatable || error.status === 429);
      if (allowed) onRetry({ method, path, reason: error.message, attempt: attemptNumber });
      return allowed;
    },
  };
}

/** A request on its way. */
interface Sent {
  /** Names it in messages. */
  readonly what: string;
  /** By the clock of this machine, and by `performance.now()`. */
  readonly sentAt: number;
  readonly started: number;
  readonly budget: Budget;
}

/** What one request has used of what it may. */
interface Budget {
  pausedMs: number;
}

/** @throws ApiError for a body that cannot be read, and what `accept` says */
function accepted(request: ApiRequest, url: URL, answer: Answer, what: string, workspace: Workspace): ApiHead {
  const { status, headers, damage } = answer;
  if (damage) throw damageError(what, headers['content-encoding'], damage);
  const body = answer.body.join(workspace);
  if (!isUtf8(body)) throw new ApiError(`${what}: the body is not valid UTF-8`, { transient: true });
  request.accept?.({ status, headers, body, url });
  return { status, headers, url };
}

function countAnswer({ statuses }: ClientStats, status: number | 'none'): void {
  statuses[status] = (statuses[status] ?? 0) + 1;
}

/** Holds back all requests as the server asks. */
function createPauses({ maxPauseMs }: ClientOptions, pacer: ReturnType<typeof createPacer>, stats: ClientStats) {
  /** Why no more requests are sent. */
  let ended: ApiError | undefined;
  return {
    /** @throws ApiError where no more requests are sent */
    check(): void {
      if (ended) throw ended;
    },
    /**
     * A limit of requests is the account's, so that nothing more is sent where it would hold too long; another failure
     * is that of its request.
     * @throws ApiError for a pause that is too long
     */
    hold(error: ApiError, asked: number, budget: Budget): void {
      const waitMs = Math.max(asked, LEAST_PAUSE_MS);
      budget.pausedMs += waitMs;
      if (budget.pausedMs > maxPauseMs) {
        const { message, status, apiCode } = error;
        const text = `${message}, and asks to wait longer than maxPause (${maxPauseMs / 1000} s)`;
        const tooLong = new ApiError(text, { status, apiCode, transient: false });
        if (status === 429) ended = tooLong;
        throw tooLong;
      }
      stats.throttledMs += pacer.pause(waitMs);
    },
  };
}

export function createClient(options: ClientOptions): ApiClient {
  const stats: ClientStats = { requests: 0, retries: 0, throttledMs: 0, bytes: 0, statuses: {} };
  const pacer = createPacer(options);
  const wire = openWire(options, () => {
    stats.requests += 1;
  });
  const workspace = new Workspace();
  let skew = UNKNOWN_SKEW;
  const pauses = createPauses(options, pacer, stats);

  async function attempt(request: ApiRequest, target: URL, budget: Budget): Promise<ApiHead> {
    pauses.check();
    const what = `${request.method ?? 'GET'} ${target.pathname}`;
    const [sentAt, started] = [Date.now(), performance.now()];
    const answer = await wire.exchange(request, target).catch((error: unknown) => {
      if (error instanceof ApiError) countAnswer(stats, 'none');
      throw error;
    });
    try {
      return taken(request, target, answer, { what, sentAt, started, budget });
    } finally {
      answer.release();
    }
  }

  /** @throws ApiError for a refusal, an answer that cannot be read, and what `accept` says */
  function taken(request: ApiRequest, target: URL, answer: Answer, sent: Sent): ApiHead {
    const { what, sentAt, started, budget } = sent;
    const { status, headers, damage, received } = answer;
    countAnswer(stats, status);
    stats.bytes += received;
    const date = serverTime(String(headers.date ?? ''));
    if (Number.isFinite(date)) skew = skewAfter(skew, date, sentAt, Date.now());
    if ((status >= 200 && status < 300) || (status === 304 && request.ifNoneMatch !== undefined))
      return accepted(request, target, answer, what, workspace);
    // The status says what became of the request, whether or not the body can be read.
    const error = failureOf(what, target, status, damage ? Buffer.alloc(0) : answer.body.join(workspace));
    if (status === 429) pacer.refused(started);
    const asked = retryAfterMs(headers, Date.now() + provenSkewMs(skew)) ?? (status === 429 ? 1000 : undefined);
    if (error instanceof ApiError && error.transient && asked !== undefined) pauses.hold(error, asked, budget);
    throw error;
  }

  async function send(request: ApiRequest): Promise<ApiHead> {
    const target = ownUrl(options.baseUrl, request.url);
    const onRetry = (event: RetryEvent): void => {
      stats.retries += 1;
      options.onRetry?.(event);
    };
    const budget: Budget = { pausedMs: 0 };
    const once = async (number: number): Promise<ApiHead> => {
      const priority = number > 1 || request.leading ? 1 : 0;
      return pacer.run(() => attempt(request, target, budget), { signal: request.signal, priority });
    };
    return pRetry(once, retryPolicy(request, options.retries, onRetry, target.pathname));
  }

  return {
    baseUrl: options.baseUrl,
    stats,
    clockSkewMs: () => provenSkewMs(skew),
    send,
    async json(request) {
      let parsed: Json | undefined;
      await send({
        ...request,
        accept: (response) => {
          parsed = parseJson(response);
        },
      });
      return parsed;
    },
    async close() {
      pacer.close();
      await wire.close();
    },
  };
}
