import { AppError } from '../../core/errors.ts';
import { timeOf } from '../../core/times.ts';

/**
 * The time that an option names, in whole seconds, as commits have them.
 * @param edge what a day, month or year alone means: its start or its end, in UTC
 * @throws AppError `USAGE` for anything that is not a time
 */
export async function readTime(
  option: string,
  text: string | undefined,
  edge: 'start' | 'end',
  now: Date,
): Promise<Date | undefined> {
  if (text === undefined) return undefined;
  const found = await timeOf(text, now, edge);
  if (found) return new Date(Math.floor(found.getTime() / 1000) * 1000);
  throw new AppError('USAGE', `${option}: "${text}" is not a valid time or date`, {
    hint: 'Use a time such as 2026-11-23, 2026-11-23T18:00Z, yesterday, "3 days ago"',
  });
}
