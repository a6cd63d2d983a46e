import type { FieldChange } from '../core/field-diff.ts';
import { getOwn, isArray, isObject, type Json } from '../core/json.ts';
import { equalJson } from '../core/paths.ts';
import { type Place, placeText } from '../core/places.ts';
import { isWithin } from '../core/time-window.ts';
import type { WatchRule } from '../core/watch-rules.ts';
import { fulfils, isInside, type Pattern } from '../core/where.ts';
import type { Entry } from './trail.ts';
import { fieldsOf, type Versions } from './versions.ts';

/** A change that a rule asks for. */
export interface WatchedChange {
  readonly entry: Entry;
  /** The changed fields that the rule asks for; none for a resource that came or went. Never a value. */
  readonly fields: readonly string[];
}

/** What one rule found: a change, or with `moreThan` the changes of one person in one run. */
export interface Watched {
  /** Position of the rule. */
  readonly rule: number;
  readonly changes: readonly WatchedChange[];
}

/** A name of a field: keys that people chose may be data. */
const FIELD_NAME = /^[$_a-z][\w-]{0,39}$/i;

/** The place of a field as far as its names are those of fields. */
function fieldName(place: Place): string {
  const data = place.findIndex((step) => typeof step === 'string' && !FIELD_NAME.test(step));
  return placeText(data < 0 ? place : place.slice(0, data));
}

/** Whether something inside two values differs at a place of the pattern. */
function differsInside(pattern: Pattern, place: Place, before: Json | undefined, after: Json | undefined): boolean {
  if (equalJson(before, after)) return false;
  if (isInside(pattern, place)) return true;
  const steps = new Set<string | number>();
  for (const side of [before, after]) {
    if (isArray(side)) for (const i of side.keys()) steps.add(i);
    else if (isObject(side)) for (const key of Object.keys(side)) steps.add(key);
  }
  const inside = (side: Json | undefined, step: string | number): Json | undefined =>
    typeof step === 'number'
      ? isArray(side)
        ? side[step]
        : undefined
      : isObject(side)
        ? getOwn(side, step)
        : undefined;
  return [...steps].some((step) => differsInside(pattern, [...place, step], inside(before, step), inside(after, step)));
}

/** Whether an entry is an edit that someone made: neither found by a first listing, nor made by the mirror's rules. */
function isEdit({ baseline, renewed, cut, newRules, certainty }: Entry): boolean {
  return !baseline && !renewed && !cut && !(newRules && certainty === 'unknown');
}

/** The channels of an edit as the audit log has them; none where it does not report it. */
function channelsOf({ restore, sources, certainty }: Entry): readonly string[] {
  if (restore !== undefined) return ['api'];
  return sources.length > 0 ? sources : certainty === 'audit' ? ['ui'] : [];
}

/** What can be said without reading a document. */
function fitsAtOnce(rule: WatchRule, entry: Entry): boolean {
  const { type, what, by, channel, outside, field } = rule;
  const person = by?.toLowerCase();
  return (
    (type === undefined || entry.type === type) &&
    (what === undefined || entry.what === what) &&
    // Of a document that came or went, every field did: only a rule that asks for that means it.
    (field === undefined || what !== undefined || (entry.before.size > 0 && entry.after.size > 0)) &&
    (person === undefined ||
      [entry.by, ...entry.also].some(({ name, email }) => `${name} <${email}>`.toLowerCase().includes(person))) &&
    (channel === undefined || channelsOf(entry).includes(channel)) &&
    (outside === undefined || !isWithin(outside, entry.time))
  );
}

/** The entries of which a rule needs the documents, or may report the fields. */
export function candidates(entries: readonly Entry[], rules: readonly WatchRule[]): Entry[] {
  return entries.filter((entry) => isEdit(entry) && rules.some((rule) => fitsAtOnce(rule, entry)));
}

/** The entry as a change that the rule asks for, if it is one. */
function fitting({ field, where }: WatchRule, entry: Entry, versions: Versions): WatchedChange | undefined {
  const document = versions.document(entry.after.size > 0 ? entry.after : entry.before);
  if (where && !(document && fulfils(document.doc, where))) return undefined;
  const all = fieldsOf(entry, versions);
  const came = entry.before.size === 0 || entry.after.size === 0;
  if (field && came && !(document && differsInside(field, [], document.doc, undefined))) return undefined;
  const isAsked = ({ place, before, after }: FieldChange): boolean =>
    !field || differsInside(field, place, before, after);
  const asked = all.filter(isAsked);
  if (field && !came && asked.length === 0) return undefined;
  return { entry, fields: [...new Set(asked.map(({ place }) => fieldName(place)))] };
}

/** Changes by their run and person, in the order of the first of each. */
function together(changes: readonly WatchedChange[]): WatchedChange[][] {
  const groups = new Map<string, WatchedChange[]>();
  for (const change of changes) {
    const { run = '', by } = change.entry;
    const key = `${run} ${by.email}`;
    const group = groups.get(key);
    if (group) group.push(change);
    else groups.set(key, [change]);
  }
  return [...groups.values()];
}

/**
 * What the rules ask for among the changes of a history, by rule, oldest first.
 * @param versions documents of the {@link candidates}
 */
export function watchedIn(entries: readonly Entry[], rules: readonly WatchRule[], versions: Versions): Watched[] {
  return rules.flatMap((rule, i): Watched[] => {
    const changes = candidates(entries, [rule]).flatMap((entry) => fitting(rule, entry, versions) ?? []);
    const { moreThan } = rule;
    if (moreThan === undefined) return changes.map((change) => ({ rule: i, changes: [change] }));
    return together(changes)
      .filter((group) => group.length > moreThan)
      .map((group) => ({ rule: i, changes: group }));
  });
}
