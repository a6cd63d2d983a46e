import { type Applied, applySteps } from './apply.ts';
import { applyContext, startJournal } from './begin.ts';
import { earlierWrites } from './earlier.ts';
import { type Switched, switchOn } from './enable.ts';
import type { Journal } from './journal.ts';
import type { LiveAccount } from './live.ts';
import { findLostUpdates, type LostUpdates } from './lost-updates.ts';
import { mirrorResult } from './mirror-result.ts';
import { noteMade } from './note-made.ts';
import type { Prepared } from './prepared.ts';
import { preserveLostUpdates } from './preserve-lost-updates.ts';
import { type Compared, compareResult } from './read-back.ts';
import { finalReport, type RestoreReport } from './report.ts';
import type { ApplyContext, UnknownOutcome } from './write-log.ts';

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
