import { GROUPS } from '../../catalogue/index.ts';
import type { AccountConfig, Config } from '../../config/schema.ts';
import { secretsOf } from '../../config/secrets-of.ts';
import { AppError, EXIT } from '../../core/errors.ts';
import { jsonText } from '../../core/unseen.ts';
import { compareAccounts } from '../../run/check/rebind.ts';
import { worstExit } from '../../run/failures.ts';
import { quietReporter, scrub } from '../../run/log.ts';
import { type Reporter, reportJson } from '../../run/report.ts';
import { maintain } from '../../run/sync/maintain.ts';
import { syncAccounts } from '../../run/sync/sync.ts';
import { USER_AGENT } from '../../version.ts';
import { accountNamed, mirroredAccounts } from '../input/accounts.ts';
import { configuredPlace } from '../input/mirror.ts';
import { configOf, runDeps, unusedOnFailure } from '../input/run-deps.ts';
import { spareMemory } from '../input/spare-memory.ts';
import type { GlobalOptions, Io } from '../ui/io.ts';
import { createReporter } from '../ui/progress.ts';
import { styleFor, table } from '../ui/style.ts';
import { describeSync } from '../ui/sync-view.ts';
import type { MetricsFile } from './metrics-file.ts';

export interface SyncFlags {
  readonly account?: string;
  readonly full?: boolean;
  readonly dryRun?: boolean;
  readonly push: boolean;
  readonly allowDeletions?: boolean;
  readonly stateless?: boolean;
  readonly rebind?: boolean;
  readonly metricsFile?: string;
  readonly quiet?: boolean;
  readonly json?: boolean;
}

/** @returns the exit code. @throws AppError `USAGE` */
export async function runSync(io: Io, globals: GlobalOptions, flags: SyncFlags): Promise<number> {
  const loaded = await configOf(io, globals);
  const config = flags.stateless ? { ...loaded, repository: { ...loaded.repository, stateless: true } } : loaded;
  const accounts = flags.account ? [accountNamed(config, flags.account, '--account')] : mirroredAccounts(config);
  if (flags.rebind) await checkRebind(io, config, accounts);
  const metrics = await metricsFileOf(io, flags);
  const progress = await createReporter(io, globals, config);
  const shown = flags.quiet ? quietReporter(progress.report) : progress.report;
  const report: Reporter = (event) => {
    metrics?.event(event);
    shown(event);
  };
  const deps = runDeps(io, { config, report, spareMemory });
  const reports = await syncAccounts(deps, accounts, {
    full: flags.full ?? false,
    dryRun: flags.dryRun ?? false,
    push: flags.push,
    allowDeletions: flags.allowDeletions ?? false,
    rebind: flags.rebind ?? false,
    // A clone that is not kept says nothing about the next one.
    measured: metrics !== undefined && !config.repository.stateless,
  });
  progress.stop();
  const text = flags.json
    ? jsonText({ version: 1, accounts: reports.map(reportJson) })
    : reports.map((report) => describeSync(report, styleFor(io, globals))).join('');
  // A server that repeats the token in an error message must not get it printed.
  const says = !flags.quiet || reports.some(({ verdict, notices }) => verdict !== 'unchanged' || notices.length > 0);
  if (says) io.out(scrub(text, secretsOf(config)));
  await maintain(deps, reports);
  const worst = worstExit(reports);
  const code = (await metrics?.synced(reports, mirroredAccounts(config), worst)) ?? worst;
  if (code === EXIT.failed || code === EXIT.refused) io.err(unusedOnFailure(io, globals.config));
  return code;
}

/** @throws AppError `USAGE` for a file that cannot be written, and for a dry run */
async function metricsFileOf(io: Io, { metricsFile, dryRun }: SyncFlags): Promise<MetricsFile | undefined> {
  if (metricsFile === undefined) return undefined;
  if (dryRun)
    throw new AppError('USAGE', '--metrics-file is for runs that write: --dry-run mirrors nothing', {
      hint: 'Leave one of the two out',
    });
  // Loaded late: a tenth of what a run loads otherwise.
  const { openMetricsFile } = await import('./metrics-file.ts');
  return openMetricsFile(io, metricsFile);
}

/**
 * Shows the account of the folder beside that of the token, and asks whether they are the same.
 * @throws AppError `USAGE` for several accounts, or where there is no one to ask; `DECLINED`
 */
async function checkRebind(io: Io, config: Config, accounts: readonly AccountConfig[]): Promise<void> {
  const [account, ...more] = accounts;
  if (!account || more.length > 0)
    throw new AppError('USAGE', '--rebind is for one account', { hint: 'Name it with --account' });
  const { git } = configuredPlace(io, config);
  const both = await compareAccounts(git, account, { env: io.env, userAgent: USER_AGENT, signal: io.signal });
  if (!both) {
    io.err(`${account.name}/ is bound to the user of the token already\n`);
    return;
  }
  const { folder, token } = both;
  const same = [...token.groups].filter((id) => folder.groups.has(id)).length;
  const rows = [
    ['', `folder ${account.name}/`, 'token'],
    ['address', folder.baseUrl, token.baseUrl],
    ['user', folder.userId, token.userId],
    [GROUPS.plural, String(folder.groups.size), `${token.groups.size}, ${same} of them in the folder`],
  ];
  io.err(`${table(rows)}\n`);
  if (!io.ask)
    throw new AppError('USAGE', 'cannot ask whether this is the same account: not a terminal', {
      hint: 'Run the command in a terminal',
    });
  const answer = await io.ask(`Is this the same account? Type "yes" to bind ${account.name}/ to the new user: `);
  if (answer.trim().toLowerCase() === 'yes') return;
  throw new AppError('DECLINED', `the answer was not "yes". ${account.name}/ is still bound to ${folder.userId}`, {
    hint: 'If it is the same account, run the command again and type yes; if not, give it a folder of its own',
  });
}
