import type { Edit } from './edits.ts';
import { must } from './engine.ts';
import type { World } from './world.ts';

/** An entry of `log --json --patch`. */
interface Told {
  readonly type: string;
  readonly id: string;
  readonly by: { readonly email: string };
  readonly also: readonly { readonly email: string }[];
  readonly sureness: 'audit' | 'lastModifiedBy' | 'unknown';
  readonly what: string;
  readonly commit: string;
  readonly baseline: boolean;
  readonly changes: readonly { readonly before?: unknown; readonly after?: unknown }[];
}

/** Numbers of the edits whose marks a change brought. */
function marksOf({ changes }: Told): number[] {
  const marks = (side: 'before' | 'after'): number[] =>
    [...JSON.stringify(changes.map((change) => change[side] ?? '')).matchAll(/edit (\d+)\./g)].map(([, n]) =>
      Number(n),
    );
  const before = new Set(marks('before'));
  return [...new Set(marks('after'))].filter((n) => !before.has(n));
}

function describe({ what, type, id, by, also, commit }: Told): string {
  const people = [by, ...also].map(({ email }) => email).join(' and ');
  return `${what} ${type}/${id} by ${people} in ${commit.slice(0, 8)}`;
}

/**
 * One resource: each edit is told once, by someone who made one that was not told yet.
 * @param damaged a part of the history could not be read for a while: who was named there may be named again
 */
function checkResource(told: readonly Told[], edits: readonly Edit[], key: string, damaged: boolean): void {
  const own = edits.flatMap((edit, i) => (edit.key === key ? [{ ...edit, n: i + 1 }] : []));
  for (const entry of told) must(own.length > 0, () => `a change that never was: ${describe(entry)}`);
  must(told.length <= own.length, () => `${key}: ${told.length} changes told of ${own.length}: ${told.map(describe)}`);
  let newest = 0;
  // What was told while the audit log could not be read is told of its author later.
  let credited = 0;
  for (const entry of told) {
    const marks = marksOf(entry);
    const comesBack = entry.what === 'added' || entry.what === 'restored';
    for (const n of marks)
      must(comesBack || n > newest, () => `edit ${n}, told after edit ${newest}: ${describe(entry)}`);
    const editors = own.filter(({ n, mark }) => n > credited || mark === undefined).map(({ by }) => by);
    for (const { email } of [...(entry.sureness === 'unknown' ? [] : [entry.by]), ...entry.also])
      must(editors.includes(email), () => `of someone who did not make it: ${describe(entry)}, not ${editors}`);
    newest = Math.max(newest, ...marks);
    if (entry.sureness === 'audit' && !damaged) credited = newest;
  }
}

/**
 * `log` tells every edit of the account once, of those who made it, and nothing else.
 * @param damaged as of {@link checkResource}
 */
export async function checkTold(world: World, edits: readonly Edit[], damaged: boolean): Promise<void> {
  const { code, out, err } = await world.run('log', 'all', '--json', '--patch');
  must(code === 0, () => `log ends with ${code}: ${err}`);
  const { entries } = JSON.parse(out) as { entries: readonly Told[] };
  const commits = world.git('rev-list', '--topo-order', '--reverse', 'HEAD').split('\n');
  const order = new Map(commits.map((commit, i) => [commit, i]));
  const told = entries
    .filter(({ baseline }) => !baseline)
    .sort((a, b) => (order.get(a.commit) ?? 0) - (order.get(b.commit) ?? 0));
  const keyOf = ({ type, id }: Told): string => `${type}/${id}`;
  for (const key of new Set(told.map(keyOf)))
    checkResource(
      told.filter((entry) => keyOf(entry) === key),
      edits,
      key,
      damaged,
    );
  const marks = new Set(told.flatMap(marksOf));
  const last = new Map(edits.map(({ key, mark }, i) => [key, mark === undefined ? undefined : i + 1]));
  for (const [key, n] of last) must(n === undefined || marks.has(n), () => `edit ${n} of ${key} is not told`);
}

/** Who made the mirror's commits, and what they hold. `edits`: those of the account so far. */
export function checkCommits(world: World, edits: readonly Edit[], began: number): void {
  const [root = ''] = world.git('rev-list', '--max-parents=0', 'HEAD').trim().split('\n');
  const mirror = world.git('show', '-s', '--format=%ce', root).trim();
  const own = new Set<string>();
  const trailer = (key: string): string => `%(trailers:key=${key},valueonly)`;
  const fields = ['%H', '%ae', '%ce', '%ct', '%s', trailer('Celigo-Put-Back'), trailer('Celigo-Account'), ''];
  const format = `--format=%x02${fields.join('%x01')}`;
  const log = world.git('log', '--no-merges', '--topo-order', '--reverse', '--name-only', format, 'HEAD');
  for (const text of log.split('\x02').slice(1)) {
    const [commit = '', author = '', committer = '', seconds, subject = '', names = '', account, files = ''] =
      text.split('\x01');
    // A commit of a person that the mirror put on top of others has no trailer of its own.
    if (committer !== mirror || !account) continue;
    own.add(commit);
    const time = Number(seconds) * 1000;
    must(
      time >= began - 5_000 && time <= Date.now() + 5_000,
      () => `${commit} is dated ${new Date(time).toISOString()}, by a clock that is wrong`,
    );
    if (/^prod: put back/.test(subject)) {
      must(author === mirror, () => `${commit} puts back in the name of ${author}`);
      const named = names
        .trim()
        .split(/[,\s]+/)
        .filter(Boolean);
      must(named.length > 0, () => `${commit} does not name what it puts back`);
      for (const one of named)
        must(!own.has(world.git('rev-parse', one).trim()), () => `${commit} puts back ${one}, a commit of the mirror`);
    } else if (author !== mirror) {
      for (const [path, id] of files.matchAll(/^prod\/[a-z]+\/[^\n]*([0-9a-f]{24})\.[a-z.]+$/gm))
        must(
          edits.some(({ key, by }) => by === author && key.endsWith(`/${id}`)),
          () => `${commit} has ${author} change ${path}`,
        );
    }
  }
}
