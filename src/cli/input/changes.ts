import type { ChangeQuery } from '../../audit/choose.ts';
import type { Io } from '../ui/io.ts';
import { type PeriodFlags, readPeriod } from './time-option.ts';

/** Options that choose changes of the history; together with words, in every command that looks for changes. */
export interface ChangeFlags extends PeriodFlags {
  readonly by?: string;
  readonly run?: string;
}

/**
 * The changes that words and options choose. Reports which moments words of time mean.
 * @param end when the period ends, unless an option names another time
 * @throws AppError `USAGE`
 */
export async function readChanges(
  io: Io,
  words: readonly string[],
  flags: ChangeFlags,
  end?: Date,
): Promise<ChangeQuery> {
  return { words, ...(await readPeriod(io, flags, end)), by: flags.by, run: flags.run };
}
