import { Agent, buildConnector, type Dispatcher, EnvHttpProxyAgent, Pool } from 'undici';
import type { ProxySettings } from './proxies.ts';
import { unfoldHead } from './unfold.ts';

export interface DispatcherOptions {
  readonly proxies: ProxySettings | undefined;
  /** Milliseconds. */
  readonly connectTimeout: number;
  /** Connections to one origin; any number unless given. */
  readonly connections?: number;
  /** Milliseconds until the head of an answer, and between two parts of its body. */
  readonly answerTimeout?: number;
  /** Understands answers whose header lines are folded. Every request must then ask for a connection of its own. */
  readonly unfold?: boolean;
}

/** A pool whose connections unfold the first head that they read, however they are made: directly or by a tunnel. */
function unfoldingPool(origin: string | URL, options: Pool.Options): Pool {
  const { connect } = options;
  const connector = typeof connect === 'function' ? connect : buildConnector({ ...connect });
  return new Pool(origin, {
    ...options,
    connect: (to, callback) =>
      connector(to, (...result) => {
        if (result[1]) unfoldHead(result[1]);
        callback(...result);
      }),
  });
}

/**
 * What HTTP requests go through, with one set of rules for everybody: the proxies of the environment, time limits, and
 * TLS that is always verified.
 */
export function openDispatcher(options: DispatcherOptions): Dispatcher {
  const { proxies, connections, answerTimeout, connectTimeout } = options;
  // Said in so many words: left out, NODE_TLS_REJECT_UNAUTHORIZED=0 in the environment would turn the check off.
  const tls = { timeout: connectTimeout, rejectUnauthorized: true };
  const agentOptions = {
    ...(connections === undefined ? {} : { connections }),
    ...(answerTimeout === undefined ? {} : { headersTimeout: answerTimeout, bodyTimeout: answerTimeout }),
    ...(options.unfold ? { factory: (origin: string | URL, of: object): Dispatcher => unfoldingPool(origin, of) } : {}),
    connect: tls,
  };
  return proxies
    ? new EnvHttpProxyAgent({ ...agentOptions, ...proxies, requestTls: tls, proxyTls: tls })
    : new Agent(agentOptions);
}
