import { createHash } from 'node:crypto';
import { html, raw } from 'hono/html';
import { findType } from '../../catalogue/index.ts';
import { oneLine } from '../../core/message.ts';
import type { CommitLink } from './forge.ts';
import { changeMarkup, joined, type Markup, type Room } from './html-change.ts';
import { cutSentence, type Report, type Tally, WHATS } from './model.ts';
import { PAGE_SCRIPT } from './page-script.ts';
import { PAGE_STYLE } from './page-style.ts';
import { LAYERS, plotOf, type Timeline, timelineOf } from './timeline.ts';

/** Characters that the details of all changes may take, so that the page stays below 20 MB whatever changed. */
const DETAIL_ROOM = 11_000_000;

const LAYER_NAMES = {
  changed: 'changed or renamed',
  added: 'added or restored',
  deleted: 'deleted',
} as const;

function sourceHash(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}

function minute(time: Date): string {
  return `${time.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

/** A table that is moved sideways by itself where the page is too narrow for it. */
function scrollable(caption: string, first: string, heads: readonly Markup[], body: readonly Markup[]): Markup {
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${caption}"><table><caption>${caption}</caption><thead><tr><th scope="col">${first}</th>${joined(heads)}<th scope="col">all</th></tr></thead><tbody>${joined(body)}</tbody></table></div>` as Markup;
}

function tallyTable<K>(caption: string, first: string, rows: readonly Tally<K>[], nameOf: (key: K) => string): Markup {
  const heads = WHATS.map((what) => html`<th scope="col">${what}</th>` as Markup);
  const body = rows.map(
    ({ key, counts, total }) =>
      html`<tr><th scope="row">${oneLine(nameOf(key))}</th>${joined(WHATS.map((what) => html`<td>${counts[what]}</td>` as Markup))}<td>${total}</td></tr>` as Markup,
  );
  return scrollable(caption, first, heads, body);
}

function plotMarkup(timeline: Timeline): Markup {
  const plot = plotOf(timeline);
  const bars = plot.bars.map(
    ({ layer, x, y, width, height }) =>
      html`<rect class="${layer}" x="${x}" y="${y}" width="${width}" height="${height}"/>` as Markup,
  );
  const across = plot.yTicks.map(
    ({ at, label }) =>
      html`<line x1="${plot.left}" x2="${plot.width}" y1="${at}" y2="${at}"/><text x="${plot.left - 6}" y="${at + 4}" text-anchor="end">${label}</text>` as Markup,
  );
  const below = plot.xTicks.map(
    ({ at, label }) => html`<text x="${at}" y="${plot.bottom + 18}" text-anchor="middle">${label}</text>` as Markup,
  );
  const legend = LAYERS.map((layer) => html`<li><span class="${layer}"></span>${LAYER_NAMES[layer]}</li>` as Markup);
  const rows = timeline.bins
    .filter(({ total }) => total > 0)
    .map(
      ({ from, counts, total }) =>
        html`<tr><th scope="row">${from.toISOString().slice(0, timeline.unit === 'hour' ? 13 : 10)}</th>${joined(LAYERS.map((layer) => html`<td>${counts[layer]}</td>` as Markup))}<td>${total}</td></tr>` as Markup,
    );
  const heads = LAYERS.map((layer) => html`<th scope="col">${LAYER_NAMES[layer]}</th>` as Markup);
  const caption = `Changes by ${timeline.unit}`;
  return html`<svg viewBox="0 0 ${plot.width} ${plot.height}" role="img" aria-label="${caption}; the table below has the numbers">${joined(across)}${joined(bars)}${joined(below)}</svg>
<ul class="key">${joined(legend)}</ul>
<details><summary>${caption} as a table</summary>${scrollable(caption, timeline.unit, heads, rows)}</details>` as Markup;
}

function choice(name: string, label: string, options: readonly (readonly [value: string, text: string])[]): Markup {
  const parts = options.map(([value, text]) => html`<option value="${value}">${oneLine(text)}</option>` as Markup);
  return html`<label>${label}<select name="${name}"><option value="">all</option>${joined(parts)}</select></label>` as Markup;
}

function filterForm(report: Report): Markup {
  const types = report.byType.map(({ key }) => [key, findType(key)?.plural ?? key] as const);
  const people = report.byPerson.map(({ key }) => [key.email, key.name] as const);
  return html`<form id="filter" hidden role="search" aria-label="Filter the changes"><label class="q">Search<input type="search" name="q" autocomplete="off" spellcheck="false"></label>${choice('t', 'Type', types)}${choice(
    'w',
    'What',
    WHATS.map((what) => [what, what] as const),
  )}${choice('p', 'Person', people)}<button type="reset">Clear</button><button type="button" id="open">Open all</button><button type="button" id="close">Close all</button><output id="count" aria-live="polite"></output></form>` as Markup;
}

/**
 * The report as one page that needs nothing else: no network, no other file. Its policy forbids every script but its own.
 * It can be read without scripts, too.
 */
export function* reportHtml(report: Report, link: CommitLink): Generator<string> {
  const { account, changes, from, to, madeAt } = report;
  const policy = `default-src 'none'; style-src ${sourceHash(PAGE_STYLE)}; script-src ${sourceHash(PAGE_SCRIPT)}; base-uri 'none'; form-action 'none'`;
  const title = `Changes of ${account}, ${from ? from.toISOString().slice(0, 10) : 'beginning'} to ${to.toISOString().slice(0, 10)}`;
  const people = report.byPerson.length;
  const found =
    report.found > 0
      ? ` The first listing of the span found ${report.found} resources that were there before; they are not told as changes.`
      : '';
  yield html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><meta http-equiv="Content-Security-Policy" content="${policy}"><meta name="referrer" content="no-referrer"><title>${title}</title><style>${raw(PAGE_STYLE)}</style></head>
<body><a class="skip" href="#changes">To the changes</a>
<header><h1>Changes of ${account}</h1><p class="lead">${from ? minute(from) : 'From the beginning'} to ${minute(to)}: ${changes.length} ${changes.length === 1 ? 'change' : 'changes'} by ${people} ${people === 1 ? 'person' : 'people'}. Made ${minute(madeAt)}; all times are UTC.${found}${report.cut ? ` ${cutSentence(report)}` : ''}</p></header>
<main>
`.toString();
  if (changes.length > 0) {
    yield html`<h2>Over time</h2>${plotMarkup(timelineOf(report))}
<h2>Summary</h2><div class="two">${tallyTable('Changes by type', 'type', report.byType, (type) => findType(type)?.plural ?? type)}${tallyTable('Changes by person', 'person', report.byPerson, ({ name }) => name)}</div>
<h2 id="changes">Changes</h2>${filterForm(report)}
`.toString();
  }
  const room: Room = { left: DETAIL_ROOM };
  let day = '';
  for (const change of changes) {
    const date = change.entry.time.toISOString().slice(0, 10);
    if (date !== day) yield `${day === '' ? '' : '</section>'}${html`<section class="day"><h3>${date}</h3>`}`;
    day = date;
    yield changeMarkup(account, change, link, room).toString();
  }
  yield `${day === '' ? '<p>No changes.</p>' : '</section>'}</main>${changes.length > 0 ? `<script>${PAGE_SCRIPT}</script>` : ''}</body></html>\n`;
}
