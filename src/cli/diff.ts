import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import type { Config } from '../config/schema.ts';
import { AppError, EXIT } from '../core/errors.ts';
import { oneLine } from '../core/message.ts';
import type { Difference } from '../run/check/diff.ts';
import { describeChange } from './ui/change-view.ts';
import type { GlobalOptions, Io } from './ui/io.ts';
import { printable, type Style, styleFor } from './ui/style.ts';

interface DiffFlags {
  readonly from?: string;
  readonly to?: string;
  readonly account?: string;
  readonly mirror?: string;
  readonly exitCode?: boolean;
  readonly json?: boolean;
}

/** What was compared, and how it differs. */
interface Compared {
  readonly account: string;
  readonly from: string;
  readonly to: string;
  readonly differences: readonly Difference[];
  readonly incomplete: readonly string[];
}

export function registerDiff(program: Command, io: Io, finish: (code: number) => void): void {
  program
    .command('diff')
    .summary('compare the live account with the mirror, or two states of the mirror')
    .description(
      'Shows field by field what differs: what the account holds and the mirror does not yet, or with --from and --to what changed between two states.',
    )
    .argument('[what...]', 'only these: <type>/<id or name>, integration/<name>, a type, a path in the mirror')
    .option('--from <ref or time>', 'the older state; then nothing is asked of the account')
    .option('--to <ref or time>', 'the newer state (default: the latest)')
    .option('--account <name>', 'this account only')
    .option('--mirror <folder>', 'with --from: a mirror to read without a configuration')
    .option('--exit-code', 'exit with 2 when something differs')
    .option('--json', 'print the result as one JSON document')
    .addHelpText(
      'after',
      `
Examples:
  celigo-mirror diff                                     what changed since the last sync?
  celigo-mirror diff flows --from yesterday              what was done to flows since yesterday?
  celigo-mirror diff --from v1 --to v2 --json
  celigo-mirror diff --exit-code || echo "the account drifted"

Exit codes: 0 done, 2 different (with --exit-code), 1 failed, 3 a type could not be read whole, 64 wrong usage.`,
    )
    .action(async (what: string[], flags: DiffFlags, command: Command) => {
      finish(await runDiff(io, command.optsWithGlobals<GlobalOptions>(), what, flags));
    });
}

async function betweenStates(
  io: Io,
  globals: GlobalOptions,
  what: readonly string[],
  flags: DiffFlags,
): Promise<Compared> {
  const [{ openMirror, stateOf }, { diffStates }, { anyAscii }] = await Promise.all([
    import('./ui/states.ts'),
    import('../run/check/diff.ts'),
    import('./ui/transliterate.ts'),
  ]);
  const mirror = await openMirror(io, globals, what, flags);
  const from = await stateOf(mirror, flags.from ?? 'HEAD', io.now(), { option: '--from' });
  const to = await stateOf(mirror, flags.to ?? 'HEAD', io.now(), { option: '--to' });
  return {
    account: mirror.account,
    from: from.label,
    to: to.label,
    differences: await diffStates(from, to, what, anyAscii),
    incomplete: [],
  };
}

async function withAccount(
  io: Io,
  globals: GlobalOptions,
  what: readonly string[],
  flags: DiffFlags,
): Promise<Compared[]> {
  const [
    { loadConfig },
    { sourceAccount },
    { diffLive },
    { lookAt },
    { anyAscii },
    { USER_AGENT },
    { createReporter },
  ] = await Promise.all([
    import('../config/load.ts'),
    import('./restore.ts'),
    import('../run/check/diff.ts'),
    import('../run/restore/session.ts'),
    import('./ui/transliterate.ts'),
    import('../version.ts'),
    import('./ui/progress.ts'),
  ]);
  const config: Config = await loadConfig({ file: globals.config, env: io.env, cwd: io.cwd });
  const one = flags.account !== undefined || what.length > 0;
  const name = one ? sourceAccount(config, what, flags.account, undefined) : undefined;
  const accounts = config.accounts.filter((account) => name === undefined || account.name === name);
  if (accounts.length === 0) {
    throw new AppError('USAGE', `no account is called ${name}`, {
      hint: `Accounts of ${config.source}: ${config.accounts.map((account) => account.name).join(', ')}`,
    });
  }
  if (!existsSync(config.repository.path)) {
    throw new AppError('USAGE', `there is no mirror in ${config.repository.path} yet`, {
      hint: 'celigo-mirror sync makes it; celigo-mirror sync --dry-run tells what it would hold',
    });
  }
  const progress = await createReporter(io, globals, config);
  const deps = {
    config,
    env: io.env,
    now: io.now,
    report: progress.report,
    transliterate: anyAscii,
    userAgent: USER_AGENT,
    lockWaitMs: 60_000,
    onManyFiles: () => undefined,
    signal: io.signal,
  };
  try {
    return await lookAt(deps, accounts, async (account, live) => ({
      account: account.name,
      from: 'mirror',
      to: 'live',
      differences: await diffLive(live, what, anyAscii),
      incomplete: live.report.incomplete,
    }));
  } finally {
    progress.stop();
  }
}

const SIGN = { added: '+', changed: '~', renamed: '>', deleted: '-' } as const;

function paint(what: Difference['what'], style: Style): (text: string) => string {
  return what === 'added' ? style.green : what === 'deleted' ? style.red : style.yellow;
}

function describe({ account, from, to, differences, incomplete }: Compared, style: Style): string {
  const lines = [
    `${style.bold(account)}: ${differences.length === 0 ? 'no differences' : `${differences.length} ${differences.length === 1 ? 'resource differs' : 'resources differ'}`} ${style.dim(`(${from} → ${to})`)}`,
  ];
  for (const { what, path, title, changes } of differences) {
    lines.push(
      `  ${paint(what, style)(`${SIGN[what]} ${what}`)} ${account}/${path} ${style.bold(`"${printable(title)}"`)}`,
    );
    for (const change of changes) lines.push(...describeChange(change, style).map((line) => `      ${line}`));
  }
  for (const type of incomplete) lines.push(`  ${type}: ${style.red('could not be read whole')}`);
  return `${lines.join('\n')}\n`;
}

async function runDiff(io: Io, globals: GlobalOptions, what: readonly string[], flags: DiffFlags): Promise<number> {
  const offline = flags.from !== undefined || flags.to !== undefined;
  if (flags.mirror !== undefined && !offline) {
    throw new AppError(
      'USAGE',
      '--mirror goes with --from: to compare with the live account a configuration is needed',
      {
        hint: 'Name two states with --from and --to',
      },
    );
  }
  const compared = offline
    ? [await betweenStates(io, globals, what, flags)]
    : await withAccount(io, globals, what, flags);
  const { changesJson } = await import('../run/restore/report.ts');
  if (flags.json) {
    const json = compared.map(({ differences, ...rest }) => ({
      ...rest,
      differences: differences.map(({ type, id, title, path, what, changes }) => ({
        type,
        id,
        name: oneLine(title),
        what,
        path: `${rest.account}/${path}`,
        changes: changesJson(changes),
      })),
    }));
    io.out(`${JSON.stringify({ version: 1, ...(json.length === 1 ? json[0] : { accounts: json }) }, null, 2)}\n`);
  } else for (const one of compared) io.out(describe(one, styleFor(io, globals)));
  if (compared.some(({ incomplete }) => incomplete.length > 0)) return EXIT.partial;
  return flags.exitCode && compared.some(({ differences }) => differences.length > 0) ? EXIT.different : EXIT.done;
}
