import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Edge, timeOf } from '../../src/core/times.ts';
import { cases } from '../support/fuzz.ts';

/** A Tuesday. */
const NOW = new Date('2026-11-24T10:30:00.000Z');

async function at(text: string, edge: Edge): Promise<string | undefined> {
  return (await timeOf(text, NOW, edge))?.toISOString().replace('.000Z', 'Z');
}

describe('a time', () => {
  it.each<[string, string, string, string]>([
    // As it is given, its first moment, its last moment, and what --at means by it.
    ['2026-11-03', '2026-11-03T00:00:00Z', '2026-11-03T23:59:59Z', '2026-11-03T23:59:59Z'],
    ['2026-1-9', '2026-01-09T00:00:00Z', '2026-01-09T23:59:59Z', '2026-01-09T23:59:59Z'],
    ['2024-02-29', '2024-02-29T00:00:00Z', '2024-02-29T23:59:59Z', '2024-02-29T23:59:59Z'],
    ['2026-11-03T09:15', '2026-11-03T09:15:00Z', '2026-11-03T09:15:00Z', '2026-11-03T09:15:00Z'],
    ['2026-11-03 09:15:30', '2026-11-03T09:15:30Z', '2026-11-03T09:15:30Z', '2026-11-03T09:15:30Z'],
    ['2026-11-03T09:15:00Z', '2026-11-03T09:15:00Z', '2026-11-03T09:15:00Z', '2026-11-03T09:15:00Z'],
    ['2026-11-03T09:15:00+02:00', '2026-11-03T07:15:00Z', '2026-11-03T07:15:00Z', '2026-11-03T07:15:00Z'],
    ['2026-11-03 09:15 -0530', '2026-11-03T14:45:00Z', '2026-11-03T14:45:00Z', '2026-11-03T14:45:00Z'],
    ['  2026-11-03  ', '2026-11-03T00:00:00Z', '2026-11-03T23:59:59Z', '2026-11-03T23:59:59Z'],
    ['today', '2026-11-24T00:00:00Z', '2026-11-24T23:59:59Z', '2026-11-24T10:30:00Z'],
    ['yesterday', '2026-11-23T00:00:00Z', '2026-11-23T23:59:59Z', '2026-11-23T10:30:00Z'],
    ['last week', '2026-11-16T00:00:00Z', '2026-11-22T23:59:59Z', '2026-11-22T23:59:59Z'],
    ['this week', '2026-11-23T00:00:00Z', '2026-11-29T23:59:59Z', '2026-11-29T23:59:59Z'],
    ['Next  Week', '2026-11-30T00:00:00Z', '2026-12-06T23:59:59Z', '2026-12-06T23:59:59Z'],
    ['February 2026', '2026-02-01T00:00:00Z', '2026-02-28T23:59:59Z', '2026-02-28T23:59:59Z'],
    ['3 November 2026', '2026-11-03T00:00:00Z', '2026-11-03T23:59:59Z', '2026-11-03T23:59:59Z'],
    ['yesterday at 9am', '2026-11-23T09:00:00Z', '2026-11-23T09:00:00Z', '2026-11-23T09:00:00Z'],
  ])('%s has a first, a last and a usual moment', async (text, first, last, usual) => {
    expect(await at(text, 'start')).toBe(first);
    expect(await at(text, 'end')).toBe(last);
    expect(await at(text, 'at')).toBe(usual);
  });

  it.each([
    '',
    ' ',
    'yesturday',
    'last tuesdayy',
    'HEAD~1',
    'main',
    '2026-13-01',
    '2026-02-30',
    '2026-00-10',
    '2026-11-03T25:00',
    '0123456789abcdef0123456789abcdef01234567',
    'release-2026-11-03',
  ])('%j is none', async (text) => {
    for (const edge of ['start', 'end', 'at'] as const) expect(await at(text, edge)).toBeUndefined();
  });

  it('of a valid date is within that day, whatever the date', async () => {
    const dates = fc.date({ min: new Date('1990-01-01'), max: new Date('2100-01-01'), noInvalidDate: true });
    await fc.assert(
      fc.asyncProperty(dates, async (date) => {
        const day = date.toISOString().slice(0, 10);
        expect(await at(day, 'start')).toBe(`${day}T00:00:00Z`);
        expect(await at(day, 'end')).toBe(`${day}T23:59:59Z`);
      }),
      cases(200),
    );
  });
});
