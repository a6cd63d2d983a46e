import { Agent, type Dispatcher, EnvHttpProxyAgent } from 'undici';
import type { ProxySettings } from './proxies.ts';
import { unfoldingPool } from './unfold.ts';

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
    ...(options.unfold ? { factory: unfoldingPool } : {}),
    connect: tls,
  };
  return proxies
    ? new EnvHttpProxyAgent({ ...agentOptions, ...proxies, requestTls: tls, proxyTls: tls })
    : new Agent(agentOptions);
}
