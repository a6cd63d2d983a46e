import stableStringify from 'fast-json-stable-stringify';
import { ALWAYS_VOLATILE } from '../catalogue/common.ts';
import type { ResourceType, SideFileRule } from '../catalogue/types.ts';
import {
  credentialsInBody,
  credentialsInHeader,
  credentialsInHeaders,
  credentialsInText,
  isWhole,
} from './credential-parts.ts';
import { type Credential, credentialsIn, credentialsInData, replaceCredentials } from './credential-text.ts';
import {
  DEEPEST,
  getOwn,
  isArray,
  isObject,
  type Json,
  type JsonObject,
  type MutableJsonObject,
  setOwn,
  TOO_DEEP,
} from './json.ts';
import { type KnownCredentials, withoutKnown } from './known-credentials.ts';
import { escapeKey, redaction, secretMarker, secretOf } from './markers.ts';
import { compileRules, hasChosenKeys, isLeftOut, type Rule, ruleOf, type Scope, scopeOf } from './normalise-rules.ts';
import { compareCodePoints } from './order.ts';
import { equalJson } from './paths.ts';
import { rarely } from './rarely.ts';
import { isNamedSecret } from './secret-words.ts';
import {
  isClearCredential,
  isCookieName,
  isCredentialBelow,
  isCredentialName,
  isHeaderCredential,
  isHeaderList,
  isNamedCredential,
  isParameterCredential,
  isTellingName,
  labelsOf,
  nameOfPair,
} from './secrets.ts';

/**
 * What becomes of a plain-text credential that no table of the catalogue names: a placeholder replaces it, or it stays
 * and is reported, or the run is refused.
 */
type CredentialPolicy = 'redact' | 'warn' | 'refuse';

/** Policies for fields, and for code and other long texts. */
interface CredentialPolicies {
  readonly fields: CredentialPolicy;
  readonly code: CredentialPolicy;
}

/** What the normaliser needs besides the type. */
export interface NormaliseOptions {
  /** Keep what was captured at run time (`sampleData`, `mockOutput`, …). */
  readonly sampleData: boolean;
  /** Fingerprint of a credential: stable within one mirror, not reversible. */
  readonly fingerprint: (secret: string) => string;
  readonly credentials: CredentialPolicies;
  /** Credentials that are taken out wherever they are, whatever the policy. */
  readonly known?: KnownCredentials;
}

/** A plain-text credential that stays where it is. */
export interface ClearCredential {
  readonly place: readonly (string | number)[];
  readonly kind: string;
  /** Line in a text of several, from 1. */
  readonly line: number;
  readonly policy: 'warn' | 'refuse';
}

/** A long text taken out of the document, at the place where its `{$file}` marker will be. */
export interface SideText {
  /** Keys and indexes from the root of the document. */
  readonly place: readonly (string | number)[];
  readonly extension: string;
  readonly text: string;
}

/** What a person configured, ready to be rendered: `texts` are still in `doc` as well. */
export interface Normalised {
  readonly doc: JsonObject;
  readonly texts: readonly SideText[];
  /** Credentials that were left where they are. */
  readonly clear: readonly ClearCredential[];
}

