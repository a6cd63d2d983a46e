import { raw } from 'hono/html';
import { findType } from '../../catalogue/index.ts';
import type { CommitLink } from '../../core/commit-links.ts';
import { counted } from '../../core/counted.ts';
import { oneLine } from '../../core/unseen.ts';
import { changeMarkup, type Room } from './html-change.ts';
import { joined, type Markup, markup } from './markup.ts';
import { cutSentence, minuteOf, type Report, type Tally, WHATS } from './model.ts';
import { REPORT_POLICY } from './page-policy.ts';
import { PAGE_SCRIPT } from './page-script.ts';
import { PAGE_STYLE } from './page-style.ts';
import { LAYERS, type Plot, plotOf, type Timeline, timelineOf } from './timeline.ts';

/** Characters that the details of all changes may take, so that the page stays below 20 MB whatever changed. */
const DETAIL_ROOM = 11_000_000;

const LAYER_NAMES = { changed: 'changed or renamed', added: 'added or restored', deleted: 'deleted' } as const;

/** A table that scrolls sideways where the page is too narrow for it. The last column is the sum of a row. */
function scrollable(caption: string, first: string, columns: readonly string[], rows: readonly Row[]): Markup {
  const heads = columns.map((name) => markup`<th scope="col">${name}</th>`);
  const body = rows.map(({ name, counts, total }) => {
    const cells = counts.map((count) => markup`<td>${count}</td>`);
    return markup`<tr><th scope="row">${name}</th>${joined(cells)}<td>${total}</td></tr>`;
  });
  return markup`<div class="scroll" tabindex="0" role="region" aria-label="${caption}"><table>
<caption>${caption}</caption>
<thead><tr><th scope="col">${first}</th>${joined(heads)}<th scope="col">all</th></tr></thead>
<tbody>${joined(body)}</tbody></table></div>`;
}

interface Row {
  readonly name: string;
  readonly counts: readonly number[];
  readonly total: number;
}

function tallyTable<K>(
  caption: string,
  first: string,
  tallies: readonly Tally<K>[],
  nameOf: (key: K) => string,
): Markup {
  const rows = tallies.map(({ key, counts, total }) => ({
    name: oneLine(nameOf(key)),
    counts: WHATS.map((what) => counts[what]),
    total,
  }));
  return scrollable(caption, first, WHATS, rows);
}

function plotSvg(plot: Plot, caption: string): Markup {
  const bars = plot.bars.map(
    ({ layer, x, y, width, height }) =>
      markup`<rect class="${layer}" x="${x}" y="${y}" width="${width}" height="${height}"/>`,
  );
  const across = plot.yTicks.map(
    ({ at, label }) =>
      markup`<line x1="${plot.left}" x2="${plot.width}" y1="${at}" y2="${at}"/>
<text x="${plot.left - 6}" y="${at + 4}" text-anchor="end">${label}</text>`,
  );
  const below = plot.xTicks.map(
    ({ at, label }) => markup`<text x="${at}" y="${plot.bottom + 18}" text-anchor="middle">${label}</text>`,
  );
  const label = `${caption}; the table below has the numbers`;
  return markup`<svg viewBox="0 0 ${plot.width} ${plot.height}" role="img" aria-label="${label}">
${joined(across)}${joined(bars)}${joined(below)}</svg>`;
}

function timelineMarkup(timeline: Timeline): Markup {
  const { unit, bins } = timeline;
  const caption = `Changes by ${unit}`;
  const legend = LAYERS.map((layer) => markup`<li><span class="${layer}"></span>${LAYER_NAMES[layer]}</li>`);
  const rows = bins
    .filter(({ total }) => total > 0)
    .map(({ from, counts, total }) => ({
      name: from.toISOString().slice(0, unit === 'hour' ? 13 : 10),
      counts: LAYERS.map((layer) => counts[layer]),
      total,
    }));
  const columns = LAYERS.map((layer) => LAYER_NAMES[layer]);
  return markup`${plotSvg(plotOf(timeline), caption)}
<ul class="key">${joined(legend)}</ul>
<details><summary>${caption} as a table</summary>${scrollable(caption, unit, columns, rows)}</details>`;
}

