import { setMaxListeners } from 'node:events';

/**
 * A signal that ends with the first of several. Every request and git command of a run listens to it; their number is
 * bounded by queues, not by ten, from which on Node takes listeners for a leak.
 */
export function anyOf(...signals: readonly AbortSignal[]): AbortSignal {
  const signal = AbortSignal.any([...signals]);
  setMaxListeners(0, signal);
  return signal;
}
