import type { AccountConfig, Config } from '../../config/schema.ts';
import { AppError } from '../../core/errors.ts';
import { accountInSelectors } from '../../core/selectors.ts';
import type { Io } from '../ui/io.ts';
import { wordInside } from './words.ts';

function namesOf(config: Config): string {
  return config.accounts.map(({ name }) => name).join(', ');
}

/** Selectors as they are meant in the configured mirror. */
export function wordsFor(io: Io, { repository, accounts }: Config, words: readonly string[]): string[] {
  const names = accounts.map(({ name }) => name);
  return words.map((word) => wordInside(word, io.cwd, repository.path, names));
}

/**
 * The accounts that are mirrored when none is named: those for drills hold nothing but what a drill makes.
 * @throws AppError `USAGE` where there is no other
 */
export function mirroredAccounts({ accounts, source }: Config): AccountConfig[] {
  const mirrored = accounts.filter(({ drill }) => !drill);
  if (mirrored.length > 0) return mirrored;
  throw new AppError('USAGE', `every account in ${source} is for drills (drill: true), so there is none to mirror`, {
    hint: 'Add the account to be mirrored, or name one with --account',
  });
}

/** The account that an option or a file names. @throws AppError `USAGE` */
export function accountNamed(config: Config, name: string, option: string): AccountConfig {
  const found = config.accounts.find((account) => account.name === name);
  if (found) return found;
  throw new AppError('USAGE', `${option}: no account is called ${name}`, {
    hint: `Accounts in ${config.source}: ${namesOf(config)}`,
  });
}

/**
 * The account whose mirror is meant: the one of `--account`, the one a path in `what` names, or the only one.
 * @param to the account that is written to; it is not the one meant where another is left
 * @throws AppError `USAGE` where several are left
 */
export function sourceAccount(
  config: Config,
  what: readonly string[],
  account: string | undefined,
  to?: string | undefined,
): string {
  if (account !== undefined) return account;
  const names = config.accounts.map(({ name }) => name);
  const named = accountInSelectors(what, names);
  if (named !== undefined) return named;
  const [only, ...more] = to === undefined || names.length === 1 ? names : names.filter((name) => name !== to);
  if (only !== undefined && more.length === 0) return only;
  throw new AppError('USAGE', 'several accounts are configured', {
    hint: `Name one with --account: ${namesOf(config)}`,
  });
}
