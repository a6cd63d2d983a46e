import { findType, RESOURCE_TYPES } from '../catalogue/index.ts';
import type { FieldPath } from '../catalogue/types.ts';
import type { MirrorDocument } from '../core/documents.ts';
import { isArray, type JsonObject } from '../core/json.ts';
import { type Key, keyOf } from '../core/keys.ts';
import { setSteps, stepsOf, withoutPaths } from '../core/paths.ts';
import { atPlace, covers, type Place, placeOf, placeText } from '../core/places.ts';
import { type Reference, referencesOf } from '../core/references.ts';
import { shownName } from '../core/unseen.ts';
import type { Draft, PlanInput } from './draft.ts';
import type { Live, Wanted } from './types.ts';

/**
 * References whose target decides whether a write is accepted. The server does not check those in free-form settings.
 */
export function bindingReferences(document: MirrorDocument): readonly (Reference & { type: string })[] {
  return referencesOf(document.type, document.doc).filter(
    (reference): reference is Reference & { type: string } =>
      reference.type !== null && !/^settings[.[]/.test(reference.place),
  );
}

/** The field that a creation may leave out for the sake of a reference. */
export function lateField(document: MirrorDocument, reference: Pick<Reference, 'place'>): FieldPath | undefined {
  const { bare = [], late = [] } = document.type.restore;
  return [...bare, ...late].find((path) => covers(path, placeOf(reference.place)));
}

/** Whether a creation may stay without the reference. */
export function isOptional(document: MirrorDocument, reference: Reference): boolean {
  const field = lateField(document, reference);
  return field !== undefined && !isWhole(document, field);
}

function isWhole({ type }: MirrorDocument, field: FieldPath): boolean {
  return type.restore.whole?.includes(field) ?? false;
}

/**
 * The late places that hold these references: of a list the entry, or the list as a whole where no entry would be left,
 * or where an entry is nothing without the others.
 */
export function latePlaces(document: MirrorDocument, references: readonly Reference[]): string[] {
  const places = new Map<string, Place>();
  for (const reference of references) {
    const field = lateField(document, reference);
    if (field === undefined) continue;
    const [place, { length }] = [placeOf(reference.place), stepsOf(field)];
    const isEntry = typeof place[length] === 'number' && !isWhole(document, field);
    const entry = place.slice(0, isEntry ? length + 1 : length);
    places.set(placeText(entry), entry);
  }
  const whole = [...places.values()].map((entry): string => {
    const list = entry.slice(0, -1);
    const held = typeof entry.at(-1) === 'number' ? atPlace(document.doc, list) : undefined;
    const isEmptied = isArray(held) && held.every((_, index) => places.has(placeText([...list, index])));
    return placeText(isEmptied ? list : entry);
  });
  return [...new Set(whole)];
}

/** The document without these places, as {@link latePlaces} names them; fields of the catalogue are places, too. */
export function withoutLate(doc: JsonObject, places: readonly string[]): JsonObject {
  const isExact = (text: string): boolean => /\[\d+\]/.test(text);
  const indexOf = (place: Place): number => (typeof place.at(-1) === 'number' ? Number(place.at(-1)) : 0);
  // From the end: the entries before it keep their index.
  const entries = places
    .filter(isExact)
    .map(placeOf)
    .sort((a, b) => indexOf(b) - indexOf(a));
  const fields = places.filter((text) => !isExact(text));
  return entries.reduce((held, place) => setSteps(held, place, undefined) as JsonObject, withoutPaths(doc, fields));
}

/** What is known of a reference that no step, and nothing that the state holds, resolves. */
type Fate = 'exists' | 'unseen' | 'missing';

/**
 * A reference to what only a request by id may show (api-notes#unlisted): the state named it while it was in use, so
 * that within one account it is sent even where nothing shows it.
 */
function fateOf({ type, id }: Reference & { type: string }, input: PlanInput): Fate {
  const sameAccount = input.account === input.from;
  const mapped = input.ids.get(id);
  // What others provide has one id in all accounts.
  const target = mapped ?? (sameAccount || findType(type)?.hasPublic ? id : undefined);
  const exists = target === undefined ? false : input.exists(type, target);
  if (exists === true || (exists === undefined && (sameAccount || mapped !== undefined))) return 'exists';
  return sameAccount && !input.inState(type, id) ? 'unseen' : 'missing';
}

/** What refers to nothing, and is written all the same. */
interface Dangling {
  /** Of references that creations will stay without, and of those that are sent unseen. */
  readonly warnings: readonly string[];
  /** Places that a creation leaves out because they refer to what will not be there. */
  readonly without: ReadonlyMap<Key, readonly string[]>;
}

/** Blocks every write that refers to what does not exist and will not, and what needs a blocked one. */
export function blockDangling(
  drafts: Map<Key, Draft>,
  documents: ReadonlyMap<Key, Wanted>,
  input: PlanInput,
): Dangling {
  const warnings: string[] = [];
  const without = new Map<Key, string[]>();
  const sameAccount = input.account === input.from;
  const lack = (reference: Reference & { type: string }): string | undefined => {
    const key = keyOf(reference.type, reference.id);
    const other = drafts.get(key);
    if (other && other.action !== 'blocked' && other.action !== 'impossible') return undefined;
    if (other?.targetId !== undefined || (other && sameAccount && input.exists(reference.type, reference.id) !== false))
      return undefined;
    if (!other && fateOf(reference, input) !== 'missing') return undefined;
    const target = input.ids.get(reference.id) ?? (sameAccount ? reference.id : undefined);
    if (target !== undefined && input.exists(reference.type, target) !== false) return undefined;
    if (other?.action === 'impossible') return `needs ${key}, which cannot be restored (${other.reason})`;
    if (other) return `needs ${key}, which is blocked`;
    if (input.inState(reference.type, reference.id))
      return `${reference.place} refers to ${key}, which does not exist: add --with-dependencies, or name it as well`;
    return findType(reference.type)?.hasPublic
      ? `${reference.place} refers to ${key}, which the account does not show: set another one with overrides`
      : `${reference.place} refers to ${key}, which is neither in the account nor in the mirror at that time`;
  };
  /** What the live document names as well, the server has accepted before. */
  const problemOf = (document: Wanted, reference: Reference & { type: string }, step: Draft): string | undefined => {
    const live = input.live.get(step.key);
    const target = input.ids.get(reference.id) ?? (sameAccount ? reference.id : undefined);
    const named = target !== undefined && namedBy(document, live).has(keyOf(reference.type, target));
    return named ? undefined : lack(reference);
  };
  for (let again = true; again; ) {
    again = false;
    for (const [key, step] of drafts) {
      const document = documents.get(key);
      if (!document || (step.action !== 'create' && step.action !== 'update')) continue;
      const problem = bindingReferences(document)
        .filter((reference) => !(step.action === 'create' && isOptional(document, reference)))
        .map((reference) => problemOf(document, reference, step))
        .find((found) => found !== undefined);
      if (problem === undefined) continue;
      drafts.set(key, { ...step, action: 'blocked', reason: problem, enable: false });
      again = true;
    }
  }
  for (const [key, step] of drafts) {
    const document = documents.get(key);
    if (!document) continue;
    if (step.action === 'undelete') {
      const problem = bindingReferences(document)
        .map(lack)
        .find((found) => found !== undefined);
      if (problem === undefined) continue;
      drafts.set(key, { ...step, enable: false });
      warnings.push(`${key} "${shownName(step.title)}" comes back incomplete: ${problem}`);
    }
    if (step.action !== 'create') continue;
    const dangling: Reference[] = [];
    for (const reference of bindingReferences(document)) {
      const problem = isOptional(document, reference) ? problemOf(document, reference, step) : undefined;
      if (problem === undefined) continue;
      warnings.push(`${key} "${shownName(step.title)}" will be left without ${reference.place}: ${problem}`);
      // A creation never holds what calls of its own register, and those register only what exists.
      if (lateField(document, reference) !== document.type.restore.registers?.field) dangling.push(reference);
    }
    if (dangling.length > 0) without.set(key, latePlaces(document, dangling));
  }
  return { warnings: [...warnings, ...unseen(drafts, documents, input)], without };
}

/** What the live document refers to, each by its type: a field takes no resource of another one. */
function namedBy({ type }: MirrorDocument, live: Live | undefined): ReadonlySet<Key> {
  const named = live?.state === 'live' ? referencesOf(type, live.doc) : [];
  return new Set(named.flatMap((reference) => (reference.type === null ? [] : [keyOf(reference.type, reference.id)])));
}

/** What else has the id of a reference, where nothing of its own type is known to. */
function otherOf({ type, id }: Reference & { type: string }, { exists, inState }: PlanInput): Key | undefined {
  if (exists(type, id) === true || inState(type, id)) return undefined;
  const other = RESOURCE_TYPES.find(({ name }) => inState(name, id));
  return other && keyOf(other.name, id);
}

/** Warnings of references that are sent although nothing shows what they refer to, or that this is something else. */
function unseen(drafts: ReadonlyMap<Key, Draft>, documents: ReadonlyMap<Key, Wanted>, input: PlanInput): string[] {
  return [...drafts].flatMap(([key, step]) => {
    const document = documents.get(key);
    if (!document || (step.action !== 'create' && step.action !== 'update')) return [];
    const named = namedBy(document, input.live.get(key));
    return bindingReferences(document).flatMap((reference) => {
      const target = keyOf(reference.type, reference.id);
      if (drafts.has(target) || named.has(target)) return [];
      const other = otherOf(reference, input);
      if (other === undefined && fateOf(reference, input) !== 'unseen') return [];
      const why = other === undefined ? 'which is not listed' : `but this id is that of ${other}`;
      return [`${key} "${shownName(step.title)}": ${reference.place} refers to ${target}, ${why}; it is sent as it is`];
    });
  });
}
