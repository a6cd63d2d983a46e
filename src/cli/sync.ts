import type { Command } from 'commander';
import { AppError } from '../core/errors.ts';
import { reportJson, type SyncReport } from '../run/report.ts';
import type { GlobalOptions, Io } from './ui/io.ts';
import { onManyFiles } from './ui/spare-memory.ts';
import { printable, type Style, styleFor, table } from './ui/style.ts';

interface SyncFlags {
  readonly account?: string;
  readonly full?: boolean;
  readonly dryRun?: boolean;
  readonly push: boolean;
  readonly allowDeletions?: boolean;
  readonly stateless?: boolean;
  readonly json?: boolean;
}

/** Changes listed one by one before the summary turns to counts. */
const MOST_SHOWN = 40;

export function registerSync(program: Command, io: Io, finish: (code: number) => void): void {
  program
    .command('sync')
    .summary('mirror the accounts into the repository, once')
    .description('Lists every collection, writes what differs, commits it with its author and pushes.')
    .option('--account <name>', 'this account only')
    .option('--full', 'fetch everything again, also what did not change')
    .option('--dry-run', 'show what would be committed; touch nothing')
    .option('--no-push', 'commit, but do not push')
    .option('--allow-deletions', 'consent to more deletions than the guards allow')
    .option('--stateless', 'the clone is not kept: fetch only the newest commit, fail when the push fails')
    .option('--json', 'print the result as one JSON document')
    .addHelpText(
      'after',
      `
Examples:
  celigo-mirror sync                          all accounts of the configuration
  celigo-mirror sync --account production     one of them
  celigo-mirror sync --dry-run                what would be committed?
  celigo-mirror sync --stateless              in CI or a CronJob: the remote is the only state
  celigo-mirror sync --json | jq .accounts[].commits

Exit codes: 0 done, 1 failed (nothing committed), 3 a type could not be read whole (the rest is committed) or
the push has to wait, 4 refused by a guard, 64 wrong usage or configuration.`,
    )
    .action(async (flags: SyncFlags, command: Command) => {
      const globals = command.optsWithGlobals<GlobalOptions & SyncFlags>();
      finish(await runSync(io, globals, flags));
    });
}

async function runSync(io: Io, globals: GlobalOptions, flags: SyncFlags): Promise<number> {
  const { loadConfig } = await import('../config/load.ts');
  const loaded = await loadConfig({ file: globals.config, env: io.env, cwd: io.cwd });
  const config = flags.stateless ? { ...loaded, repository: { ...loaded.repository, stateless: true } } : loaded;
  const accounts = flags.account ? config.accounts.filter(({ name }) => name === flags.account) : config.accounts;
  if (accounts.length === 0) {
    throw new AppError('USAGE', `no account is called ${flags.account}`, {
      hint: `Accounts of ${config.source}: ${config.accounts.map(({ name }) => name).join(', ')}`,
    });
  }
  const [{ syncAccounts }, { worstExit }, { createReporter }, { secretsOf }, { anyAscii }, { USER_AGENT }, { scrub }] =
    await Promise.all([
      import('../run/sync/sync.ts'),
      import('../run/failures.ts'),
      import('./ui/progress.ts'),
      import('../config/secrets-of.ts'),
      import('./ui/transliterate.ts'),
      import('../version.ts'),
      import('../run/log.ts'),
    ]);
  const progress = await createReporter(io, globals, config);
  const reports = await syncAccounts(
    {
      config,
      env: io.env,
      now: io.now,
      report: progress.report,
      transliterate: anyAscii,
      userAgent: USER_AGENT,
      lockWaitMs: 60_000,
      onManyFiles,
      signal: io.signal,
    },
    accounts,
    {
      full: flags.full ?? false,
      dryRun: flags.dryRun ?? false,
      push: flags.push,
      allowDeletions: flags.allowDeletions ?? false,
    },
  );
  progress.stop();
  const text = flags.json
    ? `${JSON.stringify({ version: 1, accounts: reports.map(reportJson) }, null, 2)}\n`
    : reports.map((report) => describe(report, styleFor(io, globals))).join('');
  // A server that repeats the token in an error message must not get it printed.
  io.out(scrub(text, secretsOf(config)));
  return worstExit(reports);
}

const SIGN = { added: '+', changed: '~', renamed: '>', deleted: '-' } as const;

function paintSign(what: string, style: Style): (text: string) => string {
  if (what === 'added') return style.green;
  if (what === 'deleted') return style.red;
  return style.yellow;
}

/** The result of one account for a person. */
export function describe(report: SyncReport, style: Style): string {
  const lines: string[] = [];
  const head = style.bold(report.account);
  if (report.error) {
    lines.push(`${head}: ${style.red(report.verdict)}`, `  ${report.error.message}`);
    if (report.error.hint) lines.push(`  ${style.cyan('→')} ${report.error.hint}`);
    return `${lines.join('\n')}\n`;
  }
  const listed = report.types.reduce((sum, { listed }) => sum + listed, 0);
  const seconds = (report.durationMs / 1000).toFixed(1);
  const verdict =
    report.changes.length === 0
      ? 'no changes'
      : `${report.changes.length} ${report.changes.length === 1 ? 'change' : 'changes'}${report.dryRun ? ' (dry run, nothing written)' : ''}`;
  lines.push(`${head}: ${verdict} ${style.dim(`(${listed} resources, ${report.requests} requests, ${seconds} s)`)}`);
  const shown = report.changes.slice(0, MOST_SHOWN);
  if (shown.length > 0) {
    const rows = shown.map(({ kind, path, title }) => [
      `  ${SIGN[kind]}`,
      `${report.account}/${path}`,
      printable(title),
    ]);
    lines.push(
      table(rows, (cell, column, row) => (column === 0 ? paintSign(shown[row]?.kind ?? '', style)(cell) : cell)),
    );
  }
  if (report.changes.length > shown.length) {
    lines.push(`    … and ${report.changes.length - shown.length} more`);
  }
  for (const commit of report.commits) {
    lines.push(
      `  ${style.yellow(commit.id.slice(0, 10))} ${printable(commit.subject)} ${style.dim(`by ${printable(commit.author)}`)}`,
    );
  }
  for (const type of report.types) {
    if (type.state === 'complete') continue;
    const word = type.state === 'incomplete' ? style.red('incomplete') : style.dim('unavailable');
    lines.push(`  ${type.type}: ${word}: ${printable(type.reason ?? '')}`);
  }
  if (report.incomplete.length > 0) lines.push(`  ${style.red('→')} files of incomplete types were kept as they are`);
  if (report.remote.state === 'behind') {
    lines.push(
      `  ${style.red('not pushed')}: ${printable(report.remote.reason ?? '')}; the commits are kept and pushed next time`,
    );
  }
  for (const notice of report.notices) lines.push(`  ${style.dim('note:')} ${printable(notice)}`);
  return `${lines.join('\n')}\n`;
}
