import stableStringify from 'fast-json-stable-stringify';
import type { ResourceType } from '../catalogue/types.ts';
import { diffFields } from './field-diff.ts';
import { getOwn, isArray, isObject, type Json, type JsonObject, type MutableJsonObject, setOwn } from './json.ts';
import { lineEndOf, withLf, withLineEnd } from './line-ends.ts';
import { secretOf } from './markers.ts';
import { copiesFollow } from './merge-copies.ts';
import { mergeSequences, type Range } from './merge-sequences.ts';
import type { MergeConflict, Merged, Prevailing, Sides, Spot } from './merge-types.ts';
import { sortSet } from './normalise.ts';
import { compileRules, type Rule, ruleOf } from './normalise-rules.ts';
import { equalJson } from './paths.ts';
import type { Place } from './places.ts';

/** One merge in progress. */
interface Pass {
  readonly prevailing: Prevailing;
  readonly conflicts: MergeConflict[];
  readonly taken: Spot[];
  readonly already: Spot[];
}

function sidesOf<T, U>({ base, changed, live }: Sides<T>, of: (value: T | undefined) => U | undefined): Sides<U> {
  return { base: of(base), changed: of(changed), live: of(live) };
}

function conflict(pass: Pass, sides: Sides, spot: Spot): Json | undefined {
  const { base, changed, live } = sides;
  pass.conflicts.push({
    ...spot,
    ...(base === undefined ? {} : { base }),
    ...(changed === undefined ? {} : { changed }),
    ...(live === undefined ? {} : { live }),
  });
  return sides[pass.prevailing];
}

/** Whether a value may hold fields of its own; what is absent has none. A credential is one value. */
function mayHoldFields(value: Json | undefined): value is JsonObject | undefined {
  return value === undefined || (isObject(value) && secretOf(value) === undefined);
}

/** @param whole an element that one side does not have is there or not: its fields do not matter one by one */
function mergeAt(pass: Pass, sides: Sides, rule: Rule | undefined, place: Place, whole = false): Json | undefined {
  const { base, changed, live } = sides;
  if (equalJson(base, changed)) return live;
  if (equalJson(changed, live)) {
    pass.already.push({ place });
    return live;
  }
  if (equalJson(base, live)) {
    pass.taken.push({ place });
    return changed;
  }
  if (whole) return conflict(pass, sides, { place });
  if (mayHoldFields(base) && mayHoldFields(changed) && mayHoldFields(live))
    return mergeObjects(pass, { base, changed, live }, rule, place);
  const lists = listsOf(sides, rule);
  if (lists) return mergeLists(pass, lists, sides, rule, place);
  if (typeof base === 'string' && typeof changed === 'string' && typeof live === 'string')
    return mergeTexts(pass, { base, changed, live }, place);
  return conflict(pass, sides, { place });
}

function mergeObjects(pass: Pass, sides: Sides<JsonObject>, rule: Rule | undefined, place: Place): Json | undefined {
  const { base, changed, live } = sides;
  const out: MutableJsonObject = {};
  // The order of live's keys is kept where it can be: documents are sorted when they are written.
  for (const key of new Set([live, changed, base].flatMap((side) => Object.keys(side ?? {})))) {
    const held = sidesOf(sides, (side) => side && getOwn(side, key));
    const value = mergeAt(pass, held, ruleOf(rule, key), [...place, key]);
    if (value !== undefined) setOwn(out, key, value);
  }
  const empty = Object.keys(out).length === 0;
  return empty && (changed === undefined || live === undefined) ? undefined : out;
}

/** Lists by element: the identity of each, or `undefined` where their elements have none. */
interface Lists extends Sides<readonly Json[]> {
  readonly identify: ((item: Json) => string | undefined) | undefined;
}

