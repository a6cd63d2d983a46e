import { findType } from '../catalogue/index.ts';
import type { ResourceType } from '../catalogue/types.ts';
import { isArray, isObject, type Json, type JsonObject } from '../core/json.ts';
import { type Key, keyOf } from '../core/keys.ts';
import { withoutRedactions } from '../core/markers.ts';
import { equalJson, valueAt, valuesAt } from '../core/paths.ts';
import { placeText } from '../core/places.ts';
import { referencesOf } from '../core/references.ts';
import { secretPlaces } from '../core/secret-places.ts';
import { labelOf } from '../core/secrets.ts';
import type { PlanInput } from './draft.ts';
import type { Step, TargetChange, Wanted } from './types.ts';

/** A path that stays below the base URI. */
const BELOW = /^(?:[?#]|\/(?![/\\])|$)/;
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

/** What decides where a document sends credentials: field → its values. */
function targetsIn({ targets = {} }: ResourceType, doc: JsonObject, isFirst: boolean): Map<string, readonly Json[]> {
  const { fields = [], relative = [], headers = [] } = targets;
  const found = new Map<string, readonly Json[]>();
  const add = (field: string, values: readonly Json[]): void => {
    if (values.length > 0) found.set(field, values.map(comparable));
  };
  for (const field of fields) add(field, valuesAt(doc, field));
  for (const field of relative) {
    const leads = valuesAt(doc, field).flatMap((uri) => (typeof uri === 'string' ? [leadOf(uri)] : []));
    add(
      field,
      leads.filter((lead) => lead !== '' && (!isFirst || ELSEWHERE.test(lead))),
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

/**
 * Whether a step leaves credentials in force that the change of a target would send elsewhere: its own, or those of
 * resources that it refers to and that are not created with it.
 */
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
  /** What the plan creates: it has no credentials but those that are handed in. */
  readonly created: ReadonlySet<Key>;
}

function side(values: readonly Json[] | undefined): Json | undefined {
  return values && values.length === 1 ? values[0] : values;
}

/**
 * The targets that a step changes next to credentials that stay as they are.
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
  // A new connection has no credentials yet, and those of its client are for the address that the client names.
  if (step.action === 'create' && type.holdsCredentials) return [];
  const [then, now] = [targetsIn(type, live ?? {}, false), targetsIn(type, wanted, live === undefined)];
  const differing = [...new Set([...then.keys(), ...now.keys()])].filter(
    (field) => !equalJson([...(then.get(field) ?? [])], [...(now.get(field) ?? [])]),
  );
  if (differing.length === 0 || !keepsCredentials(about)) return [];
  return differing.map((field): TargetChange => {
    const [before, after] = [side(then.get(field)), side(now.get(field))];
    return { field, ...(before === undefined ? {} : { before }), ...(after === undefined ? {} : { after }) };
  });
}
