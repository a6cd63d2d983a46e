import { findType } from '../catalogue/index.ts';
import type { ResourceType } from '../catalogue/types.ts';
import { isArray, isObject, type Json, type JsonObject } from '../core/json.ts';
import { idIn, type Key, keyOf, typeIn } from '../core/keys.ts';
import { withoutRedactions } from '../core/markers.ts';
import { equalJson, valueAt, valuesAt } from '../core/paths.ts';
import { placeText } from '../core/places.ts';
import { referencesOf } from '../core/references.ts';
import { secretPlaces } from '../core/secret-places.ts';
import { labelOf } from '../core/secrets.ts';
import { restorable } from './body.ts';
import type { PlanInput } from './draft.ts';
import type { IdMap, Precedent, Step, TargetChange, Targets, Wanted } from './types.ts';

/** A path that stays below the base URI. */
const BELOW = /^(?:[?#]|\/(?![/\\])|$)/;
/** The last name of a host, where a URI that follows a base without a slash makes another host of it. */
const LAST_NAME = /\.(\p{L}[\p{L}\d-]+)$/u;
/** No names of hosts end so. */
const FILES: ReadonlySet<string> = new Set([
  ...['asp', 'aspx', 'ashx', 'asmx', 'cfm', 'cgi', 'csv', 'htm', 'html', 'json', 'jsp', 'pdf', 'php', 'svc', 'txt'],
  ...['xls', 'xlsx', 'xml', 'yaml'],
]);
/** What a new relative URI begins with if it may lead elsewhere. */
const ELSEWHERE = /^(?:[a-z][a-z0-9+.-]*:|[/\\]{2}|\.|[^/?#]*(?:[@:]|\{\{))/i;

/**
 * The beginning of a relative URI as far as it decides which host it leads to; empty where it stays on that of the
 * connection.
 */
function leadOf(uri: string): string {
  // As URL parsers do.
  const text = uri.trim().replace(/[\t\r\n]/g, '');
  if (BELOW.test(text)) return '';
  const lead = /^(?:[a-z][a-z0-9+.-]*:)?[/\\]*[^/\\?#]*/i.exec(text)?.[0] ?? '';
  return lead.includes('{{') ? text : lead;
}

/**
 * Whether a new URI that begins so may lead to another host than that of its connection.
 * @param isHostOpen it may continue the name of the host
 */
function leadsElsewhere(lead: string, isHostOpen: boolean): boolean {
  const [, name] = isHostOpen ? (LAST_NAME.exec(lead) ?? []) : [];
  return ELSEWHERE.test(lead) || (name !== undefined && !FILES.has(name.toLowerCase()));
}

/** Whether relative URIs are added to one of this. */
export function hasBase(key: Key): boolean {
  return findType(typeIn(key))?.targets?.bases !== undefined;
}

/** Whether the host of a connection ends before a relative URI begins: `https://api.example/v1`. */
export function endsInPath({ targets = {} }: ResourceType, doc: JsonObject): boolean {
  const bases = (targets.bases ?? []).flatMap((field) => valuesAt(doc, field));
  const hasPath = (base: Json): boolean =>
    typeof base === 'string' &&
    /^\s*https?:\/\/[^/?#\\{}\s]+\//i.test(base.replace(/\{{2,3}[^{}]{0,2000}\}{2,3}/g, 'x'));
  return bases.length > 0 && bases.every(hasPath);
}

/** A value with the same mark for every credential in it. */
function comparable(value: Json): Json {
  if (typeof value === 'string') return withoutRedactions(value);
  return isArray(value) ? value.map(comparable) : value;
}

/** Other fields of a document that expressions in a text name: `{{{connection.http.unencrypted.shop}}}`. */
function namedIn(text: string): string[] {
  return [...text.matchAll(/\{\{[^{}]{0,2000}\}\}/g)].flatMap(([expression]) =>
    (expression.match(/\w+(?:\.\w+)*/g) ?? [])
      .filter((name) => name.includes('.'))
      .flatMap((name) => [name, name.slice(name.indexOf('.') + 1)]),
  );
}

/**
 * What decides where a document sends credentials: field → its values.
 * @param counts whether a relative URI that begins so does
 */
function targetsIn(
  { targets = {} }: ResourceType,
  doc: JsonObject,
  counts: (lead: string) => boolean,
): Map<string, readonly Json[]> {
  const { fields = [], relative = [], headers = [] } = targets;
  const found = new Map<string, readonly Json[]>();
  const add = (field: string, values: readonly Json[]): void => {
    if (values.length > 0) found.set(field, values.map(comparable));
  };
  for (const field of fields) add(field, valuesAt(doc, field));
  for (const field of relative) {
    const begins = valuesAt(doc, field).flatMap((uri) => (typeof uri === 'string' ? [leadOf(uri)] : []));
    add(
      field,
      begins.filter((lead) => lead !== '' && counts(lead)),
    );
  }
  for (const field of headers) {
    const hosts = valuesAt(doc, field).filter((one) => isObject(one) && /^\s*host\s*$/i.test(labelOf(one) ?? ''));
    add(field, hosts);
  }
  const texts = [...found.values()].flat().filter((value) => typeof value === 'string');
  for (const name of new Set(texts.flatMap(namedIn))) {
    const value = valueAt(doc, name);
    if (value !== undefined && !found.has(name)) found.set(name, [comparable(value)]);
  }
  return found;
}

/** What holds credentials that a document uses, besides its own. */
function lendersOf(type: ResourceType, doc: JsonObject): Key[] {
  const named = type.targets?.lenders ?? (type.holdsCredentials ? [] : undefined);
  return referencesOf(type, doc).flatMap(({ type: name, id, place }) =>
    name !== null && findType(name)?.holdsCredentials && (named?.includes(place) ?? true) ? [keyOf(name, id)] : [],
  );
}

/** Whether a live document has credentials of its own that stay, or refers to any that are not new. */
function keepsCredentials({ document, live, input, created }: Case): boolean {
  const supplied = input.supplied(document);
  const own = live ? secretPlaces(live) : [];
  if (own.some(({ place }) => !supplied.has(placeText(place)))) return true;
  return referencesOf(document.type, document.doc).some(
    ({ type, id }) => type !== null && findType(type)?.holdsCredentials === true && !created.has(keyOf(type, id)),
  );
}

interface Case {
  readonly document: Wanted;
  /** The live document, as the mirror would hold it. */
  readonly live: JsonObject | undefined;
  readonly input: PlanInput;
  /** What the plan creates: it has no credentials but those that are handed in, or that something else lends it. */
  readonly created: ReadonlySet<Key>;
}

/** What lends a wanted document credentials that are there already, with ids of the target. */
function liveLenders({ document: { type, doc }, input: { ids, lends }, created }: Omit<Case, 'live'>): Key[] {
  return lendersOf(type, doc)
    .filter((key) => !created.has(key))
    .map((key) => keyOf(typeIn(key), ids.get(idIn(key)) ?? idIn(key)))
    .filter(lends);
}

/** What of that which a plan creates has no credentials. */
export function withoutCredentials(
  created: ReadonlySet<Key>,
  documents: ReadonlyMap<Key, Wanted>,
  input: PlanInput,
): ReadonlySet<Key> {
  const borrows = (document: Wanted | undefined): boolean =>
    document?.type.targets?.lenders !== undefined && liveLenders({ document, input, created }).length > 0;
  return new Set([...created].filter((key) => !borrows(documents.get(key))));
}

/** @param ids of the target, for those in the document */
export function precedentOf(type: ResourceType, doc: JsonObject, ids: IdMap): Precedent {
  const form = restorable(type, doc, ids);
  return {
    lenders: new Set(lendersOf(type, form)),
    targets: targetsIn(type, form, (lead) => leadsElsewhere(lead, true)),
  };
}

/** The fields whose values are not the same in both. */
function differing(some: Targets, others: Targets): string[] {
  return [...new Set([...some.keys(), ...others.keys()])].filter(
    (field) => !equalJson([...(some.get(field) ?? [])], [...(others.get(field) ?? [])]),
  );
}

/**
 * The targets of a document that borrows credentials that are there already for the first time, but those to which
 * they went before.
 */
function firstTargets(wanted: JsonObject, about: Case): Targets {
  const { document, input, live } = about;
  const { type } = document;
  const lenders = liveLenders(about);
  const through = lenders.filter(hasBase);
  const isHostOpen = through.length === 0 || !through.every(input.endsInPath);
  const leading = targetsIn(type, wanted, (lead) => leadsElsewhere(lead, isHostOpen));
  for (const field of type.targets?.lenders ?? []) leading.delete(field);
  const isAddress = (value: Json): boolean => typeof value !== 'boolean' && typeof value !== 'number';
  // Ports, checks of certificates and the like lead nowhere alone.
  if (![...leading.values()].some((values) => values.some(isAddress))) return new Map();
  const had = new Set(live ? lendersOf(type, live) : []);
  if (lenders.every((key) => had.has(key))) return new Map();
  const own = targetsIn(type, wanted, (lead) => leadsElsewhere(lead, true));
  for (const { lenders: theirs, targets } of input.precedents(document)) {
    if (leading.size === 0) break;
    if (!lenders.every((key) => theirs.has(key))) continue;
    for (const field of [...leading.keys()])
      if (equalJson([...(targets.get(field) ?? [])], [...(own.get(field) ?? [])])) leading.delete(field);
  }
  return leading;
}

function side(values: readonly Json[] | undefined): Json | undefined {
  return values && values.length === 1 ? values[0] : values;
}

/**
 * The targets that a step changes next to credentials that stay as they are, or to which it sends for the first time
 * what something in the account lends it.
 * @param forms both states as they are compared, with the ids of the target; `live` is absent for a creation
 */
export function targetChanges(
  step: Pick<Step, 'action' | 'method'>,
  { wanted, live }: { readonly wanted: JsonObject; readonly live: JsonObject | undefined },
  about: Case,
): TargetChange[] {
  const { type } = about.document;
  const writes = step.action === 'create' || (step.method !== undefined && step.action !== 'blocked');
  if (!type.targets || !writes) return [];
  const ofLive: Targets = live ? targetsIn(type, live, () => true) : new Map();
  const ofWanted: Targets = live ? targetsIn(type, wanted, () => true) : new Map();
  const changed = differing(ofLive, ofWanted);
  // What holds credentials itself has a target for what lends it others.
  const first = !live || !type.holdsCredentials ? firstTargets(wanted, about) : new Map();
  const target = (field: string, before: Json | undefined, after: Json | undefined): TargetChange => ({
    field,
    ...(before === undefined ? {} : { before }),
    ...(after === undefined ? {} : { after }),
  });
  return [
    ...(changed.length > 0 && keepsCredentials(about) ? changed : [])
      .filter((field) => !first.has(field))
      .map((field) => target(field, side(ofLive.get(field)), side(ofWanted.get(field)))),
    ...[...first].map(([field, values]): TargetChange => ({ ...target(field, undefined, side(values)), isNew: true })),
  ];
}
