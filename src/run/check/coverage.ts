import { AppError } from '../../core/errors.ts';
import { coverageOf, neededCredentials } from '../../credentials/needed.ts';
import { coverageText } from '../../credentials/view.ts';
import { type Git, GitFailure } from '../../git/git.ts';
import { buildGraph } from '../../graph/account-graph.ts';
import { documentPaths, headCommit, readDocuments, readState } from '../../history/state.ts';
import type { Finding } from './finding.ts';

/** Says which credentials a full restore of an account would need. Read from the newest commit, without a request. */
export async function examineCoverage(git: Git, account: string): Promise<Finding[]> {
  try {
    const state = await readState(git, account, await headCommit(git));
    const coverage = coverageOf(neededCredentials(buildGraph(await readDocuments(state, documentPaths(state)))));
    const detail = `${account}: a full restore ${coverageText(coverage)}`;
    const found = { area: 'repository', check: 'credentials', detail } as const;
    if (coverage.credentials === 0) return [{ ...found, verdict: 'ok' }];
    return [{ ...found, verdict: 'note', remedy: 'List them with: celigo-mirror secrets list' }];
  } catch (error) {
    // No mirror yet, or one that cannot be read: that is a finding of its own.
    if (!(error instanceof AppError) && !(error instanceof GitFailure)) throw error;
    return [];
  }
}
