import type { PhrasingContent, RootContent, TableRow } from 'mdast';
import { gfmToMarkdown } from 'mdast-util-gfm';
import { toMarkdown } from 'mdast-util-to-markdown';
import { findType } from '../../catalogue/index.ts';
import { changeText, diffLines } from '../../core/change-text.ts';
import type { FieldChange } from '../../core/field-diff.ts';
import { oneLine, visibleLine } from '../../core/message.ts';
import type { CommitLink } from './forge.ts';
import { type Counts, type Report, type ReportChange, type Tally, WHATS } from './model.ts';

/** Most lines that one change is told with. */
const MOST_LINES = 80;
const LONGEST = 200;

const text = (value: string): PhrasingContent => ({ type: 'text', value: visibleLine(value) });
const strong = (value: string): PhrasingContent => ({ type: 'strong', children: [text(value)] });
const code = (value: string): PhrasingContent => ({ type: 'inlineCode', value: oneLine(value) });

function row(cells: readonly PhrasingContent[]): TableRow {
  return { type: 'tableRow', children: cells.map((cell) => ({ type: 'tableCell', children: [cell] })) };
}

function tallyTable<K>(title: string, rows: readonly Tally<K>[], nameOf: (key: K) => string): RootContent[] {
  if (rows.length === 0) return [];
  const cells = (counts: Counts): PhrasingContent[] => WHATS.map((what) => text(String(counts[what])));
  return [
    {
      type: 'table',
      align: [null, ...WHATS.map(() => 'right' as const), 'right'],
      children: [
        row([text(title), ...WHATS.map((what) => text(what)), text('all')]),
        ...rows.map(({ key, counts, total }) =>
          row([text(nameOf(key)), ...cells(counts), text(String(total))]),
        ),
      ],
    },
  ];
}

function fieldLines(field: FieldChange): string[] {
  const { place, before, after, byLine } = changeText(field);
  const name = oneLine(place) || '(document)';
  if (byLine) {
    return [
      `  ${name}:`,
      ...diffLines(before ?? '', after ?? '').map(({ sign, text: line }) =>
        sign === 'gap' ? '  …' : `${sign}   ${visibleLine(line)}`,
      ),
    ];
  }
  const line = (sign: string, value: string | undefined): string[] =>
    value === undefined
      ? []
      : [`${sign} ${name}: ${visibleLine(value.length > LONGEST ? `${value.slice(0, LONGEST)}…` : value)}`];
  return [...line('-', before), ...line('+', after)];
}

/** What a change is called: `changed flow "Order sync"`. */
function heading({ entry }: ReportChange): PhrasingContent[] {
  const noun = findType(entry.dir)?.noun ?? entry.dir;
  const name = entry.title === '' ? entry.id : entry.title;
  return [text(`${noun} `), strong(name), text(` ${entry.what}`)];
}

function changeBlocks(account: string, change: ReportChange, link: CommitLink): RootContent[] {
  const { entry, fields } = change;
  const url = link(entry.commit);
  const short = entry.commit.slice(0, 10);
  const people = [entry.by, ...entry.also].map(({ name, email }) => `${name} <${email}>`).join(', ');
  const facts = [
    ...(entry.sources.length > 0 ? [`by ${entry.sources.join(', ')}`] : []),
    ...(entry.sureness === 'lastModifiedBy' ? ['the last modifier'] : []),
    ...(entry.restore ? [`restore ${entry.restore}`] : []),
    ...(entry.oldPath ? [`was ${entry.oldPath}`] : []),
  ];
  const about: PhrasingContent[] = [
    text(`${entry.time.toISOString().slice(0, 19).replace('T', ' ')} UTC, ${people}`),
    text(facts.length > 0 ? ` (${facts.join('; ')}), ` : ', '),
    code(`${account}/${entry.path}`),
    text(', commit '),
    url === undefined ? code(short) : { type: 'link', url, children: [code(short)] },
  ];
  const lines = fields.flatMap(fieldLines);
  const shown = lines.slice(0, MOST_LINES);
  if (lines.length > shown.length)
    shown.push(`  … ${lines.length - shown.length} more lines: git show ${short}`);
  return [
    { type: 'heading', depth: 3, children: heading(change) },
    { type: 'paragraph', children: about },
    ...(shown.length > 0 ? [{ type: 'code' as const, lang: 'diff', value: shown.join('\n') }] : []),
  ];
}

/** The report as Markdown. No name or value of the account can pose as markup. */
export function* reportMarkdown(report: Report, link: CommitLink): Generator<string> {
  const render = (children: readonly RootContent[]): string =>
    toMarkdown(
      { type: 'root', children: [...children] },
      { extensions: [gfmToMarkdown({ tablePipeAlign: false })], bullet: '-', fences: true },
    );
  const span = `${report.from?.toISOString().slice(0, 16).replace('T', ' ') ?? 'the beginning'} to ${report.to.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
  const count = report.changes.length;
  yield render([
    { type: 'heading', depth: 1, children: [text(`Changes of ${report.account}`)] },
    {
      type: 'paragraph',
      children: [
        text(`${span}: ${count} ${count === 1 ? 'change' : 'changes'}.`),
        ...(report.found > 0
          ? [text(` The first listing of the span found ${report.found} resources that were there before.`)]
          : []),
      ],
    },
    ...tallyTable('type', report.byType, (dir) => findType(dir)?.plural ?? dir),
    ...tallyTable('person', report.byPerson, ({ name, email }) => `${name} <${email}>`),
  ]);
  let day = '';
  for (const change of report.changes) {
    const date = change.entry.time.toISOString().slice(0, 10);
    const title: RootContent[] = date === day ? [] : [{ type: 'heading', depth: 2, children: [text(date)] }];
    day = date;
    yield `\n${render([...title, ...changeBlocks(report.account, change, link)])}`;
  }
}
