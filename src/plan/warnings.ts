import type { CreatedNote, ResourceType } from '../catalogue/types.ts';
import { isArray, type Json, type JsonObject } from '../core/json.ts';
import { type Key, keyOf } from '../core/keys.ts';
import { isFieldStep, stepsOf, valueAt, valuesAt } from '../core/paths.ts';
import { atPlace, covers, type Place, placeOf, placeText } from '../core/places.ts';
import { shownName } from '../core/unseen.ts';
import { leftAlone, switchesOf, switchesToTurnOn } from './body.ts';
import { noteOf } from './converged.ts';
import { compare } from './decide.ts';
import { list, type PlanInput } from './draft.ts';
import { embeddedIds } from './ids.ts';
import type { Live, Step, TargetChange, Wanted } from './types.ts';

/** One step with what is known of its resource. */
interface Case {
  readonly input: PlanInput;
  readonly step: Step;
  readonly document: Wanted;
  readonly live: Live | undefined;
}

function concerns({ field, lacking, value }: CreatedNote, doc: JsonObject): boolean {
  if (lacking !== undefined && valueAt(doc, lacking) !== undefined) return false;
  if (field === undefined) return true;
  const held = valueAt(doc, field);
  if (value !== undefined) return held === value;
  return held !== undefined && !(isArray(held) && held.length === 0);
}

/** Sentences about one resource, each once. */
function also(notes: readonly { readonly says: string }[]): string | undefined {
  return notes.length === 0 ? undefined : `: ${[...new Set(notes.map(({ says }) => says))].join('; ')}`;
}

/** Whether a change is of the field, of a part of it or of something that holds it. */
function touches(field: string, place: Place): boolean {
  return stepsOf(field).every((step, i) => i >= place.length || isFieldStep(step, place[i]));
}

function isOn(type: ResourceType, doc: JsonObject): boolean {
  return switchesOf(type, doc).some((path) => valueAt(doc, path) === false);
}

/** Texts that a step writes and that are longer than the API takes; it lets those be that are there already. */
function tooLong({ action, changes }: Step, { maxLength = {} }: ResourceType, doc: JsonObject): string[] {
  return Object.entries(maxLength).flatMap(([path, most]) => {
    if (action !== 'create' && !changes.some(({ place }) => covers(path, place))) return [];
    const lengths = valuesAt(doc, path).flatMap((value) => (typeof value === 'string' ? [value.length] : []));
    return lengths
      .filter((length) => length > most)
      .map((length) => `${path} of ${length} characters, more than ${most}`);
  });
}

/** Places of credentials that a resource had, and that neither the account nor the mirror has. */
function lostCredentials({ step, document: { doc }, live }: Case): string[] {
  if (step.action !== 'unchanged' || live?.state !== 'live') return [];
  const isThere = (held: JsonObject, place: string): boolean => atPlace(held, placeOf(place)) !== undefined;
  return step.credentials.filter((place) => isThere(doc, place) && !isThere(live.doc, place));
}

/** A change of a target: `http.baseURI "https://a" → "https://b"`. */
function targetText({ field, before, after }: TargetChange): string {
  const text = (value: Json | undefined): string => (value === undefined ? '(none)' : JSON.stringify(value));
  return `${field} ${text(before)} → ${text(after)}`;
}

/** What to know about single resources. */
const NOTES: readonly ((about: Case) => string | undefined)[] = [
  ({ step: { targets = [] } }) =>
    targets.length > 0
      ? `: credentials that the account has would be sent elsewhere (${list(targets.map(targetText))}); ` +
        'only --allow-target-change permits it'
      : undefined,
  (about) => {
    const kept = about.step.credentials.filter((place) => !lostCredentials(about).includes(place));
    return about.step.action === 'unchanged' && kept.length > 0
      ? `: the live credentials are kept; the earlier ones are not in the mirror (${list(kept)})`
      : undefined;
  },
  (about) => {
    const lost = lostCredentials(about);
    return lost.length > 0
      ? `: the account has no credential in ${list(lost)}, and the mirror does not have it: ` +
          'pass it with --secrets, or enter it manually'
      : undefined;
  },
  ({ step, document }) => {
    if (step.action !== 'create' || step.credentials.length === 0) return undefined;
    const effect = document.type.offline ? 'will be offline until you enter' : 'is created without';
    return ` ${effect} ${list(step.credentials)}`;
  },
  ({ step, document: { type, doc } }) => {
    const long = step.action === 'create' || step.action === 'update' ? tooLong(step, type, doc) : [];
    return long.length > 0 ? `: the API may refuse ${list(long)}` : undefined;
  },
  ({ step, document: { type, doc } }) => {
    const notes = step.action === 'create' ? (type.restore.created ?? []) : [];
    return also(notes.filter((note) => concerns(note, doc)));
  },
  ({ step, document: { type } }) => {
    const notes = step.action === 'update' || step.action === 'undelete' ? (type.restore.changed ?? []) : [];
    return also(notes.filter(({ field }) => step.changes.some(({ place }) => touches(field, place))));
  },
  ({ step, document, live, input }) => {
    const alone = leftAlone(document.type);
    if (alone.length === 0 || live?.state !== 'live' || step.action === 'impossible') return undefined;
    const { kept } = compare(document, live, input);
    const fields = alone.filter((path) => kept.some(({ place }) => covers(path, place)));
    const [differ, them] =
      fields.length === 1 ? ['differs and stays as it is', 'it'] : ['differ and stay as they are', 'them'];
    return fields.length > 0 ? `: ${list(fields)} ${differ}: change ${them} manually` : undefined;
  },
  ({ step, document: { neededBy } }) =>
    step.action === 'undelete' && neededBy !== undefined ? ` also comes back: ${neededBy} uses it` : undefined,
  ({ step, document: { type }, live }) =>
    step.action === 'undelete' && live?.state === 'binned' && type.dependence === 'runs' && isOn(type, live.doc)
      ? ' was enabled when it was deleted: it runs again as soon as it is restored'
      : undefined,
];

