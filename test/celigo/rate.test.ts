import { describe, expect, it } from 'vitest';
import { retryAfterMs } from '../../src/celigo/client.ts';
import { createRate } from '../../src/celigo/rate.ts';
import { createBucket, DOCUMENTED_RATE } from '../../src/emulator/http/rate-limit.ts';

/** One minute of an account whose bucket others share, request by request, on a clock of its own. */
function minute(perSecond: number, others: number, lowers: boolean): { sent: number; refused: number; second: number } {
  let now = 0;
  const take = createBucket(DOCUMENTED_RATE, () => new Date(now));
  const rate = createRate(perSecond, 5_000);
  const result = { sent: 0, refused: 0, second: 0 };
  const taken = (): boolean => {
    try {
      take();
      return true;
    } catch {
      return false;
    }
  };
  let owed = 0;
  for (; now < 60_000; now += 1) {
    for (owed += others / 1000; owed >= 1; owed -= 1) taken();
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
    [300, 0],
    [300, 150],
    [40, 290],
  ])('of %i beside %i of others is refused less often when a refusal lowers it', (own, others) => {
    const steady = minute(own, others, false);
    const lowered = minute(own, others, true);

    expect(steady.refused).toBeGreaterThan(2 * Math.max(1, lowered.refused));
    expect(lowered.sent).toBeGreaterThan(60 * Math.min(own, 300 - others) * 0.5);
  });

  it('is halved once by the answers to one burst, and grows to the full one again', () => {
    const rate = createRate(40, 5_000);
    rate.refused(0, 1_000);
    rate.refused(900, 1_010);
    expect([1_010, 16_000, 31_000, 60_000].map((now) => Math.round(rate.perSecond(now)))).toEqual([20, 40, 40, 40]);
    rate.refused(60_000, 60_000);
    rate.refused(60_050, 60_100);
    expect(Math.round(rate.perSecond(60_100))).toBe(10);
  });

  it('never falls below one request a second', () => {
    const rate = createRate(2, 5_000);
    for (let now = 0; now < 100; now += 1) rate.refused(now, now);
    expect(rate.perSecond(100)).toBeGreaterThanOrEqual(1);
    rate.sent(100);
    expect(rate.waitMs(100)).toBeLessThanOrEqual(1_000);
  });

  it('allows a burst at first, and spreads requests evenly after a refusal', () => {
    const rate = createRate(10, 1_000);
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
    const rate = createRate(10, 1_000);
    expect([rate.pauseUntil(500, 0), rate.pauseUntil(300, 100), rate.pauseUntil(900, 100)]).toEqual([500, 0, 400]);
    expect([rate.waitMs(0), rate.waitMs(899), rate.waitMs(900)]).toEqual([900, 1, 0]);
  });
});

describe('Retry-After', () => {
  const date = 'Sat, 28 Nov 2026 10:00:00 GMT';
  it.each([
    ['2', 2_000],
    [' 30 ', 30_000],
    ['Sat, 28 Nov 2026 10:00:07 GMT', 7_000],
    // What asks for nothing counts like no header.
    [undefined, undefined],
    ['', undefined],
    ['0', undefined],
    ['-1', undefined],
    ['2, 2', undefined],
    ['soon', undefined],
    ['1e3', undefined],
    ['Infinity', undefined],
    ['2026', 2_026_000],
    ['Sat, 28 Nov 2026 09:00:00 GMT', undefined],
    [['2', '2'], undefined],
  ])('%j asks to wait %s ms', (value, wait) => {
    expect(retryAfterMs({ date, 'retry-after': value })).toBe(wait);
  });
});
