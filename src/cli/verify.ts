import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { AppError, EXIT } from '../core/errors.ts';
import { oneLine } from '../core/message.ts';
import { accountFolders, readFolder } from '../mirror/folder.ts';
import { isProved, type SignatureReport } from '../run/check/signatures.ts';
import { type VerifyReport, verifyFolder } from '../run/check/verify.ts';
import type { GlobalOptions, Io } from './ui/io.ts';
import { type Style, styleFor } from './ui/style.ts';
import { cutJson } from './ui/trail.ts';

/** Open references listed one by one. */
const MOST_SHOWN = 20;

interface VerifyFlags {
  readonly account?: string;
  readonly signatures?: boolean;
  readonly allowedSigners?: string;
  readonly signedAfter?: string;
  readonly json?: boolean;
}

export function registerVerify(program: Command, io: Io, finish: (code: number) => void): void {
  program
    .command('verify')
    .summary('check the mirror itself, without the API')
    .description(
      'Checks the files of the mirror: each parses, renders again to the same bytes, and every reference resolves or is listed. Needs no token.',
    )
    .argument('[folder]', "the mirror's folder (default: repository.path of the configuration)")
    .option('--account <name>', "this account's folder only")
    .option('--signatures', 'check too that every commit is signed by a trusted key, and that nothing is uncommitted')
    .option(
      '--allowed-signers <file>',
      'trusted keys, in the form of ssh-keygen; keep it outside the mirror (default: the public key of repository.signingKeyFile)',
    )
    .option('--signed-after <ref>', 'signatures are asked for after this commit or tag only')
    .option('--json', 'print the result as one JSON document')
    .addHelpText(
      'after',
      `
Examples:
  celigo-mirror verify
  celigo-mirror verify ./mirror --json     in CI of the mirror repository, without configuration
  celigo-mirror verify --signatures --allowed-signers /etc/celigo-mirror/allowed_signers

Exit codes: 0 sound, 1 faults found or signatures that prove nothing (a shallow clone), 64 no mirror there.`,
    )
    .action(async (folder: string | undefined, flags: VerifyFlags, command: Command) => {
      finish(await runVerify(io, command.optsWithGlobals<GlobalOptions>(), folder, flags));
    });
}

async function runVerify(
  io: Io,
  globals: GlobalOptions,
  folder: string | undefined,
  flags: VerifyFlags,
): Promise<number> {
  const root = folder === undefined ? await configuredPath(io, globals) : resolve(io.cwd, folder);
  const accounts = accountFolders(root, flags.account);
  const reports = accounts.map((account) => verifyFolder(account, readFolder(join(root, account))));
  const signatures = flags.signatures
    ? await checkSignatures(io, globals, { root, accounts, configured: folder === undefined, flags })
    : undefined;
  const style = styleFor(io, globals);
  if (flags.json) {
    const result = {
      version: 1,
      accounts: reports,
      ...(signatures ? { signatures: { ...signatures, cut: cutJson(signatures.cut) } } : {}),
    };
    io.out(`${JSON.stringify(result, null, 2)}\n`);
  } else {
    for (const report of reports) io.out(describe(report, style));
    if (signatures) io.out(describeSignatures(signatures, style));
  }
  const sound = reports.every(({ faults }) => faults.length === 0) && (!signatures || isProved(signatures));
  return sound ? EXIT.done : EXIT.failed;
}

interface SignatureCheck {
  readonly root: string;
  readonly accounts: readonly string[];
  /** The mirror is that of the configuration, and so is its key. */
  readonly configured: boolean;
  readonly flags: VerifyFlags;
}

async function checkSignatures(
  io: Io,
  globals: GlobalOptions,
  { root, accounts, configured, flags }: SignatureCheck,
): Promise<SignatureReport> {
  const [{ verifySignatures }, { createGit }, { plainRepository }, { loadConfig }] = await Promise.all([
    import('../run/check/signatures.ts'),
    import('../mirror/git.ts'),
    import('../config/plain.ts'),
    import('../config/load.ts'),
  ]);
  const config = configured
    ? (await loadConfig({ file: globals.config, env: io.env, cwd: io.cwd })).repository
    : plainRepository(root);
  const { allowedSigners, signedAfter } = flags;
  const key = config.signingKeyFile;
  if (allowedSigners === undefined && key === undefined) {
    throw new AppError('USAGE', 'whose signatures are to be trusted is not said', {
      hint: 'Name a file of trusted keys with --allowed-signers, or set repository.signingKeyFile',
    });
  }
  const file = allowedSigners === undefined ? undefined : resolve(io.cwd, allowedSigners);
  if (file !== undefined && !existsSync(file)) {
    throw new AppError('USAGE', `--allowed-signers: there is no file ${file}`, {
      hint: 'Each of its lines is: <e-mail or *> namespaces="git" <public key>',
    });
  }
  const git = createGit({ cwd: root, config, env: io.env, signal: io.signal });
  const trust = file === undefined ? { signingKeyFile: key ?? '' } : { allowedSigners: file };
  return verifySignatures(git, accounts, trust, signedAfter);
}

function describeSignatures(report: SignatureReport, style: Style): string {
  const { commits, good, signers, faults, cut, uncommitted } = report;
  const list = <T>(all: readonly T[], lineOf: (one: T) => string): string[] => [
    ...all.slice(0, MOST_SHOWN).map((one) => `  ${style.red('fault')} ${lineOf(one)}`),
    ...(all.length > MOST_SHOWN ? [`  … and ${all.length - MOST_SHOWN} more (--json lists them)`] : []),
  ];
  const lines = [
    ...list(
      faults,
      ({ commit, time, author, problem }) =>
        `commit ${commit.slice(0, 12)} of ${time}, author ${oneLine(author)}: ${problem}`,
    ),
    ...list(uncommitted, (path) => `${oneLine(path)}: not as the last commit has it`),
  ];
  if (cut) {
    const begin = `commit ${cut.commit.slice(0, 12)} of ${cut.committed.toISOString()}`;
    lines.push(
      `  ${style.red('refused')}: the clone is shallow, its history begins with ${begin}, and nothing from before can be checked`,
      `  → ${cut.remedy}`,
    );
  }
  const by = signers.length > 0 ? ` by ${signers.map(oneLine).join(', ')}` : '';
  const count = faults.length + uncommitted.length;
  if (isProved(report)) lines.push(`  ${style.green('all signed')}`);
  else if (count > 0) lines.push(`  ${style.red(`${count} faults`)}`);
  return `${[`${style.bold('signatures')}: ${good} of ${commits} commits signed${by}`, ...lines].join('\n')}\n`;
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
    report.faults.length === 0 ? `  ${style.green('sound')}` : `  ${style.red(`${report.faults.length} faults`)}`,
  );
  return `${lines.join('\n')}\n`;
}
