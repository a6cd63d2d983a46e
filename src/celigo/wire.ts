import { type Dispatcher, errors } from 'undici';
import { messageOf } from '../core/errors.ts';
import type { Json } from '../core/json.ts';
import { openDispatcher } from '../net/dispatcher.ts';
import { type Answer, createTurns, exchange, TooLong, type Unpacker } from '../net/exchange.ts';
import type { ProxySettings } from '../net/proxies.ts';
import { ACCEPTED_CODINGS, decodersOf } from './codings.ts';
import { ApiError } from './errors.ts';

export interface WireOptions {
  /** Sent to the origin of each request. */
  readonly token: string;
  /** From the request to the last byte of its answer. */
  readonly requestTimeoutMs: number;
  /** Of the body of an answer, as it comes over the wire and unpacked. */
  readonly maxResponseBytes: number;
  /** Most connections at once. */
  readonly concurrency: number;
  /** Proxies that the environment names. */
  readonly proxies?: ProxySettings | undefined;
  readonly userAgent: string;
}

/** What is sent. */
export interface WireRequest {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly body?: Json;
  /** An `ETag`: the answer is 304 without a body while the resource still has it (api-notes#etag). */
  readonly ifNoneMatch?: string | undefined;
  readonly signal: AbortSignal;
}

/** The connections to the API. */
interface Wire {
  /**
   * Sends one request.
   * @throws ApiError when no complete answer came, final if it is too long; the reason of an aborted signal
   */
  exchange(request: WireRequest, target: URL): Promise<Answer>;
  close(): Promise<void>;
}

/** Opens the connections. `onSend` is called for every request that is sent. */
export function openWire(options: WireOptions, onSend: () => void): Wire {
  const connection = {
    proxies: options.proxies,
    connections: options.concurrency,
    connectTimeout: Math.min(options.requestTimeoutMs, 30_000),
  };
  const dispatcher = openDispatcher(connection);
  const turns = createTurns();
  /** For answers with folded header lines; most servers send none. */
  let lenient: Dispatcher | undefined;

  function send(via: Dispatcher, request: WireRequest, target: URL): Promise<Answer> {
    onSend();
    const message: Dispatcher.RequestOptions = {
      origin: target.origin,
      path: target.pathname + target.search,
      method: request.method ?? 'GET',
      headers: {
        authorization: `Bearer ${options.token}`,
        accept: 'application/json',
        'accept-encoding': ACCEPTED_CODINGS,
        'user-agent': options.userAgent,
        ...(request.body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(request.ifNoneMatch === undefined ? {} : { 'if-none-match': request.ifNoneMatch }),
      },
      body: request.body === undefined ? null : JSON.stringify(request.body),
      reset: via === lenient,
    };
    const limits = { timeMs: options.requestTimeoutMs, bytes: options.maxResponseBytes, signal: request.signal };
    const unpack: Unpacker = ({ headers }, first) => decodersOf(headers['content-encoding'], first);
    return exchange(via, message, limits, { unpack, turns });
  }

  /** Repeats a GET whose answer has folded header lines in a way that can read them. */
  async function sendUnfolded(request: WireRequest, target: URL): Promise<Answer> {
    try {
      return await send(dispatcher, request, target);
    } catch (error) {
      if ((request.method ?? 'GET') !== 'GET' || !isFolded(error)) throw error;
      lenient ??= openDispatcher({ ...connection, unfold: true });
      return send(lenient, request, target);
    }
  }

  return {
    async exchange(request, target) {
      try {
        return await sendUnfolded(request, target);
      } catch (cause) {
        if (request.signal.aborted) throw request.signal.reason;
        const what = `${request.method ?? 'GET'} ${target.origin}${target.pathname}`;
        if (cause instanceof TooLong)
          throw new ApiError(`${what}: ${cause.message} (maxResponse)`, { transient: false, cause });
        throw new ApiError(`${what}: ${networkReason(cause)}`, { transient: true, cause });
      }
    },
    async close() {
      await Promise.all([dispatcher.destroy(), lenient?.destroy()]);
    },
  };
}

/** Whether undici's parser refused an answer because a header line is folded; only the message shows it. */
function isFolded(error: unknown): boolean {
  return error instanceof errors.HTTPParserError && error.message.includes('whitespace after header value');
}

/** What failed on the network, in words. */
function networkReason(cause: unknown): string {
  const code = (cause as { code?: string }).code ?? '';
  const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : undefined;
  switch (code) {
    case 'UND_ERR_CONNECT_TIMEOUT':
      return 'no connection in time';
    case 'ECONNREFUSED':
      return 'connection refused';
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'the host name cannot be resolved';
    case 'UND_ERR_SOCKET':
    case 'ECONNRESET':
      return 'the connection was closed before the answer was complete';
    case 'ERR_SSL_WRONG_VERSION_NUMBER':
    case 'ERR_SSL_HTTP_REQUEST':
      return 'what answers does not speak TLS';
    default:
      return messageOf(inner ?? cause);
  }
}