function choice(name: string, label: string, options: readonly (readonly [value: string, text: string])[]): Markup {
  const parts = options.map(([value, text]) => markup`<option value="${value}">${oneLine(text)}</option>`);
  return markup`<label>${label}<select name="${name}"><option value="">all</option>${joined(parts)}</select></label>`;
}

function filterForm(report: Report): Markup {
  const types = report.byType.map(({ key }) => [key, findType(key)?.plural ?? key] as const);
  const whats = WHATS.map((what) => [what, what] as const);
  const people = report.byPerson.map(({ key }) => [key.email, key.name] as const);
  return markup`<form id="filter" hidden role="search" aria-label="Filter the changes">
<label class="q">Search<input type="search" name="q" autocomplete="off" spellcheck="false"></label>
${choice('t', 'Type', types)}${choice('w', 'What', whats)}${choice('p', 'Person', people)}
<button type="reset">Clear</button><button type="button" id="open">Open all</button>
<button type="button" id="close">Close all</button><output id="count" aria-live="polite"></output></form>`;
}

/** The sentences below the title: span of time, number of changes, and what is not in the report. */
function leadOf(report: Report): string {
  const { changes, from, to, madeAt, found } = report;
  return [
    `${from ? minuteOf(from) : 'From the beginning'} to ${minuteOf(to)}:`,
    `${counted(changes.length, 'change')} by ${counted(report.byPerson.length, 'person', 'people')}.`,
    `Created ${minuteOf(madeAt)}; all times are UTC.`,
    ...(found > 0
      ? [`The first listing in this span found ${counted(found, 'existing resource')}, not reported as changes.`]
      : []),
    ...(report.cut ? [cutSentence(report)] : []),
  ].join(' ');
}

function headMarkup(report: Report): Markup {
  const { account, from, to } = report;
  const begin = from ? from.toISOString().slice(0, 10) : 'beginning';
  return markup`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${REPORT_POLICY}"><meta name="referrer" content="no-referrer">
<title>Changes of ${account}, ${begin} to ${to.toISOString().slice(0, 10)}</title>
<style>${raw(PAGE_STYLE)}</style></head>
<body><a class="skip" href="#changes">Skip to the changes</a>
<header><h1>Changes of ${account}</h1><p class="lead">${leadOf(report)}</p></header>
<main>
`;
}

function summaryMarkup(report: Report): Markup {
  const byType = tallyTable('Changes by type', 'type', report.byType, (type) => findType(type)?.plural ?? type);
  const byPerson = tallyTable('Changes by person', 'person', report.byPerson, ({ name }) => name);
  return markup`<h2>Over time</h2>${timelineMarkup(timelineOf(report))}
<h2>Summary</h2><div class="two">${byType}${byPerson}</div>
<h2 id="changes">Changes</h2>${filterForm(report)}
`;
}

/**
 * The report as one page that needs nothing else: no network, no other file. Its policy forbids every script but its
 * own, and it can be read without scripts.
 */
export function* reportHtml(report: Report, link: CommitLink): Generator<string> {
  const { account, changes } = report;
  yield headMarkup(report).toString();
  if (changes.length > 0) yield summaryMarkup(report).toString();
  const room: Room = { left: DETAIL_ROOM };
  let day = '';
  for (const change of changes) {
    const date = change.entry.time.toISOString().slice(0, 10);
    if (date !== day) yield `${day === '' ? '' : '</section>'}${markup`<section class="day"><h3>${date}</h3>`}`;
    day = date;
    yield changeMarkup(account, change, link, room).toString();
  }
  const end = day === '' ? '<p>No changes.</p>' : '</section>';
  yield `${end}</main>${changes.length > 0 ? `<script>${PAGE_SCRIPT}</script>` : ''}</body></html>\n`;
}
