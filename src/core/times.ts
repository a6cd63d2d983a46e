/**
 * Which moment of a named day, week, month or year is meant: its first, its last, or, for `--at`, the last of a date
 * but this very time of day where the words count from now (`yesterday`, `3 days ago`).
 */
export type Edge = 'start' | 'end' | 'at';

/** A span of time, in milliseconds since 1970: from its first moment up to, but without, `until`. */
interface Span {
  readonly from: number;
  readonly until: number;
}

const DAY = 86_400_000;
const ISO_DATE = /^(\d{4})-(\d{1,2})-(\d{1,2})(?!\d)/;
const ISO_TIME = /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)\s*(?:(Z)|([+-]\d{2}):?(\d{2}))?$/i;
const WEEK = /^(last|this|next)\s+week$/i;
const WEEKS = new Map([
  ['last', -1],
  ['this', 0],
  ['next', 1],
]);

function momentOf({ from, until }: Span, edge: Edge): Date {
  // Commits and the audit log have times in full seconds.
  return new Date(edge === 'start' ? from : until - 1_000);
}

function dayOf(year: number, month: number, day: number): Span | undefined {
  const from = Date.UTC(year, month - 1, day);
  // The calendar of JavaScript continues into March where February ends.
  if (new Date(from).getUTCMonth() !== month - 1) return undefined;
  return { from, until: from + DAY };
}

/** The week `offset` weeks from now, from Monday on. */
function weekOf(now: Date, offset: number): Span {
  const today = Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate());
  const from = today - ((now.getUTCDay() + 6) % 7) * DAY + offset * 7 * DAY;
  return { from, until: from + 7 * DAY };
}

/**
 * A point in time in words or in ISO 8601. Without a zone, and for what a day is, UTC counts.
 * @param now what `yesterday` counts from
 * @returns `undefined` for what is not a valid time or date
 */
export async function timeOf(text: string, now: Date, edge: Edge): Promise<Date | undefined> {
  const words = text.trim();
  const date = ISO_DATE.exec(words);
  if (date) {
    const day = dayOf(Number(date[1]), Number(date[2]), Number(date[3]));
    if (!day) return undefined;
    if (date[0] === words) return momentOf(day, edge);
    const exact = ISO_TIME.exec(words);
    if (exact) {
      const zone = exact[4] === undefined ? 'Z' : `${exact[4]}:${exact[5]}`;
      const time = new Date(`${exact[1]}T${exact[2]}${zone}`);
      return Number.isNaN(time.getTime()) ? undefined : time;
    }
  }
  const week = WEEK.exec(words);
  if (week) return momentOf(weekOf(now, WEEKS.get((week[1] ?? '').toLowerCase()) ?? 0), edge);
  // Large, and only needed where a time is given in words.
  const chrono = await import('chrono-node');
  const [found] = chrono.parse(words, { instant: now, timezone: 0 });
  // A word that merely contains a date is a mistyped reference.
  if (!found || found.text.length !== words.length) return undefined;
  const { start, end } = found;
  if (start.isCertain('hour')) return found.date();
  const fromNow = [...found.tags()].some((tag) => /^(?:result\/relativeDate|casualReference\/)/.test(tag));
  if (edge === 'at' && fromNow) return found.date();
  const named = edge === 'start' ? start : (end ?? start);
  const [year, month, dayOfMonth] = [named.get('year'), named.get('month'), named.get('day')];
  if (year === null || month === null || dayOfMonth === null) return undefined;
  if (named.isCertain('day') || named.isCertain('weekday')) {
    const day = dayOf(year, month, dayOfMonth);
    return day && momentOf(day, edge);
  }
  if (named.isCertain('month')) {
    return momentOf({ from: Date.UTC(year, month - 1, 1), until: Date.UTC(year, month, 1) }, edge);
  }
  // Parts of a day ("this morning") name none of these: the day is meant.
  if (!named.isCertain('year')) {
    const day = dayOf(year, month, dayOfMonth);
    return day && momentOf(day, edge);
  }
  return momentOf({ from: Date.UTC(year, 0, 1), until: Date.UTC(year + 1, 0, 1) }, edge);
}
