import { coverageOf, neededCredentials } from '../../credentials/needed.ts';
import type { Refusal } from '../../emulator/http/server.ts';
import type { Git } from '../../git/git.ts';
import { buildGraph } from '../../graph/account-graph.ts';
import { headCommit, readState } from '../../history/state.ts';
import type { Prepared } from '../restore/prepared.ts';
import type { RestoreDeps, RestoreRequest } from '../restore/request.ts';
import { openRestore } from '../restore/session.ts';
import type { ReadCopy } from './drill-copy.ts';
import { evaluate } from './drill-findings.ts';
import type { DrillReport } from './drill-report.ts';

/** A full restore from the copy of a mirror, and what is to be known to judge it. */
export interface Rehearsal {
  /** The repository with the copy. */
  readonly git: Git;
  readonly copy: ReadCopy;
  readonly deps: RestoreDeps;
  readonly request: Pick<RestoreRequest, 'from' | 'target' | 'secrets' | 'overrides' | 'enableFlows'>;
  /** Go on with the interrupted restore. */
  readonly resume: boolean;
  /** Whether `secrets` has a value for every credential. */
  readonly everyCredential: boolean;
  /** Called before the first write. @throws AppError to refuse */
  readonly check?: (prepared: Prepared) => void;
  /** What the target accepted, though the API may refuse it. */
  readonly refusals: () => readonly Refusal[];
}

/** What a rehearsal found; where it was made, and of which commit, its caller knows. */
export type Rehearsed = Omit<DrillReport, 'account' | 'state' | 'commit' | 'target' | 'durationMs'>;

/**
 * Restores everything into the target, mirrors that again and compares, except for ids and credentials.
 * @throws AppError, ApiError, GitFailure
 */
export async function rehearse(rehearsal: Rehearsal): Promise<Rehearsed> {
  const { git, copy, deps, request, refusals } = rehearsal;
  const session = await openRestore(
    deps,
    {
      ...request,
      what: ['all'],
      dryRun: false,
      prune: false,
      withDependencies: false,
      force: false,
      allowTargetChange: true,
    },
    rehearsal.resume ? {} : undefined,
  );
  try {
    const { prepared } = session;
    rehearsal.check?.(prepared);
    const report = await session.apply();
    const again = await readState(git, request.target.name, await headCommit(git));
    const { documents, faults } = copy;
    const broken = new Map(
      [...faults].map(([path, why]) => [path, { what: `${request.from}/${path}`, title: '', why }] as const),
    );
    const found = await evaluate(prepared, report, again, {
      documents,
      faults: broken,
      refusals: refusals(),
      enabled: request.enableFlows,
      everyCredential: rehearsal.everyCredential,
    });
    return {
      documents: documents.length + broken.size,
      restored: found.restored,
      types: found.types,
      coverage: coverageOf(neededCredentials(buildGraph(documents))),
      warnings: found.warnings,
      explained: found.explained,
      unexplained: found.unexplained,
      requests: report.requests,
      writes: report.writes,
    };
  } finally {
    await session.close();
  }
}
