import stableStringify from 'fast-json-stable-stringify';
import { findType } from '../catalogue/index.ts';
import type { FieldPath } from '../catalogue/types.ts';
import { digestOf } from '../core/digest.ts';
import type { Json } from '../core/json.ts';
import type { Key } from '../core/keys.ts';
import { compareCodePoints } from '../core/order.ts';
import { type Place, placeText } from '../core/places.ts';
import type { Entry } from './trail.ts';
import { fieldsOf, type Versions } from './versions.ts';

/** A person may take a change back once; a field that returns to earlier values again does so by itself. */
const FEWEST_FLIPS = 2;

/** A field that seems to change on its own. */
export interface NoisyField {
  readonly type: string;
  /** Its path, for every element of a list and every resource of the type. */
  readonly path: FieldPath;
  readonly changes: number;
  readonly resources: number;
  /** Changes that the audit log does not know of; `undefined` where it knows of no change at all. */
  readonly unexplained: number | undefined;
  /** Changes back to a value that the field had before. */
  readonly flips: number;
  /** Whether a rule of the configuration can leave it out of the mirror. */
  readonly ignorable: boolean;
}

/** A place without its indexes: `mappings[3].status` → `mappings[].status`; lists of lists and odd keys have none. */
function pathOf(place: Place): { readonly path: FieldPath; readonly usable: boolean } {
  // What became of a credential is a change of the field that holds it.
  const marker = place.findIndex((step) => step === '$secret' || step === '$file');
  const steps = place
    .slice(0, marker < 0 ? place.length : marker)
    .map((step) => (typeof step === 'number' ? '[]' : step));
  // An element that came or went is a change of its list.
  while (steps.at(-1) === '[]') steps.pop();
  const usable = steps.every((step) => step === '[]' || /^[^.[\]*]+$/.test(step));
  return { path: usable ? steps.join('.').replaceAll('.[]', '[]') : placeText(place), usable };
}

function digest(value: Json | undefined): string {
  return value === undefined ? '' : digestOf(stableStringify(value));
}

interface Tally {
  readonly type: string;
  readonly path: FieldPath;
  readonly usable: boolean;
  readonly keys: Set<Key>;
  changes: number;
  unexplained: number;
  flips: number;
}

/**
 * The fields that changed without an entry of the audit log, or kept returning to earlier values: the ones that change
 * most first. What came or went completely, what a restore wrote, and what other rules of the mirror may have changed,
 * does not count; nor does a field that only went.
 * @param entries oldest first
 */
export function findNoise(entries: readonly Entry[], versions: Versions): NoisyField[] {
  const edits = entries.filter(
    ({ cut, baseline, newRules, restore }) => !cut && !baseline && !newRules && restore === undefined,
  );
  const audited = edits.some(({ certainty }) => certainty === 'audit');
  const tallies = new Map<string, Tally>();
  /** Values that a field had, by resource and place. */
  const seen = new Map<string, Set<string>>();
  for (const entry of edits) {
    for (const { place, before, after } of fieldsOf(entry, versions)) {
      const { path, usable } = pathOf(place);
      const name = `${entry.type} ${path}`;
      const tally = tallies.get(name) ?? {
        ...{ type: entry.type, path, usable, keys: new Set<Key>() },
        ...{ changes: 0, unexplained: 0, flips: 0 },
      };
      tallies.set(name, tally);
      tally.keys.add(entry.key);
      tally.changes += 1;
      const covered = findType(entry.type)?.auditType !== undefined;
      if (covered && entry.certainty !== 'audit' && after !== undefined) tally.unexplained += 1;
      const where = `${entry.key} ${placeText(place)}`;
      const values = seen.get(where) ?? new Set();
      if (values.has(digest(after))) tally.flips += 1;
      seen.set(where, values.add(digest(before)).add(digest(after)));
    }
  }
  return [...tallies.values()]
    .filter(({ unexplained, flips }) => (audited && unexplained > 0) || flips >= FEWEST_FLIPS)
    .map(({ type, path, usable, keys, changes, unexplained, flips }) => ({
      type,
      path,
      changes,
      resources: keys.size,
      unexplained: audited ? unexplained : undefined,
      flips,
      ignorable: usable && path !== (findType(type)?.title ?? 'name'),
    }))
    .sort((a, b) => b.changes - a.changes || compareCodePoints(`${a.type} ${a.path}`, `${b.type} ${b.path}`));
}

/** The rules that leave these fields out of the mirror, on top of those that exist. */
export function ignoreRules(
  fields: readonly NoisyField[],
  existing: Readonly<Record<string, readonly FieldPath[]>>,
): Record<string, FieldPath[]> {
  const rules = new Map(Object.entries(existing).map(([type, paths]) => [type, new Set(paths)]));
  for (const { type, path, ignorable } of fields) {
    if (ignorable) rules.set(type, (rules.get(type) ?? new Set()).add(path));
  }
  return Object.fromEntries(
    [...rules]
      .map(([type, paths]) => [type, [...paths].sort(compareCodePoints)] as const)
      .sort(([a], [b]) => compareCodePoints(a, b)),
  );
}
