import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Edge, edgeOf, isMoment, timeOf } from '../../src/core/times.ts';
import { calendarAt, isTimezone } from '../../src/core/zones.ts';
import { cases } from '../support/fuzz.ts';

/** A Tuesday. */
const NOW = new Date('2026-11-24T10:30:00.000Z');

async function at(text: string, edge: Edge, zone?: string): Promise<string | undefined> {
  const when = await timeOf(text, NOW, zone);
  return when && edgeOf(when, edge).toISOString().replace('.000Z', 'Z');
}

describe('a time', () => {
  it.each<[string, string, string]>([
    // As it is given, its beginning and its end.
    ['2026-11-03', '2026-11-03T00:00:00Z', '2026-11-03T23:59:59Z'],
    ['2026-1-9', '2026-01-09T00:00:00Z', '2026-01-09T23:59:59Z'],
    ['2024-02-29', '2024-02-29T00:00:00Z', '2024-02-29T23:59:59Z'],
    ['  2026-11-03  ', '2026-11-03T00:00:00Z', '2026-11-03T23:59:59Z'],
    ['2026-11', '2026-11-01T00:00:00Z', '2026-11-30T23:59:59Z'],
    ['today', '2026-11-24T00:00:00Z', '2026-11-24T23:59:59Z'],
    ['Yesterday', '2026-11-23T00:00:00Z', '2026-11-23T23:59:59Z'],
    ['tomorrow', '2026-11-25T00:00:00Z', '2026-11-25T23:59:59Z'],
    ['monday', '2026-11-23T00:00:00Z', '2026-11-23T23:59:59Z'],
    ['tuesday', '2026-11-24T00:00:00Z', '2026-11-24T23:59:59Z'],
    ['Wed', '2026-11-18T00:00:00Z', '2026-11-18T23:59:59Z'],
    ['sunday', '2026-11-22T00:00:00Z', '2026-11-22T23:59:59Z'],
    ['last monday', '2026-11-23T00:00:00Z', '2026-11-23T23:59:59Z'],
    ['last tuesday', '2026-11-17T00:00:00Z', '2026-11-17T23:59:59Z'],
    ['this sunday', '2026-11-29T00:00:00Z', '2026-11-29T23:59:59Z'],
    ['next tuesday', '2026-12-01T00:00:00Z', '2026-12-01T23:59:59Z'],
    ['last week', '2026-11-16T00:00:00Z', '2026-11-22T23:59:59Z'],
    ['this week', '2026-11-23T00:00:00Z', '2026-11-29T23:59:59Z'],
    ['Next  Week', '2026-11-30T00:00:00Z', '2026-12-06T23:59:59Z'],
    ['last month', '2026-10-01T00:00:00Z', '2026-10-31T23:59:59Z'],
    ['this month', '2026-11-01T00:00:00Z', '2026-11-30T23:59:59Z'],
    ['last year', '2025-01-01T00:00:00Z', '2025-12-31T23:59:59Z'],
    ['February 2026', '2026-02-01T00:00:00Z', '2026-02-28T23:59:59Z'],
    ['oct', '2026-10-01T00:00:00Z', '2026-10-31T23:59:59Z'],
    ['december', '2025-12-01T00:00:00Z', '2025-12-31T23:59:59Z'],
    ['3 November 2026', '2026-11-03T00:00:00Z', '2026-11-03T23:59:59Z'],
    ['Nov 3, 2026', '2026-11-03T00:00:00Z', '2026-11-03T23:59:59Z'],
    // The last one that has begun, also where the next one is nearer.
    ['3 may', '2026-05-03T00:00:00Z', '2026-05-03T23:59:59Z'],
    ['1 january', '2026-01-01T00:00:00Z', '2026-01-01T23:59:59Z'],
    ['dec 25', '2025-12-25T00:00:00Z', '2025-12-25T23:59:59Z'],
    ['wednesday morning', '2026-11-18T00:00:00Z', '2026-11-18T23:59:59Z'],
  ])('of the calendar is whole days: %s', async (text, first, last) => {
    expect([await at(text, 'start'), await at(text, 'end')]).toEqual([first, last]);
  });

  it.each<[string, string]>([
    ['now', '2026-11-24T10:30:00Z'],
    ['2026-11-03T09:15', '2026-11-03T09:15:00Z'],
    ['2026-11-03 09:15:30', '2026-11-03T09:15:30Z'],
    ['2026-11-03T09:15:00Z', '2026-11-03T09:15:00Z'],
    ['2026-11-03T09:15:00+02:00', '2026-11-03T07:15:00Z'],
    ['2026-11-03 09:15 -0530', '2026-11-03T14:45:00Z'],
    ['3 hours ago', '2026-11-24T07:30:00Z'],
    ['an hour ago', '2026-11-24T09:30:00Z'],
    ['30d', '2026-10-25T10:30:00Z'],
    ['4 days ago', '2026-11-20T10:30:00Z'],
    ['1h 30m', '2026-11-24T09:00:00Z'],
    ['90 seconds ago', '2026-11-24T10:28:30Z'],
    ['2w', '2026-11-10T10:30:00Z'],
    ['9 months ago', '2026-02-24T10:30:00Z'],
    ['1y', '2025-11-24T10:30:00Z'],
    ['yesterday at 9am', '2026-11-23T09:00:00Z'],
    ['a week ago', '2026-11-17T10:30:00Z'],
    ['wednesday at 9am', '2026-11-18T09:00:00Z'],
    ['1 january at 9am', '2026-01-01T09:00:00Z'],
    ['midnight', '2026-11-24T00:00:00Z'],
  ])('of the clock, and a duration, is a moment: %s', async (text, moment) => {
    expect([await at(text, 'start'), await at(text, 'end')]).toEqual([moment, moment]);
  });

  it.each<[string, string, string, string]>([
    ['today', 'Europe/Berlin', '2026-11-23T23:00:00Z', '2026-11-24T22:59:59Z'],
    ['today', 'Pacific/Auckland', '2026-11-23T11:00:00Z', '2026-11-24T10:59:59Z'],
    // Tuesday is half an hour old there.
    ['yesterday', 'Pacific/Honolulu', '2026-11-23T10:00:00Z', '2026-11-24T09:59:59Z'],
    // A day of 25 hours, one of 23, and one that begins at one o'clock.
    ['2026-10-25', 'Europe/Berlin', '2026-10-24T22:00:00Z', '2026-10-25T22:59:59Z'],
    ['2026-03-29', 'Europe/Berlin', '2026-03-28T23:00:00Z', '2026-03-29T21:59:59Z'],
    ['2018-11-04', 'America/Sao_Paulo', '2018-11-04T03:00:00Z', '2018-11-05T01:59:59Z'],
    ['2026-11', 'America/New_York', '2026-11-01T04:00:00Z', '2026-12-01T04:59:59Z'],
    ['2026-11-03T09:15', 'Asia/Kolkata', '2026-11-03T03:45:00Z', '2026-11-03T03:45:00Z'],
    ['yesterday at 9am', 'America/New_York', '2026-11-23T14:00:00Z', '2026-11-23T14:00:00Z'],
    ['2026-11-03T09:15Z', 'Asia/Kolkata', '2026-11-03T09:15:00Z', '2026-11-03T09:15:00Z'],
    ['3 hours ago', 'Asia/Kolkata', '2026-11-24T07:30:00Z', '2026-11-24T07:30:00Z'],
    ['half an hour ago', 'Asia/Kolkata', '2026-11-24T10:00:00Z', '2026-11-24T10:00:00Z'],
    ['midnight', 'Asia/Kolkata', '2026-11-23T18:30:00Z', '2026-11-23T18:30:00Z'],
  ])('counts by the clock of a zone: %s in %s', async (text, zone, first, last) => {
    expect([await at(text, 'start', zone), await at(text, 'end', zone)]).toEqual([first, last]);
  });

  it.each([
    '',
    ' ',
    'yesturday',
    'last tuesdayy',
    'HEAD~1',
    'main',
    '2026',
    '2026-13',
    '2026-13-01',
    '2026-02-30',
    '2026-00-10',
    '2026-11-03T25:00',
    '3 parsecs ago',
    '0026-11-03',
    '1000000d',
    '99999999999999d',
    '9999999999 years ago',
    '29 feb',
    '0123456789abcdef0123456789abcdef01234567',
    'release-2026-11-03',
  ])('%j is none', async (text) => {
    expect(await timeOf(text, NOW)).toBeUndefined();
  });
});

