import * as z from 'zod';
import { readTrail } from '../../audit/trail.ts';
import { readVersions, type Versions } from '../../audit/versions.ts';
import { candidates, type Watched, type WatchedChange, watchedIn } from '../../audit/watched.ts';
import { findType } from '../../catalogue/index.ts';
import { changedFields, stateWords } from '../../core/changed-fields.ts';
import { AppError } from '../../core/errors.ts';
import { readMessage } from '../../core/message.ts';
import { jsonText } from '../../core/unseen.ts';
import { type WatchSettings, watchRule } from '../../core/watch-rules.ts';
import type { Git } from '../../git/git.ts';
import { type HistoryCommit, readCommits, readCut, readHistory } from '../../history/commits.ts';
import { headCommit } from '../../history/state.ts';
import type { FoundChanges, WatchedEdit, WatchedGroup } from '../../notify/watched.ts';
import { openMirror } from '../input/mirror.ts';
import { WATCH_RULES } from '../options.ts';
import type { GlobalOptions, Io } from '../ui/io.ts';

export interface WatchedFlags {
  readonly account?: string;
  readonly mirror?: string;
  /** Up to where everything was reported. */
  readonly after?: string;
  /** Commits to look at where that is not known. */
  readonly commits?: readonly string[];
}

/** Findings that are passed on one by one, and changes and fields of each. */
const MOST_FOUND = 100;
const MOST_CHANGES = 10;
const MOST_FIELDS = 10;

const COMMIT = /^[0-9a-f]{40,64}$/;

const rulesSchema = z.array(z.object({}).loose());

/** Which commits of a history are looked at. */
interface Range {
  readonly commits: ReadonlySet<string>;
  /** Runs that were reported already: their commits were moved onto those of others since. */
  readonly runs: ReadonlySet<string>;
}

async function rangeOf(git: Git, history: readonly HistoryCommit[], flags: WatchedFlags): Promise<Range> {
  const { account = '', after, commits = [] } = flags;
  const base = after === undefined ? undefined : (await git.ask(['merge-base', after, 'HEAD']))?.trim();
  if (!base || after === undefined) return { commits: new Set(commits), runs: new Set() };
  const fresh = await git.run(['rev-list', '--end-of-options', `${base}..HEAD`, '--', `${account}/`]);
  const moved = base === after ? [] : await readCommits(git, account, `${base}..${after}`);
  const held = new Set(history.map(({ id }) => id));
  return {
    commits: new Set(fresh.split('\n').filter((id) => held.has(id))),
    runs: new Set(moved.flatMap(({ message }) => readMessage(message).runs)),
  };
}

function editOf({ entry, fields }: WatchedChange, versions: Versions): WatchedEdit {
  const { type: typeName, id, title, what, time, by, also, certainty, sources, commit, restore } = entry;
  const type = findType(typeName);
  const [before, after] = [versions.document(entry.before), versions.document(entry.after)];
  const state = type && before && after ? stateWords(changedFields(type, before.doc, after.doc)) : '';
  return {
    type: typeName,
    noun: type?.noun ?? typeName,
    id,
    name: title,
    what: (what === 'changed' || what === 'renamed') && state !== '' ? state : what,
    fields: fields.slice(0, MOST_FIELDS),
    moreFields: Math.max(0, fields.length - MOST_FIELDS),
    time: time.toISOString(),
    by: certainty === 'unknown' ? null : by,
    also,
    sources: restore === undefined ? sources : ['restore'],
    commit,
  };
}

/** Prints what rules find among the commits since the last report. @throws AppError `USAGE` */
export async function runWatched(io: Io, globals: GlobalOptions, flags: WatchedFlags): Promise<void> {
  for (const id of [...(flags.commits ?? []), ...(flags.after === undefined ? [] : [flags.after])]) {
    if (!COMMIT.test(id)) throw new AppError('USAGE', `${id} is not the id of a commit`, { hint: 'Use a full id' });
  }
  // Checked with the configuration.
  const settings = rulesSchema.parse(JSON.parse(io.env[WATCH_RULES] ?? '[]')) as unknown as readonly WatchSettings[];
  const rules = settings.map(watchRule);
  const { git, account } = await openMirror(io, globals, [], flags);
  const { commit: head } = await headCommit(git);
  const history = await readHistory(git, account);
  const range = await rangeOf(git, history, { ...flags, account });
  const entries = readTrail(history, account, (await readCut(git))?.commit).filter(
    ({ commit, run = '' }) => range.commits.has(commit) && !range.runs.has(run),
  );
  const versions = await readVersions(git, account, candidates(entries, rules));
  const found = watchedIn(entries, rules, versions);
  const group = ({ rule, changes }: Watched): WatchedGroup => ({
    rule: rules[rule]?.about ?? '',
    severity: rules[rule]?.severity ?? 'warning',
    count: changes.length,
    changes: changes.slice(0, MOST_CHANGES).map((change) => editOf(change, versions)),
  });
  const result: FoundChanges = { head, count: found.length, groups: found.slice(0, MOST_FOUND).map(group) };
  io.out(jsonText(result));
}
