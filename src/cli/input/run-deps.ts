import { fileHere, loadConfig, unusedVariables } from '../../config/load.ts';
import { plainRepository } from '../../config/plain.ts';
import type { Config } from '../../config/schema.ts';
import { AppError } from '../../core/errors.ts';
import { createGit } from '../../git/git.ts';
import { hasHeldMirror, repositoryAbove } from '../../mirror/folder.ts';
import type { SyncDeps } from '../../run/sync/sync-deps.ts';
import { USER_AGENT } from '../../version.ts';
import type { GlobalOptions, Io } from '../ui/io.ts';
import { anyAscii } from './transliterate.ts';

/** How long a command waits for another process that works on the clone. */
const LOCK_WAIT_MS = 60_000;

/** Commands that read the configuration, by what they were given, and whether the file beside them was left aside. */
const READERS = new WeakMap<Io, boolean>();

/** Variables that have no effect, for a command that failed: one of them may be why. */
export function unusedOnFailure(io: Io, config: string | undefined): string {
  const withoutHere = READERS.get(io);
  if (withoutHere === undefined) return '';
  const { file, names } = unusedVariables({ file: config, env: io.env, cwd: io.cwd, withoutHere });
  return names.length === 0 ? '' : `${file} is in effect; without effect beside it: ${names.join(', ')}\n`;
}

/**
 * Whether the file of the working directory is in a mirror: anyone who pushes there could have written it, and have
 * tokens of the environment and files of this machine sent anywhere. Reports it once.
 */
async function leavesAside(io: Io, file: string): Promise<boolean> {
  const known = READERS.get(io);
  const root = known === undefined ? repositoryAbove(io.cwd) : undefined;
  if (root === undefined) return known ?? false;
  const git = createGit({ cwd: root, config: plainRepository(root), env: io.env, signal: io.signal });
  const aside = await hasHeldMirror(git, root);
  if (aside) {
    io.err(
      `${file} is in a mirror and was not used: anyone who can push there could have written it. ` +
        `To use it: --config ${file}\n`,
    );
  }
  return aside;
}

/**
 * The configuration of `--config`, or of one of the default places. A file in a mirror is used only if it is named.
 * @throws AppError `USAGE`
 */
export async function configOf(
  io: Io,
  globals: GlobalOptions,
  more: { readonly withoutMissing?: boolean } = {},
): Promise<Config> {
  const options = { file: globals.config, env: io.env, cwd: io.cwd, ...more };
  const here = fileHere(options);
  const withoutHere = here !== undefined && (await leavesAside(io, here));
  READERS.set(io, withoutHere);
  return loadConfig({ ...options, withoutHere });
}

/**
 * As {@link configOf}, for a command that only reads the mirror: it works where the tokens are not, too.
 * @throws AppError `USAGE`
 */
export async function readingConfigOf(io: Io, globals: GlobalOptions): Promise<Config> {
  try {
    return await configOf(io, globals);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return configOf(io, globals, { withoutMissing: true });
  }
}

/** What a run needs from the outside, for a command. */
export function runDeps(
  io: Pick<Io, 'env' | 'now' | 'signal'>,
  own: Pick<SyncDeps, 'config' | 'report'> & Partial<SyncDeps>,
): SyncDeps {
  return {
    env: io.env,
    now: io.now,
    transliterate: anyAscii,
    userAgent: USER_AGENT,
    lockWaitMs: LOCK_WAIT_MS,
    spareMemory: () => undefined,
    signal: io.signal,
    ...own,
  };
}
