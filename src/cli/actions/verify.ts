import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { AppError, EXIT } from '../../core/errors.ts';
import { jsonText } from '../../core/unseen.ts';
import { readFiles } from '../../history/state.ts';
import { accountFolders, hasWorkTree, readFolder } from '../../mirror/folder.ts';
import { futureHead } from '../../run/check/future-head.ts';
import { isProved, type SignatureReport, type Trust, verifySignatures } from '../../run/check/signatures.ts';
import { type VerifyReport, verifyFolder } from '../../run/check/verify.ts';
import { type MirrorPlace, mirrorPlace, stateOf } from '../input/mirror.ts';
import { cutJson } from '../input/trail.ts';
import type { GlobalOptions, Io } from '../ui/io.ts';
import { counted, printable, type Style, styleFor, summarised } from '../ui/style.ts';
import { runVerifyReceipt } from './verify-receipt.ts';

/** Faults of signatures, and open references, listed one by one. */
const MOST_SHOWN = 20;

export interface VerifyFlags {
  readonly account?: string;
  readonly signatures?: boolean;
  readonly allowedSigners?: string;
  readonly signedAfter?: string;
  readonly receipt?: string;
  readonly json?: boolean;
}

/** @returns the exit code. @throws AppError `USAGE` */
export async function runVerify(
  io: Io,
  globals: GlobalOptions,
  folder: string | undefined,
  flags: VerifyFlags,
): Promise<number> {
  const place = await mirrorPlace(io, globals, folder);
  if (flags.receipt !== undefined)
    return runVerifyReceipt(io, globals, place, flags.receipt, {
      trust: trustOf(io, place, flags),
      json: flags.json === true,
    });
  const accounts = await accountFolders(place.git, place.root, flags.account);
  for (const folder of accounts.filter((name) => !place.accounts.includes(name)))
    io.err(`${folder}/ belongs to no account of the configuration: it is not mirrored any more\n`);
  const reports: VerifyReport[] = [];
  for (const account of accounts) reports.push(await verifyAccount(io, place, account));
  const signatures = flags.signatures ? await checkSignatures(io, place, accounts, flags) : undefined;
  const future = await futureHead(place.git, io.now());
  const style = styleFor(io, globals);
  if (flags.json) {
    const result = {
      version: 1,
      accounts: reports,
      ...(future ? { head: future } : {}),
      ...(signatures ? { signatures: { ...signatures, cut: cutJson(signatures.cut) } } : {}),
    };
    io.out(jsonText(result));
  } else {
    for (const report of reports) io.out(describe(report, style));
    if (future) io.out(`${style.yellow('note')} ${future.detail}\n${style.cyan('→')} ${future.remedy}\n`);
    if (signatures) io.out(describeSignatures(signatures, style));
  }
  const sound = reports.every(({ faults }) => faults.length === 0) && (!signatures || isProved(signatures));
  return sound ? EXIT.done : EXIT.failed;
}

/** The files of the work tree, where there is one: they are compared with HEAD; else those of HEAD. */
async function verifyAccount(io: Io, { git, root }: MirrorPlace, account: string): Promise<VerifyReport> {
  const head = await stateOf(io, { git, account });
  if (!(await hasWorkTree(git))) return verifyFolder(account, await readFiles(git, head));
  return verifyFolder(account, readFolder(join(root, account)), head.files);
}

async function checkSignatures(
  io: Io,
  place: MirrorPlace,
  accounts: readonly string[],
  flags: VerifyFlags,
): Promise<SignatureReport> {
  const { git, root } = place;
  return verifySignatures(git, root, accounts, trustOf(io, place, flags), flags.signedAfter, io.now());
}

/** The keys that the command trusts. @throws AppError `USAGE` where none is named */
function trustOf(io: Io, { repository }: MirrorPlace, { allowedSigners }: VerifyFlags): Trust {
  // The key of the configuration is known where the mirror is the configured one.
  const key = repository.signingKeyFile;
  if (allowedSigners === undefined && key === undefined) {
    throw new AppError('USAGE', 'no trusted keys were given', {
      hint: 'Name a file of trusted keys with --allowed-signers, or set repository.signingKeyFile',
    });
  }
  const file = allowedSigners === undefined ? undefined : resolve(io.cwd, allowedSigners);
  if (file !== undefined && !existsSync(file)) {
    throw new AppError('USAGE', `--allowed-signers: there is no file ${file}`, {
      hint: 'Name a file with one key per line: <e-mail or *> namespaces="git" <public key>',
    });
  }
  return file === undefined ? { signingKeyFile: key ?? '' } : { allowedSigners: file };
}

function describeSignatures(report: SignatureReport, style: Style): string {
  const { commits, good, signers, faults, cut, forged, uncommitted } = report;
  const list = <T>(all: readonly T[], lineOf: (one: T) => string): string[] => [
    ...all.slice(0, MOST_SHOWN).map((one) => `  ${style.red('fault')} ${lineOf(one)}`),
    ...(all.length > MOST_SHOWN ? [`  … and ${all.length - MOST_SHOWN} more (--json lists them)`] : []),
  ];
  const lines = [
    ...list(
      faults,
      ({ commit, time, author, problem }) =>
        `commit ${commit.slice(0, 12)} of ${time}, author ${printable(author)}: ${problem}`,
    ),
    ...list(forged, printable),
    ...list(uncommitted, (path) => `${printable(path)}: differs from the last commit`),
  ];
  if (cut) {
    const begin = `commit ${cut.commit.slice(0, 12)} of ${cut.committed.toISOString()}`;
    const why = `the clone is shallow, its history begins with ${begin}; earlier commits cannot be checked`;
    lines.push(`  ${style.red('refused')}: ${why}`, `  → ${cut.remedy}`);
  }
  const by = signers.length > 0 ? ` by ${signers.map(printable).join(', ')}` : '';
  const count = faults.length + forged.length + uncommitted.length;
  if (isProved(report)) lines.push(`  ${style.green('all signed')}`);
  else if (count > 0) lines.push(`  ${style.red(counted(count, 'fault'))}`);
  return `${[`${style.bold('signatures')}: ${good} of ${commits} commits signed${by}`, ...lines].join('\n')}\n`;
}

function describe(report: VerifyReport, style: Style): string {
  const { account, documents, files, references } = report;
  const lines: string[] = [];
  for (const { path, line, problem } of report.faults) {
    lines.push(`  ${style.red('fault')} ${printable(path)}${line ? `:${line}` : ''}: ${printable(problem)}`);
  }
  if (report.unresolved.length > 0) {
    lines.push(`  ${counted(report.unresolved.length, 'reference points', 'references point')} outside the mirror:`);
    for (const { path, place, target, unlisted } of report.unresolved.slice(0, MOST_SHOWN)) {
      lines.push(
        `    ${printable(path)}: ${printable(place)} → ${printable(target)}${unlisted ? ' (not listed)' : ''}`,
      );
    }
    if (report.unresolved.length > MOST_SHOWN)
      lines.push(`    … and ${report.unresolved.length - MOST_SHOWN} more (--json lists them)`);
  }
  lines.push(
    report.faults.length === 0
      ? `  ${style.green('no faults')}`
      : `  ${style.red(counted(report.faults.length, 'fault'))}`,
  );
  return summarised(`${style.bold(account)}: ${documents} documents, ${files} files, ${references} references`, lines);
}
