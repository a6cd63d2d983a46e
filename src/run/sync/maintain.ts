import { messageOf } from '../../core/errors.ts';
import { createGit } from '../../git/git.ts';
import { tidyUp } from '../../mirror/upkeep.ts';
import type { SyncReport } from '../report.ts';
import type { SyncDeps } from './sync-deps.ts';

/**
 * Tidies the clone up after a run that committed, once its results are out. Other runs may go on meanwhile. A failure
 * is a notice: the run has not failed. Ends early when the signal is given.
 */
export async function maintain(deps: SyncDeps, reports: readonly SyncReport[]): Promise<void> {
  const { config, env, signal, report, now } = deps;
  const { path, maintenance, stateless } = config.repository;
  const [committed] = reports.filter(({ commits }) => commits.length > 0);
  if (maintenance === 'off' || stateless || !committed || signal.aborted) return;
  try {
    await tidyUp(createGit({ cwd: path, config: config.repository, env, signal }), path, now());
  } catch (error) {
    if (signal.aborted) return;
    const message = `the clone could not be tidied up: ${messageOf(error)}`;
    report({ name: 'notice', account: committed.account, message });
  }
}
