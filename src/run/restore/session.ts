import type { AccountConfig } from '../../config/schema.ts';
import { AppError, EXIT, messageOf } from '../../core/errors.ts';
import { lastChange, type NamedCommit } from '../../history/state.ts';
import { pushRemote } from '../../mirror/push.ts';
import { ensureBranch, pullRemote } from '../../mirror/remote.ts';
import { openRepository, type Repository } from '../../mirror/repository.ts';
import { knownFailure } from '../failures.ts';
import { anyOf } from '../signals.ts';
import { ownFolders } from '../sync/sync.ts';
import type { Journal } from './journal.ts';
import { type LiveAccount, observe } from './live.ts';
import { findJournal } from './open-journals.ts';
import type { Prepared } from './prepared.ts';
import { plannedReport, type RestoreReport } from './report.ts';
import type { RestoreDeps, RestoreRequest } from './request.ts';
import { prepareRestore } from './restore.ts';

/** A restore between its plan and its end. The clone is locked until `close`. */
export interface RestoreSession {
  readonly prepared: Prepared;
  /** The plan as a report, for a preview. */
  readonly planned: RestoreReport;
  /** The last change of the account that is restored. @throws GitFailure */
  readonly lastChange: () => Promise<NamedCommit | undefined>;
  /** Applies the plan. @throws AppError, which says how to resume where the restore was interrupted */
  readonly apply: () => Promise<RestoreReport>;
  readonly close: () => Promise<void>;
}

/** A restore that has written something. */
interface Interrupted {
  readonly id: string;
  readonly allowTargetChange: boolean;
}

function resumeWith(id: string, resumedBy: string | undefined): string {
  return resumedBy ?? `celigo-mirror restore --resume ${id}`;
}

/**
 * A failure as an AppError that says what to do next; a fault of the program stays as it is.
 * @param interrupted the restore that was interrupted; `undefined` before the first write
 */
function explained(error: unknown, { signal, resumedBy }: RestoreDeps, interrupted: Interrupted | undefined): unknown {
  const { aborted } = signal;
  const known = aborted ? { code: 'ABORTED' as const, message: 'the restore was stopped' } : knownFailure(error);
  if (!known || (error instanceof AppError && !interrupted && !aborted)) return error;
  if (error instanceof AppError && (error.code === 'RIGHTS' || error.code === 'USAGE')) return error;
  if (!interrupted) {
    const hint = `Nothing was written to the account${aborted ? '' : '; try again'}`;
    return new AppError(known.code, known.message, { hint, cause: error });
  }
  const { id, allowTargetChange } = interrupted;
  // A consent that a journal does not give.
  const consent = allowTargetChange ? ' --allow-target-change' : '';
  const remedy =
    `Restore ${id} is interrupted; its journal holds what it did. Resume it with: ` +
    `${resumeWith(id, resumedBy)}${consent}`;
  const hint = error instanceof AppError && error.hint ? `${error.hint}. ${remedy}` : remedy;
  return new AppError(known.code, known.message, { hint, cause: error });
}

/** Opens the clone, with its lock. The signal of the result ends with the lock, too. @throws AppError */
async function openClone(
  deps: RestoreDeps,
  onNotice: (message: string) => void,
): Promise<{ readonly repository: Repository; readonly deps: RestoreDeps }> {
  const lost = new AbortController();
  const signal = anyOf(deps.signal, lost.signal);
  const repository = await openRepository({
    config: deps.config.repository,
    folders: ownFolders(deps.config),
    env: deps.env,
    lockWaitMs: deps.lockWaitMs,
    signal,
    onNotice,
    onLost: (error) => lost.abort(new AppError('LOCKED', `the lock on the clone was lost: ${messageOf(error)}`)),
  });
  return { repository, deps: { ...deps, signal } };
}

/**
 * Opens the clone, fetches the account and plans.
 * @param resume resume an interrupted restore: the last one, or the one with this id
 * @throws AppError
 */
