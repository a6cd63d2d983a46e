import type { Socket } from 'node:net';
import { Agent, buildConnector, type Dispatcher, EnvHttpProxyAgent, Pool } from 'undici';
import type { ProxySettings } from './proxies.ts';
import { unfoldHead } from './unfold.ts';

interface DispatcherOptions {
  readonly proxies: ProxySettings | undefined;
  /** Milliseconds. */
  readonly connectTimeout: number;
  /** Connections to one origin; any number unless given. */
  readonly connections?: number;
  /** Understands answers whose header lines are folded. Every request must then ask for a connection of its own. */
  readonly unfold?: boolean;
}

/**
 * What every HTTP request goes through, with one set of rules: the proxies of the environment, and TLS
 * that is always verified.
 */
export function openDispatcher(options: DispatcherOptions): Dispatcher {
  const { proxies, connections, connectTimeout } = options;
  // Explicit: left out, NODE_TLS_REJECT_UNAUTHORIZED=0 in the environment would turn the check off.
  const tls = { timeout: connectTimeout, rejectUnauthorized: true };
  const agentOptions = {
    ...(connections === undefined ? {} : { connections }),
    // The caller limits the request as a whole.
    headersTimeout: 0,
    bodyTimeout: 0,
    factory: (origin: string | URL, pool: Pool.Options) => poolOf(origin, pool, options),
    connect: tls,
  };
  return proxies
    ? new EnvHttpProxyAgent({ ...agentOptions, ...proxies, requestTls: tls, proxyTls: tls })
    : new Agent(agentOptions);
}

/** The connections to one origin, direct or through a tunnel. */
function poolOf(origin: string | URL, pool: Pool.Options, { connectTimeout, unfold }: DispatcherOptions): Pool {
  const { connect } = pool;
  const connector = typeof connect === 'function' ? connect : buildConnector({ ...connect });
  return new Pool(origin, {
    ...pool,
    connect(to, callback) {
      const limit = new AbortController();
      const late = new Error(`no connection within ${connectTimeout / 1000} s`);
      const timer = setTimeout(() => limit.abort(late), connectTimeout).unref();
      // A tunnel asks its proxy with this signal, and would wait for five minutes.
      const within = { ...to, signal: limit.signal };
      connector(within, (...[error, socket]) => {
        clearTimeout(timer);
        if (error) return callback(final(error), null);
        if (socket.readableLength > 0) return callback(answered(socket), null);
        if (unfold) unfoldHead(socket);
        return callback(null, socket);
      });
    },
  });
}

/**
 * A failure in words that ends the requests which wait for the connection. undici takes a closed tunnel for a
 * connection that was closed while idle, and makes one after the other without a pause.
 */
function final(error: Error): Error {
  const { code } = error as { code?: string };
  if (code === 'UND_ERR_SOCKET' || code === 'UND_ERR_INFO') return new Error('the proxy closed the connection');
  const status = /^Proxy response \((\d+)\)/.exec(error.message)?.[1];
  return status === undefined ? error : new Error(`the proxy answered ${status}`);
}

/**
 * A server of HTTP does not speak before the request: this is a proxy with a page in place of the tunnel. undici
 * would close the connection and make the next one without a pause.
 */
function answered(socket: Socket): Error {
  socket.on('error', () => undefined).destroy();
  return new Error('the proxy answered in place of the server');
}
