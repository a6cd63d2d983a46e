import { describe, expect, it } from 'vitest';
import { restoreTime, restoreTimeText, roughly } from '../../src/plan/restore-time.ts';

const PACE = { rateLimit: { perSecond: 40, burst: 300 }, concurrency: 6 };

describe('the time of a restore', () => {
  it.each([
    // Few requests: each group of six waits for its answers.
    [0, PACE, 0, 0],
    [60, PACE, 5_000, 5_000],
    // Half a second an answer, six at once: slower than 40 a second.
    [8_000, PACE, 666_667, 666_667],
    // Many at once: the configured rate decides, and the API would allow more.
    [8_300, { ...PACE, concurrency: 32 }, 200_000, 129_688],
    [10_000, { rateLimit: { perSecond: 1, burst: 1 }, concurrency: 32 }, 9_999_000, 156_250],
    // No configuration is faster than the bucket of the account.
    [100_000, { ...PACE, concurrency: 1_000 }, 2_492_500, 330_000],
  ])('of %i requests', (requests, account, atRateMs, atLimitMs) => {
    expect(restoreTime(requests, account)).toEqual({ requests, atRateMs, atLimitMs });
  });

  it.each([
    [0, '1 second'],
    [59_000, '59 seconds'],
    [59_001, '1 minute'],
    [660_000, '11 minutes'],
    [3_600_000, '1 hour'],
    [7_500_000, '2 hours and 5 minutes'],
  ])('%i ms is told as %s', (ms, text) => {
    expect(roughly(ms)).toBe(text);
  });

  it('names the requests, and the limit of the API where that is faster', () => {
    expect(restoreTimeText(restoreTime(8_000, PACE))).toBe('about 12 minutes (8000 requests)');
    expect(restoreTimeText(restoreTime(8_300, { ...PACE, concurrency: 32 }))).toBe(
      'about 4 minutes (8300 requests; 3 minutes at the limit of the API)',
    );
  });
});
