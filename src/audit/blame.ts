import stableStringify from 'fast-json-stable-stringify';
import type { Person } from '../core/changes.ts';
import { getOwn, isArray, isObject, type Json } from '../core/json.ts';
import { equalJson } from '../core/paths.ts';
import { type Place, placeOf } from '../core/places.ts';
import { matchLists } from '../core/sequences.ts';
import type { FeedEdit } from './feed.ts';
import type { Entry } from './trail.ts';
import type { Versions } from './versions.ts';

/** One value of a document, with the change that made it what it is. */
export interface Blamed {
  readonly place: Place;
  readonly value: Json;
  readonly entry: Entry;
}

/** An edit and the time of a change that reports it need not agree in what is below a second. */
const SECOND_MS = 1_000;

/**
 * Who may have set a value: the author of its change, or, where several people edited the resource since the run
 * before, each of them, unless the audit feed has who changed the field.
 * @param story all changes of the resource, oldest first @param edits of it in the feed, oldest first
 */
export function settersOf({ place, entry }: Blamed, story: readonly Entry[], edits: readonly FeedEdit[]): Person[] {
  const people = [entry.by, ...entry.also];
  if (people.length === 1) return people;
  const since = story[story.indexOf(entry) - 1]?.time.getTime() ?? Number.NEGATIVE_INFINITY;
  const fitting = edits.flatMap(({ time, by, fields }) => {
    const isSince = time.getTime() >= since + SECOND_MS && time.getTime() < entry.time.getTime() + SECOND_MS;
    const places = isSince ? fields.map(placeOf).filter((field) => field.every((step, i) => step === place[i])) : [];
    return places.length > 0 ? [{ by, isExact: places.some((field) => field.length === place.length) }] : [];
  });
  // Of a block, each edit may be about another field in it; of the field itself, the last one counts.
  const last = fitting.findLastIndex(({ isExact }) => isExact);
  const emails = new Set(fitting.slice(Math.max(0, last)).map(({ by }) => by.email));
  const found = people.filter(({ email }) => emails.has(email));
  return found.length > 0 ? found : people;
}

/** The change that made each value, in the shape of the document. */
interface Tree {
  readonly entry: Entry;
  readonly keys?: ReadonlyMap<string, Tree>;
  readonly items?: readonly Tree[];
}

/** Everything in `value` is of this change. */
function fresh(value: Json, entry: Entry): Tree {
  if (isArray(value)) return { entry, items: value.map((item) => fresh(item, entry)) };
  if (!isObject(value)) return { entry };
  return { entry, keys: new Map(Object.entries(value).map(([key, held]) => [key, fresh(held, entry)])) };
}

/** What stayed keeps its change, the rest is of this one. */
function carry(before: Json, after: Json, tree: Tree, entry: Entry): Tree {
  if (equalJson(before, after)) return tree;
  if (isObject(before) && isObject(after) && tree.keys) {
    const { keys } = tree;
    return {
      entry,
      keys: new Map(
        Object.entries(after).map(([key, held]) => {
          const [old, known] = [getOwn(before, key), keys.get(key)];
          return [key, old === undefined || !known ? fresh(held, entry) : carry(old, held, known, entry)];
        }),
      ),
    };
  }
  if (isArray(before) && isArray(after) && tree.items) {
    return { entry, items: carryItems(before, after, tree.items, entry) };
  }
  return fresh(after, entry);
}

/** Elements that were added or removed shift the others, which keep their change. */
function carryItems(before: readonly Json[], after: readonly Json[], trees: readonly Tree[], entry: Entry): Tree[] {
  const out: Tree[] = [];
  let [at, to] = [0, 0];
  for (const { old, now, count } of matchLists(before.map(stableStringify), after.map(stableStringify))) {
    for (let i = to; i < now + count; i++) {
      const item = after[i] as Json;
      // What was put in where something was taken out may have replaced it.
      const index = i >= now ? old + i - now : at + i - to < old ? at + i - to : undefined;
      const known = index === undefined ? undefined : trees[index];
      out.push(index === undefined || !known ? fresh(item, entry) : carry(before[index] as Json, item, known, entry));
    }
    [at, to] = [old + count, now + count];
  }
  return out;
}

function leaves(value: Json, tree: Tree, place: Place): Blamed[] {
  if (isArray(value) && value.length > 0) {
    return value.flatMap((item, i) => leaves(item, tree.items?.[i] ?? tree, [...place, i]));
  }
  if (isObject(value) && Object.keys(value).length > 0) {
    return Object.entries(value).flatMap(([key, held]) => leaves(held, tree.keys?.get(key) ?? tree, [...place, key]));
  }
  return [{ place, value, entry: tree.entry }];
}

/**
 * Each value of a resource's newest document with the change that made it. What was deleted and came back keeps the
 * changes from before.
 * @param story all changes of the resource, oldest first
 * @returns nothing where no version can be read
 */
export function blame(story: readonly Entry[], versions: Versions): Blamed[] {
  let state: { value: Json; tree: Tree } | undefined;
  for (const entry of story) {
    const doc = versions.document(entry.after)?.doc;
    if (doc === undefined) continue;
    const tree = state ? carry(state.value, doc, state.tree, entry) : fresh(doc, entry);
    state = { value: doc, tree };
  }
  return state ? leaves(state.value, state.tree, []) : [];
}
