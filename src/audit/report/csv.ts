import { stringify } from 'csv-stringify/sync';
import { changeText } from '../../core/change-text.ts';
import type { CommitLink } from '../../core/commit-links.ts';
import { shortened } from '../../core/cut.ts';
import { oneLine, visibleLine } from '../../core/unseen.ts';
import type { Entry } from '../trail.ts';
import { type Report, type ReportChange, reportedFields } from './model.ts';

/** Longest value in a cell: spreadsheets stop at 32,767 characters. */
const LONGEST = 8_000;

const COLUMNS = [
  'time',
  'person',
  'email',
  'also',
  'sureness',
  'source',
  'what',
  'type',
  'id',
  'name',
  'path',
  'field',
  'before',
  'after',
  'commit',
  'url',
  'restore',
  'undo',
  'applied',
  'operator',
];

/** A text of one or more lines in which nothing is hidden. */
function cell(text: string | undefined): string {
  if (text === undefined) return '';
  return shortened(text, LONGEST, `… (${text.length} characters)`)
    .split(/\r\n?|\n/)
    .map(visibleLine)
    .join('\n');
}

/** The commits that it took back, those of people that it brought to the account, and who brought them. */
function undoAndApply({ undone = [], applied }: Entry): string[] {
  const operator = applied?.operator;
  return [
    undone.join(' '),
    applied?.commits.join(' ') ?? '',
    operator ? oneLine(`${operator.name} <${operator.email}>`) : '',
  ];
}

function rowsOf(account: string, change: ReportChange, link: CommitLink): string[][] {
  const { entry } = change;
  const fields = reportedFields(change);
  const about = [
    entry.time.toISOString(),
    oneLine(entry.by.name),
    oneLine(entry.by.email),
    entry.also.map(({ name, email }) => oneLine(`${name} <${email}>`)).join('; '),
    entry.certainty,
    oneLine(entry.sources.join('; ')),
    entry.what,
    entry.type,
    entry.id,
    oneLine(entry.title),
    `${account}/${entry.path}`,
  ];
  const tail = [entry.commit, link(entry.commit) ?? '', entry.restore ?? '', ...undoAndApply(entry)];
  if (fields.length === 0) return [[...about, '', '', '', ...tail]];
  return fields.map((field) => {
    const { place, before, after } = changeText(field);
    return [...about, oneLine(place), cell(before), cell(after), ...tail];
  });
}

/**
 * One line for each field that changed, and one with the document for each resource that came or went. Cells that a
 * spreadsheet would evaluate as formulas are escaped.
 */
export function* reportCsv(report: Report, link: CommitLink): Generator<string> {
  const options = { escape_formulas: true, record_delimiter: 'windows' } as const;
  yield stringify([COLUMNS], options);
  for (const change of report.changes) yield stringify(rowsOf(report.account, change, link), options);
}
