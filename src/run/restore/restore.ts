import type { AppError } from '../../core/errors.ts';
import { type Applied, applySteps } from './apply.ts';
import { applyContext, startJournal } from './begin.ts';
import { checkPlan, checkRequest } from './checks.ts';
import { type Chosen, chooseState } from './choose-state.ts';
import { earlierWrites } from './earlier.ts';
import { type Switched, switchOn } from './enable.ts';
import { type Fetched, fetchTarget, observeTarget, openClient } from './fetch-target.ts';
import type { Journal } from './journal.ts';
import type { LiveAccount } from './live.ts';
import { findLostUpdates, type LostUpdates } from './lost-updates.ts';
import { makePlan, type Planned } from './make-plan.ts';
import { type Matched, matchResources } from './match.ts';
import { mirrorResult } from './mirror-result.ts';
import { noteMade } from './note-made.ts';
import type { Prepared } from './prepared.ts';
import { preserveLostUpdates } from './preserve-lost-updates.ts';
import { type Compared, compareResult } from './read-back.ts';
import { finalReport, type RestoreReport } from './report.ts';
import type { RestoreContext } from './request.ts';
import type { ApplyContext, UnknownOutcome } from './write-log.ts';

/**
 * The stages before the first write: choose state, fetch live, match, plan, check. With `dryRun` nothing is written
 * anywhere; otherwise the target is mirrored first, so that the restore itself can be undone.
 * @throws AppError, ApiError, GitFailure; nothing was written to the account then
 */
export async function prepareRestore(context: RestoreContext): Promise<Prepared> {
  const choosing: Promise<Chosen> = chooseState(context).then((chosen) => {
    checkRequest(context, chosen);
    return chosen;
  });
  const stop = new AbortController();
  const observing = observeTarget(context, choosing, stop.signal);
  observing.catch(() => undefined);
  const client = openClient(context);
  try {
    const chosen = await choosing;
    const fetched: Fetched = await fetchTarget(context, chosen, client, await observing);
    const matched: Matched = await matchResources(context, chosen, fetched);
    const planned: Planned = await makePlan(context, chosen, fetched, matched);
    const refusals: AppError[] = checkPlan(context, fetched, planned);
    return { ...context, ...chosen, ...fetched, ...matched, ...planned, refusals, plannedAtMs: performance.now() };
  } catch (error) {
    stop.abort(error);
    await observing.catch(() => undefined);
    await client.close();
    throw error;
  }
}

/**
 * The stages from the first write to the report: journal, apply, switch on, find lost updates, mirror, compare,
 * report. The mirror's last commit holds what the account is now, with the operator as author.
 * @param onJournal called with the restore's id as soon as it can be resumed
 * @throws AppError, ApiError, GitFailure when it had to stop; the journal stays open then and says how to resume
 */
export async function applyRestore(prepared: Prepared, onJournal: (id: string) => void): Promise<RestoreReport> {
  const { client, plan } = prepared;
  const journal: Journal = await startJournal(prepared);
  onJournal(journal.head.id);
  try {
    const earlier: readonly UnknownOutcome[] = await earlierWrites(prepared);
    const context: ApplyContext = await applyContext(prepared, journal);
    const since = new Date(Math.min(Date.parse(journal.head.startedAt), Date.now()) + client.clockSkewMs());
    const before = client.stats.requests;
    const applyingMs = performance.now();
    const applied: Applied = await applySteps(context, plan.steps);
    const switched: Switched = await switchOn(context, plan.steps, applied.outcomes);
    const writes = client.stats.requests - before;
    const applyMs = Math.round(performance.now() - applyingMs);
    const lost: LostUpdates = await findLostUpdates(prepared, since, applied, earlier);
    journal.append([{ kind: 'applied' }], true);
    const preserved = await preserveLostUpdates(prepared, journal, lost, new Date(Date.now() + client.clockSkewMs()));
    const mirrored: LiveAccount = await mirrorResult(prepared, journal, applied);
    const compared: Compared = await compareResult(prepared, applied, switched, mirrored);
    noteMade(prepared, compared, mirrored);
    const report = finalReport(prepared, {
      journal,
      applied,
      switched,
      lost,
      preserved,
      mirrored,
      compared,
      writes,
      applyMs,
    });
    journal.append([{ kind: 'end', exitCode: report.exitCode }], true);
    return report;
  } finally {
    journal.close();
  }
}
