/** Number of seconds in which a lowered rate grows to the full one again. */
const RECOVERY_S = 30;
/** No pause, however often a rate is lowered, gets longer than this between two requests. Per second. */
const LEAST_PER_SECOND = 1;

/**
 * When requests may be sent: so many per second on average over a window, fewer after the server has refused one, none
 * during a pause. Other tokens share the account's bucket (api-notes#rate-limit), so what is left of it is unknown: a
 * refusal halves the rate, and it grows steadily again. Times in milliseconds of any one clock that the caller reads.
 */
interface Rate {
  /** How long to wait before the next request; 0: it may be sent. */
  readonly waitMs: (now: number) => number;
  /** Notes that a request is sent. */
  readonly sent: (now: number) => void;
  /** Lowers the rate, unless that was done since the request was sent: the answers to a burst are one refusal. */
  readonly refused: (sentAt: number, now: number) => void;
  /** Sends nothing until then. Gives by how much that is longer than before. */
  readonly pauseUntil: (until: number, now: number) => number;
  /** Requests per second that are allowed now. */
  readonly perSecond: (now: number) => number;
}

/** @param most requests per second @param windowMs the length over which they are counted */
export function createRate(most: number, windowMs: number): Rate {
  /** The times of the last requests, oldest first. */
  let times: number[] = [];
  let pausedUntil = Number.NEGATIVE_INFINITY;
  let lowered = { to: most, at: Number.NEGATIVE_INFINITY };

  function perSecond(now: number): number {
    if (lowered.to >= most) return most;
    return Math.min(most, lowered.to + (most / RECOVERY_S) * (Math.max(0, now - lowered.at) / 1000));
  }

  return {
    perSecond,
    waitMs(now) {
      const rate = perSecond(now);
      // A burst is for a bucket that is full: after a refusal, requests are spread evenly.
      const window = rate < most ? 1000 / rate : windowMs;
      const cap = rate < most ? 1 : Math.max(1, Math.round((most * windowMs) / 1000));
      const first = times.at(-cap);
      const free = first === undefined ? now : first + window;
      return Math.max(0, free - now, pausedUntil - now);
    },
    sent(now) {
      times.push(now);
      if (times.length > 2 * most * (windowMs / 1000) + 2) times = times.filter((time) => time > now - windowMs);
    },
    refused(sentAt, now) {
      if (sentAt < lowered.at) return;
      lowered = { to: Math.max(LEAST_PER_SECOND, perSecond(now) / 2), at: now };
    },
    pauseUntil(until, now) {
      const longer = until - Math.max(now, pausedUntil);
      if (longer <= 0) return 0;
      pausedUntil = until;
      return longer;
    },
  };
}