/** The sides as lists, where all are; a set that is absent is empty. */
function listsOf(sides: Sides, rule: Rule | undefined): Lists | undefined {
  const setKey = rule?.sortBy;
  const listed = sidesOf(sides, (side) =>
    isArray(side) ? side : side === undefined && setKey !== undefined ? [] : undefined,
  );
  const { base, changed, live } = listed;
  if (!base || !changed || !live) return undefined;
  const member = (key: string) => (item: Json) => {
    const id = isObject(item) ? getOwn(item, key) : undefined;
    return typeof id === 'string' ? id : undefined;
  };
  const identify = setKey === '' ? stableStringify : member(setKey ?? '_id');
  const unique = [base, changed, live].every((list) => {
    const ids = new Set(list.map(identify));
    return ids.size === list.length && !ids.has(undefined);
  });
  return { ...listed, identify: unique ? identify : undefined };
}

function mergeLists(pass: Pass, lists: Lists, sides: Sides, rule: Rule | undefined, place: Place): Json | undefined {
  if (lists.identify) return mergeElements(pass, lists, sides, rule, place);
  const { base = [], changed = [], live = [] } = lists;
  const sameLength = base.length === changed.length && base.length === live.length;
  if (rule?.sortBy !== undefined || !sameLength || moved(base, changed) || moved(base, live))
    return conflict(pass, sides, { place });
  return base.map((item, i): Json => {
    const held = { base: item, changed: changed[i], live: live[i] };
    return mergeAt(pass, held, rule?.below.get('[]'), [...place, i]) ?? null;
  });
}

/** Whether an element of the base is at the place of another one: then an index does not say which is meant. */
function moved(base: readonly Json[], list: readonly Json[]): boolean {
  const known = new Set(base.map((item) => stableStringify(item)));
  return list.some((item, i) => !equalJson(item, base[i]) && known.has(stableStringify(item)));
}

function mergeElements(pass: Pass, lists: Lists, sides: Sides, rule: Rule | undefined, place: Place): Json | undefined {
  const identify = lists.identify as (item: Json) => string;
  const { base = [], changed = [], live = [] } = lists;
  const maps = [base, changed, live].map((list) => new Map(list.map((item, i) => [identify(item), i])));
  const [inBase, inChanged, inLive] = maps as [Map<string, number>, Map<string, number>, Map<string, number>];
  const merged = new Map<string, Json>();
  const known = pass.conflicts.length;
  for (const id of new Set(maps.flatMap((map) => [...map.keys()]))) {
    const [i, j, k] = [inBase.get(id), inChanged.get(id), inLive.get(id)];
    const whole = i === undefined || j === undefined || k === undefined;
    const held = {
      base: i === undefined ? undefined : base[i],
      changed: j === undefined ? undefined : changed[j],
      live: k === undefined ? undefined : live[k],
    };
    const value = mergeAt(pass, held, rule?.below.get('[]'), [...place, i ?? j ?? k ?? 0], whole);
    if (value !== undefined) merged.set(id, value);
  }
  if (rule?.sortBy !== undefined) {
    const absent = merged.size === 0 && (sides.changed === undefined || sides.live === undefined);
    return absent ? undefined : sortSet([...merged.values()], rule.sortBy);
  }
  const order = mergeOrder(maps, merged, pass.prevailing);
  // Where it is not certain which elements are left, neither is their order.
  if (!order.certain && pass.conflicts.length === known) conflict(pass, sides, { place });
  return order.ids.map((id) => merged.get(id) as Json);
}

/** The order of the elements that are left. */
function mergeOrder(
  maps: readonly ReadonlyMap<string, number>[],
  merged: ReadonlyMap<string, Json>,
  prevailing: Prevailing,
): { readonly ids: readonly string[]; readonly certain: boolean } {
  const [base, changed, live] = maps.map((map) => [...map.keys()].filter((id) => merged.has(id))) as [
    string[],
    string[],
    string[],
  ];
  const parts = mergeSequences(base, changed, live);
  const certain = parts.every(({ from }) => from !== 'conflict');
  const ids = parts.flatMap((part) => {
    const side = part.from === 'changed' || (part.from === 'conflict' && prevailing === 'changed') ? changed : live;
    return side.slice(...(side === changed ? part.changed : part.live));
  });
  // An element that one side moved and the other one passed on may be there twice, or not at all.
  const complete = new Set([...ids, ...merged.keys()]);
  return { ids: [...complete], certain: certain && ids.length === merged.size && complete.size === ids.length };
}

