import { isUtf8 } from 'node:buffer';
import PQueue from 'p-queue';
import pRetry from 'p-retry';
import { type Dispatcher, errors } from 'undici';
import { AppError, messageOf } from '../core/errors.ts';
import type { Json } from '../core/json.ts';
import { openDispatcher } from '../net/dispatcher.ts';
import { type ProxySettings, proxiesOf } from '../net/proxies.ts';
import { ACCEPTED_CODINGS, decodeBody } from './codings.ts';
import { ApiError, isPassingStatus, readErrorBody } from './errors.ts';

/** Answers of 429 that one request lives through before it gives up, besides its ordinary retries. */
const PATIENCE_WITH_THROTTLING = 60;
/**
 * The limit holds for every window of this length: the few dozen requests of a quiet run go out at once, a long one
 * keeps to the average. The account's own bucket holds 1,000 requests (api-notes#rate-limit).
 */
const WINDOW_MS = 5_000;
/** A server that asks for a longer pause than this is out of service, not busy. */
const LONGEST_PAUSE_MS = 15 * 60_000;

export interface ClientOptions {
  /** Without trailing slash; paths are appended. The token goes to this origin only. */
  readonly baseUrl: string;
  readonly token: string;
  /** On average over `windowMs`. */
  readonly requestsPerSecond: number;
  /** Milliseconds; five seconds unless given. */
  readonly windowMs?: number;
  readonly concurrency: number;
  readonly requestTimeoutMs: number;
  readonly retries: number;
  /** Proxies that the environment names. */
  readonly proxies?: ProxySettings | undefined;
  readonly userAgent: string;
  readonly onRetry?: (event: RetryEvent) => void;
}

/** A request that will be tried again. */
export interface RetryEvent {
  readonly method: string;
  readonly path: string;
  readonly reason: string;
  readonly attempt: number;
}

export interface ApiRequest {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Path with query below the base URL, or an absolute URL of the same origin. */
  readonly url: string;
  readonly body?: Json;
  /** A POST that may be sent twice without harm; others never are (api-notes#post-once). */
  readonly repeatable?: boolean;
  /** Looks at a complete answer; an ApiError it throws counts as a failure of the request and may be retried. */
  readonly accept?: (response: ApiResponse) => void;
  readonly signal: AbortSignal;
}

export interface ApiResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Bytes of the body; empty for 204. Valid UTF-8. */
  readonly body: Buffer;
  readonly url: URL;
}

export interface ClientStats {
  requests: number;
  retries: number;
  /** Milliseconds during which the whole client stood still because the server asked for it. */
  throttledMs: number;
  /** Of bodies, as they came over the wire. */
  bytes: number;
  /** Answers by status; `none` counts the requests without one. */
  statuses: Record<string, number>;
}

/** The one door to the API. */
export interface ApiClient {
  readonly baseUrl: string;
  readonly stats: Readonly<ClientStats>;
  /**
   * The server's clock minus ours in milliseconds: 0 unless the `Date` of the answers, which knows whole seconds only, proves
   * that they differ; then the least that agrees with all of them.
   */
  readonly clockSkewMs: () => number;
  /**
   * Sends one request: retried while the failure may pass, never faster than the limit, held back together with all
   * others while the server asks for a pause.
   * @throws AppError `AUTH` on 401
   * @throws ApiError on any other answer outside 2xx, and when no complete answer came
   */
  send(request: ApiRequest): Promise<ApiResponse>;
  /** The body as JSON; `undefined` for an empty one. @throws as `send`, and ApiError for a body that is not JSON */
  json(request: ApiRequest): Promise<Json | undefined>;
  close(): Promise<void>;
}

/** The absolute form of `url`, if it stays with the base URL's origin. @throws ApiError for a foreign one, or for none */
export function ownUrl(baseUrl: string, url: string, from?: URL): URL {
  const base = new URL(baseUrl);
  const relative = url.startsWith('/') && from === undefined;
  const [text, beside] = relative ? [baseUrl + url] : [url, from ?? `${baseUrl}/`];
  if (!URL.canParse(text, beside)) {
    throw new ApiError(`the server points to something that is no address: ${url.slice(0, 120)}`, {
      transient: false,
    });
  }
  const target = new URL(text, beside);
  if (target.origin !== base.origin || target.username !== '' || target.password !== '') {
    throw new ApiError(`the server points to a foreign address (${target.origin}); it was not followed`, {
      transient: false,
    });
  }
  return target;
}

