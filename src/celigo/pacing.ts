import PQueue from 'p-queue';
import { createRate, type RateLimit } from './rate.ts';

export interface PacerOptions {
  readonly rateLimit: RateLimit;
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
  /** Lowers the rate after a refusal of a request that was sent at this time of `performance.now()`. */
  refused(sentAt: number): void;
  close(): void;
}

export function createPacer({ rateLimit, concurrency }: PacerOptions): Pacer {
  const queue = new PQueue({ concurrency });
  const rate = createRate(rateLimit);
  let last: Promise<void> = Promise.resolve();
  let sleeper: NodeJS.Timeout | undefined;

  /** Waits until the next request may be sent. */
  async function turn(signal: AbortSignal): Promise<void> {
    for (;;) {
      signal.throwIfAborted();
      const now = performance.now();
      const wait = rate.waitMs(now);
      if (wait === 0) {
        rate.sent(now);
        return;
      }
      await new Promise<void>((resolve) => {
        sleeper = setTimeout(resolve, Math.ceil(wait));
      });
    }
  }

  return {
    run: (work, options) =>
      queue.add(async () => {
        const mine = last.then(() => turn(options.signal));
        // One after the other; one that is stopped does not stop the others.
        last = mine.catch(() => undefined);
        await mine;
        return work();
      }, options),
    pause(waitMs) {
      const now = performance.now();
      // Jitter on top: the first requests after the pause must not all arrive in the same instant.
      return rate.pauseUntil(now + waitMs + Math.random() * 250, now);
    },
    refused: (sentAt) => rate.refused(sentAt, performance.now()),
    close() {
      clearTimeout(sleeper);
      queue.clear();
    },
  };
}
