import { secretsOf } from '../../config/secrets-of.ts';
import { worstExit } from '../../run/failures.ts';
import { scrub } from '../../run/log.ts';
import { reportJson } from '../../run/report.ts';
import { maintain } from '../../run/sync/maintain.ts';
import { syncAccounts } from '../../run/sync/sync.ts';
import { accountNamed } from '../input/accounts.ts';
import { configOf, runDeps } from '../input/run-deps.ts';
import { onManyFiles } from '../input/spare-memory.ts';
import type { GlobalOptions, Io } from '../ui/io.ts';
import { createReporter } from '../ui/progress.ts';
import { styleFor } from '../ui/style.ts';
import { describeSync } from '../ui/sync-view.ts';

export interface SyncFlags {
  readonly account?: string;
  readonly full?: boolean;
  readonly dryRun?: boolean;
  readonly push: boolean;
  readonly allowDeletions?: boolean;
  readonly stateless?: boolean;
  readonly json?: boolean;
}

/** @returns the exit code. @throws AppError `USAGE` */
export async function runSync(io: Io, globals: GlobalOptions, flags: SyncFlags): Promise<number> {
  const loaded = await configOf(io, globals);
  const config = flags.stateless ? { ...loaded, repository: { ...loaded.repository, stateless: true } } : loaded;
  const accounts = flags.account ? [accountNamed(config, flags.account, '--account')] : config.accounts;
  const progress = await createReporter(io, globals, config);
  const deps = runDeps(io, { config, report: progress.report, onManyFiles });
  const reports = await syncAccounts(deps, accounts, {
    full: flags.full ?? false,
    dryRun: flags.dryRun ?? false,
    push: flags.push,
    allowDeletions: flags.allowDeletions ?? false,
  });
  progress.stop();
  const text = flags.json
    ? `${JSON.stringify({ version: 1, accounts: reports.map(reportJson) }, null, 2)}\n`
    : reports.map((report) => describeSync(report, styleFor(io, globals))).join('');
  // A server that repeats the token in an error message must not get it printed.
  io.out(scrub(text, secretsOf(config)));
  await maintain(deps, reports);
  return worstExit(reports);
}
