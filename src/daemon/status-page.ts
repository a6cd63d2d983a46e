import { raw } from 'hono/html';
import ms from 'ms';
import { joined, type Markup, markup, sourceHash } from '../audit/report/markup.ts';
import { minuteOf } from '../audit/report/model.ts';
import { PAGE_STYLE } from '../audit/report/page-style.ts';
import { findType } from '../catalogue/index.ts';
import { EXPIRES_SOON_DAYS, type TokenExpiry } from '../celigo/tokens.ts';
import type { CommitLink } from '../core/commit-links.ts';
import { counted } from '../core/counted.ts';
import { oneLine } from '../core/unseen.ts';
import type { RepositoryMeasures } from '../mirror/upkeep.ts';
import type { DrillSummary } from '../run/drill-summary.ts';
import type { Health, RunSummary } from '../run/summary.ts';
import type { AccountView } from './account-view.ts';
import type { Recent, RecentChange } from './pages.ts';
import type { StatusInput } from './status.ts';

/** What the style of a report does not have. */
const STYLE = `${PAGE_STYLE}
form { position: static; border: 0; }
.card { border: 1px solid var(--line); border-radius: 6px; padding: .2rem 1rem .6rem; margin: 1rem 0; }
.card h3 { display: flex; flex-wrap: wrap; gap: .2rem .8rem; align-items: baseline; font-size: 1.1rem; margin: .5rem 0;
  overflow-wrap: anywhere; }
.card dl { display: grid; grid-template-columns: minmax(8rem, 12rem) 1fr; gap: .3rem 1rem; margin: 0; }
.card dt { font: inherit; } .card dd { margin: 0; } .card ul { margin: 0; padding-left: 1.2rem; }
.state { font-size: .9rem; padding: 0 .6em; border-radius: 1em; border: 1px solid; color: var(--soft); }
.state.ok { color: var(--add); background: var(--addbg); } .bad { color: var(--del); }
.state.failed, .state.refused { color: var(--del); background: var(--delbg); }
.state.partial { color: var(--num); background: var(--chgbg); } .warn { color: var(--num); }
table.changes th, table.changes td { text-align: left; vertical-align: top; }
table.changes :is(time, a, code) { white-space: nowrap; } table.changes td:nth-child(4) { overflow-wrap: anywhere;
  min-width: 14rem; }
::placeholder { color: var(--soft); opacity: 1; }
@media (max-width: 30rem) { .card dl { grid-template-columns: 1fr; gap: 0; } .card dd { margin-bottom: .4rem; } }
`;

/** What the page may do: its own style, its own form, and nothing else; it has no script. */
export const STATUS_POLICY = [
  `default-src 'none'; style-src ${sourceHash(STYLE)}; img-src data:`,
  `base-uri 'none'; form-action 'self'`,
].join('; ');

const STATES: Readonly<Record<Health, string>> = {
  ok: 'ok',
  partial: 'partial',
  refused: 'refused by a guard',
  failed: 'failed',
  unknown: 'no run yet',
};

/** What the page needs beside the status. */
interface PageOptions {
  readonly link: CommitLink;
  readonly hasRemote: boolean;
}

function page(title: string, body: Markup): string {
  return markup`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title><link rel="icon" href="data:,">
<style>${raw(STYLE)}</style></head>
<body>${body}</body></html>
`.toString();
}

/** A page with one message. */
export function messageHtml(title: string, text: string): string {
  return page(
    title,
    markup`<main><h1>${title}</h1><p>${oneLine(text)}</p><p><a href="/">To the status of the mirror</a></p></main>`,
  );
}

/** A moment, and how far it is from now. */
function when(time: Date, now: Date): Markup {
  const distance = time.getTime() - now.getTime();
  const far = ms(Math.abs(distance), { long: true });
  const words = Math.abs(distance) < 1_000 ? 'now' : distance < 0 ? `${far} ago` : `in ${far}`;
  return markup`<time datetime="${time.toISOString()}">${minuteOf(time)}</time> <span class="n">(${words})</span>`;
}

function fact(name: string, value: Markup | string): Markup {
  return markup`<dt>${name}</dt><dd>${value}</dd>`;
}

function bad(text: string): Markup {
  return markup`<span class="bad">${oneLine(text)}</span>`;
}

