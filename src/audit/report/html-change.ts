import { html, raw } from 'hono/html';
import { findType } from '../../catalogue/index.ts';
import { changeText, type DiffLine, diffLines } from '../../core/change-text.ts';
import type { FieldChange } from '../../core/field-diff.ts';
import { oneLine, visibleLine } from '../../core/message.ts';
import { renderYaml } from '../../core/yaml.ts';
import type { CommitLink } from './forge.ts';
import { highlightLines, languageOf } from './highlight.ts';
import type { ReportChange } from './model.ts';

/** Markup that is safe to put into other markup. */
export type Markup = ReturnType<typeof raw>;

/** A page for people: what is cut here is whole in the JSON report and in the commit. */
const LONGEST_VALUE = 600;
const LONGEST_LINE = 400;
const MOST_LINES = 120;
const MOST_FIELDS = 40;

/** Joins markup. */
export function joined(parts: readonly Markup[]): Markup {
  return raw(parts.join(''));
}

function cut(text: string, longest: number): string {
  return text.length > longest ? `${text.slice(0, longest)}…` : text;
}

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
  // Colours need the whole text; a cut line could end inside a tag.
  const [old, now] = long ? [[], []] : [highlightLines(before, language), highlightLines(after, language)];
  const rows = shown.map((line) => {
    const marked = (line.sign === '-' ? old : now)[line.line - 1];
    const plain = html`${visibleLine(cut(line.text, LONGEST_LINE))}`.toString();
    return diffLine(line, marked === undefined || visibleLine(line.text) !== line.text ? plain : marked);
  });
  const rest = lines.length - shown.length;
  return html`<pre>${raw(rows.join(''))}${rest > 0 ? html`<span class="g">… ${rest} more lines: see the commit</span>` : ''}</pre>` as Markup;
}

function fieldMarkup(field: FieldChange, type: string): Markup {
  const { place, before, after, byLine } = changeText(field);
  const name = oneLine(place) || '(document)';
  if (byLine) {
    const isText = typeof (field.after ?? field.before) === 'string';
    const language = languageOf(findType(type), field.place, isText);
    return html`<dt>${name}</dt><dd>${lineDiff(before ?? '', after ?? '', language)}</dd>` as Markup;
  }
  const value = (text: string | undefined): string => visibleLine(cut(text ?? '', LONGEST_VALUE));
  const old = before === undefined ? '' : html`<del>${value(before)}</del>`;
  const now = after === undefined ? '' : html`<ins>${value(after)}</ins>`;
  const arrow = before !== undefined && after !== undefined ? ' → ' : '';
  return html`<dt>${name}</dt><dd>${old}${arrow}${now}</dd>` as Markup;
}

function details({ entry, fields, whole }: ReportChange, room: Room): Markup {
  if (room.left <= 0) {
    const names = fields.slice(0, 5).map(({ place }) => oneLine(place.map(String).join('.')));
    return html`<p class="n">Details are left out of this large page (${cut(names.join(', '), 200)}): see the commit, or the JSON report.</p>` as Markup;
  }
  const parts = fields.slice(0, MOST_FIELDS).map((field) => fieldMarkup(field, entry.type));
  const rest = fields.length - parts.length;
  if (whole) {
    const text = renderYaml(whole);
    const [before, after] = entry.what === 'deleted' ? [text, ''] : ['', text];
    parts.push(
      html`<dt>${entry.what === 'deleted' ? 'what it was' : 'what it is'}</dt><dd>${lineDiff(before, after, 'yaml')}</dd>` as Markup,
    );
  }
  const body =
    html`<dl>${joined(parts)}</dl>${rest > 0 ? html`<p class="n">… and ${rest} more fields: see the commit.</p>` : ''}` as Markup;
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
    ...(entry.certainty === 'lastModifiedBy' ? ['the author is the last modifier'] : []),
    ...(entry.certainty === 'unknown' ? ['who made it is not known'] : []),
    ...(entry.restore ? [`restore ${entry.restore}`] : []),
    ...(entry.oldPath ? [`was ${entry.oldPath}`] : []),
  ];
  const commit = url === undefined ? html`<code>${short}</code>` : html`<a href="${url}" rel="noreferrer">${short}</a>`;
  return html`<details class="x" data-t="${entry.type}" data-w="${entry.what}" data-p="${entry.by.email}"><summary><time datetime="${time}">${time.slice(11, 19)}</time> <b class="w ${entry.what}">${entry.what}</b> <span class="k">${noun}</span> <strong>${name}</strong> <span class="a">${oneLine(entry.by.name)}</span></summary><p class="f"><code>${account}/${entry.path}</code> · ${commit}${facts.length > 0 ? ` · ${oneLine(facts.join('; '))}` : ''}</p>${details(change, room)}</details>
` as Markup;
}
