import type { SyncReport } from '../../run/report.ts';
import { kindPaint, SIGN } from './change-view.ts';
import { counted, indented, printable, type Style, summarised, table } from './style.ts';

/** Changes listed one by one before the summary turns to counts. */
const MOST_SHOWN = 40;

function changeLines({ account, changes }: SyncReport, style: Style): string[] {
  const shown = changes.slice(0, MOST_SHOWN);
  if (shown.length === 0) return [];
  const rows = shown.map(({ kind, path, title }) => [`  ${SIGN[kind]}`, `${account}/${path}`, printable(title)]);
  const body = table(rows, (cell, column, row) => {
    const kind = shown[row]?.kind;
    return column === 0 && kind ? kindPaint(kind, style)(cell) : cell;
  });
  return changes.length > shown.length ? [body, `    … and ${changes.length - shown.length} more`] : [body];
}

/** The result of one account for a person. */
export function describeSync(report: SyncReport, style: Style): string {
  const head = style.bold(report.account);
  if (report.error) {
    const { message, hint } = report.error;
    const lines = [`${head}: ${style.red(report.verdict)}`, `  ${indented(message)}`];
    return `${[...lines, ...(hint ? [`  ${style.cyan('→')} ${indented(hint)}`] : [])].join('\n')}\n`;
  }
  const listed = report.types.reduce((sum, { listed }) => sum + listed, 0);
  const seconds = (report.durationMs / 1000).toFixed(1);
  const changes = report.changes.length === 0 ? 'no changes' : counted(report.changes.length, 'change');
  const verdict = report.dryRun && report.changes.length > 0 ? `${changes} (dry run, nothing written)` : changes;
  const types = report.types.flatMap(({ type, state, reason }) => {
    if (state === 'complete') return [];
    const word = state === 'incomplete' ? style.red('incomplete') : style.dim('unavailable');
    return [`  ${type}: ${word}: ${printable(reason ?? '')}`];
  });
  const lines = [
    ...changeLines(report, style),
    ...describeCommits(report.commits, style),
    ...types,
    ...(report.incomplete.length > 0 ? [`  ${style.red('→')} files of incomplete types were kept as they are`] : []),
    ...describeRemote(report.remote, style),
    ...report.notices.map((notice) => `  ${style.dim('note:')} ${printable(notice)}`),
  ];
  const facts = style.dim(`(${listed} resources, ${report.requests} requests, ${seconds} s)`);
  return summarised(`${head}: ${verdict} ${facts}`, lines);
}

/** One line a commit. */
export function describeCommits(commits: SyncReport['commits'], style: Style): string[] {
  return commits.map(
    ({ id, subject, author }) =>
      `  ${style.yellow(id.slice(0, 10))} ${printable(subject)} ${style.dim(`by ${printable(author)}`)}`,
  );
}

/** A line if the commits could not be pushed. */
export function describeRemote({ state, reason, remedy }: SyncReport['remote'], style: Style): string[] {
  if (state !== 'behind') return [];
  const failed = `  ${style.red('not pushed')}: ${printable(reason ?? '')}; the commits are kept`;
  if (remedy === undefined) return [`${failed} and will be pushed by the next run`];
  return [failed, `  ${style.cyan('→')} ${printable(remedy)}`];
}
