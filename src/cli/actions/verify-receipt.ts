import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { counted } from '../../core/counted.ts';
import { AppError, EXIT, messageOf } from '../../core/errors.ts';
import { jsonText } from '../../core/unseen.ts';
import { roughly } from '../../plan/restore-time.ts';
import { type Statement, targetText } from '../../run/check/receipt.ts';
import type { Trust } from '../../run/check/signatures.ts';
import { type ReceiptReport, verifyReceipt } from '../../run/check/verify-receipt.ts';
import type { MirrorPlace } from '../input/mirror.ts';
import type { GlobalOptions, Io } from '../ui/io.ts';
import { printable, type Style, styleFor } from '../ui/style.ts';

/** A receipt is some kilobytes; a file of more than this is none. Bytes. */
const LARGEST = 2 ** 26;

/** @throws AppError `USAGE` */
function readReceipt(path: string): string {
  try {
    const bytes = readFileSync(path);
    return bytes.length > LARGEST ? '' : bytes.toString('utf8');
  } catch (cause) {
    throw new AppError('USAGE', `--receipt: ${path} cannot be read: ${messageOf(cause)}`, {
      hint: 'Make one with: celigo-mirror drill --receipt FILE',
      cause,
    });
  }
}

/**
 * Checks one receipt against the mirror and the trusted keys, and says what it proves.
 * @returns the exit code: also that of a failure for a genuine receipt of a drill that failed
 * @throws AppError `USAGE`
 */
export async function runVerifyReceipt(
  io: Io,
  globals: GlobalOptions,
  { git }: MirrorPlace,
  file: string,
  { trust, json }: { readonly trust: Trust; readonly json: boolean },
): Promise<number> {
  const text = readReceipt(resolve(io.cwd, file));
  const report = await verifyReceipt({ text, git, trust, env: io.env, now: io.now() });
  const passed = report.statement?.predicate.result === 'passed';
  if (json) io.out(jsonText({ version: 1, receipt: { file, genuine: !report.refusal, passed, ...report } }));
  else io.out(describe(file, report, styleFor(io, globals)));
  return !report.refusal && passed ? EXIT.done : EXIT.failed;
}

function describeAccounts({ predicate, subject }: Statement, style: Style): string[] {
  return predicate.accounts.flatMap((drilled, i) => {
    const { account, target, documents, restored, result, explained, unexplained, needed, restoreTime } = drilled;
    const commit = subject[i]?.digest.gitCommit.slice(0, 12) ?? '';
    const word = result === 'passed' ? style.green('passed') : style.red('failed');
    const takes =
      `a full restore takes about ${roughly(restoreTime.atRateMs)}, ` +
      `${counted(needed.credentials, 'credential')} and ${counted(needed.signIns, 'sign-in')}`;
    const back = `${restored} of ${documents} resources came back in ${printable(targetText(target))}`;
    return [
      `  ${style.bold(account)} at ${commit}: ${word}; ${back}`,
      `    ${explained.length} cannot be restored through the API, ${unexplained.length} did not come back; ${takes}`,
    ];
  });
}

function describe(file: string, { statement, signer, refusal }: ReceiptReport, style: Style): string {
  const lines = [
    `${style.bold('receipt')} ${printable(file)}: ${refusal ? style.red('refused') : style.green('genuine')}`,
  ];
  if (refusal) {
    lines.push(`  ${style.red(refusal.reason)}: ${printable(refusal.detail)}`);
    if (refusal.remedy !== undefined) lines.push(`  → ${printable(refusal.remedy)}`);
    return `${lines.join('\n')}\n`;
  }
  if (!statement || !signer) return `${lines.join('\n')}\n`;
  const { program, finishedAt, proves, provesNot } = statement.predicate;
  const who = signer.principal === '*' ? signer.key : `${signer.principal} (${signer.key})`;
  lines.push(`  signed by ${printable(who)}; drill of ${finishedAt} by ${program.name} ${printable(program.version)}`);
  lines.push(...describeAccounts(statement, style));
  lines.push('  it proves:', ...proves.map((one) => `    · ${printable(one)}`));
  lines.push('  it does not prove:', ...provesNot.map((one) => `    · ${printable(one)}`));
  return `${lines.join('\n')}\n`;
}
