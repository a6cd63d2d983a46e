import { describe, expect, it } from 'vitest';
import { bytesOf, sizeUpTo } from '../../src/config/sizes.ts';

describe('a size', () => {
  it.each([
    ['256MiB', 268_435_456],
    ['64 KiB', 65_536],
    ['1.5GiB', 1_610_612_736],
    ['2MB', 2_000_000],
  ])('%s has %i bytes', (text, bytes) => {
    expect(bytesOf(text)).toBe(bytes);
  });

  it.each(['', '256', '0MiB', '-1MiB', '1 TiB', 'MiB', '1e3KiB'])('is not %j', (text) => {
    expect(bytesOf(text)).toBeUndefined();
    expect(sizeUpTo('1GiB').safeParse(text).success).toBe(false);
  });

  it('has a most', () => {
    expect(sizeUpTo('1GiB').safeParse('1GiB').success).toBe(true);
    expect(sizeUpTo('1GiB').safeParse('2GiB').success).toBe(false);
  });
});
