// What taking changes back must leave behind, field by field, worked out without the program.
import stableStringify from 'fast-json-stable-stringify';
import { RESOURCE_TYPES } from '../../src/catalogue/index.ts';
import { isObject, type JsonObject } from '../../src/core/json.ts';
import { setPlace } from '../../src/core/paths.ts';
import type { Emulator } from '../../src/emulator/http/server.ts';
import { configured } from './documents.ts';

/** Fields of a document as JSON: `name`, `settings.a`, `content:3` (a line of code), `rest` for all else. */
type Fields = ReadonlyMap<string, string>;
/** Fields of each resource, by `<type>/<id>`. */
export type State = ReadonlyMap<string, Fields>;

/** One field of a resource that a person changed, and that a sync found; a missing side: absent. */
export interface Change {
  /** Empty for one that was not mirrored before the undo. */
  readonly commit: string;
  readonly key: string;
  /** E-mail address. */
  readonly by: string;
  readonly field: string;
  readonly before: string | undefined;
  readonly after: string | undefined;
}

/** A conflict as `undo --json` prints it; an empty place is the document. */
export interface Conflict {
  readonly place: string;
  /** Of a text, from 1. */
  readonly line?: number;
}

/** What `undo --json` prints of a resource. */
export interface UndoStep {
  readonly type: string;
  readonly id: string;
  readonly action: string;
  readonly changes: readonly { readonly place: string; readonly after?: JsonObject[string] }[];
  readonly conflicts?: readonly Conflict[];
}

function fieldsOf(doc: JsonObject): Fields {
  const { name, description, settings, content, ...rest } = doc;
  const lines = typeof content === 'string' ? content.split('\n') : [];
  const fields = Object.entries({
    name,
    description,
    ...Object.fromEntries(
      Object.entries(isObject(settings) ? settings : {}).map(([key, at]) => [`settings.${key}`, at]),
    ),
    ...Object.fromEntries(lines.map((line, i) => [`content:${i}`, line])),
    rest,
  });
  return new Map(fields.flatMap(([field, value]) => (value === undefined ? [] : [[field, stableStringify(value)]])));
}

/** Fields of each resource of an account, with the text that they were read from: most do not change. */
const read = new WeakMap<Emulator, Map<string, { readonly text: string; readonly fields: Fields }>>();

/** Everything that an account holds, in the mirror's form. */
export function stateOf(emulator: Emulator): State {
  const known = read.get(emulator) ?? new Map<string, { readonly text: string; readonly fields: Fields }>();
  const held = RESOURCE_TYPES.flatMap(({ name: type }) =>
    emulator.state.all(type).map((doc) => {
      const [key, text] = [`${type}/${String(doc._id)}`, JSON.stringify(doc)];
      const before = known.get(key);
      const fields = before?.text === text ? before.fields : fieldsOf(configured(type, doc));
      return [key, { text, fields }] as const;
    }),
  );
  read.set(emulator, new Map(held));
  return new Map(held.map(([key, { fields }]) => [key, fields]));
}

/** What a plan would leave of what an account holds. */
export function planned(emulator: Emulator, state: State, steps: readonly UndoStep[]): State {
  const after = new Map(state);
  for (const { type, id, action, changes } of steps) {
    const key = `${type}/${id}`;
    if (action === 'delete') after.delete(key);
    if (action !== 'update' && action !== 'undelete') continue;
    const binned = emulator.state.bin().find(({ doc }) => doc._id === id)?.doc;
    const held = emulator.state.get(type, id) ?? binned ?? {};
    const doc = changes.reduce((one: JsonObject, change) => setPlace(one, change.place, change.after), held);
    after.set(key, fieldsOf(configured(type, doc)));
  }
  return after;
}

/** The changes between two states. @param about commit and author of each resource that changed */
export function changesBetween(
  before: State,
  after: State,
  about: (key: string) => Pick<Change, 'commit' | 'by'>,
): Change[] {
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((key) => {
    const [old, now] = [before.get(key), after.get(key)];
    const fields = [...new Set([...(old?.keys() ?? []), ...(now?.keys() ?? [])])];
    return fields
      .filter((field) => old?.get(field) !== now?.get(field))
      .map((field) => ({ ...about(key), key, field, before: old?.get(field), after: now?.get(field) }));
  });
}

