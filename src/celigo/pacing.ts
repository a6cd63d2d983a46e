import PQueue from 'p-queue';

/**
 * The limit holds for every window of this length, in milliseconds: the few dozen requests of a quiet run are sent at
 * once, a long run keeps to the average. The account's own bucket holds 1,000 requests (api-notes#rate-limit).
 */
const WINDOW_MS = 5_000;

export interface PacerOptions {
  /** On average over `windowMs`. */
  readonly requestsPerSecond: number;
  /** Milliseconds; five seconds unless given. */
  readonly windowMs?: number;
  readonly concurrency: number;
}

/** Sends the account's requests no faster than the limit, and none while the server asks for a pause. */
interface Pacer {
  run<T>(work: () => Promise<T>, options: { readonly signal: AbortSignal; readonly priority: number }): Promise<T>;
  /**
   * Holds back every request that has not been sent yet.
   * @returns by how many milliseconds the pause got longer; 0 within a longer one
   */
  pause(waitMs: number): number;
  close(): void;
}

export function createPacer({ requestsPerSecond, windowMs = WINDOW_MS, concurrency }: PacerOptions): Pacer {
  const queue = new PQueue({
    concurrency,
    intervalCap: Math.max(1, Math.round((requestsPerSecond * windowMs) / 1000)),
    interval: windowMs,
    strict: true,
  });
  let pausedUntil = 0;
  let resume: NodeJS.Timeout | undefined;
  return {
    run: (work, options) => queue.add(work, options),
    pause(waitMs) {
      const now = performance.now();
      // Jitter on top: the first requests after the pause must not all arrive in the same instant.
      const until = now + waitMs + Math.random() * 250;
      if (until <= pausedUntil) return 0;
      const longer = until - Math.max(now, pausedUntil);
      pausedUntil = until;
      queue.pause();
      clearTimeout(resume);
      resume = setTimeout(() => queue.start(), until - now);
      return longer;
    },
    close() {
      clearTimeout(resume);
      queue.clear();
    },
  };
}
