import { isUtf8 } from 'node:buffer';
import pRetry, { type Options as RetryOptions } from 'p-retry';
import { AppError } from '../core/errors.ts';
import type { Json } from '../core/json.ts';
import { proxiesOf } from '../net/proxies.ts';
import { provenSkewMs, skewAfter, UNKNOWN_SKEW } from './clock-skew.ts';
import { decodeBody } from './codings.ts';
import { ApiError, isTransientStatus, readErrorBody } from './errors.ts';
import { createPacer, type PacerOptions } from './pacing.ts';
import { openWire, type RawAnswer, type WireOptions, type WireRequest } from './wire.ts';

/** How many times one request waits out a 429, besides its ordinary retries. */
const MOST_THROTTLED = 60;
/** A server that asks for a longer pause than this is out of service, not busy. Milliseconds. */
const LONGEST_PAUSE_MS = 15 * 60_000;

interface ClientOptions extends PacerOptions, WireOptions {
  /** Without trailing slash; paths are appended. The token goes to this origin only. */
  readonly baseUrl: string;
  readonly retries: number;
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
  /** Checks a complete answer; an ApiError it throws counts as a failure of the request and may be retried. */
  readonly accept?: (response: ApiResponse) => void;
}

export interface ApiResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Bytes of the body; empty for 204 and 304. Valid UTF-8. */
  readonly body: Buffer;
  readonly url: URL;
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
  send(request: ApiRequest): Promise<ApiResponse>;
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
    throw new ApiError(`the server sent a link that is not a valid URL: ${url.slice(0, 120)}`, { transient: false });
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

/**
 * How long the server asks to wait; `undefined` where it asks for nothing, by no header, `0`, a time that is over, or a
 * text that is neither seconds nor a date.
 */
export function retryAfterMs(headers: RawAnswer['headers']): number | undefined {
  const text = String(headers['retry-after'] ?? '').trim();
  // By the server's own clock where it is shown.
  const date = Date.parse(String(headers.date ?? ''));
  const now = Number.isFinite(date) ? date : Date.now();
  const wait = /^\d+$/.test(text) ? Number(text) * 1000 : /^[a-z]/i.test(text) ? Date.parse(text) - now : 0;
  return wait > 0 ? wait : undefined;
}

/** What the client takes from the configuration of an account. */
type ClientSettings = Pick<
  ClientOptions,
  'baseUrl' | 'token' | 'rateLimit' | 'concurrency' | 'requestTimeoutMs' | 'retries'
>;

/** The client of a configured account. @throws AppError `USAGE` for an invalid proxy URL in the environment */
export function clientOf(
  account: ClientSettings,
  env: Readonly<Record<string, string | undefined>>,
  options: Pick<ClientOptions, 'userAgent' | 'onRetry'> & { readonly retries?: number },
): ApiClient {
  const { baseUrl, token, rateLimit, concurrency, requestTimeoutMs, retries } = account;
  return createClient({
    baseUrl,
    token,
    rateLimit,
    concurrency,
    requestTimeoutMs,
    retries,
    proxies: proxiesOf(env),
    ...options,
  });
}

/** What failed, as the answer says it. `pauseMs`: how long the server asks every request of the account to wait. */
interface Failure {
  readonly error: ApiError | AppError;
  readonly pauseMs?: number;
}

function failureOf(what: string, target: URL, { status, headers }: RawAnswer, body: Buffer): Failure {
  const { message, apiCode, named } = readErrorBody(body.toString('utf8'));
  const text = `${what} answered ${status}${message === '' ? '' : ` (${message})`}`;
  if (status === 401) {
    const hint =
      'Check that the token has not expired or been revoked, and that region or baseUrl is the one it was created ' +
      'in: a token works in its own region only';
    return { error: new AppError('AUTH', `${target.origin} refused the API token: ${text}`, { hint }) };
  }
  const pauseMs = retryAfterMs(headers) ?? (status === 429 ? 1000 : undefined);
  if (pauseMs !== undefined && pauseMs > LONGEST_PAUSE_MS) {
    const minutes = Math.round(pauseMs / 60_000);
    return {
      error: new ApiError(`${text} and asks to wait ${minutes} minutes`, { status, apiCode, transient: false }),
    };
  }
  const transient = isTransientStatus(status);
  const error = new ApiError(text, { status, apiCode, named, transient });
  return transient && pauseMs !== undefined ? { error, pauseMs } : { error };
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
  let throttled = 0;
  return {
    retries,
    minTimeout: 250,
    maxTimeout: 30_000,
    factor: 2,
    randomize: true,
    signal: request.signal,
    shouldConsumeRetry: ({ error }) => {
      if (!(error instanceof ApiError) || error.status !== 429) return true;
      throttled += 1;
      return throttled > MOST_THROTTLED;
    },
    shouldRetry: ({ error, attemptNumber }) => {
      // Only 429 says for certain that a POST was not carried out.
      const allowed = error instanceof ApiError && error.transient && (repeatable || error.status === 429);
      if (allowed) onRetry({ method, path, reason: error.message, attempt: attemptNumber });
      return allowed;
    },
  };
}

export function createClient(options: ClientOptions): ApiClient {
  const stats: ClientStats = { requests: 0, retries: 0, throttledMs: 0, bytes: 0, statuses: {} };
  const countAnswer = (status: number | 'none'): void => {
    stats.statuses[status] = (stats.statuses[status] ?? 0) + 1;
  };
  const pacer = createPacer(options);
  const wire = openWire(options, () => {
    stats.requests += 1;
  });
  let skew = UNKNOWN_SKEW;

  async function attempt(request: ApiRequest, target: URL): Promise<ApiResponse> {
    const what = `${request.method ?? 'GET'} ${target.pathname}`;
    const [sentAt, started] = [Date.now(), performance.now()];
    const answer = await wire.exchange(request, target).catch((error: unknown) => {
      if (error instanceof ApiError) countAnswer('none');
      throw error;
    });
    const { status, headers, coded } = answer;
    countAnswer(status);
    stats.bytes += coded.length;
    const date = Date.parse(String(headers.date ?? ''));
    if (Number.isFinite(date)) skew = skewAfter(skew, date, sentAt, Date.now());
    const decoded = decodeBody(coded, headers['content-encoding'], what);
    if ((status >= 200 && status < 300) || (status === 304 && request.ifNoneMatch !== undefined)) {
      const body = await decoded;
      if (!isUtf8(body)) throw new ApiError(`${what}: the body is not valid UTF-8`, { transient: true });
      return { status, headers, body, url: target };
    }
    // The status says what became of the request, whether or not the body can be read.
    const body = await decoded.catch(() => Buffer.alloc(0));
    const { error, pauseMs } = failureOf(what, target, answer, body);
    if (status === 429) pacer.refused(started);
    if (pauseMs !== undefined) stats.throttledMs += pacer.pause(pauseMs);
    throw error;
  }

  async function send(request: ApiRequest): Promise<ApiResponse> {
    const target = ownUrl(options.baseUrl, request.url);
    const onRetry = (event: RetryEvent): void => {
      stats.retries += 1;
      options.onRetry?.(event);
    };
    return pRetry(
      async (number) => {
        const priority = number > 1 || request.leading ? 1 : 0;
        const response = await pacer.run(() => attempt(request, target), { signal: request.signal, priority });
        request.accept?.(response);
        return response;
      },
      retryPolicy(request, options.retries, onRetry, target.pathname),
    );
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