/** Top-level keys that no document of the mirror ever held, whatever version wrote it. */
export const NEVER_MIRRORED: readonly string[] = ALWAYS_VOLATILE.filter((path) => !/[.[*]/.test(path));

/** Text by which elements of a set are ordered. */
function sortText(item: Json, key: string): string {
  const value = key !== '' && isObject(item) ? getOwn(item, key) : item;
  return typeof value === 'string' ? value : stableStringify(value ?? null);
}

/** The elements of a set in the mirror's order. `key`: the field to sort by, `''` = the element itself. */
export function sortSet(items: readonly Json[], key: string): readonly Json[] {
  const keyed = items.map((item) => ({ item, text: sortText(item, key) }));
  keyed.sort(
    (a, b) => compareCodePoints(a.text, b.text) || compareCodePoints(sortText(a.item, ''), sortText(b.item, '')),
  );
  return keyed.map(({ item }) => item);
}

/** Leaves out of a filter or transform what only repeats its `expression` (api-notes#echoes). */
function withoutEcho(value: JsonObject): JsonObject {
  const expression = getOwn(value, 'expression');
  if (!isObject(expression)) return value;
  const out: MutableJsonObject = {};
  for (const key of Object.keys(value)) {
    const held = value[key] as Json;
    const original = key === 'expression' ? undefined : getOwn(expression, key);
    if (original !== undefined && equalJson(original, held)) continue;
    setOwn(out, key, held);
  }
  return out;
}

function isEmptyHook(hook: Json): boolean {
  return hook === null || (isObject(hook) && Object.values(hook).every((value) => value === null));
}

/** The long texts of a document that is in the mirror's form already, with their places. */
export function sideTextsOf(type: ResourceType, doc: JsonObject): readonly SideText[] {
  const texts: SideText[] = [];
  const visit = (value: Json, rule: Rule | undefined, place: readonly (string | number)[]): void => {
    if (typeof value === 'string') {
      const side = rule?.sideFile;
      if (side && isSideText(side, value)) texts.push({ place, extension: side.extension, text: value });
    } else if (isArray(value)) {
      for (const [i, item] of value.entries()) visit(item, rule?.below.get('[]'), [...place, i]);
    } else if (isObject(value)) {
      for (const key of Object.keys(value)) visit(value[key] as Json, ruleOf(rule, key), [...place, key]);
    }
  };
  visit(doc, compileRules(type), []);
  return texts;
}

/** The shortest text that can hold a credential, its name included. */
const SHORTEST_CREDENTIAL = 8;

/** Searches that find nothing nearly everywhere in a document. */
interface Searches {
  readonly isSecretKey: (key: string) => boolean;
  readonly isTelling: (name: string) => boolean;
  readonly credentialsOf: (text: string) => readonly Credential[] | false;
}

function createSearches(): Searches {
  const some = (found: readonly Credential[]): readonly Credential[] | false => found.length > 0 && found;
  return {
    isSecretKey: rarely((key) => key.length >= SHORTEST_CREDENTIAL && credentialsIn(key).length > 0),
    isTelling: rarely(isTellingName),
    credentialsOf: rarely((text) => text.length >= SHORTEST_CREDENTIAL && some(credentialsInText(text))),
  };
}

/** A value as the text that its fingerprint is made of. */
function printed(value: Json): string {
  return typeof value === 'string' ? value : stableStringify(value);
}

/** Whether a text goes into a file of its own. */
function isSideText(rule: SideFileRule, text: string): boolean {
  return (rule.when === 'always' ? text !== '' : text.includes('\n')) && text.isWellFormed();
}

/** One document on its way through the normaliser. */
interface Pass extends Searches {
  readonly options: NormaliseOptions;
  readonly scope: Scope;
  /** The document is in a form of the mirror already: markers are markers, and escaped keys stay so. */
  readonly mirrored: boolean;
  /** Keys and indexes down to the value being cleaned. One array for all values: most places are never named. */
  readonly place: (string | number)[];
  readonly texts: SideText[];
  readonly clear: ClearCredential[];
}

/** Notes a credential that stays where it is. */
function report({ options, isSecretKey, place, clear }: Pass, found: Omit<ClearCredential, 'place'>): void {
  // A key on the way there may be a credential itself.
  const shown = place.map((step) =>
    typeof step === 'string' && isSecretKey(step)
      ? replaceCredentials(step, (key) => redaction(options.fingerprint(key)))
      : step,
  );
  clear.push({ place: shown, ...found });
}

/** Not kept like other searches: what is known grows. */
function isKnownKey({ options }: Pass, key: string): boolean {
  return key.length >= SHORTEST_CREDENTIAL && (options.known?.find(key).length ?? 0) > 0;
}

/** What becomes of a field that is a credential. */
function concealed(pass: Pass, value: Json): Json {
  const policy = pass.options.credentials.fields;
  if (policy === 'redact') return secretMarker(pass.options.fingerprint(printed(value)));
  report(pass, { kind: 'credential', line: 1, policy });
  return value;
}

function isCredential({ place }: Pass, name: string, above: string | undefined, value: string | number): boolean {
  if (name !== '' && isNamedCredential(name, value)) return true;
  if (above === undefined) return false;
  // Name of the value's own field, or of the list that it is in.
  const own = place.findLast((step) => typeof step === 'string');
  return isCredentialBelow(above, typeof own === 'string' ? own : '', value);
}

function cleanText(pass: Pass, text: string, found: readonly Credential[], policy: CredentialPolicy): string {
  if (policy === 'redact') return replaceCredentials(text, (one) => redaction(pass.options.fingerprint(one)), found);
  let [line, at] = [1, 0];
  for (const { kind, start } of found) {
    line += text.slice(at, start).split('\n').length - 1;
    at = start;
    report(pass, { kind, line, policy });
  }
  return text;
}

function inRuledForm(value: string, rule: Rule | undefined): string {
  if (rule === undefined) return value;
  let text = value;
  if (rule.letterCase === 'lower') text = text.toLowerCase();
  else if (rule.letterCase === 'upper') text = text.toUpperCase();
  return rule.padded ? text.trimEnd() : text;
}

function cleanString(pass: Pass, value: string, name: string, above: string | undefined, rule: Rule | undefined): Json {
  const { fields, code } = pass.options.credentials;
  const text = inRuledForm(value, rule);
  if (rule?.sideFile && isSideText(rule.sideFile, text)) {
    const { extension } = rule.sideFile;
    // Records are data of fields that happens to be kept in a file.
    const kept =
      extension === 'ndjson'
        ? cleanText(pass, text, credentialsInData(text), fields)
        : cleanText(pass, text, credentialsIn(text), code);
    const known = withoutKnown(pass.options, kept);
    pass.texts.push({ place: [...pass.place], extension, text: known });
    return known;
  }
  if (rule?.credentialText) return withoutParts(pass, text, credentialsInBody(text));
  if (isCredential(pass, name, above, text)) return concealed(pass, text);
  const found = pass.credentialsOf(text);
  if (!found) return cleanKnown(pass, text);
  // What remains of the text is worth a diff.
  const kept = isWhole(text, found) ? concealed(pass, text) : cleanText(pass, text, found, fields);
  return typeof kept === 'string' ? cleanKnown(pass, kept) : kept;
}

/** The same for what is known to be a credential from elsewhere. */
function cleanKnown({ options }: Pass, text: string): Json {
  const found = options.known?.find(text) ?? [];
  if (found.length === 0) return text;
  if (isWhole(text, found)) return secretMarker(options.fingerprint(text));
  return replaceCredentials(text, (one) => redaction(options.fingerprint(one)), found);
}

/** A text in a place for credentials, whatever the policy. @param found `undefined`: all of it is one */
function withoutParts({ options }: Pass, text: string, found: readonly Credential[] | undefined): Json {
  if (found) return replaceCredentials(text, (one) => redaction(options.fingerprint(one)), found);
  return isClearCredential(text) ? secretMarker(options.fingerprint(text)) : text;
}

/** Names in a list of headers or parameters, `{name, value}` or `{name: value}`. */
type IsName = (name: string) => boolean;

/** Which names hold a credential in the field at the end of a place, if it is a list of headers or parameters. */
function namesIn({ place }: Pass, rule: Rule | undefined): IsName | undefined {
  const field = place.at(-1);
  if (typeof field === 'string' && isHeaderList(field)) return isHeaderCredential;
  return rule?.parameters ? isParameterCredential : undefined;
}

/** The value of a header that holds a credential, whatever the policy; `undefined` where it is none. */
function withoutHeader(pass: Pass, name: string, value: Json): Json | undefined {
  if (typeof value === 'string') return withoutParts(pass, value, credentialsInHeader(name, value));
  if (pass.mirrored && secretOf(value) !== undefined) return value;
  const isClear = isArray(value)
    ? value.some(isClearCredential)
    : typeof value === 'number' && isNamedCredential(name, value);
  return isClear ? secretMarker(pass.options.fingerprint(printed(value))) : undefined;
}

function cleanList(
  pass: Pass,
  items: readonly Json[],
  above: string | undefined,
  rule: Rule | undefined,
  isName: IsName | undefined,
): Json {
  const each = rule?.below.get('[]');
  // ['password', '…']: a name and its value.
  const named = items.length === 2 && typeof items[0] === 'string' ? items[0] : '';
  const out = items.map((item, index) => {
    pass.place.push(index);
    const paired = index === 1 && typeof item === 'string' && isPairedWith(named, item);
    const header = isName && isObject(item) ? cleanCollection(pass, item, above, each, isName, true) : undefined;
    const kept = header ?? (paired ? concealed(pass, item) : clean(pass, item, '', above, each));
    pass.place.pop();
    return kept ?? null;
  });
  return rule?.sortBy === undefined ? out : sortSet(out, rule.sortBy);
}

function isPairedWith(name: string, value: string): boolean {
  return isNamedSecret(name, value) || (isCookieName(name) && isClearCredential(value));
}

/**
 * @param isName which names hold a credential, in a list of headers or parameters
 * @param entry the value is an entry of such a list: one of its members has the name, another the value
 */
function cleanCollection(
  pass: Pass,
  value: Json,
  above: string | undefined,
  rule: Rule | undefined,
  isName?: IsName,
  entry = false,
): Json {
  // The document itself is a collection, too.
  if (pass.place.length >= DEEPEST && value !== null && typeof value === 'object') throw new RangeError(TOO_DEEP);
  if (isArray(value)) return cleanList(pass, value, above, rule, isName);
  if (!isObject(value)) return value;
  const { place, isSecretKey, isTelling, scope } = pass;
  const free = hasChosenKeys(place);
  const policy = pass.options.credentials.fields;
  const source = rule?.expression ? withoutEcho(value) : value;
  const out: MutableJsonObject = {};
  const keys = Object.keys(source);
  const hasSecretKey = keys.some((key) => isSecretKey(key) || isKnownKey(pass, key));
  // No marker can replace a key. The object is one credential then, which a restore puts back as one; a document
  // itself cannot be, and its own fields have names that the API gives.
  if (hasSecretKey && policy === 'redact' && place.length > 0) return concealed(pass, value);
  const names = isName !== undefined && !entry;
  const header = entry && isName ? labelsOf(source).find(isName) : undefined;
  let only: string | undefined;
  let count = 0;
  for (const key of keys) {
    const held = source[key] as Json;
    const inner = ruleOf(rule, key);
    if ((rule?.hooks && isEmptyHook(held)) || isLeftOut(scope, source, key, inner, free)) continue;
    const secretKey = hasSecretKey && (isSecretKey(key) || isKnownKey(pass, key));
    if (secretKey && policy === 'redact') continue;
    place.push(key);
    if (secretKey && policy !== 'redact') report(pass, { kind: 'key of a field', line: 1, policy });
    const paired = names ? undefined : nameOfPair(source, key);
    const label = paired ?? key;
    const name = isTelling(label) ? label : '';
    // A name of a credential holds for everything in the field.
    const named = held !== null && typeof held === 'object' && isCredentialName(name) ? name : above;
    const said = names ? key : key === 'value' ? header : undefined;
    const redacted = said !== undefined && isName?.(said) ? withoutHeader(pass, said, held) : undefined;
    // A constant counts by what is in its quotes.
    const constant = paired !== undefined && typeof held === 'string' && redacted === undefined && !inner?.sideFile;
    const kept = redacted ?? (constant ? concealed(pass, held) : clean(pass, held, names ? '' : name, named, inner));
    place.pop();
    if (kept === undefined) continue;
    setOwn(out, key, kept);
    only = key;
    count += 1;
  }
  if (count === 1 && only !== undefined && !pass.mirrored && escapeKey(only) !== only)
    return { [escapeKey(only)]: out[only] as Json };
  return out;
}

/**
 * What the mirror keeps of a value; `undefined`: nothing.
 * @param name name of its field where it may be that of a credential; empty where the caller checks names itself
 * @param above the nearest name of a credential above it
 */
function clean(
  pass: Pass,
  value: Json,
  name: string,
  above: string | undefined,
  rule: Rule | undefined,
): Json | undefined {
  if (rule?.equalsAbsent !== undefined && rule.equalsAbsent === value) return undefined;
  if (pass.mirrored && secretOf(value) !== undefined) return value;
  const isOne = rule?.secret || (rule?.credentialText && typeof value !== 'string');
  if (isOne && value !== null && isClearCredential(value)) {
    return secretMarker(pass.options.fingerprint(printed(value)));
  }
  const isName = namesIn(pass, rule);
  if (typeof value === 'string') {
    const parts = isName ? credentialsInHeaders(value, isName) : [];
    return parts.length > 0 ? withoutParts(pass, value, parts) : cleanString(pass, value, name, above, rule);
  }
  if (typeof value === 'number') return isCredential(pass, name, above, value) ? concealed(pass, value) : value;
  if (value === null || typeof value !== 'object') return value;
  // Keys of their own objects: only the list of a session's cookies is one credential.
  if (isArray(value) && isCookieName(name) && value.some(isClearCredential)) return concealed(pass, value);
  const out = cleanCollection(pass, value, above, rule, isName);
  const emptied = rule?.hooks && isObject(out) && Object.keys(out).length === 0;
  return emptied ? undefined : out;
}

/**
 * Turns raw documents of one type into what the mirror keeps. Made once per type and run; the returned function is
 * pure. It throws a RangeError for a document that is nested too deep (`DEEPEST`).
 */
export function createNormaliser(type: ResourceType, options: NormaliseOptions): (raw: JsonObject) => Normalised {
  return normaliserOf(type, options, false);
}

/**
 * Turns documents that an older version or other settings wrote, side files joined, into what the mirror keeps now.
 * What it did not keep then stays unknown.
 */
export function createRenewer(type: ResourceType, options: NormaliseOptions): (doc: JsonObject) => Normalised {
  return normaliserOf(type, options, true);
}

function normaliserOf(
  type: ResourceType,
  options: NormaliseOptions,
  mirrored: boolean,
): (raw: JsonObject) => Normalised {
  const searches = createSearches();
  let root: Rule | undefined;
  return (raw) => {
    // With the first document: most runs read none of most types.
    root ??= compileRules(type);
    const scope = scopeOf(raw, options.sampleData);
    const pass: Pass = { ...searches, options, scope, mirrored, place: [], texts: [], clear: [] };
    const doc = cleanCollection(pass, raw, undefined, root);
    return { doc: isObject(doc) ? doc : {}, texts: pass.texts, clear: pass.clear };
  };
}
