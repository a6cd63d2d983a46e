import { AppError } from '../../core/errors.ts';

/**
 * The time that an option names, in whole seconds, as commits tell them.
 * @param edge what a day, month or year alone means: its start or its end, in UTC
 * @throws AppError `USAGE` for what is no time
 */
export async function readTime(
  option: string,
  text: string | undefined,
  edge: 'start' | 'end',
  now: Date,
): Promise<Date | undefined> {
  if (text === undefined) return undefined;
  const { timeOf } = await import('../../core/times.ts');
  const found = await timeOf(text, now, edge);
  if (found) return new Date(Math.floor(found.getTime() / 1000) * 1000);
  throw new AppError('USAGE', `${option}: ${text} is no time, or no day of the calendar`, {
    hint: 'Times look like 2026-11-23, 2026-11-23T18:00Z, yesterday, 3 days ago',
  });
}