/** Parses a body. @throws ApiError when it is not JSON */
export function parseJson(response: Pick<ApiResponse, 'body' | 'url' | 'status'>): Json | undefined {
  if (response.body.length === 0) return undefined;
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

function retryAfterMs(header: string | string[] | undefined): number | undefined {
  const text = Array.isArray(header) ? header[0] : header;
  if (text === undefined) return undefined;
  const seconds = Number(text);
  const wait = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(text) - Date.now();
  return Number.isFinite(wait) ? Math.max(0, wait) : undefined;
}

/** What the client takes from the configuration of an account. */
export type ClientSettings = Pick<
  ClientOptions,
  'baseUrl' | 'token' | 'requestsPerSecond' | 'concurrency' | 'requestTimeoutMs' | 'retries'
>;

/** The client of a configured account. @throws AppError `USAGE` for an invalid proxy URL in the environment */
export function clientOf(
  account: ClientSettings,
  env: Readonly<Record<string, string | undefined>>,
  options: Pick<ClientOptions, 'userAgent' | 'onRetry'> & { readonly retries?: number },
): ApiClient {
  const { baseUrl, token, requestsPerSecond, concurrency, requestTimeoutMs, retries } = account;
  return createClient({
    baseUrl,
    token,
    requestsPerSecond,
    concurrency,
    requestTimeoutMs,
    retries,
    proxies: proxiesOf(env),
    ...options,
  });
}

export function createClient(options: ClientOptions): ApiClient {
  const base = new URL(options.baseUrl);
  const connection = {
    proxies: options.proxies,
    connections: options.concurrency,
    answerTimeout: options.requestTimeoutMs,
    connectTimeout: Math.min(options.requestTimeoutMs, 30_000),
  };
  const dispatcher = openDispatcher(connection);
  /** For answers with folded header lines; most servers send none. */
  let lenient: Dispatcher | undefined;
  const windowMs = options.windowMs ?? WINDOW_MS;
  const queue = new PQueue({
    concurrency: options.concurrency,
    intervalCap: Math.max(1, Math.round((options.requestsPerSecond * windowMs) / 1000)),
    interval: windowMs,
    strict: true,
  });
  const stats: ClientStats = { requests: 0, retries: 0, throttledMs: 0, bytes: 0, statuses: {} };
  let [skewFrom, skewTo] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  let pausedUntil = 0;
  let resume: NodeJS.Timeout | undefined;

  /** Holds back every request of the account that has not been sent yet. */
  function pause(waitMs: number): void {
    const now = performance.now();
    // Jitter on top: the first requests after the pause must not all arrive in the same instant.
    const until = now + waitMs + Math.random() * 250;
    if (until <= pausedUntil) return;
    stats.throttledMs += until - Math.max(now, pausedUntil);
    pausedUntil = until;
    queue.pause();
    clearTimeout(resume);
    resume = setTimeout(() => queue.start(), until - now);
  }

  /** Narrows down what the two clocks differ by. @param date the second in which the server answered @param sent our time before */
  function learnSkew(date: number, sent: number): void {
    const [from, to] = [date - Date.now(), date + 1000 - sent];
    // A clock that was set meanwhile contradicts what was learnt before.
    const set = from > skewTo || to < skewFrom;
    [skewFrom, skewTo] = set ? [from, to] : [Math.max(skewFrom, from), Math.min(skewTo, to)];
  }

  /** The answer as it came, its body read to the end. */
  async function exchange(
    via: Dispatcher,
    request: ApiRequest,
    target: URL,
  ): Promise<{ answer: Dispatcher.ResponseData; coded: Buffer }> {
    const answer = await via.request({
      origin: base.origin,
      path: target.pathname + target.search,
      method: request.method ?? 'GET',
      headers: {
        authorization: `Bearer ${options.token}`,
        accept: 'application/json',
        'accept-encoding': ACCEPTED_CODINGS,
        'user-agent': options.userAgent,
        ...(request.body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      body: request.body === undefined ? null : JSON.stringify(request.body),
      signal: request.signal,
      reset: via === lenient,
    });
    return { answer, coded: Buffer.from(await answer.body.arrayBuffer()) };
  }

  /** As {@link exchange}; a GET whose answer has folded header lines is asked again in a way that can read them. */
  async function exchangeUnfolded(
    request: ApiRequest,
    target: URL,
  ): Promise<{ answer: Dispatcher.ResponseData; coded: Buffer }> {
    try {
      return await exchange(dispatcher, request, target);
    } catch (error) {
      if ((request.method ?? 'GET') !== 'GET' || !isFolded(error)) throw error;
      stats.requests += 1;
      lenient ??= openDispatcher({ ...connection, unfold: true });
      return exchange(lenient, request, target);
    }
  }

  async function once(request: ApiRequest, target: URL): Promise<ApiResponse> {
    stats.requests += 1;
    const what = `${request.method ?? 'GET'} ${target.pathname}`;
    let answer: Dispatcher.ResponseData;
    let coded: Buffer;
    const sent = Date.now();
    try {
      ({ answer, coded } = await exchangeUnfolded(request, target));
    } catch (cause) {
      if (request.signal.aborted) throw request.signal.reason;
      stats.statuses.none = (stats.statuses.none ?? 0) + 1;
      throw new ApiError(`${what}: ${networkReason(cause)}`, { transient: true, cause });
    }
    stats.bytes += coded.length;
    stats.statuses[answer.statusCode] = (stats.statuses[answer.statusCode] ?? 0) + 1;
    const date = Date.parse(String(answer.headers.date ?? ''));
    if (Number.isFinite(date)) learnSkew(date, sent);
    if (answer.statusCode >= 200 && answer.statusCode < 300) {
      const body = await decodeBody(coded, answer.headers['content-encoding'], what);
      if (!isUtf8(body)) throw new ApiError(`${what}: the body is not valid UTF-8`, { transient: true });
      return { status: answer.statusCode, headers: answer.headers, body, url: target };
    }
    // What became of the request is said by the status, whether or not the words can be read.
    const words = await decodeBody(coded, answer.headers['content-encoding'], what).catch(() => Buffer.alloc(0));
    throw failure(what, answer, words);
  }

  function failure(what: string, answer: Dispatcher.ResponseData, body: Buffer): Error {
    const status = answer.statusCode;
    const { message, apiCode } = readErrorBody(body.toString('utf8'));
    const text = `${what} answered ${status}${message === '' ? '' : ` (${message})`}`;
    if (status === 401) {
      return new AppError('AUTH', `${base.origin} refused the API token: ${text}`, {
        hint: 'Check that the token is neither revoked nor expired, and that region or baseUrl is where it was made: a token of one region is refused by the others',
      });
    }
    const wait = retryAfterMs(answer.headers['retry-after']) ?? (status === 429 ? 1000 : undefined);
    if (wait !== undefined && wait > LONGEST_PAUSE_MS) {
      return new ApiError(`${text} and asks to wait ${Math.round(wait / 60_000)} minutes`, {
        status,
        apiCode,
        transient: false,
      });
    }
    if (wait !== undefined && isPassingStatus(status)) pause(wait);
    return new ApiError(text, { status, apiCode, transient: isPassingStatus(status) });
  }

  async function send(request: ApiRequest): Promise<ApiResponse> {
    const target = ownUrl(options.baseUrl, request.url);
    const method = request.method ?? 'GET';
    const repeatable = method !== 'POST' || request.repeatable === true;
    let throttled = 0;
    return pRetry(
      async (attempt) => {
        const response = await queue.add(() => once(request, target), {
          signal: request.signal,
          priority: attempt > 1 ? 1 : 0,
        });
        request.accept?.(response);
        return response;
      },
      {
        retries: options.retries,
        minTimeout: 250,
        maxTimeout: 30_000,
        factor: 2,
        randomize: true,
        signal: request.signal,
        shouldConsumeRetry: ({ error }) => {
          if (!(error instanceof ApiError) || error.status !== 429) return true;
          throttled += 1;
          return throttled > PATIENCE_WITH_THROTTLING;
        },
        shouldRetry: ({ error, attemptNumber }) => {
          // Only 429 says for certain that a POST was not carried out.
          const allowed = error instanceof ApiError && error.transient && (repeatable || error.status === 429);
          if (allowed) {
            stats.retries += 1;
            options.onRetry?.({
              method,
              path: target.pathname,
              reason: error.message,
              attempt: attemptNumber,
            });
          }
          return allowed;
        },
      },
    );
  }

  return {
    baseUrl: options.baseUrl,
    stats,
    clockSkewMs: () => (skewFrom <= 0 && skewTo >= 0 ? 0 : skewFrom),
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
      clearTimeout(resume);
      queue.clear();
      await Promise.all([dispatcher.destroy(), lenient?.destroy()]);
    },
  };
}

/** Whether undici's parser refused an answer because a header line goes on in the next one. */
function isFolded(error: unknown): boolean {
  return error instanceof errors.HTTPParserError && error.message.includes('whitespace after header value');
}

/** What went wrong on the wire, in words. */
function networkReason(cause: unknown): string {
  const code = (cause as { code?: string }).code ?? '';
  const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : undefined;
  switch (code) {
    case 'UND_ERR_HEADERS_TIMEOUT':
    case 'UND_ERR_BODY_TIMEOUT':
    case 'UND_ERR_CONNECT_TIMEOUT':
      return 'no answer in time';
    case 'ECONNREFUSED':
      return 'connection refused';
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'the host name cannot be resolved';
    case 'UND_ERR_SOCKET':
    case 'ECONNRESET':
      return 'the connection was closed before the answer was complete';
    default:
      return messageOf(inner ?? cause);
  }
}
