import { AppError } from '../core/errors.ts';
import { isObject, type Json } from '../core/json.ts';
import { idIn, type Key, keyOf, typeIn } from '../core/keys.ts';
import { parseYaml, renderYaml, YamlError } from '../core/yaml.ts';
import type { Git } from '../git/git.ts';

/** Folder at the top of the repository with the ids that restores gave. */
export const IDMAPS = 'idmaps';

/** Ids in one account → ids in another (or the same, after it was recreated), by type. */
export type IdMaps = ReadonlyMap<string, ReadonlyMap<string, string>>;

/** File of the ids of a restore from one account into another, from the root of the repository. */
export function idMapPath(from: string, to: string): string {
  return `${IDMAPS}/${from}-${to}.yaml`;
}

/** What HEAD holds of a file of ids. @throws AppError `USAGE` for one that a manual edit damaged */
export async function readIdMaps(git: Git, path: string): Promise<Map<string, Map<string, string>>> {
  const [file] = await git.find([`HEAD:${path}`]);
  const maps = new Map<string, Map<string, string>>();
  if (!file) return maps;
  const damaged = (line: number | undefined, why: string): AppError =>
    new AppError('USAGE', `${path}${line ? `:${line}` : ''} is not valid: ${why}`, {
      hint: `It maps types to ids: "flows: { old id: new id }". git log -- ${path} shows earlier versions`,
    });
  let parsed: Json;
  try {
    parsed = parseYaml(file.bytes.toString('utf8'));
  } catch (error) {
    if (!(error instanceof YamlError)) throw error;
    throw damaged(error.line, error.message);
  }
  if (!isObject(parsed)) throw damaged(undefined, 'it contains no map');
  for (const [type, ids] of Object.entries(parsed)) {
    if (!isObject(ids)) throw damaged(undefined, `${type} is not a map of ids`);
    const map = new Map<string, string>();
    for (const [old, id] of Object.entries(ids)) {
      if (typeof id !== 'string') throw damaged(undefined, `${type}.${old} is not an id`);
      map.set(old, id);
    }
    maps.set(type, map);
  }
  return maps;
}

export function renderIdMaps(maps: IdMaps): string {
  return renderYaml(
    Object.fromEntries(
      [...maps].filter(([, ids]) => ids.size > 0).map(([type, ids]) => [type, Object.fromEntries(ids)]),
    ),
  );
}

/**
 * Takes in that `old` is `id` now. What `old` was before that (it can be recreated more than once) leads to `id` as
 * well, since documents name it.
 */
export function learnId(ids: Map<string, string>, old: string, id: string): void {
  const before = ids.get(old);
  ids.set(old, id);
  if (before === undefined || before === id) return;
  for (const [key, value] of ids) if (value === before) ids.set(key, id);
  if (before !== old) ids.set(before, id);
}

/**
 * Ids that were recreated within one account, each with its last one. A pair counts only while the old id is gone: else
 * a file that anyone can push would have one resource overwritten by another.
 * @param live whether a resource of this id exists, whatever its type
 * @throws AppError `USAGE` for a pair of which both exist
 */
export function recreatedIds(
  ids: ReadonlyMap<string, string>,
  live: (id: string) => boolean,
  path: string,
): Map<string, string> {
  const last = lastIds(ids);
  for (const [old, id] of last) {
    if (!live(old)) continue;
    if (live(id) && id !== old) {
      throw new AppError('USAGE', `${path} says that ${old} is ${id} now, but the account has both`, {
        hint: `Find out who wrote it, with: git log -p -- ${path}; then remove that line, commit, and restore again`,
      });
    }
    last.delete(old);
  }
  return last;
}

/** Ids within one account: those that were recreated several times lead to the last one, circles to any of theirs. */
function lastIds(ids: ReadonlyMap<string, string>): Map<string, string> {
  const last = new Map<string, string>();
  for (const first of ids.keys()) {
    const way = new Set<string>();
    let id = first;
    // A chain may be as long as the map: each part of it is walked once.
    for (let next = ids.get(id); next !== undefined && !way.has(id) && !last.has(id); next = ids.get(id)) {
      way.add(id);
      id = next;
    }
    const end = last.get(id) ?? id;
    for (const one of way) last.set(one, end);
  }
  return last;
}

/** All pairs of a file of ids, whatever their type. */
async function allIds(git: Git, from: string, to: string): Promise<[string, string][]> {
  return [...(await readIdMaps(git, idMapPath(from, to))).values()].flatMap((ids) => [...ids]);
}

/**
 * What a resource of a history is called now: one that was created again is one resource, whatever its id was.
 * @param trail its changes, oldest first, each with the files that it left
 */
export async function keysToday(
  git: Git,
  account: string,
  trail: readonly { readonly id: string; readonly after: ReadonlyMap<string, string> }[],
): Promise<(key: Key) => Key> {
  const last = lastIds(new Map(await allIds(git, account, account)));
  const newest = new Map(trail.map((entry) => [entry.id, entry.after]));
  return (key) => {
    const id = idIn(key);
    // As with recreatedIds, a pair counts only while the old id is gone.
    return newest.get(id)?.size ? key : keyOf(typeIn(key), last.get(id) ?? id);
  };
}

/**
 * What is known of ids of one account in another: from files of restores in both directions, and from ids that were
 * given again within either. Parts of documents included.
 * @param has whether an account has the id now
 */
export async function idsBetween(
  git: Git,
  from: string,
  to: string,
  has: (account: string, id: string) => boolean,
): Promise<Map<string, string>> {
  const [ours, theirs] = [lastIds(new Map(await allIds(git, from, from))), lastIds(new Map(await allIds(git, to, to)))];
  const there = await allIds(git, from, to);
  const back = (await allIds(git, to, from)).map(([id, old]): [string, string] => [old, id]);
  const now = (account: string, id: string, last: ReadonlyMap<string, string>): string =>
    has(account, id) ? id : (last.get(id) ?? id);
  const found = new Map<string, string>();
  for (const [old, id] of [...back, ...there]) found.set(now(from, old, ours), now(to, id, theirs));
  return found;
}
