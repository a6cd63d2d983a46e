import { z } from 'zod';

const UNITS: Readonly<Record<string, number>> = { KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, KB: 1e3, MB: 1e6, GB: 1e9 };
const SIZE = /^(\d+(?:\.\d+)?) ?([KMG]i?B)$/;

/** Bytes of a valid size such as `256MiB`; `undefined` for another text. */
export function bytesOf(text: string): number | undefined {
  const [, number, unit = ''] = SIZE.exec(text) ?? [];
  const bytes = Math.floor(Number(number) * (UNITS[unit] ?? Number.NaN));
  return bytes > 0 ? bytes : undefined;
}

/** A size as text. `most`: the largest one, as a text. */
export function sizeUpTo(most: string) {
  const limit = bytesOf(most) ?? 0;
  return z
    .string()
    .refine((text) => (bytesOf(text) ?? Number.POSITIVE_INFINITY) <= limit, {
      message: `expected a size such as 64KiB or 256MiB, ${most} at most`,
    });
}
