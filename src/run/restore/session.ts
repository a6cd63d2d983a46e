import { setMaxListeners } from 'node:events';
import type { AccountConfig } from '../../config/schema.ts';
import { AppError, EXIT, messageOf } from '../../core/errors.ts';
import type { Journal } from '../../mirror/journal.ts';
import { pushRemote } from '../../mirror/push.ts';
import { ensureBranch, pullRemote } from '../../mirror/remote.ts';
import { openRepository, type Repository } from '../../mirror/repository.ts';
import { knownFailure } from '../failures.ts';
import { ownFolders } from '../sync/sync.ts';
import { type LiveAccount, observe } from './live.ts';
import { findJournal } from './open-journals.ts';
import type { Prepared } from './prepared.ts';
import { plannedReport, type RestoreReport } from './report.ts';
import type { RestoreDeps, RestoreRequest } from './request.ts';
import { applyRestore, prepareRestore } from './restore.ts';

/** A restore between its plan and its end. The clone is locked until `close`. */
export interface RestoreSession {
  readonly prepared: Prepared;
  /** The plan as a report, for those who only want to look. */
  readonly planned: RestoreReport;
  /** Applies the plan. @throws AppError, with the way on where the restore was interrupted */
  readonly apply: () => Promise<RestoreReport>;
  readonly close: () => Promise<void>;
}

/** What can be said of a failure, as an AppError; a fault of the program stays what it is. */
function explained(error: unknown, deps: RestoreDeps, restoreId: string | undefined): unknown {
  const known = deps.signal.aborted
    ? { code: 'ABORTED' as const, message: 'the restore was stopped' }
    : knownFailure(error);
  if (!known || (error instanceof AppError && restoreId === undefined && !deps.signal.aborted)) return error;
  if (error instanceof AppError && (error.code === 'RIGHTS' || error.code === 'USAGE')) return error;
  if (restoreId === undefined) {
    return new AppError(known.code, known.message, {
      hint: deps.signal.aborted
        ? 'Nothing was written to the account'
        : 'Nothing was written to the account; try again',
      cause: error,
    });
  }
  const wayOn = `Restore ${restoreId} is interrupted; what it did is in its journal. Go on with: celigo-mirror restore --resume ${restoreId}`;
  const hint = error instanceof AppError && error.hint ? `${error.hint}. ${wayOn}` : wayOn;
  return new AppError(known.code, known.message, { hint, cause: error });
}

/**
 * Opens the clone, looks at the account and plans.
 * @param resume go on with an interrupted restore: the last one, or the one with this id
 * @throws AppError
 */
export async function openRestore(
  deps: RestoreDeps,
  given: RestoreRequest,
  resume?: { readonly id?: string },
): Promise<RestoreSession> {
  const names = ownFolders(deps.config);
  const { remote } = deps.config.repository;
  const lost = new AbortController();
  const signal = AbortSignal.any([deps.signal, lost.signal]);
  setMaxListeners(0, signal);
  const own: RestoreDeps = { ...deps, signal };
  const notice = (message: string): void => deps.report({ name: 'notice', account: given.target.name, message });
  let repository: Repository | undefined;
  let journal: Journal | undefined;
  let prepared: Prepared;
  try {
    repository = await openRepository({
      config: deps.config.repository,
      folders: ownFolders(deps.config),
      env: deps.env,
      lockWaitMs: deps.lockWaitMs,
      signal,
      onNotice: notice,
      onLost: (error) => lost.abort(new AppError('LOCKED', `the lock on the clone was lost: ${messageOf(error)}`)),
    });
    await ensureBranch(repository);
    journal = findJournal(repository.stateDir, given.target.name, resume);
    const pulled = await pullRemote(repository, remote, names, deps.now());
    if (pulled.state === 'behind') notice(`the remote could not be read: ${pulled.reason}`);
    const request = journal ? resumedRequest(given, journal) : given;
    prepared = await prepareRestore({ deps: own, request, repository, resumed: journal });
  } catch (error) {
    journal?.close();
    await repository?.close().catch(() => undefined);
    throw explained(error, own, journal?.head.id);
  }
  let begun = journal?.head.id;
  const clone = repository;
  return {
    prepared,
    planned: plannedReport(prepared),
    async apply() {
      try {
        const [refusal] = prepared.refusals;
        if (refusal) throw refusal;
        const report = await applyRestore(prepared, (id) => {
          begun = id;
        });
        const pushed = await pushRemote(clone, remote, names, deps.now());
        const waits = pushed.state === 'behind' && report.exitCode === EXIT.done;
        return { ...report, remote: pushed, ...(waits ? { exitCode: EXIT.partial } : {}) };
      } catch (error) {
        throw explained(error, own, begun);
      }
    },
    async close() {
      journal?.close();
      await prepared.client.close();
      await clone.close().catch(() => undefined);
    },
  };
}

/** The request that an interrupted restore was begun with. `--force` may be added to it. */
function resumedRequest(request: RestoreRequest, { head }: Journal): RestoreRequest {
  const { secrets, ...options } = head.options;
  if (secrets && request.secrets.size === 0) {
    throw new AppError('USAGE', `restore ${head.id} was begun with --secrets, which are kept nowhere`, {
      hint: `Hand them in again: celigo-mirror restore --resume ${head.id} --secrets FILE`,
    });
  }
  return {
    ...request,
    ...options,
    force: head.options.force || request.force,
    enableFlows: head.options.enableFlows || request.enableFlows,
    what: head.what,
    from: head.from,
    dryRun: request.dryRun,
  };
}

/**
 * Looks at accounts one after the other, writing nothing, and tells each to `tell`.
 * @throws AppError
 */
export async function lookAt<T>(
  deps: RestoreDeps,
  accounts: readonly AccountConfig[],
  tell: (account: AccountConfig, live: LiveAccount) => Promise<T>,
): Promise<T[]> {
  const signal = AbortSignal.any([deps.signal]);
  setMaxListeners(0, signal);
  let repository: Repository | undefined;
  try {
    repository = await openRepository({
      config: deps.config.repository,
      folders: ownFolders(deps.config),
      env: deps.env,
      lockWaitMs: deps.lockWaitMs,
      signal,
      onNotice: () => undefined,
      onLost: () => undefined,
    });
    await ensureBranch(repository);
    const results: T[] = [];
    for (const account of accounts) {
      results.push(await tell(account, await observe({ ...deps, signal }, account, repository, { dryRun: true })));
    }
    return results;
  } catch (error) {
    throw explained(error, deps, undefined);
  } finally {
    await repository?.close().catch(() => undefined);
  }
}
