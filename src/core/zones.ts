/** A date of the calendar, and a time of the clock in the time zone that goes with it. */
export interface Calendar {
  readonly year: number;
  /** From 1 on; one too large or too small is one of the year after or before. */
  readonly month: number;
  readonly day: number;
  readonly hour?: number;
  readonly minute?: number;
  readonly second?: number;
}

const FORMATS = new Map<string, Intl.DateTimeFormat>();

/** @throws RangeError for a zone that does not exist */
function formatIn(zone: string): Intl.DateTimeFormat {
  let format = FORMATS.get(zone);
  if (!format) {
    const number = 'numeric';
    const parts = { year: number, month: number, day: number, hour: number, minute: number, second: number } as const;
    format = new Intl.DateTimeFormat('en', { ...parts, timeZone: zone, hourCycle: 'h23' });
    FORMATS.set(zone, format);
  }
  return format;
}

/** Whether a time zone exists. */
export function isTimezone(name: string): boolean {
  try {
    return formatIn(name) !== undefined;
  } catch {
    return false;
  }
}

/** What calendar and clock of a zone show at a moment. */
export function calendarAt(at: Date, zone: string): Required<Calendar> {
  const parts = new Map(
    formatIn(zone)
      .formatToParts(at)
      .map(({ type, value }) => [type, Number(value)]),
  );
  const part = (type: Intl.DateTimeFormatPartTypes): number => parts.get(type) ?? 0;
  return {
    year: part('year'),
    month: part('month'),
    day: part('day'),
    hour: part('hour'),
    minute: part('minute'),
    second: part('second'),
  };
}

function utcOf({ year, month, day, hour = 0, minute = 0, second = 0 }: Calendar): number {
  const at = new Date(0);
  // Date.UTC takes the year 26 for 1926.
  at.setUTCFullYear(year, month - 1, day);
  return at.setUTCHours(hour, minute, second);
}

/** 0 for a Sunday. */
export function dayOfWeek(date: Calendar): number {
  return new Date(utcOf(date)).getUTCDay();
}

/**
 * The moment at which a zone shows a date and time: the first where the clock shows it twice, and where it skips it,
 * that of the time after the gap.
 */
export function instantOf(wanted: Calendar, zone: string): Date {
  const utc = utcOf(wanted);
  if (zone === 'UTC') return new Date(utc);
  // The clock is set at most once within two days.
  const [before, after] = [-86_400_000, 86_400_000].map((shift) => {
    const at = utc + shift;
    return utc - (utcOf(calendarAt(new Date(at), zone)) - at);
  }) as [number, number];
  const shown = [before, after].filter((at) => utcOf(calendarAt(new Date(at), zone)) === utc);
  return new Date(shown.length > 0 ? Math.min(...shown) : before);
}
