import { isAbsolute, join } from 'node:path';
import type { Command } from 'commander';
import { plainRepository } from '../config/plain.ts';
import { EXIT } from '../core/errors.ts';
import type { DrillFinding, DrillReport } from '../run/check/drill.ts';
import type { GlobalOptions, Io } from './ui/io.ts';
import { printable, type Style, styleFor } from './ui/style.ts';

interface DrillFlags {
  readonly at?: string;
  readonly account?: string;
  readonly json?: boolean;
}

export function registerDrill(program: Command, io: Io, finish: (code: number) => void): void {
  program
    .command('drill')
    .summary('rehearse a full restore, offline')
    .description(
      'Restores the whole mirror into an empty emulated account, mirrors that again and compares: proves that the backup can be restored. Needs no token and no network.',
    )
    .argument('[folder]', "the mirror's folder (default: repository.path of the configuration)")
    .option('--at <ref or time>', 'rehearse this state (default: the files as they lie there)')
    .option('--account <name>', "this account's folder only")
    .option('--json', 'print the result as one JSON document')
    .addHelpText(
      'after',
      `
Examples:
  celigo-mirror drill                       the mirror of the configuration
  celigo-mirror drill . --account production   in CI of the mirror repository
  celigo-mirror drill ./mirror --at "1 month ago"

Exit codes: 0 everything came back, or is explained (users, tokens, Integration Apps …); 1 something did not; 64 no
mirror there.`,
    )
    .action(async (folder: string | undefined, flags: DrillFlags, command: Command) => {
      finish(await runDrill(io, command.optsWithGlobals<GlobalOptions>(), folder, flags));
    });
}

async function runDrill(
  io: Io,
  globals: GlobalOptions,
  folder: string | undefined,
  flags: DrillFlags,
): Promise<number> {
  const [
    { configuredPath },
    { accountFolders, readFolder },
    { drill },
    { anyAscii },
    { USER_AGENT },
    { createGit },
    { readState, resolveAt },
  ] = await Promise.all([
    import('./verify.ts'),
    import('../mirror/folder.ts'),
    import('../run/check/drill.ts'),
    import('./ui/transliterate.ts'),
    import('../version.ts'),
    import('../mirror/git.ts'),
    import('../mirror/state.ts'),
  ]);
  const named = folder ?? (await configuredPath(io, globals));
  const root = isAbsolute(named) ? named : join(io.cwd, named);
  const reports: DrillReport[] = [];
  for (const account of accountFolders(root, flags.account)) {
    let files: ReadonlyMap<string, Buffer>;
    let label = 'the files on the disk';
    if (flags.at === undefined) files = readFolder(join(root, account));
    else {
      const git = createGit({
        cwd: root,
        config: plainRepository(root),
        env: io.env,
        signal: io.signal,
      });
      const state = await readState(git, account, await resolveAt(git, flags.at, io.now()));
      const paths = [...state.files.keys()];
      const texts = await state.texts(paths);
      files = new Map(paths.map((path, i) => [path, Buffer.from(texts[i] ?? '', 'utf8')]));
      label = state.label;
    }
    reports.push(
      await drill({
        account,
        label,
        files,
        transliterate: anyAscii,
        userAgent: USER_AGENT,
        env: io.env,
        now: io.now,
        signal: io.signal,
      }),
    );
  }
  if (flags.json) {
    const [only] = reports;
    io.out(`${JSON.stringify({ version: 1, ...(reports.length === 1 ? only : { accounts: reports }) }, null, 2)}\n`);
  } else for (const report of reports) io.out(describe(report, styleFor(io, globals)));
  return reports.some(({ unexplained }) => unexplained.length > 0) ? EXIT.failed : EXIT.done;
}

function describe(report: DrillReport, style: Style): string {
  const { account, state, documents, restored, credentials, explained, unexplained, requests, durationMs } = report;
  const line = ({ what, title, why }: DrillFinding): string =>
    `${what}${title === '' ? '' : ` "${printable(title)}"`}: ${printable(why)}`;
  const lines = [
    `${style.bold(account)}: ${restored} of ${documents} resources came back the same ${style.dim(`(${state}; ${requests} requests, ${(durationMs / 1000).toFixed(1)} s)`)}`,
  ];
  if (credentials > 0)
    lines.push(`  ${credentials} credentials would have to be handed in (--secrets) or entered by hand`);
  if (explained.length > 0) lines.push(`  ${explained.length} cannot be restored by anybody's program:`);
  for (const finding of explained) lines.push(style.dim(`    · ${line(finding)}`));
  for (const finding of unexplained) lines.push(`  ${style.red('!')} ${line(finding)}`);
  lines.push(
    unexplained.length === 0
      ? `  ${style.green('the backup can be restored')}`
      : `  ${style.red(`${unexplained.length} did not come back`)}`,
  );
  return `${lines.join('\n')}\n`;
}
