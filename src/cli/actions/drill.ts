import { AppError, EXIT } from '../../core/errors.ts';
import { jsonText } from '../../core/unseen.ts';
import type { Git } from '../../git/git.ts';
import { readFiles } from '../../history/state.ts';
import { accountFolders } from '../../mirror/folder.ts';
import { drill } from '../../run/check/drill.ts';
import type { DrillFinding } from '../../run/check/drill-findings.ts';
import { type DrillReport, isRestorable, restoreTakes, type TimedDrill } from '../../run/check/drill-report.ts';
import { scrub } from '../../run/log.ts';
import { USER_AGENT } from '../../version.ts';
import { type MirrorPlace, stateOf } from '../input/mirror.ts';
import { type StateFlags, stateAsked } from '../input/time-option.ts';
import { anyAscii } from '../input/transliterate.ts';
import type { GlobalOptions, Io } from '../ui/io.ts';
import { counted, printable, type Style, styleFor, summarised } from '../ui/style.ts';
import { drillIntoAccount, type IntoFlags } from './drill-into.ts';
import { describeReceipt, drillPlace, makeReceipt, type ReceiptFlags, timed } from './drill-receipt.ts';
import { openMetricsFile } from './metrics-file.ts';

export interface DrillFlags extends ReceiptFlags, IntoFlags {
  readonly metricsFile?: string;
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

/** The drills that were asked for. */
interface Drills {
  readonly place: MirrorPlace;
  readonly reports: readonly DrillReport[];
  /** Texts that must not be printed. */
  readonly hidden: readonly string[];
}

/** @throws AppError */
async function drillsOf(
  io: Io,
  globals: GlobalOptions,
  folder: string | undefined,
  flags: DrillFlags,
): Promise<Drills> {
  if (flags.into !== undefined) {
    const { report, ...more } = await drillIntoAccount(io, globals, flags.into, folder, flags);
    return { ...more, reports: [report] };
  }
  if (flags.keep || flags.resume || flags.secrets !== undefined)
    throw new AppError('USAGE', '--keep, --resume and --secrets are for a drill into a real account', {
      hint: 'Name an empty account with --into; without it, a drill makes an account of its own',
    });
  const place = await drillPlace(io, globals, folder);
  const { git, root } = place;
  const reports: DrillReport[] = [];
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
    reports.push(report);
  }
  return { place, reports, hidden: [] };
}

/** @returns the exit code. @throws AppError `USAGE` if there is no mirror or state */
export async function runDrill(
  io: Io,
  globals: GlobalOptions,
  folder: string | undefined,
  flags: DrillFlags,
): Promise<number> {
  const metrics = flags.metricsFile === undefined ? undefined : openMetricsFile(io, flags.metricsFile);
  const startedAt = io.now();
  const { place, hidden, ...drills } = await drillsOf(io, globals, folder, flags);
  const reports = drills.reports.map((report) => timed(place, report));
  const print = (text: string): void => io.out(scrub(text, hidden));
  const receipt = await makeReceipt(io, place, reports, { startedAt, hidden }, flags);
  if (flags.json) {
    const [only, ...more] = reports.map((report) => ({ ...report, credentials: report.coverage.credentials }));
    print(
      jsonText({
        version: 1,
        ...(more.length === 0 ? only : { accounts: [only, ...more] }),
        ...(receipt ? { receipt } : {}),
      }),
    );
  } else {
    const style = styleFor(io, globals);
    for (const report of reports) print(describe(report, style));
    if (receipt) io.out(describeReceipt(receipt, style));
  }
  const code = exitOf(reports, receipt?.problem);
  return (await metrics?.drilled(reports, code)) ?? code;
}

function exitOf(reports: readonly DrillReport[], problem: string | undefined): number {
  if (!reports.every(isRestorable)) return EXIT.failed;
  const isLeft = reports.some(({ cleanUp }) => (cleanUp?.left.length ?? 0) > 0);
  return problem === undefined && !isLeft ? EXIT.done : EXIT.partial;
}

function line({ what, title, why, stops = [] }: DrillFinding): string {
  const name = `${printable(what)}${title === '' ? '' : ` "${printable(title)}"`}`;
  return `${name}: ${printable(why)}${stops.length > 0 ? `; without it, ${stops.join(', ')} did not come back` : ''}`;
}

/** What became of the account that was restored into. */
function describeTarget({ target, cleanUp }: DrillReport, style: Style): string[] {
  if (target.kind === 'emulator' || !cleanUp) return [];
  const { deleted, kept, left } = cleanUp;
  const name = `${target.name} (${target.baseUrl})`;
  const idle = 'nothing was switched on in it: no flow, API, MCP server, sync or listener ran';
  if (kept)
    return [
      `  restored into ${name}, and kept there; ${idle}`,
      `  the next drill into it deletes that, and so does: celigo-mirror drill --into ${target.name} --resume`,
    ];
  const gone = `restored into ${name}; ${idle}; ${counted(deleted, 'resource')} deleted again`;
  if (left.length === 0) return [`  ${gone}, and it is empty`];
  return [
    `  ${gone}`,
    `  ${style.red(`${counted(left.length, 'resource')} left in it`)}; once what keeps them is gone: ` +
      `celigo-mirror drill --into ${target.name} --resume`,
    ...left.map((finding) => `  ${style.red('!')} ${line(finding)}`),
  ];
}

function describe(report: TimedDrill, style: Style): string {
  const { account, state, documents, restored, warnings, explained, unexplained } = report;
  const { requests, durationMs } = report;
  const facts = style.dim(`(${state}; ${requests} requests, ${(durationMs / 1000).toFixed(1)} s)`);
  const lines = [`  ${restoreTakes(report)}`];
  if (explained.length > 0) lines.push(`  ${explained.length} cannot be restored through the API:`);
  for (const finding of explained) lines.push(style.dim(`    · ${line(finding)}`));
  for (const finding of warnings) lines.push(`  ${style.yellow('?')} ${line(finding)}`);
  for (const finding of unexplained) lines.push(`  ${style.red('!')} ${line(finding)}`);
  lines.push(
    unexplained.length === 0
      ? `  ${style.green('the backup can be restored')}`
      : `  ${style.red(`${unexplained.length} did not come back`)}`,
    ...describeTarget(report, style),
  );
  return summarised(
    `${style.bold(account)}: ${restored} of ${documents} resources came back unchanged ${facts}`,
    lines,
  );
}