function runMarkup({ endedAt, verdict, changes, durationMs, error, remote }: RunSummary, now: Date): Markup {
  const what = `${verdict}, ${counted(changes, 'change')}, took ${ms(durationMs, { long: true })}`;
  const why = error ? markup`<br>${bad(`${error.message}${error.hint === undefined ? '' : `. ${error.hint}`}`)}` : '';
  const push =
    remote.state === 'behind'
      ? markup`<br>${bad(['not pushed', remote.reason, remote.remedy].filter(Boolean).join(': '))}`
      : '';
  return markup`${when(new Date(endedAt), now)}: ${what}${why}${push}`;
}

function incompleteMarkup(run: RunSummary | undefined): Markup | string {
  if (!run) return 'not known yet';
  if (run.incomplete.length === 0) return run.error ? 'not known: the last run came to no end' : 'nothing';
  return joined(
    run.incomplete.map((type, i) => markup`${i === 0 ? '' : ', '}<span class="warn">${oneLine(type)}</span>`),
  );
}

function tokensMarkup(tokens: readonly TokenExpiry[] | undefined, now: Date): Markup | string {
  if (!tokens) return 'not known yet';
  if (tokens.length === 0) return 'none that expires, as far as the token may see';
  const items = [...tokens]
    .sort((a, b) => a.expires.getTime() - b.expires.getTime())
    .map(({ name, expires }) => {
      const days = (expires.getTime() - now.getTime()) / 86_400_000;
      const soon = days < 0 ? bad('expired') : days < EXPIRES_SOON_DAYS ? markup`<span class="warn">soon</span>` : '';
      return markup`<li>${oneLine(name)}: ${when(expires, now)} ${soon}</li>`;
    });
  return markup`<ul>${joined(items)}</ul>`;
}

function drillMarkup(drill: DrillSummary | undefined, now: Date): Markup | string {
  if (!drill) return 'none yet';
  const { result, endedAt, documents, restored, problem, lastSuccess } = drill;
  const came = documents === undefined || restored === undefined ? '' : `, ${restored} of ${documents} restored`;
  const words = result === 'passed' ? `passed${came}` : bad(`failed${came}`);
  const why = problem === undefined ? '' : markup`<br>${result === 'failed' ? bad(problem) : oneLine(problem)}`;
  const good =
    result === 'failed' && lastSuccess !== undefined
      ? markup`<br>The last that passed: ${when(new Date(lastSuccess), now)}`
      : '';
  return markup`${when(new Date(endedAt), now)}: ${words}${why}${good}`;
}

function accountMarkup(view: AccountView, { now, tokens }: StatusInput): Markup {
  const { timetable, state, lastDrill, running, nextRun, notReady } = view;
  const { name } = timetable;
  const { health, since, lastSuccess, lastRun, failures, pausedUntil } = state;
  const id = `account-${name}`;
  const schedule = `${timetable.schedule}${timetable.timezone === undefined ? '' : ` (${timetable.timezone})`}`;
  const facts = [
    fact('Last good run', lastSuccess === undefined ? 'none yet' : when(new Date(lastSuccess), now)),
    ...(notReady === undefined ? [] : [fact('Not ready', bad(notReady))]),
    fact('Next run', nextRun ? markup`${when(nextRun, now)}, by ${schedule}` : 'none'),
    ...(pausedUntil === undefined
      ? []
      : [fact('Paused', markup`until ${when(new Date(pausedUntil), now)}, after ${counted(failures, 'failure')}`)]),
    fact('Last run', lastRun ? runMarkup(lastRun, now) : 'none of this daemon'),
    fact('Incomplete', incompleteMarkup(lastRun)),
    fact('Tokens', tokensMarkup(tokens.get(name), now)),
    fact('Last drill', drillMarkup(lastDrill, now)),
    ...(since === undefined ? [] : [fact('In this state since', when(new Date(since), now))]),
  ];
  return markup`<section class="card" aria-labelledby="${id}"><h3 id="${id}">${name}
<span class="state ${health}">${STATES[health]}</span>${running ? markup`<span class="state">running</span>` : ''}</h3>
<dl>${joined(facts)}</dl></section>
`;
}

function unpushedMarkup(measures: RepositoryMeasures | undefined, hasRemote: boolean, now: Date): Markup | string {
  if (!hasRemote) return 'there is no remote';
  if (!measures) return 'not known yet';
  if (measures.unpushed === 0) return 'none';
  const since = measures.unpushedSince ? markup`, the oldest of ${when(measures.unpushedSince, now)}` : '';
  return markup`<span class="bad">${measures.unpushed}</span>${since}`;
}

