import { resolve } from 'node:path';
import { plainRepository } from '../../config/plain.ts';
import type { Config, RepositoryConfig } from '../../config/schema.ts';
import { AppError } from '../../core/errors.ts';
import type { Transliterate } from '../../core/layout.ts';
import { accountFolders } from '../../mirror/folder.ts';
import { createGit, type Git } from '../../mirror/git.ts';
import type { MirrorState } from '../../mirror/state.ts';
import { sourceAccount } from '../restore.ts';
import type { GlobalOptions, Io } from './io.ts';

/** A mirror that is only read: no lock, no token. */
export interface ReadOnlyMirror {
  readonly git: Git;
  readonly root: string;
  readonly account: string;
  readonly repository: RepositoryConfig;
}

/** The mirror of `--mirror`, or of the configuration; in it the account that is meant. @throws AppError `USAGE` */
export async function openMirror(
  io: Io,
  globals: GlobalOptions,
  what: readonly string[],
  options: { readonly mirror?: string; readonly account?: string },
): Promise<ReadOnlyMirror> {
  let root: string;
  let account: string;
  let config: Pick<Config, 'repository'>;
  if (options.mirror === undefined) {
    const { loadConfig } = await import('../../config/load.ts');
    const loaded = await loadConfig({ file: globals.config, env: io.env, cwd: io.cwd });
    config = loaded;
    root = loaded.repository.path;
    account = sourceAccount(loaded, what, options.account, undefined);
  } else {
    root = resolve(io.cwd, options.mirror);
    const folders = accountFolders(root, options.account);
    const [only] = folders;
    if (folders.length !== 1 || !only) {
      throw new AppError('USAGE', `${root} holds several accounts`, {
        hint: `Name one with --account: ${folders.join(', ')}`,
      });
    }
    account = only;
    config = {
      repository: plainRepository(root),
    };
  }
  accountFolders(root, undefined);
  return {
    root,
    account,
    repository: config.repository,
    git: createGit({ cwd: root, config: config.repository, env: io.env, signal: io.signal }),
  };
}

/**
 * The state at `at`, or of HEAD. For something that HEAD no longer holds and without `at`, the last state that did.
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
    /** That `at` was given with, by default `--at`. */
    readonly option?: string;
  } = {},
): Promise<MirrorState> {
  const [{ readState, resolveAt }, { selectScope, NotInState }, { lastWith }] = await Promise.all([
    import('../../mirror/state.ts'),
    import('../../run/restore/scope.ts'),
    import('../../run/restore/state-choice.ts'),
  ]);
  const state = await readState(git, account, await resolveAt(git, at ?? 'HEAD', now, option));
  if (at !== undefined || !selector) return state;
  try {
    await selectScope(state, [selector.text], {
      withDependencies: false,
      transliterate: selector.transliterate,
    });
    return state;
  } catch (error) {
    if (!(error instanceof NotInState)) throw error;
    const earlier = await lastWith(git, account, selector.text, {
      transliterate: selector.transliterate,
      now: () => now,
    });
    if (!earlier) throw error;
    return readState(git, account, earlier);
  }
}