/** Places that keep what the server made of an earlier write, and what is wanted there is known. */
function keptPlaces({ step, document, live, input }: Case): string[] {
  if (step.action !== 'unchanged' || live?.state !== 'live') return [];
  const made = input.made(document.type.name, live.id);
  if (made.size === 0) return [];
  return compare(document, live, input).kept.flatMap((kept) => (made.has(noteOf(kept)) ? [placeText(kept.place)] : []));
}

/** What is said once for many resources. */
const SHARED: readonly {
  readonly says: string;
  /** The same of more than one. */
  readonly saysOfMany: string;
  readonly applies: (about: Case) => boolean;
}[] = [
  {
    says: 'stays as the server made it when it was last written (--force writes it again)',
    saysOfMany: 'stay as the server made them when they were last written (--force writes them again)',
    applies: (about) => keptPlaces(about).length > 0,
  },
  {
    says: 'will be left disabled (--enable-flows enables it)',
    saysOfMany: 'will be left disabled (--enable-flows enables them)',
    applies: ({ step, document: { type, doc } }) => step.action === 'create' && !step.enable && isOn(type, doc),
  },
  {
    says: 'stays disabled, though it was enabled at that time (--enable-flows enables it)',
    saysOfMany: 'stay disabled, though they were enabled at that time (--enable-flows enables them)',
    applies: ({ step, document: { type, doc }, live }) =>
      (live?.state === 'live' || live?.state === 'binned') &&
      step.action !== 'create' &&
      !step.enable &&
      switchesToTurnOn(type, doc, live.doc).length > 0,
  },
];

/** Most names in one warning; the others are counted. */
const MOST_NAMES = 5;

function together(names: readonly string[], says: string, saysOfMany: string): string[] {
  if (names.length === 0) return [];
  const more = names.length > MOST_NAMES ? ` and ${names.length - MOST_NAMES} more` : '';
  return [`${names.slice(0, MOST_NAMES).join(', ')}${more} ${names.length === 1 ? says : saysOfMany}`];
}

function embedded(place: string, id: string, owner: Key | undefined): string {
  const of = owner === undefined ? '' : ` of ${owner}`;
  return `${place} holds the id ${id}${of} inside a longer text; it is not changed`;
}

/** What a person should know before agreeing to the plan. */
export function warningsOf(steps: readonly Step[], documents: ReadonlyMap<Key, Wanted>, input: PlanInput): string[] {
  const created = new Map<string, Key>();
  for (const { action, id, key } of steps) if (action === 'create') created.set(id, key);
  const cases = steps.flatMap((step): Case[] => {
    const document = documents.get(step.key);
    return document ? [{ input, step, document, live: input.live.get(step.key) }] : [];
  });
  const nameOf = ({ step }: Case): string => `${step.key} "${shownName(step.title)}"`;
  const changing = (id: string): boolean => created.has(id) || input.ids.has(id);
  const single = cases.flatMap((about) => [
    ...NOTES.flatMap((note) => {
      const text = note(about);
      return text === undefined ? [] : [`${nameOf(about)}${text}`];
    }),
    ...(created.size + input.ids.size === 0 ? [] : embeddedIds(about.document.doc, changing)).map(
      ({ place, id }) => `${nameOf(about)}: ${embedded(place, id, created.get(id))}`,
    ),
  ]);
  const shared = SHARED.flatMap(({ says, saysOfMany, applies }) =>
    together(cases.filter(applies).map(nameOf), says, saysOfMany),
  );
  return [...single, ...shared];
}

/** Ids that are about to change, inside longer texts of resources that are not restored. */
export function embeddedElsewhere(input: PlanInput, created: ReadonlyMap<string, Key>): string[] {
  const wanted = new Set(input.wanted.map(({ type, id }) => keyOf(type.name, id)));
  return input.dependents.flatMap((live) => {
    const key = keyOf(live.type.name, live.id);
    if (wanted.has(key)) return [];
    return embeddedIds(live.doc, (id) => created.has(id)).map(
      ({ place, id }) => `${key} "${shownName(live.title)}": ${embedded(place, id, created.get(id))}`,
    );
  });
}