/** What undos took back: by commit and resource of each, the commits whose changes of that resource. */
export type Reverts = ReadonlyMap<string, ReadonlySet<string>>;

/** Of a history, what was taken back, and the undos that did so: together they changed nothing. */
interface Reverted {
  isReverted(change: Change): boolean;
  isReverting(change: Change): boolean;
}

/** @param isUndone what is taken back now: what such an undo took back counts again */
export function revertedIn(
  changes: readonly Change[],
  reverts: Reverts,
  isUndone: (change: Change) => boolean = () => false,
): Reverted {
  const byKey = new Map<string, Change[]>();
  for (const change of changes) byKey.set(change.key, [...(byKey.get(change.key) ?? []), change]);
  const known = new Map([...byKey].map(([key, own]) => [key, revertedOf(own, reverts, isUndone)]));
  return {
    isReverted: (change) => known.get(change.key)?.isReverted(change) === true,
    isReverting: (change) => known.get(change.key)?.isReverting(change) === true,
  };
}

/** The same of the changes of one resource. @param known the same of those up to each change, as they are asked for */
function revertedOf(
  changes: readonly Change[],
  reverts: Reverts,
  isUndone: (change: Change) => boolean,
  known = new Map<number, Reverted>(),
): Reverted {
  const [reverted, reverting, undos] = [new Set<string>(), new Set<string>(), new Set<string>()];
  // By field: what was already as an undo wanted it, the undo did not change.
  const named = ({ commit, field }: Change): string => `${commit} ${field}`;
  /** What `earlier` did to a field that was `value` then, newest first, each with the value before it. */
  function* backFrom(at: number, field: string, value: string | undefined, earlier: ReadonlySet<string>) {
    for (const one of changes.slice(0, at).reverse()) {
      if (one.field !== field || !earlier.has(one.commit) || one.after !== value) continue;
      yield one;
      value = one.before;
    }
  }
  for (const [at, change] of [...changes.entries()].reverse()) {
    const { commit, key } = change;
    const earlier = reverts.get(`${commit} ${key}`);
    if (!earlier || isUndone(change)) continue;
    const own = changes.filter((one) => one.commit === commit);
    if (!undos.has(commit) && !own.some((one) => reverted.has(named(one)))) {
      // Of a field that its own commits had brought back already there is nothing to see in the undo.
      const others = changes.slice(0, at).filter((one) => earlier.has(one.commit));
      const seen = new Set(own.map(({ field }) => field));
      for (const { field } of others.reverse()) {
        if (seen.has(field)) continue;
        seen.add(field);
        const value = changes.findLast((one, i) => i < at && one.field === field)?.after;
        let circle: Change[] = [];
        for (const one of backFrom(at, field, value, earlier)) {
          circle.push(one);
          if (one.before !== value) continue;
          // Of what is taken back now the field still is what it made of it.
          if (!circle.some(isUndone)) for (const each of circle) reverted.add(named(each));
          circle = [];
        }
      }
    }
    undos.add(commit);
    if (reverted.has(named(change))) continue;
    const taken = [...backFrom(at, change.field, change.before, earlier)];
    // Where another undo was taken back since, the value that this one found is that of someone else again.
    const then = known.get(at) ?? revertedOf(changes.slice(0, at), reverts, isUndone, known);
    known.set(at, then);
    const oldest = changes.indexOf(taken.at(-1) ?? change);
    const isOthers = changes
      .slice(oldest, at)
      .some(
        (one) => one.field === change.field && !taken.includes(one) && !then.isReverted(one) && !then.isReverting(one),
      );
    if (isOthers) continue;
    reverting.add(named(change));
    for (const one of taken) reverted.add(named(one));
  }
  return { isReverted: (change) => reverted.has(named(change)), isReverting: (change) => reverting.has(named(change)) };
}

/** What becomes of one field. */
interface Expected {
  readonly value: string | undefined;
  /** Someone else changed it after what is taken back: only then may it be named as a conflict. */
  readonly touched: boolean;
  /** It must be: it cannot be both as it was before what is taken back, and as the others left it. */
  readonly contested: boolean;
}

function expectedOf(changes: readonly Change[], isUndone: (change: Change) => boolean): Expected | undefined {
  const first = changes.findIndex(isUndone);
  if (first < 0) return undefined;
  const last = changes.findLast((change) => !isUndone(change));
  const value = last ? last.after : changes[0]?.before;
  const touched = changes.slice(first).some((change) => !isUndone(change));
  return { value, touched, contested: touched && value !== changes[first]?.before };
}

