import type { PhrasingContent, RootContent } from 'mdast';
import { findType } from '../../catalogue/index.ts';
import { changeDiff } from '../../core/change-text.ts';
import type { CommitLink } from '../../core/commit-links.ts';
import { counted } from '../../core/counted.ts';
import { code, heading, markdownTable, paragraph, renderMarkdown, strong, text } from '../../core/markdown.ts';
import { oneLine } from '../../core/unseen.ts';
import { madeBy } from '../made-by.ts';
import { cutSentence, minuteOf, type Report, type ReportChange, reportedFields, type Tally, WHATS } from './model.ts';

/** Most lines of one change. */
const MOST_LINES = 80;
/** The longest diagram, in characters: a larger one cannot be read anyway. */
const LONGEST_DIAGRAM = 20_000;

function drawing({ picture }: ReportChange): RootContent[] {
  if (picture === undefined) return [];
  if (picture === 'missing' || picture.mermaid.length > LONGEST_DIAGRAM)
    return [paragraph(text('Without a picture: too large, or one of too many.'))];
  const caption = picture.flow === undefined ? [] : [paragraph(text('In the flow '), strong(oneLine(picture.flow)))];
  return [...caption, { type: 'code', lang: 'mermaid', value: picture.mermaid }];
}

function tallyTable<K>(title: string, rows: readonly Tally<K>[], nameOf: (key: K) => string): RootContent[] {
  return markdownTable(
    [title, ...WHATS, 'all'],
    rows.map(({ key, counts, total }) => [
      [text(oneLine(nameOf(key)))],
      ...WHATS.map((what) => [text(String(counts[what]))]),
      [text(String(total))],
    ]),
    1,
  );
}

/** What a change is called: `changed flow "Order sync"`. */
function titleOf({ entry }: ReportChange): PhrasingContent[] {
  const noun = findType(entry.type)?.noun ?? entry.type;
  const name = entry.title === '' ? entry.id : entry.title;
  return [text(`${noun} `), strong(name), text(` ${entry.what}`)];
}

function changeBlocks(account: string, change: ReportChange, link: CommitLink): RootContent[] {
  const { entry } = change;
  const url = link(entry.commit);
  const short = entry.commit.slice(0, 10);
  const people = [entry.by, ...entry.also].map(({ name, email }) => `${name} <${email}>`).join(', ');
  const facts = [
    ...(entry.sources.length > 0 ? [`by ${entry.sources.join(', ')}`] : []),
    ...(entry.certainty === 'lastModifiedBy' ? ['author taken from the last modifier'] : []),
    ...(entry.restore ? [madeBy(entry) ?? `restore ${entry.restore}`] : []),
    ...(entry.oldPath ? [`was ${entry.oldPath}`] : []),
  ];
  const about: PhrasingContent[] = [
    text(`${entry.time.toISOString().slice(0, 19).replace('T', ' ')} UTC, ${people}`),
    text(facts.length > 0 ? ` (${facts.join('; ')}), ` : ', '),
    code(`${account}/${entry.path}`),
    text(', commit '),
    url === undefined ? code(short) : { type: 'link', url, children: [code(short)] },
  ];
  const lines = reportedFields(change).flatMap(changeDiff);
  const shown = lines.slice(0, MOST_LINES);
  if (lines.length > shown.length) shown.push(`  … ${lines.length - shown.length} more lines: git show ${short}`);
  return [
    heading(3, ...titleOf(change)),
    paragraph(...about),
    ...(shown.length > 0 ? [{ type: 'code' as const, lang: 'diff', value: shown.join('\n') }] : []),
    ...drawing(change),
  ];
}

/** The report as Markdown. No name or value of the account can pose as markup. */
export function* reportMarkdown(report: Report, link: CommitLink): Generator<string> {
  const begin = report.from ? minuteOf(report.from) : 'the beginning';
  const span = `${begin} to ${minuteOf(report.to)}`;
  yield renderMarkdown([
    heading(1, text(`Changes of ${report.account}`)),
    {
      type: 'paragraph',
      children: [
        text(`${span}: ${counted(report.changes.length, 'change')}.`),
        ...(report.found > 0
          ? [text(` The first listing in this span found ${counted(report.found, 'existing resource')}.`)]
          : []),
        ...(report.cut ? [text(` ${cutSentence(report)}`)] : []),
      ],
    },
    ...tallyTable('type', report.byType, (type) => findType(type)?.plural ?? type),
    ...tallyTable('person', report.byPerson, ({ name, email }) => `${name} <${email}>`),
  ]);
  let day = '';
  for (const change of report.changes) {
    const date = change.entry.time.toISOString().slice(0, 10);
    const title: RootContent[] = date === day ? [] : [heading(2, text(date))];
    day = date;
    yield `\n${renderMarkdown([...title, ...changeBlocks(report.account, change, link)])}`;
  }
}
