import { AppError } from '../core/errors.ts';

/**
 * The time that an option names, in whole seconds, as commits tell them.
 * @param edge what a day alone means: its start or its end, in UTC
 * @throws AppError `USAGE` for what is no time
 */
export async function readTime(
  option: string,
  text: string | undefined,
  edge: 'start' | 'end',
  now: Date,
): Promise<Date | undefined> {
  if (text === undefined) return undefined;
  const { timeOf } = await import('../mirror/state.ts');
  const exact = edge === 'start' && /^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T00:00:00Z` : text;
  const found = await timeOf(exact, now);
  if (found) return new Date(Math.floor(found.getTime() / 1000) * 1000);
  throw new AppError('USAGE', `${option}: ${text} is no time`, {
    hint: 'Times look like 2026-11-23, 2026-11-23T18:00Z, yesterday, 3 days ago',
  });
}
