import { EXIT } from '../../core/errors.ts';
import { jsonText } from '../../core/unseen.ts';
import { readFiles } from '../../history/state.ts';
import { accountFolders } from '../../mirror/folder.ts';
import type { Git } from '../../mirror/git.ts';
import { drill } from '../../run/check/drill.ts';
import type { DrillFinding } from '../../run/check/drill-findings.ts';
import { isRestorable, restoreTakes, type TimedDrill } from '../../run/check/drill-report.ts';
import { USER_AGENT } from '../../version.ts';
import { stateOf } from '../input/mirror.ts';
import { type StateFlags, stateAsked } from '../input/time-option.ts';
import { anyAscii } from '../input/transliterate.ts';
import type { GlobalOptions, Io } from '../ui/io.ts';
import { printable, type Style, styleFor } from '../ui/style.ts';
import { describeReceipt, drillPlace, makeReceipt, type ReceiptFlags, timed } from './drill-receipt.ts';

export interface DrillFlags extends ReceiptFlags {
  readonly account?: string;
  readonly json?: boolean;
}

/** The files of one account, and where they come from. */
interface AccountFiles {
  readonly label: string;
  /** Full id. */
  readonly commit: string;
  readonly files: ReadonlyMap<string, Buffer>;
}

/** @throws AppError `USAGE` if there is no such state */
async function filesOf(io: Io, git: Git, account: string, flags: StateFlags): Promise<AccountFiles> {
  const state = await stateOf(io, { git, account }, stateAsked(flags));
  return { label: state.label, commit: state.commit ?? '', files: await readFiles(git, state) };
}

/** @returns the exit code. @throws AppError `USAGE` if there is no mirror or state */
export async function runDrill(
  io: Io,
  globals: GlobalOptions,
  folder: string | undefined,
  flags: DrillFlags,
): Promise<number> {
  const startedAt = io.now();
  const place = await drillPlace(io, globals, folder);
  const { git, root } = place;
  const reports: TimedDrill[] = [];
  for (const account of await accountFolders(git, root, flags.account)) {
    const report = await drill({
      account,
      ...(await filesOf(io, git, account, flags)),
      transliterate: anyAscii,
      userAgent: USER_AGENT,
      env: io.env,
      now: io.now,
      signal: io.signal,
    });
    reports.push(timed(place, report));
  }
  const receipt = await makeReceipt(io, place, reports, startedAt, flags);
  if (flags.json) {
    const [only, ...more] = reports.map((report) => ({ ...report, credentials: report.coverage.credentials }));
    io.out(
      jsonText({
        version: 1,
        ...(more.length === 0 ? only : { accounts: [only, ...more] }),
        ...(receipt ? { receipt } : {}),
      }),
    );
  } else {
    const style = styleFor(io, globals);
    for (const report of reports) io.out(describe(report, style));
    if (receipt) io.out(describeReceipt(receipt, style));
  }
  if (!reports.every(isRestorable)) return EXIT.failed;
  return receipt?.problem === undefined ? EXIT.done : EXIT.partial;
}

function describe(report: TimedDrill, style: Style): string {
  const { account, state, documents, restored, warnings, explained, unexplained } = report;
  const { requests, durationMs } = report;
  const line = ({ what, title, why }: DrillFinding): string =>
    `${printable(what)}${title === '' ? '' : ` "${printable(title)}"`}: ${printable(why)}`;
  const facts = style.dim(`(${state}; ${requests} requests, ${(durationMs / 1000).toFixed(1)} s)`);
  const lines = [`${style.bold(account)}: ${restored} of ${documents} resources came back unchanged ${facts}`];
  lines.push(`  ${restoreTakes(report)}`);
  if (explained.length > 0) lines.push(`  ${explained.length} cannot be restored through the API:`);
  for (const finding of explained) lines.push(style.dim(`    · ${line(finding)}`));
  for (const finding of warnings) lines.push(`  ${style.yellow('?')} ${line(finding)}`);
  for (const finding of unexplained) lines.push(`  ${style.red('!')} ${line(finding)}`);
  lines.push(
    unexplained.length === 0
      ? `  ${style.green('the backup can be restored')}`
      : `  ${style.red(`${unexplained.length} did not come back`)}`,
  );
  return `${lines.join('\n')}\n`;
}
