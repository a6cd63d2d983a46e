import type { Config } from '../../config/schema.ts';
import { AppError, messageOf } from '../../core/errors.ts';
import { ensureBranch, pullRemote, type RemoteState } from '../../mirror/remote.ts';
import { openRepository, type Repository } from '../../mirror/repository.ts';
import { anyOf } from '../signals.ts';
import { ownFolders } from '../sync/sync.ts';

/** What work on the clone needs from the outside. */
export interface CloneDeps {
  readonly config: Config;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly now: () => Date;
  readonly signal: AbortSignal;
  /** How long to wait for another process that works on the clone, in milliseconds. */
  readonly lockWaitMs: number;
  readonly notice: (message: string) => void;
}

/**
 * Works on the clone of the configuration, on its branch and with its lock, as the remote has it.
 * @param pulling whether to read the remote first @throws AppError, GitFailure
 */
export async function withClone<T>(
  deps: CloneDeps,
  pulling: boolean,
  work: (repository: Repository, pulled: RemoteState) => Promise<T>,
): Promise<T> {
  const { config, env, now, lockWaitMs, notice } = deps;
  const folders = ownFolders(config);
  const lost = new AbortController();
  const repository = await openRepository({
    config: config.repository,
    folders,
    env,
    lockWaitMs,
    signal: anyOf(deps.signal, lost.signal),
    onNotice: notice,
    onLost: (error) => lost.abort(new AppError('LOCKED', `the lock on the clone was lost: ${messageOf(error)}`)),
  });
  try {
    await ensureBranch(repository);
    const { remote } = config.repository;
    return await work(repository, await pullRemote(repository, pulling ? remote : undefined, folders, now()));
  } finally {
    await repository.close().catch(() => undefined);
  }
}
