/** Number of seconds in which a lowered rate grows to the full one again. */
const RECOVERY_S = 30;
/** No pause, however often a rate is lowered, gets longer than this between two requests. Per second. */
const LEAST_PER_SECOND = 1;

/** What an account may be asked of its bucket, which production shares (api-notes#rate-limit). */
export interface RateLimit {
  /** Requests per second in the long run. */
  readonly perSecond: number;
  /** Requests that may be sent at once, on top of these, after a time without any. */
  readonly burst: number;
}

/**
 * When requests may be sent: a bucket of `burst` requests that refills with `perSecond`, less after the server has
 * refused one, none during a pause. Other tokens share the account's bucket (api-notes#rate-limit), so what is left of
 * it is unknown: a refusal halves the rate, and it grows steadily again. Times in milliseconds of any one clock that
 * the caller reads.
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

export function createRate({ perSecond: most, burst }: RateLimit): Rate {
  let bucket = { holds: burst, at: Number.NEGATIVE_INFINITY };
  let pausedUntil = Number.NEGATIVE_INFINITY;
  let lowered = { to: most, at: Number.NEGATIVE_INFINITY };

  function perSecond(now: number): number {
    if (lowered.to >= most) return most;
    return Math.min(most, lowered.to + (most / RECOVERY_S) * (Math.max(0, now - lowered.at) / 1000));
  }

  /** Requests that the own bucket holds now. */
  function held(now: number): number {
    const rate = perSecond(now);
    // A burst is for a bucket that is full: after a refusal, requests are spread evenly.
    const room = rate < most ? 1 : burst;
    const more = bucket.holds < room ? (rate * Math.max(0, now - bucket.at)) / 1000 : 0;
    bucket = { holds: Math.min(room, bucket.holds + more), at: now };
    return bucket.holds;
  }

  return {
    perSecond,
    waitMs(now) {
      const missing = 1 - held(now);
      return Math.max(0, (1000 * missing) / perSecond(now), pausedUntil - now);
    },
    sent(now) {
      bucket = { holds: held(now) - 1, at: now };
    },
    refused(sentAt, now) {
      if (sentAt < lowered.at) return;
      lowered = { to: Math.max(LEAST_PER_SECOND, perSecond(now) / 2), at: now };
      bucket = { holds: 0, at: now };
    },
    pauseUntil(until, now) {
      const longer = until - Math.max(now, pausedUntil);
      if (longer <= 0) return 0;
      pausedUntil = until;
      return longer;
    },
  };
}
