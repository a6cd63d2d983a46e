import { SERVER_MANAGED } from '../catalogue/common.ts';
import type { FieldPath, ResourceType } from '../catalogue/types.ts';
import { getOwn, isArray, isObject, type Json, type JsonObject, type MutableJsonObject, setOwn } from '../core/json.ts';
import {
  compileRules,
  dropAt,
  hasChosenKeys,
  isLeftOut,
  type Rule,
  ruleOf,
  type Scope,
  scopeOf,
} from '../core/normalise-rules.ts';
import { isMask } from '../core/secrets.ts';

/** Members that calls of their own write, not the document's (api-notes#written-apart, api-notes#lookup-data). */
export function writtenApart({ entries, restore: { registers } }: ResourceType): readonly FieldPath[] {
  return [entries, registers?.field].filter((path) => path !== undefined);
}

const RULES = new WeakMap<ResourceType, Rule>();

/** The rules for what no write changes: what the mirror leaves out, and what the server keeps. */
function rulesOf(type: ResourceType): Rule {
  const known = RULES.get(type);
  if (known) return known;
  const rules = compileRules(type);
  const apart = writtenApart(type);
  for (const path of [...SERVER_MANAGED, ...(type.restore.strip ?? [])]) if (!apart.includes(path)) dropAt(rules, path);
  RULES.set(type, rules);
  return rules;
}

/** Members by which elements of a list are known again. */
const IDENTITY = ['_id', 'id', 'key', 'name', '_abstractId', '_exportId', '_importId', '_toolId', '_apiId', '_fileId'];

/** Whether two elements of lists are the same one; `undefined` when nothing in them shows it. */
function isSame(a: Json, b: Json): boolean | undefined {
  if (!isObject(a) || !isObject(b)) return undefined;
  for (const name of IDENTITY) {
    const [ours, theirs] = [getOwn(a, name), getOwn(b, name)];
    if (typeof ours === 'string' && typeof theirs === 'string') return ours === theirs;
  }
  return undefined;
}

/** For each element of `target` the same one of `source`: by what identifies it, else by its position. */
function paired(target: readonly Json[], source: readonly Json[]): readonly (Json | undefined)[] {
  const left = new Set(source.keys());
  const take = (index: number | undefined): Json | undefined => {
    if (index === undefined || !left.delete(index)) return undefined;
    return source[index];
  };
  return target.map((item, i) => {
    const same = [...left].find((at) => isSame(item, source[at] as Json));
    if (same !== undefined) return take(same);
    const atPlace = target.length === source.length && isSame(item, source[i] as Json) === undefined;
    return take(atPlace ? i : undefined);
  });
}

interface Sides {
  readonly ours: Scope;
  /** Absent: nothing is kept. */
  readonly theirs: Scope | undefined;
}

function walk(sides: Sides, target: Json, source: Json | undefined, rule: Rule | undefined, free: boolean): Json {
  if (isArray(target)) {
    const each = rule?.below.get('[]');
    const partners = isArray(source) ? paired(target, source) : [];
    return target.map((item, i) => walk(sides, item, partners[i], each, free));
  }
  if (!isObject(target)) return target;
  const from: JsonObject = isObject(source) ? source : {};
  const out: MutableJsonObject = {};
  for (const key of Object.keys(target)) {
    const below = ruleOf(rule, key);
    if (isLeftOut(sides.ours, target, key, below, free)) continue;
    setOwn(out, key, walk(sides, target[key] as Json, getOwn(from, key), below, free || hasChosenKeys([key])));
  }
  for (const key of Object.keys(from)) {
    const { theirs } = sides;
    // A mask is not a value: the server keeps what it hides.
    if (theirs === undefined || getOwn(out, key) !== undefined || isMask(from[key])) continue;
    if (isLeftOut(theirs, from, key, ruleOf(rule, key), free)) setOwn(out, key, from[key] as Json);
  }
  return out;
}

/** A document without what no write changes. @param sampleData keep what was captured at run time */
export function withoutLeftOut(type: ResourceType, doc: JsonObject, sampleData: boolean): JsonObject {
  const sides = { ours: scopeOf(doc, sampleData), theirs: undefined };
  return walk(sides, doc, undefined, rulesOf(type), false) as JsonObject;
}

/**
 * A document in which everything that no write changes is as it is live, at every depth. A block that the document does
 * not have does not come back for what is kept in it.
 */
export function withLiveLeftOut(
  type: ResourceType,
  doc: JsonObject,
  live: JsonObject,
  sampleData: boolean,
): JsonObject {
  const sides = { ours: scopeOf(doc, sampleData), theirs: scopeOf(live, sampleData) };
  return walk(sides, doc, live, rulesOf(type), false) as JsonObject;
}