describe('whatever the moment and the zone', () => {
  const moments = fc.date({ min: new Date('1990-01-01'), max: new Date('2100-01-01'), noInvalidDate: true });
  const zones = fc.constantFrom(
    'UTC',
    'Europe/Berlin',
    'America/New_York',
    'America/Sao_Paulo',
    'Asia/Kathmandu',
    'Australia/Lord_Howe',
    'Africa/Cairo',
    'Pacific/Apia',
  );
  const known = async (text: string, now: Date, zone: string) => {
    const when = await timeOf(text, now, zone);
    if (!when) throw new Error(`${text} is not understood`);
    return when;
  };

  it('days follow each other without a gap, and today holds the moment', async () => {
    await fc.assert(
      fc.asyncProperty(moments, zones, async (now, zone) => {
        const [before, today, after] = [
          await known('yesterday', now, zone),
          await known('today', now, zone),
          await known('tomorrow', now, zone),
        ];
        expect(before.until).toEqual(today.from);
        expect(today.until).toEqual(after.from);
        expect(today.from.getTime()).toBeLessThanOrEqual(now.getTime());
        expect(now.getTime()).toBeLessThan(today.until.getTime());
        const { year, month, day } = calendarAt(now, zone);
        expect(await known(`${String(year)}-${month}-${day}`, now, zone)).toEqual(today);
      }),
      cases(200),
    );
  });

  it('weeks begin on a Monday and hold the weekdays, months hold their days', async () => {
    await fc.assert(
      fc.asyncProperty(moments, zones, async (now, zone) => {
        const week = await known('this week', now, zone);
        expect(await known('this monday', now, zone)).toMatchObject({ from: week.from });
        expect(await known('this sunday', now, zone)).toMatchObject({ until: week.until });
        expect((await known('last week', now, zone)).until).toEqual(week.from);
        for (const day of ['monday', 'thursday', 'sunday']) {
          const when = await known(day, now, zone);
          expect(when.from.getTime()).toBeLessThanOrEqual(now.getTime());
          expect(now.getTime() - when.from.getTime()).toBeLessThan(7 * 86_400_000 + 7_200_000);
        }
        const { year, month } = calendarAt(now, zone);
        const name = `${year}-${String(month).padStart(2, '0')}`;
        expect(await known(name, now, zone)).toEqual(await known('this month', now, zone));
      }),
      cases(100),
    );
  });

  it('durations are moments, as long ago as they say', async () => {
    await fc.assert(
      fc.asyncProperty(moments, zones, fc.integer({ min: 0, max: 5_000 }), async (now, zone, count) => {
        for (const [unit, ms] of [
          ['h', 3_600_000],
          ['days ago', 86_400_000],
        ] as const) {
          const when = await known(`${count} ${unit}`, now, zone);
          expect(isMoment(when)).toBe(true);
          expect(now.getTime() - when.from.getTime()).toBe(count * ms);
        }
      }),
      cases(100),
    );
  });

  it('zones are those that the machine knows', () => {
    expect(['UTC', 'Europe/Berlin', 'Mars/Olympus', ''].map(isTimezone)).toEqual([true, true, false, false]);
  });
});
