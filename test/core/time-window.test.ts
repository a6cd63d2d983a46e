import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isWithin, parseWindow, type TimeWindow } from '../../src/core/time-window.ts';
import { cases } from '../support/fuzz.ts';

function windowOf(text: string): TimeWindow {
  const found = parseWindow(text);
  if (typeof found === 'string') throw new Error(found);
  return found;
}

describe('parseWindow', () => {
  it.each([
    ['', /expected hours/],
    ['08:00', /expected hours/],
    ['8:00-18:00 UTC', /expected hours/],
    ['08:60-18:00 UTC', /expected hours/],
    ['08:00-24:01 UTC', /expected hours/],
    ['24:00-08:00 UTC', /expected hours/],
    ['08:00-18:00 Europe/Oslo UTC', /expected hours/],
    ['08:00-18:00', /a time zone is missing/],
    ['08:00-18:00 Europe/Olso', /unknown time zone Europe\/Olso/],
    ['08:00-08:00 UTC', /begins when it ends/],
    ['00:00-24:00 UTC', /begins when it ends/],
  ])('refuses %j', (text, problem) => {
    expect(parseWindow(text)).toMatch(problem);
  });

  it.each(['08:00-18:00 UTC', ' 00:00 - 24:00\u0020UTC'.replace('00:00', '00:01'), '18:00-06:00 Europe/Oslo'])(
    'takes %j',
    (text) => {
      expect(parseWindow(text)).toMatchObject({ zone: expect.any(String) });
    },
  );
});

describe('isWithin', () => {
  it.each([
    // An ordinary day: the first minute belongs to it, the last one not.
    ['08:00-18:00 Europe/Oslo', '2026-11-26T06:59:59Z', false],
    ['08:00-18:00 Europe/Oslo', '2026-11-26T07:00:00Z', true],
    ['08:00-18:00 Europe/Oslo', '2026-11-26T16:59:59Z', true],
    ['08:00-18:00 Europe/Oslo', '2026-11-26T17:00:00Z', false],
    ['08:00-24:00 UTC', '2026-11-26T23:59:59Z', true],
    ['08:00-24:00 UTC', '2026-11-27T00:00:00Z', false],
    // In summer the clock is an hour ahead.
    ['08:00-18:00 Europe/Oslo', '2026-07-26T06:00:00Z', true],
    ['08:00-18:00 Europe/Oslo', '2026-07-26T16:00:00Z', false],
    // Over midnight.
    ['18:00-06:00 UTC', '2026-11-26T17:59:00Z', false],
    ['18:00-06:00 UTC', '2026-11-26T18:00:00Z', true],
    ['18:00-06:00 UTC', '2026-11-26T00:00:00Z', true],
    ['18:00-06:00 UTC', '2026-11-26T05:59:00Z', true],
    ['18:00-06:00 UTC', '2026-11-26T06:00:00Z', false],
    // On 29 March 2026 Oslo's clock goes from 02:00 to 03:00 (01:00 UTC).
    ['02:00-03:00 Europe/Oslo', '2026-03-29T00:59:00Z', false],
    ['02:00-03:00 Europe/Oslo', '2026-03-29T01:00:00Z', false],
    ['18:00-02:30 Europe/Oslo', '2026-03-29T00:59:00Z', true],
    ['18:00-02:30 Europe/Oslo', '2026-03-29T01:00:00Z', false],
    // On 25 October 2026 it shows 02:00 to 03:00 twice (from 00:00 and from 01:00 UTC).
    ['02:00-03:00 Europe/Oslo', '2026-10-24T23:59:00Z', false],
    ['02:00-03:00 Europe/Oslo', '2026-10-25T00:30:00Z', true],
    ['02:00-03:00 Europe/Oslo', '2026-10-25T01:30:00Z', true],
    ['02:00-03:00 Europe/Oslo', '2026-10-25T02:00:00Z', false],
    // Zones that differ from UTC by parts of an hour.
    ['08:00-18:00 Asia/Kathmandu', '2026-11-26T02:14:00Z', false],
    ['08:00-18:00 Asia/Kathmandu', '2026-11-26T02:15:00Z', true],
  ])('%s at %s: %s', (text, at, expected) => {
    expect(isWithin(windowOf(text), new Date(at))).toBe(expected);
  });

  it('is either a window or the hours between its end and its beginning', () => {
    const minute = fc.integer({ min: 0, max: 1439 });
    fc.assert(
      fc.property(minute, minute, fc.date({ noInvalidDate: true }), (from, to, at) => {
        fc.pre(from !== to);
        const zone = 'America/St_Johns';
        return isWithin({ from, to, zone }, at) !== isWithin({ from: to, to: from, zone }, at);
      }),
      cases(100),
    );
  });
});