/**
 * What is taken back of what is meant: where one person is, what several people changed in one run is left out.
 * @param said texts in which the program says so
 */
export function withoutShared(
  isUndone: (change: Change) => boolean,
  said: readonly string[],
): (change: Change) => boolean {
  const found = said.flatMap((text) => [...text.matchAll(/commit (\w+): (\S+) was edited by [^;]* in one run/g)]);
  const shared = new Set(found.map(([, commit, key]) => `${commit} ${key}`));
  return (change) => isUndone(change) && !shared.has(`${change.commit.slice(0, 10)} ${change.key}`);
}

function names({ place, line }: Conflict, field: string): boolean {
  const name = field.replace(/:.*/, '');
  if (place !== '' && place !== name && !name.startsWith(`${place}.`)) return false;
  return line === undefined || field === `content:${line - 1}`;
}

/** The conflicts of a plan, by resource. */
export function conflictsOf(steps: readonly UndoStep[]): ReadonlyMap<string, readonly Conflict[]> {
  return new Map(
    steps.flatMap(({ type, id, conflicts = [] }) => (conflicts.length > 0 ? [[`${type}/${id}`, conflicts]] : [])),
  );
}

/**
 * What an undo did wrong, a line each: a field of the others that is not as they left it, one that was not taken back,
 * a conflict that is not named or that is none, a resource with a conflict that was written.
 * @param changes all since some moment before the first one that is taken back, oldest first
 */
export function problemsOf(
  before: State,
  after: State,
  { changes, reverts }: { readonly changes: readonly Change[]; readonly reverts: Reverts },
  isUndone: (change: Change) => boolean,
  conflicts: ReadonlyMap<string, readonly Conflict[]>,
): string[] {
  const problems: string[] = [];
  const { isReverted, isReverting } = revertedIn(changes, reverts, isUndone);
  const effective = changes.filter((change) => isUndone(change) || !(isReverted(change) || isReverting(change)));
  for (const key of new Set([
    ...before.keys(),
    ...after.keys(),
    ...conflicts.keys(),
    ...changes.map((one) => one.key),
  ])) {
    const [was, is, held] = [before.get(key), after.get(key), conflicts.get(key) ?? []];
    const own = effective.filter((change) => change.key === key);
    const fateOf = (field: string): Expected | undefined =>
      expectedOf(
        own.filter((change) => change.field === field),
        isUndone,
      );
    const fields = new Set([...(was?.keys() ?? []), ...(is?.keys() ?? []), ...own.map(({ field }) => field)]);
    for (const field of fields) {
      const fate = fateOf(field);
      const wanted = held.length === 0 && fate ? fate.value : was?.get(field);
      const named = held.some((conflict) => names(conflict, field));
      if (is?.get(field) !== wanted) problems.push(`${key} ${field} is ${is?.get(field)} and should be ${wanted}`);
      if (fate?.contested && !named) problems.push(`${key} ${field} is a conflict that is not named`);
    }
    // What undos did, and what they took back, may be a reason as well: an undo is of the whole resource, this is not.
    const all = changes.filter((change) => change.key === key);
    const ofUndo = all.some((change) => reverts.has(`${change.commit} ${key}`));
    const created = own.findIndex(
      (change) => isUndone(change) && change.field === 'rest' && change.before === undefined,
    );
    // Nothing can be taken back in a resource that someone deleted since, not even a field that it did not have then.
    const deleted = all.findLastIndex((change) => change.field === 'rest' && change.after === undefined);
    const isGone = was === undefined && deleted > all.findIndex(isUndone) && !isUndone(all[deleted] as Change);
    // What goes with a resource whose creation is taken back, too.
    const isTouched = (field: string): boolean =>
      isGone ||
      fateOf(field)?.touched === true ||
      (ofUndo && all.some((change) => change.field === field && !isUndone(change))) ||
      (created >= 0 && own.slice(created).some((change) => change.field === field && !isUndone(change)));
    // One that names a whole text or block is right where any part of that is touched.
    for (const conflict of held) {
      if (![...fields].some((field) => names(conflict, field) && isTouched(field)))
        problems.push(`${key} ${conflict.place} is named as a conflict without need`);
    }
  }
  return problems;
}
