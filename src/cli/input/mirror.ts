import { resolve } from 'node:path';
import { plainRepository } from '../../config/plain.ts';
import type { RepositoryConfig } from '../../config/schema.ts';
import { AppError } from '../../core/errors.ts';
import type { Transliterate } from '../../core/layout.ts';
import { accountFolders } from '../../mirror/folder.ts';
import { createGit, type Git } from '../../mirror/git.ts';
import { type MirrorState, readState, resolveAt } from '../../mirror/state.ts';
import { NotInState, selectScope } from '../../run/restore/scope.ts';
import { lastWith } from '../../run/restore/state-choice.ts';
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

/**
 * The state at `at`, or of HEAD. For a selector that matches nothing in HEAD, and without `at`, the last state in which
 * it did.
 * @throws AppError `USAGE`
 */
export async function stateOf(
  { git, account }: Pick<ReadOnlyMirror, 'git' | 'account'>,
  at: string | undefined,
  now: Date,
  {
    selector,
    option,
  }: {
    readonly selector?: { readonly text: string; readonly transliterate: Transliterate };
    /** The option that `at` comes from, by default `--at`. */
    readonly option?: string;
  } = {},
): Promise<MirrorState> {
  const state = await readState(git, account, await resolveAt(git, at ?? 'HEAD', now, option));
  if (at !== undefined || !selector) return state;
  const { text, transliterate } = selector;
  try {
    await selectScope(state, [text], { withDependencies: false, transliterate });
    return state;
  } catch (error) {
    if (!(error instanceof NotInState)) throw error;
    const earlier = await lastWith(git, account, text, { transliterate, now: () => now });
    if (!earlier) throw error;
    return readState(git, account, earlier);
  }
}
