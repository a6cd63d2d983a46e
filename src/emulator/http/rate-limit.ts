import { ApiFault } from '../model/api-fault.ts';

export interface RateLimit {
  /** Requests that a full bucket serves at once. */
  readonly capacity: number;
  readonly refillPerSecond: number;
}

/** The documented bucket of an account (api-notes#rate-limit). */
export const DOCUMENTED_RATE: RateLimit = { capacity: 1_000, refillPerSecond: 300 };

/** A bucket from which each request takes one token. The returned function throws ApiFault 429 when it is empty. */
export function createBucket({ capacity, refillPerSecond }: RateLimit, now: () => Date): () => void {
  let tokens = capacity;
  let last = now().getTime();
  return () => {
    const time = now().getTime();
    tokens = Math.min(capacity, tokens + (Math.max(0, time - last) / 1000) * refillPerSecond);
    last = time;
    if (tokens >= 1) {
      tokens -= 1;
      return;
    }
    const seconds = Math.max(1, Math.ceil((1 - tokens) / refillPerSecond));
    const message = `Too many requests. Try again in ${seconds} s.`;
    throw new ApiFault(429, { errors: [{ code: 'rate_limited', message }] }, { 'retry-after': String(seconds) });
  };
}