/**
 * Texts line by line. Where one side gave all lines another end, that is one change, and not one of each line: no two
 * sides can each want another one of the two.
 */
function mergeTexts(pass: Pass, sides: Required<Sides<string>>, place: Place): Json | undefined {
  const { base, changed, live } = sidesOf(sides, (text) => lineEndOf(text ?? ''));
  const isUniform = [base, changed, live].every((end) => end === 'LF' || end === 'CRLF');
  if (!isUniform || (base === changed && base === live)) return mergeLines(pass, sides, place);
  const plain = sidesOf(sides, (text) => withLf(text ?? ''));
  const merged = mergeLines(pass, plain as Required<Sides<string>>, place);
  if (changed !== base) (live === base ? pass.taken : pass.already).push({ place });
  return typeof merged === 'string' ? withLineEnd(merged, (changed === base ? live : changed) ?? 'LF') : merged;
}

function mergeLines(pass: Pass, sides: Required<Sides<string>>, place: Place): Json | undefined {
  const [base, changed, live] = [sides.base, sides.changed, sides.live].map((text) => text?.split('\n') ?? []) as [
    string[],
    string[],
    string[],
  ];
  if (base.length + changed.length + live.length === 3) return conflict(pass, sides, { place });
  const out: string[] = [];
  for (const part of mergeSequences(base, changed, live)) {
    const spot = { place, lines: part.base };
    if (part.from === 'changed') pass.taken.push(spot);
    if (part.from === 'both') pass.already.push(spot);
    const takes = part.from === 'changed' || (part.from === 'conflict' && pass.prevailing === 'changed');
    if (part.from === 'conflict') {
      const lines = (text: readonly string[], range: Range): string => text.slice(...range).join('\n');
      const held = {
        base: lines(base, part.base),
        changed: lines(changed, part.changed),
        live: lines(live, part.live),
      };
      conflict(pass, held, spot);
    }
    for (const line of takes ? changed.slice(...part.changed) : live.slice(...part.live)) out.push(line);
  }
  return out.join('\n');
}

/**
 * Merges a change into a live value, field by field. Pure and symmetric: with `changed` and `live` exchanged, the
 * result and the conflicts are the same.
 * @param rule which lists are sets
 */
export function mergeValues(sides: Sides, rule?: Rule, prevailing: Prevailing = 'live'): Merged {
  const pass: Pass = { prevailing, conflicts: [], taken: [], already: [] };
  const value = mergeAt(pass, sides, rule, []);
  const { conflicts, taken, already } = pass;
  return { value, conflicts, taken, already };
}

const RULES = new WeakMap<ResourceType, Rule>();

function rulesOf(type: ResourceType): Rule {
  const rules = RULES.get(type) ?? compileRules(type);
  RULES.set(type, rules);
  return rules;
}

/**
 * Merges a change of a resource into the live one. Documents are in the mirror's form, long texts in their places. A
 * resource that the change created, and that someone edited since, is not deleted; one that the change edited, and that
 * someone deleted since, does not come back: both are conflicts.
 */
export function mergeDocuments(
  type: ResourceType,
  sides: Sides<JsonObject>,
  prevailing: Prevailing = 'live',
): Merged<JsonObject> {
  const { base, changed, live } = sides;
  const goes = base !== undefined && live !== undefined && changed === undefined;
  if (goes && !equalJson(base, live)) {
    const conflicts = diffFields(base, live).map(({ place, before, after }) => ({
      place,
      ...(before === undefined ? {} : { base: before }),
      ...(after === undefined ? {} : { live: after }),
    }));
    return { value: sides[prevailing], conflicts, taken: [], already: [] };
  }
  const isOnlyThere = base !== undefined && changed !== undefined && live === undefined;
  const pass: Pass = { prevailing, conflicts: [], taken: [], already: [] };
  const value = mergeAt(pass, sides, rulesOf(type), [], isOnlyThere) as JsonObject | undefined;
  const { conflicts, taken, already } = pass;
  return copiesFollow(type, sides, { value, conflicts, taken, already }, prevailing);
}