function repositoryMarkup({ measures, drill, now }: StatusInput, { hasRemote }: PageOptions): Markup {
  const next = drill?.nextDrill ? when(drill.nextDrill, now) : 'not scheduled';
  const facts = [
    fact('Unpushed commits', unpushedMarkup(measures, hasRemote, now)),
    fact('Next drill', drill?.running ? 'running now' : next),
  ];
  return markup`<h2>Repository</h2><div class="card"><dl>${joined(facts)}</dl></div>`;
}

function changeRow(
  { account, time, by, sureness, what, type, id, name, commit }: RecentChange,
  link: CommitLink,
): Markup {
  const url = link(commit);
  const short = commit.slice(0, 10);
  const where =
    url === undefined ? markup`<code>${short}</code>` : markup`<a href="${url}" rel="noreferrer">${short}</a>`;
  const who = sureness === 'unknown' ? 'unknown' : oneLine(by.name);
  const guess = sureness === 'lastModifiedBy' ? ' (the last modifier)' : '';
  const named = markup`${findType(type)?.noun ?? type} <strong>${oneLine(name === '' ? id : name)}</strong>`;
  return markup`<tr><td><time datetime="${time}">${minuteOf(new Date(time))}</time></td><td>${account}</td>
<td>${who}${guess}</td><td><span class="w ${what}">${what}</span> ${named}</td>
<td>${where}</td></tr>
`;
}

function changesMarkup({ changes, problem }: Recent, link: CommitLink): Markup {
  const why =
    problem === undefined ? '' : markup`<p class="bad">The newest changes are not known: ${oneLine(problem)}</p>`;
  if (changes.length === 0)
    return markup`<h2>Latest changes</h2>${why || markup`<p>None since the first listing.</p>`}`;
  const heads = ['when', 'account', 'who', 'what', 'commit'].map((head) => markup`<th scope="col">${head}</th>`);
  return markup`<h2 id="changes">Latest changes</h2>${why}
<div class="scroll" tabindex="0" role="region" aria-labelledby="changes"><table class="changes">
<thead><tr>${joined(heads)}</tr></thead><tbody>${joined(changes.map((change) => changeRow(change, link)))}</tbody>
</table></div>
`;
}

function reportForm(accounts: readonly AccountView[]): Markup {
  const names = accounts.map(({ timetable: { name } }) => markup`<option>${name}</option>`);
  return markup`<h2>Report of changes</h2>
<form action="/report" method="get"><label>Account<select name="account">${joined(names)}</select></label>
<label>From<input name="from" value="7 days ago"></label><label>To<input name="to" placeholder="now"></label>
<button type="submit">Show</button></form>
<p class="n">Times such as 2026-11-23, 2026-11-23T18:00Z, yesterday, 3 days ago. A field left empty has no limit.</p>
`;
}

/** What concerns the daemon as a whole. */
function problems({ stopping, stuck, logFailure, configuration, channels, deliveries }: StatusInput): string[] {
  const failing = channels.flatMap(({ name }) => {
    const why = deliveries.get(name)?.failing;
    return why === undefined ? [] : [`Notifications to ${name} do not arrive: ${why}`];
  });
  return [
    ...(stopping ? ['The daemon is stopping.'] : []),
    ...(stuck === undefined ? [] : [`The daemon does not work any more: ${stuck}`]),
    ...(logFailure === undefined ? [] : [`The log cannot be written: ${logFailure}`]),
    ...(configuration.problem === undefined
      ? []
      : [`The newest configuration is invalid, and the one before it in force: ${configuration.problem}`]),
    ...failing,
  ];
}

/** The status page: what `/status` holds, for people, and the latest changes. It needs nothing else, and no script. */
export function statusHtml(status: StatusInput, recent: Recent, options: PageOptions): string {
  const { now, version, accounts, startedAt } = status;
  const good = accounts.filter(({ state, notReady }) => state.health === 'ok' && notReady === undefined).length;
  const wrong = problems(status).map((text) => markup`<li>${bad(text)}</li>`);
  const body = markup`<header><h1>Mirror of ${counted(accounts.length, 'account')}: ${good} ok</h1>
<p class="lead">As of ${minuteOf(now)}. celigo-mirror ${version}, started ${when(startedAt, now)}.</p></header>
<main>${wrong.length > 0 ? markup`<ul>${joined(wrong)}</ul>` : ''}
<h2>Accounts</h2>${joined(accounts.map((view) => accountMarkup(view, status)))}
${repositoryMarkup(status, options)}${changesMarkup(recent, options.link)}${reportForm(accounts)}</main>`;
  return page('Status of the mirror', body);
}