export async function openRestore(
  given: RestoreDeps,
  asked: RestoreRequest,
  resume?: { readonly id?: string },
): Promise<RestoreSession> {
  const folders = ownFolders(given.config);
  const { remote } = given.config.repository;
  const notice = (message: string): void => given.report({ name: 'notice', account: asked.target.name, message });
  const { repository, deps } = await openClone(given, notice).catch((error: unknown) => {
    throw explained(error, given, undefined);
  });
  let resumed: Journal | undefined;
  let prepared: Prepared;
  let changed: ReturnType<RestoreSession['lastChange']> | undefined;
  try {
    await ensureBranch(repository);
    resumed = findJournal(repository.stateDir, asked.target.name, resume);
    const pulled = await pullRemote(repository, remote, folders, deps.now());
    if (pulled.state === 'behind') notice(`the remote could not be read: ${pulled.reason}`);
    const request = resumed ? resumedRequest(asked, resumed, deps.resumedBy) : asked;
    // Found out while the account is read, which commits nothing then.
    changed = request.dryRun ? lastChange(repository.git, request.from, deps.now()) : undefined;
    changed?.catch(() => undefined);
    prepared = await prepareRestore({ deps, request, repository, resumed });
  } catch (error) {
    resumed?.close();
    await repository.close().catch(() => undefined);
    throw explained(error, deps, resumed && { id: resumed.head.id, allowTargetChange: asked.allowTargetChange });
  }
  const { allowTargetChange } = prepared.request;
  let interrupted: Interrupted | undefined = resumed && { id: resumed.head.id, allowTargetChange };
  return {
    prepared,
    planned: plannedReport(prepared),
    lastChange: () => changed ?? lastChange(repository.git, prepared.request.from, deps.now()),
    async apply() {
      try {
        const [refusal] = prepared.refusals;
        if (refusal) throw refusal;
        // A preview does without.
        const { applyRestore } = await import('./carry-out.ts');
        const report = await applyRestore(prepared, (id) => {
          interrupted = { id, allowTargetChange };
        });
        const pushed = await pushRemote(repository, remote, { folders, now: deps.now(), notice });
        const unpushed = pushed.state === 'behind' && report.exitCode === EXIT.done;
        return { ...report, remote: pushed, ...(unpushed ? { exitCode: EXIT.partial } : {}) };
      } catch (error) {
        throw explained(error, deps, interrupted);
      }
    },
    async close() {
      resumed?.close();
      await prepared.client.close();
      await repository.close().catch(() => undefined);
    },
  };
}

/**
 * The request that an interrupted restore was started with. `--force` and `--enable-flows` may be added to it. That
 * credentials may be sent elsewhere is asked again: whoever can write to the clone can write a journal.
 */
function resumedRequest(request: RestoreRequest, { head }: Journal, resumedBy: string | undefined): RestoreRequest {
  const { secrets, prune, withDependencies, enableFlows, force } = head.options;
  if (secrets && request.secrets.size === 0) {
    throw new AppError('USAGE', `restore ${head.id} was started with --secrets, which are not stored`, {
      hint: `Supply them again: ${resumeWith(head.id, resumedBy)} --secrets FILE`,
    });
  }
  return {
    ...request,
    prune,
    withDependencies,
    force: force || request.force,
    enableFlows: enableFlows || request.enableFlows,
    what: head.what,
    ...(head.undo ? { undo: { commits: head.undo } } : {}),
    ...(head.apply ? { apply: head.apply } : {}),
    ...(head.remove ? { remove: head.remove } : {}),
    from: head.from,
    dryRun: request.dryRun,
  };
}

/**
 * Fetches accounts one after the other, writing nothing.
 * @param use what to make of each
 * @throws AppError
 */
export async function fetchAccounts<T>(
  given: RestoreDeps,
  accounts: readonly AccountConfig[],
  use: (account: AccountConfig, live: LiveAccount) => Promise<T>,
): Promise<T[]> {
  let repository: Repository | undefined;
  try {
    const clone = await openClone(given, () => undefined);
    repository = clone.repository;
    await ensureBranch(repository);
    const results: T[] = [];
    for (const account of accounts)
      results.push(await use(account, await observe(clone.deps, account, repository, { dryRun: true })));
    return results;
  } catch (error) {
    throw explained(error, given, undefined);
  } finally {
    await repository?.close().catch(() => undefined);
  }
}
