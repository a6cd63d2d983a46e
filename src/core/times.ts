import { type Calendar, calendarAt, dayOfWeek, instantOf } from './zones.ts';

/** What a text names: whole days from `from` up to, but without, `until`, or a moment, where both are the same. */
export interface When {
  readonly from: Date;
  readonly until: Date;
}

/** Which side of whole days an option means: `--since`, `--from`, `--before` their beginning, the others their end. */
export type Edge = 'start' | 'end';

const WEEKDAYS = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'];
const MONTHS = [
  'january',
  'february',
  'march',
  'april',
  'may',
  'june',
  'july',
  'august',
  'september',
  'october',
  'november',
  'december',
];
const SHIFT = new Map([
  ['last', -1],
  ['this', 0],
  ['next', 1],
]);
const DAYS = new Map([
  ['yesterday', -1],
  ['today', 0],
  ['tomorrow', 1],
]);
/** What a unit of a duration is called, in seconds. Months and years differ in length and are counted otherwise. */
const SECONDS: readonly (readonly [RegExp, number])[] = [
  [/^s(?:ec(?:ond)?s?)?$/, 1],
  [/^m(?:in(?:ute)?s?)?$/, 60],
  [/^h(?:(?:ou)?rs?)?$/, 3_600],
  [/^d(?:ays?)?$/, 86_400],
  [/^w(?:eeks?)?$/, 604_800],
];
const MONTHS_IN: readonly (readonly [RegExp, number])[] = [
  [/^mo(?:nths?)?$/, 1],
  [/^y(?:ears?)?$/, 12],
];

