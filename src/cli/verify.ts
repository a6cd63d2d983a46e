import { join } from 'node:path';
import type { Command } from 'commander';
import { EXIT } from '../core/errors.ts';
import { accountFolders, readFolder } from '../mirror/folder.ts';
import { type VerifyReport, verifyFolder } from '../run/verify.ts';
import type { GlobalOptions, Io } from './io.ts';
import { type Style, styleFor } from './style.ts';

/** Open references listed one by one. */
const MOST_SHOWN = 20;

export function registerVerify(program: Command, io: Io, finish: (code: number) => void): void {
  program
    .command('verify')
    .summary('check the mirror itself, without the API')
    .description(
      'Checks the files of the mirror: each parses, renders again to the same bytes, and every reference resolves or is listed. Needs no token.',
    )
    .argument('[folder]', "the mirror's folder (default: repository.path of the configuration)")
    .option('--account <name>', "this account's folder only")
    .option('--json', 'print the result as one JSON document')
    .addHelpText(
      'after',
      `
Examples:
  celigo-mirror verify
  celigo-mirror verify ./mirror --json     in CI of the mirror repository, without configuration

Exit codes: 0 sound, 1 faults found, 64 no mirror there.`,
    )
    .action(
      async (folder: string | undefined, flags: { account?: string; json?: boolean }, command: Command) => {
        const globals = command.optsWithGlobals<GlobalOptions>();
        const root = folder ?? (await configuredPath(io, globals));
        const accounts = accountFolders(root, flags.account);
        const reports = accounts.map((account) => verifyFolder(account, readFolder(join(root, account))));
        if (flags.json) io.out(`${JSON.stringify({ version: 1, accounts: reports }, null, 2)}\n`);
        else for (const report of reports) io.out(describe(report, styleFor(io, globals)));
        finish(reports.some(({ faults }) => faults.length > 0) ? EXIT.failed : EXIT.done);
      },
    );
}

export async function configuredPath(io: Io, globals: GlobalOptions): Promise<string> {
  const { loadConfig } = await import('../config/load.ts');
  return (await loadConfig({ file: globals.config, env: io.env, cwd: io.cwd })).repository.path;
}

function describe(report: VerifyReport, style: Style): string {
  const lines = [
    `${style.bold(report.account)}: ${report.documents} documents, ${report.files} files, ${report.references} references`,
  ];
  for (const { path, line, problem } of report.faults) {
    lines.push(`  ${style.red('fault')} ${path}${line ? `:${line}` : ''}: ${problem}`);
  }
  if (report.unresolved.length > 0) {
    lines.push(`  ${report.unresolved.length} references lead out of the mirror:`);
    for (const { path, place, target } of report.unresolved.slice(0, MOST_SHOWN)) {
      lines.push(`    ${path}: ${place} → ${target}`);
    }
    if (report.unresolved.length > MOST_SHOWN)
      lines.push(`    … and ${report.unresolved.length - MOST_SHOWN} more (--json lists them)`);
  }
  lines.push(
    report.faults.length === 0
      ? `  ${style.green('sound')}`
      : `  ${style.red(`${report.faults.length} faults`)}`,
  );
  return `${lines.join('\n')}\n`;
}
