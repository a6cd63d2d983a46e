import { describe, expect, it } from 'vitest';
import { createRate } from '../../src/celigo/rate.ts';
import { retryAfterMs } from '../../src/celigo/retry-after.ts';
import { createBucket, DOCUMENTED_RATE } from '../../src/emulator/http/rate-limit.ts';

/** One minute of an account whose bucket others share, request by request, on a clock of its own. */
function minute(
  perSecond: number,
  others: number,
  lowers: boolean,
  burst = 300,
): { sent: number; refused: number; second: number } {
  let now = 0;
  const take = createBucket(DOCUMENTED_RATE, () => new Date(now));
  const rate = createRate({ perSecond, burst });
  const result = { sent: 0, refused: 0, second: 0 };
  const taken = (): boolean => {
    try {
      take();
      return true;
    } catch {
      return false;
    }
  };
  for (; now < 60_000; now += 1) {
    // In batches: two even streams could keep out of each other's way for ever.
    if (now % 100 === 0) for (let i = 0; i < others / 10; i++) taken();
    while (rate.waitMs(now) === 0) {
      rate.sent(now);
      result.sent += 1;
      if (taken()) continue;
      result.refused += 1;
      if (now > 30_000) result.second += 1;
      if (lowers) rate.refused(now, now);
      rate.pauseUntil(now + 1_000, now);
    }
  }
  return result;
}

describe('the own rate', () => {
  it.each([
    // Own requests per second, those of others.
    [250, 150],
    [200, 150],
    [40, 290],
  ])('of %i beside %i of others is refused less often when a refusal lowers it', (own, others) => {
    const steady = minute(own, others, false);
    const lowered = minute(own, others, true);

    expect(steady.refused).toBeGreaterThan(2 * Math.max(1, lowered.refused));
    expect(lowered.sent).toBeGreaterThan(60 * Math.min(own, 300 - others) * 0.5);
  });

  it.each([
    // The most that a configuration allows, and the pace without one.
    [300, 700],
    [40, 300],
  ])('of %i after a burst of %i finds the bucket of the account full enough when no one else uses it', (own, burst) => {
    const { sent, refused } = minute(own, 0, true, burst);
    expect(refused).toBe(0);
    expect(sent).toBeGreaterThan(59 * own + burst);
  });

  it('leaves production what the burst does not take', () => {
    // 700 of the bucket, and 260 of the 300 a second.
    expect(minute(40, 255, true).refused).toBe(0);
  });

  it.each([
    // Limits, times in ms, and how many requests may be sent at each of them.
    [
      { perSecond: 40, burst: 300 },
      { 0: 300, 24: 0, 25: 1, 1025: 40, 5000: 159, 60000: 300 },
    ],
    [
      { perSecond: 10, burst: 1 },
      { 0: 1, 99: 0, 100: 1, 150: 0, 5000: 1 },
    ],
    [
      { perSecond: 2, burst: 5 },
      { 0: 5, 499: 0, 500: 1, 1500: 2, 9000: 5 },
    ],
  ])('of %j lets %j go', (limits, allowed) => {
    const rate = createRate(limits);
    const sendable = (now: number): number => {
      let count = 0;
      for (; rate.waitMs(now) === 0; count += 1) rate.sent(now);
      return count;
    };
    expect(Object.fromEntries(Object.keys(allowed).map((at) => [at, sendable(Number(at))]))).toEqual(allowed);
  });

  it('is halved once by the answers to one burst, and grows to the full one again', () => {
    const rate = createRate({ perSecond: 40, burst: 300 });
    rate.refused(0, 1_000);
    rate.refused(900, 1_010);
    expect([1_010, 16_000, 31_000, 60_000].map((now) => Math.round(rate.perSecond(now)))).toEqual([20, 40, 40, 40]);
    rate.refused(60_000, 60_000);
    rate.refused(60_050, 60_100);
    expect(Math.round(rate.perSecond(60_100))).toBe(10);
  });

  it('never falls below one request a second', () => {
    const rate = createRate({ perSecond: 2, burst: 10 });
    for (let now = 0; now < 100; now += 1) rate.refused(now, now);
    expect(rate.perSecond(100)).toBeGreaterThanOrEqual(1);
    expect(rate.waitMs(100)).toBeLessThanOrEqual(1_000);
    rate.sent(1_100);
    expect(rate.waitMs(1_100)).toBeLessThanOrEqual(1_000);
  });

  it('allows a burst at first, and spreads requests evenly after a refusal', () => {
    const rate = createRate({ perSecond: 10, burst: 10 });
    const burst = (now: number): number => {
      let count = 0;
      for (; rate.waitMs(now) === 0; count += 1) rate.sent(now);
      return count;
    };
    expect(burst(0)).toBe(10);
    rate.refused(0, 0);
    expect([burst(1_000), burst(1_100), burst(1_250)]).toEqual([1, 0, 1]);
    expect(burst(60_000)).toBe(10);
  });

  it('sends nothing during a pause, the longest of those asked for', () => {
    const rate = createRate({ perSecond: 10, burst: 10 });
    expect([rate.pauseUntil(500, 0), rate.pauseUntil(300, 100), rate.pauseUntil(900, 100)]).toEqual([500, 0, 400]);
    expect([rate.waitMs(0), rate.waitMs(899), rate.waitMs(900)]).toEqual([900, 1, 0]);
  });
});

describe('Retry-After', () => {
  const date = 'Sat, 28 Nov 2026 10:00:00 GMT';
  it.each([
    ['2', 2_000],
    [' 30 ', 30_000],
    ['1.5', 1_500],
    ['9'.repeat(400), Number.POSITIVE_INFINITY],
    ['Sat, 28 Nov 2026 10:00:07 GMT', 7_000],
    ['Saturday, 28-Nov-26 10:00:07 GMT', 7_000],
    ['Sat Nov 28 10:00:07 2026', 7_000],
    ['2026-11-28T10:00:07Z', 7_000],
    ['2026-11-28T11:00:07+01:00', 7_000],
    ['2026-11-28 10:00:07', 7_000],
    // What asks for nothing counts like no header.
    [undefined, undefined],
    ['', undefined],
    ['0', undefined],
    ['-1', undefined],
    ['2, 2', undefined],
    ['soon', undefined],
    ['1e3', undefined],
    ['-1.5', undefined],
    ['2s', undefined],
    ['Nov 2', undefined],
    ['Infinity', undefined],
    ['2026', 2_026_000],
    ['Sat, 28 Nov 2026 09:00:00 GMT', undefined],
    [['2', '2'], undefined],
  ])('%j asks to wait %s ms', (value, wait) => {
    expect(retryAfterMs({ date, 'retry-after': value }, Date.parse('2020-01-01'))).toBe(wait);
  });

  it('by a date, from a server that does not show its clock, is counted by what is known of it', () => {
    const headers = { 'retry-after': 'Sat, 28 Nov 2026 10:00:07 GMT' };
    expect(retryAfterMs(headers, Date.parse('2026-11-28T10:00:02Z'))).toBe(5_000);
  });
});
