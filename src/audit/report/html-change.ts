import { html, raw } from 'hono/html';
import { findType } from '../../catalogue/index.ts';
import { changeText, type DiffLine, diffLines, shownSides } from '../../core/change-text.ts';
import type { CommitLink } from '../../core/commit-links.ts';
import { shortened } from '../../core/cut.ts';
import type { FieldChange } from '../../core/field-diff.ts';
import { oneLine, visibleLine } from '../../core/unseen.ts';
import { renderYaml } from '../../core/yaml.ts';
import { madeBy } from '../made-by.ts';
import { highlightLines, languageOf } from './highlight.ts';
import { joined, type Markup, markup } from './markup.ts';
import type { ReportChange } from './model.ts';

/** A page for people: what is cut here is complete in the JSON report and in the commit. */
const LONGEST_VALUE = 600;
const LONGEST_LINE = 400;
const MOST_LINES = 120;
const MOST_FIELDS = 40;

/** How many lines and fields each change may still show; a report with very many changes shows less of each. */
export interface Room {
  /** Characters of markup left for details. */
  left: number;
}

function diffLine({ sign, line }: DiffLine, marked: string): string {
  if (sign === 'gap') return '<span class="g">⋮</span>';
  const kind = sign === '+' ? 'p' : sign === '-' ? 'm' : 'c';
  return `<span class="${kind}"><i>${line}</i><b>${sign}</b>${marked}</span>`;
}

function lineDiff(before: string, after: string, language: string | undefined): Markup {
  const lines = diffLines(before, after);
  const shown = lines.slice(0, MOST_LINES);
  const long = shown.some(({ text }) => text.length > LONGEST_LINE);
  // Colours need the complete text; a cut line could end inside a tag.
  const [old, now] = long ? [[], []] : [highlightLines(before, language), highlightLines(after, language)];
  const rows = shown.map((line) => {
    const marked = (line.sign === '-' ? old : now)[line.line - 1];
    if (marked !== undefined && !line.isRevealed && visibleLine(line.text) === line.text) return diffLine(line, marked);
    return diffLine(line, html`${visibleLine(shortened(line.text, LONGEST_LINE))}`.toString());
  });
  const rest = lines.length - shown.length;
  const more = rest > 0 ? markup`<span class="g">… ${rest} more lines: see the commit</span>` : '';
  return markup`<pre>${raw(rows.join(''))}${more}</pre>`;
}

function fieldMarkup(field: FieldChange, type: string): Markup {
  const text = changeText(field);
  const { place, before, after, byLine } = text;
  const name = oneLine(place) || '(document)';
  if (byLine) {
    const isText = typeof (field.after ?? field.before) === 'string';
    const language = languageOf(findType(type), field.place, isText);
    return markup`<dt>${name}</dt><dd>${lineDiff(before ?? '', after ?? '', language)}</dd>`;
  }
  const sides = shownSides(text, LONGEST_VALUE);
  const old = sides.before === undefined ? '' : markup`<del>${sides.before}</del>`;
  const now = sides.after === undefined ? '' : markup`<ins>${sides.after}</ins>`;
  const arrow = before !== undefined && after !== undefined ? ' → ' : '';
  return markup`<dt>${name}</dt><dd>${old}${arrow}${now}</dd>`;
}

function drawing(picture: ReportChange['picture']): Markup | '' {
  if (picture === undefined) return '';
  if (picture === 'missing') return markup`<p class="n">No picture: this page has very many already.</p>`;
  const caption = picture.flow === undefined ? '' : markup`<p class="n">In the flow ${visibleLine(picture.flow)}:</p>`;
  return markup`${caption}<div class="scroll drawn" tabindex="0" role="region" aria-label="The flow before and after">
${raw(picture.svg)}</div>`;
}

function details({ entry, fields, document, picture }: ReportChange, room: Room): Markup {
  if (room.left <= 0) {
    const places = fields.slice(0, 5).map(({ place }) => oneLine(place.map(String).join('.')));
    const names = shortened(places.join(', '), 200);
    return markup`<p class="n">No details on a page of this size (${names}): see the commit, or the JSON report.</p>`;
  }
  const parts = fields.slice(0, MOST_FIELDS).map((field) => fieldMarkup(field, entry.type));
  const rest = fields.length - parts.length;
  if (document) {
    const text = renderYaml(document);
    const [title, before, after] = entry.what === 'deleted' ? ['what it was', text, ''] : ['what it is', '', text];
    parts.push(markup`<dt>${title}</dt><dd>${lineDiff(before, after, 'yaml')}</dd>`);
  }
  const more = rest > 0 ? markup`<p class="n">… and ${rest} more fields: see the commit.</p>` : '';
  const body = markup`<dl>${joined(parts)}</dl>${more}${drawing(picture)}`;
  room.left -= body.length;
  return body;
}

/** One change as a part of the page that opens and closes. */
export function changeMarkup(account: string, change: ReportChange, link: CommitLink, room: Room): Markup {
  const { entry } = change;
  const noun = findType(entry.type)?.noun ?? entry.type;
  const name = oneLine(entry.title === '' ? entry.id : entry.title);
  const url = link(entry.commit);
  const short = entry.commit.slice(0, 10);
  const time = entry.time.toISOString();
  const facts = [
    ...entry.also.map((person) => `also ${person.name} <${person.email}>`),
    ...(entry.sources.length > 0 ? [`by ${entry.sources.join(', ')}`] : []),
    ...(entry.certainty === 'lastModifiedBy' ? ['author taken from the last modifier'] : []),
    ...(entry.certainty === 'unknown' ? ['author unknown'] : []),
    ...(entry.restore ? [madeBy(entry) ?? `restore ${entry.restore}`] : []),
    ...(entry.oldPath ? [`was ${entry.oldPath}`] : []),
  ];
  const commit =
    url === undefined ? markup`<code>${short}</code>` : markup`<a href="${url}" rel="noreferrer">${short}</a>`;
  const summary = markup`<summary><time datetime="${time}">${time.slice(11, 19)}</time>
<b class="w ${entry.what}">${entry.what}</b> <span class="k">${noun}</span> <strong>${name}</strong>
<span class="a">${oneLine(entry.by.name)}</span></summary>`;
  const about = facts.length > 0 ? ` · ${oneLine(facts.join('; '))}` : '';
  return markup`<details class="x" data-t="${entry.type}" data-w="${entry.what}" data-p="${entry.by.email}">
${summary}<p class="f"><code>${account}/${entry.path}</code> · ${commit}${about}</p>${details(change, room)}</details>
`;
}