const ISO_DATE = /^(\d{4})-(\d{1,2})-(\d{1,2})(?!\d)/;
const ISO_MONTH = /^(\d{4})-(\d{2})$/;
const ISO_TIME = /^(\d{4}-\d{2}-\d{2})[t ](\d{2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?\s*(?:(z)|([+-]\d{2}):?(\d{2}))?$/;
/** Years of commits and of the calendar as ISO 8601 writes it. */
const YEARS = { first: 1000, last: 9999 };
const DURATION = /^(?:\d+(?:\.\d+)?\s*[a-z]+\s*)+?(?:ago)?$/;

/** The moment of `when` that an option means. */
export function edgeOf({ from, until }: When, edge: Edge): Date {
  if (edge === 'start' || isMoment({ from, until })) return from;
  // Commits and the audit log have times in full seconds.
  return new Date(until.getTime() - 1_000);
}

/** Whether a text named a moment, not whole days. */
export function isMoment({ from, until }: When): boolean {
  return from.getTime() === until.getTime();
}

/** Whether a text is a moment itself, down to its zone: it means the same to all. */
export function isExactTime(text: string): boolean {
  const [, , , , , z, zone] = ISO_TIME.exec(text.trim().toLowerCase()) ?? [];
  return z !== undefined || zone !== undefined;
}

function moment(at: Date): When {
  return { from: at, until: at };
}

/** Days, months or years of the calendar, from the first of one to the first of the next. */
function days(from: Calendar, until: Calendar, zone: string): When {
  return { from: instantOf(from, zone), until: instantOf(until, zone) };
}

function dayOf(year: number, month: number, day: number, zone: string): When | undefined {
  // The calendar of JavaScript continues into March where February ends.
  if (new Date(Date.UTC(year, month - 1, day)).getUTCMonth() !== month - 1) return undefined;
  return days({ year, month, day }, { year, month, day: day + 1 }, zone);
}

function monthOf(year: number, month: number, zone: string): When | undefined {
  if (month < 1 || month > 12) return undefined;
  return days({ year, month, day: 1 }, { year, month: month + 1, day: 1 }, zone);
}

/** Dates and times as ISO 8601 writes them. `undefined`: it is not one; `null`: it is, and not of the calendar. */
function isoOf(text: string, zone: string): When | null | undefined {
  const month = ISO_MONTH.exec(text);
  if (month) return monthOf(Number(month[1]), Number(month[2]), zone) ?? null;
  const date = ISO_DATE.exec(text);
  if (!date) return undefined;
  const [year, mon, day] = date.slice(1).map(Number) as [number, number, number];
  const whole = dayOf(year, mon, day, zone);
  if (!whole) return null;
  if (date[0] === text) return whole;
  const [exact, , hour, minute, second = '0', z, ahead, minutes = '00'] = ISO_TIME.exec(text) ?? [];
  if (exact === undefined) return undefined;
  const clock = { hour: Number(hour), minute: Number(minute), second: Number(second) };
  if (clock.hour > 23 || clock.minute > 59 || clock.second > 59) return null;
  if (z === undefined && ahead === undefined) return moment(instantOf({ year, month: mon, day, ...clock }, zone));
  const utc = instantOf({ year, month: mon, day, ...clock }, 'UTC').getTime();
  const sign = ahead?.startsWith('-') ? -1 : 1;
  const offset = sign * (Math.abs(Number(ahead ?? 0)) * 60 + Number(minutes));
  return moment(new Date(utc - offset * 60_000));
}

/**
 * `30d`, `3 hours ago`, `an hour ago`, `1h 30m`: a moment that long ago. A day is 24 hours, a month one of the
 * calendar.
 */
function agoOf(text: string, now: Date, zone: string): When | undefined {
  const counted = text.replace(/^an? (?=[a-z]+ ago$)/, '1 ');
  if (!DURATION.test(counted)) return undefined;
  let [seconds, months] = [0, 0];
  for (const [, count, unit = ''] of counted.replace(/ ?ago$/, '').matchAll(/(?<!\d)(\d+(?:\.\d+)?)\s*([a-z]+)/g)) {
    const size = SECONDS.find(([pattern]) => pattern.test(unit))?.[1];
    const length = MONTHS_IN.find(([pattern]) => pattern.test(unit))?.[1];
    if (size === undefined && length === undefined) return undefined;
    if (size !== undefined) seconds += Number(count) * size;
    else months += Number(count) * (length ?? 0);
  }
  if (!Number.isInteger(months) || months > 12 * YEARS.last) return undefined;
  const from = months === 0 ? now : monthsBefore(now, months, zone);
  return moment(new Date(from.getTime() - Math.round(seconds * 1000)));
}

/** The same day and time of an earlier month, or its last day where it is shorter. */
function monthsBefore(now: Date, months: number, zone: string): Date {
  const { year, month, day, ...clock } = calendarAt(now, zone);
  const last = new Date(Date.UTC(year, month - months, 0)).getUTCDate();
  return instantOf({ year, month: month - months, day: Math.min(day, last), ...clock }, zone);
}

/** The words that this program knows for whole days, counted from `now`. */
function wordsOf(text: string, now: Date, zone: string): When | undefined {
  const { year, month, day } = calendarAt(now, zone);
  const shifted = (offset: number, length = 1): When =>
    days({ year, month, day: day + offset }, { year, month, day: day + offset + length }, zone);
  const today = DAYS.get(text);
  if (today !== undefined) return shifted(today);
  const [, which, word = ''] = /^(?:(last|this|next) )?([a-z]+)$/.exec(text) ?? [];
  const shift = SHIFT.get(which ?? '');
  const weekday = WEEKDAYS.findIndex((name) => isNamed(word, name));
  const current = dayOfWeek({ year, month, day });
  const monday = -((current + 6) % 7);
  if (weekday >= 0) {
    // Without a word before it, the last one that has started: what is looked for lies in the past.
    const back = (current - weekday + 7) % 7;
    if (shift === undefined) return shifted(-back);
    if (shift === 0) return shifted(monday + ((weekday + 6) % 7));
    return shifted(shift < 0 ? -(back === 0 ? 7 : back) : 7 - back);
  }
  if (shift !== undefined && word === 'week') return shifted(monday + 7 * shift, 7);
  if (shift !== undefined && word === 'month')
    return days({ year, month: month + shift, day: 1 }, { year, month: month + shift + 1, day: 1 }, zone);
  if (shift !== undefined && word === 'year')
    return days({ year: year + shift, month: 1, day: 1 }, { year: year + shift + 1, month: 1, day: 1 }, zone);
  const [, name = '', of] = /^([a-z]+)(?: (\d{4}))?$/.exec(text) ?? [];
  const number = MONTHS.findIndex((one) => isNamed(name, one)) + 1;
  if (number === 0) return undefined;
  return monthOf(of === undefined ? (number <= month ? year : year - 1) : Number(of), number, zone);
}

function isNamed(word: string, name: string): boolean {
  return word.length >= 3 && (word === name || (word.length <= 4 && name.startsWith(word)));
}

/** Everything else that people write: `3 November 2026`, `yesterday at 9am`. */
async function proseOf(text: string, now: Date, zone: string): Promise<When | undefined> {
  // Large, and only needed where a time is given in words.
  const chrono = await import('chrono-node');
  const ahead = instantOf(calendarAt(now, zone), 'UTC').getTime() - now.getTime();
  const [found] = chrono.parse(text, { instant: now, timezone: Math.round(ahead / 60_000) });
  // A word that merely contains a date is a mistyped reference.
  if (!found || found.text.length !== text.length) return undefined;
  const { start } = found;
  if (start.isCertain('hour') && start.isCertain('timezoneOffset')) return moment(found.date());
  const part = (name: 'year' | 'month' | 'day' | 'hour' | 'minute' | 'second'): number => start.get(name) ?? 0;
  const date = { year: part('year'), month: part('month'), day: part('day') };
  const clock = { hour: part('hour'), minute: part('minute'), second: part('second') };
  const exact = start.isCertain('hour');
  const inFuture = instantOf({ ...date, ...(exact ? clock : {}) }, zone) > now;
  if (inFuture && !start.isCertain('year') && !/\bnext\b/.test(text)) {
    // The library takes the nearest of them; what is looked for lies in the past.
    if (start.isCertain('month')) date.year -= 1;
    else if (start.isCertain('weekday')) date.day -= 7;
    // Midnight, to the library, is the next one.
    else date.day = calendarAt(now, zone).day;
  }
  if (exact) return moment(instantOf({ ...date, ...clock }, zone));
  const { year, month, day } = date;
  // Parts of a day ("this morning") name none of these: the day is meant.
  if (start.isCertain('day') || start.isCertain('weekday') || !start.isCertain('year')) {
    return days(date, { year, month, day: day + 1 }, zone);
  }
  if (start.isCertain('month')) return monthOf(year, month, zone);
  return days({ year, month: 1, day: 1 }, { year: year + 1, month: 1, day: 1 }, zone);
}

/**
 * What a person means by a time in words or in ISO 8601: days, weeks, months and years are whole ones of the calendar
 * in `zone`; durations (`3 hours ago`, `30d`) and clock times are moments.
 * @param now what `yesterday` counts from
 * @param zone name of a time zone; a clock time without a zone is one of its clock
 * @returns `undefined` for what is not a valid time or date
 */
export async function timeOf(text: string, now: Date, zone = 'UTC'): Promise<When | undefined> {
  const words = text.trim().toLowerCase().replace(/\s+/g, ' ');
  const when = await readWhen(words, now, zone);
  // NaN is in no range: a duration may lead out of every calendar.
  const isPossible = ({ from, until }: When): boolean =>
    from.getUTCFullYear() >= YEARS.first && from.getUTCFullYear() <= YEARS.last && !Number.isNaN(until.getTime());
  return when && isPossible(when) ? when : undefined;
}

async function readWhen(words: string, now: Date, zone: string): Promise<When | undefined> {
  if (words === 'now') return moment(now);
  const iso = isoOf(words, zone);
  if (iso !== undefined) return iso ?? undefined;
  return agoOf(words, now, zone) ?? wordsOf(words, now, zone) ?? (await proseOf(words, now, zone));
}
