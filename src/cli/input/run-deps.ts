import { loadConfig, unusedVariables } from '../../config/load.ts';
import type { Config } from '../../config/schema.ts';
import type { SyncDeps } from '../../run/sync/sync-deps.ts';
import { USER_AGENT } from '../../version.ts';
import type { GlobalOptions, Io } from '../ui/io.ts';
import { anyAscii } from './transliterate.ts';

/** How long a command waits for another process that works on the clone. */
const LOCK_WAIT_MS = 60_000;

/** Commands that read the configuration, by what they were given. */
const READERS = new WeakSet<Io>();

/** Variables that have no effect, for a command that failed: one of them may be why. */
export function unusedOnFailure(io: Io, config: string | undefined): string {
  if (!READERS.has(io)) return '';
  const { file, names } = unusedVariables({ file: config, env: io.env, cwd: io.cwd });
  return names.length === 0 ? '' : `${file} is in effect; without effect beside it: ${names.join(', ')}\n`;
}

/** The configuration of `--config`, or of one of the default places. @throws AppError `USAGE` */
export function configOf(io: Io, globals: GlobalOptions): Promise<Config> {
  READERS.add(io);
  return loadConfig({ file: globals.config, env: io.env, cwd: io.cwd });
}

/** What a run needs from the outside, for a command. */
export function runDeps(io: Io, own: Pick<SyncDeps, 'config' | 'report'> & Partial<SyncDeps>): SyncDeps {
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
