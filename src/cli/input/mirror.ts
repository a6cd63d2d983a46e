import { resolve } from 'node:path';
import { plainRepository } from '../../config/plain.ts';
import type { RepositoryConfig } from '../../config/schema.ts';
import { AppError } from '../../core/errors.ts';
import { accountFolders } from '../../mirror/folder.ts';
import { createGit, type Git } from '../../mirror/git.ts';
import { type MirrorState, readState, resolveAt } from '../../mirror/state.ts';
import type { GlobalOptions, Io } from '../ui/io.ts';
import { sourceAccount } from './accounts.ts';
import { configOf } from './run-deps.ts';

/** A mirror that is only read: no lock, no token. */
export interface ReadOnlyMirror {
  readonly git: Git;
  readonly root: string;
  readonly account: string;
  readonly repository: RepositoryConfig;
}

/** The folder that an argument names, or that of the configuration. @throws AppError `USAGE` */
export async function mirrorRoot(io: Io, globals: GlobalOptions, folder: string | undefined): Promise<string> {
  return folder === undefined ? (await configOf(io, globals)).repository.path : resolve(io.cwd, folder);
}

/** The account of that name in a mirror, or its only one. @throws AppError `USAGE` */
export function onlyAccount(root: string, account: string | undefined): string {
  const folders = accountFolders(root, account);
  const [only, ...more] = folders;
  if (only !== undefined && more.length === 0) return only;
  throw new AppError('USAGE', `${root} holds several accounts`, {
    hint: `Name one with --account: ${folders.join(', ')}`,
  });
}

/** The mirror of `--mirror`, or of the configuration, and the account in it. @throws AppError `USAGE` */
export async function openMirror(
  io: Io,
  globals: GlobalOptions,
  what: readonly string[],
  options: { readonly mirror?: string; readonly account?: string },
): Promise<ReadOnlyMirror> {
  const opened = (repository: RepositoryConfig, account: string): ReadOnlyMirror => ({
    root: repository.path,
    account,
    repository,
    git: createGit({ cwd: repository.path, config: repository, env: io.env, signal: io.signal }),
  });
  if (options.mirror !== undefined) {
    const root = resolve(io.cwd, options.mirror);
    return opened(plainRepository(root), onlyAccount(root, options.account));
  }
  const config = await configOf(io, globals);
  const account = sourceAccount(config, what, options.account);
  accountFolders(config.repository.path, undefined);
  return opened(config.repository, account);
}

/** The state at `at`, or of HEAD; `option` is the one that `at` comes from. @throws AppError `USAGE` */
export async function stateOf(
  { git, account }: Pick<ReadOnlyMirror, 'git' | 'account'>,
  at: string | undefined,
  now: Date,
  option = '--at',
): Promise<MirrorState> {
  return readState(git, account, await resolveAt(git, at ?? 'HEAD', now, option));
}
