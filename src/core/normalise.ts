import stableStringify from 'fast-json-stable-stringify';
import { ALWAYS_DEFAULT, ALWAYS_VOLATILE } from '../catalogue/common.ts';
import type { ResourceType, SideFileRule } from '../catalogue/types.ts';
import { type Credential, credentialsIn, credentialsInData, replaceCredentials } from './credential-text.ts';
import { getOwn, isArray, isObject, type Json, type JsonObject, type MutableJsonObject, setOwn } from './json.ts';
import { escapeKey, redaction, secretMarker, secretOf } from './markers.ts';
import { compareCodePoints } from './order.ts';
import { isNamedSecret } from './secret-words.ts';
import {
  isClearCredential,
  isCredentialBelow,
  isCredentialName,
  isHeaderCredential,
  isNamedCredential,
  nameOfPair,
} from './secrets.ts';

/**
 * What becomes of a credential in clear that no table of the catalogue names: a placeholder takes its place, or it stays
 * and is told, or the run is refused.
 */
export type CredentialPolicy = 'redact' | 'warn' | 'refuse';

/** Policies for fields, and for code and other long texts. */
export interface CredentialPolicies {
  readonly fields: CredentialPolicy;
  readonly code: CredentialPolicy;
}

/** What the normaliser needs besides the type. */
export interface NormaliseOptions {
  /** Keep preview samples (`sampleData`, …). */
  readonly sampleData: boolean;
  /** Fingerprint of a credential: stable within one mirror, not reversible. */
  readonly fingerprint: (secret: string) => string;
  readonly credentials: CredentialPolicies;
}

/** A credential in clear that stays where it is. */
export interface ClearCredential {
  readonly place: readonly (string | number)[];
  readonly kind: string;
  /** Line in a text of several, from 1. */
  readonly line: number;
  readonly policy: 'warn' | 'refuse';
}

/** A long text taken out of the document, at the place where its `{$file}` marker will stand. */
export interface SideText {
  /** Keys and indexes from the root of the document. */
  readonly place: readonly (string | number)[];
  readonly extension: string;
  readonly text: string;
}

/** What a person configured, ready to be rendered: `texts` still stand in `doc` as well. */
export interface Normalised {
  readonly doc: JsonObject;
  readonly texts: readonly SideText[];
  /** Credentials that were left where they are. */
  readonly clear: readonly ClearCredential[];
}

/** The rules for one place of a document, and for the places below it. */
interface Rule {
  readonly below: Map<string, Rule>;
  drop?: true;
  dropInApps?: true;
  equalsAbsent?: Json;
  letterCase?: 'lower' | 'upper';
  padded?: true;
  expression?: true;
  hooks?: true;
  secret?: true;
  headers?: true;
  sortBy?: string;
  sideFile?: SideFileRule;
}

function ruleAt(root: Rule, path: string): Rule {
  // 'a[].b' → a, [], b
  const steps = path
    .replaceAll('[]', '.[]')
    .split('.')
    .filter((step) => step !== '');
  let rule = root;
  for (const step of steps) {
    let next = rule.below.get(step);
    if (!next) {
      next = { below: new Map() };
      rule.below.set(step, next);
    }
    rule = next;
  }
  return rule;
}

function compile(type: ResourceType, keepSamples: boolean): Rule {
  const root: Rule = { below: new Map() };
  for (const path of ALWAYS_VOLATILE) ruleAt(root, path).drop = true;
  for (const path of type.volatile ?? []) ruleAt(root, path).drop = true;
  for (const path of type.volatileInApps ?? []) ruleAt(root, path).dropInApps = true;
  if (!keepSamples) for (const path of type.samples ?? []) ruleAt(root, path).drop = true;
  for (const [path, value] of Object.entries({ ...ALWAYS_DEFAULT, ...type.defaults })) {
    ruleAt(root, path).equalsAbsent = value;
  }
  for (const path of type.lowerCase ?? []) ruleAt(root, path).letterCase = 'lower';
  for (const path of type.upperCase ?? []) ruleAt(root, path).letterCase = 'upper';
  for (const path of type.padded ?? []) ruleAt(root, path).padded = true;
  for (const path of type.expressions ?? []) ruleAt(root, path).expression = true;
  for (const path of type.hooks ?? []) ruleAt(root, path).hooks = true;
  for (const path of type.secrets ?? []) ruleAt(root, path).secret = true;
  for (const path of type.headers ?? []) ruleAt(root, path).headers = true;
  for (const [path, key] of Object.entries(type.sets ?? {})) ruleAt(root, path).sortBy = key;
  for (const [path, rule] of Object.entries(type.sideFiles ?? {})) ruleAt(root, path).sideFile = rule;
  return root;
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
    if (original !== undefined && stableStringify(original) === stableStringify(held)) continue;
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
      for (const key of Object.keys(value))
        visit(value[key] as Json, rule?.below.get(key) ?? rule?.below.get('*'), [...place, key]);
    }
  };
  visit(doc, compile(type, true), []);
  return texts;
}

/** The shortest key that can hold a credential. */
const SHORTEST_SECRET_KEY = 8;
/** Keys that are remembered: those of records in settings or samples may be new in every document. */
const MOST_KEYS = 10_000;

/** A value as the text that its fingerprint is made of. */
function printed(value: Json): string {
  return typeof value === 'string' ? value : stableStringify(value);
}

/** Whether a text goes into a file of its own. */
function isSideText(rule: SideFileRule, text: string): boolean {
  return (rule.when === 'always' ? text !== '' : text.includes('\n')) && text.isWellFormed();
}

/**
 * Turns raw documents of one type into what the mirror keeps. Made once per type and run; the returned function is
 * pure.
 */
export function createNormaliser(type: ResourceType, options: NormaliseOptions): (raw: JsonObject) => Normalised {
  const root = compile(type, options.sampleData);

  /** Keys that hold no credential: most stand in every document of the type. */
  const innocent = new Set<string>();
  function isSecretKey(key: string): boolean {
    if (key.length < SHORTEST_SECRET_KEY || innocent.has(key)) return false;
    if (credentialsIn(key).length > 0) return true;
    if (innocent.size < MOST_KEYS) innocent.add(key);
    return false;
  }

  return function normalise(raw) {
    const texts: SideText[] = [];
    const clear: ClearCredential[] = [];
    const place: (string | number)[] = [];
    /** The nearest name above that says credential. */
    let above: string | undefined;
    const inApp = getOwn(raw, '_connectorId') !== undefined;

    function tell(kind: string, line: number, policy: ClearCredential['policy']): void {
      // A key on the way there may be a credential itself.
      const shown = place.map((step) =>
        typeof step === 'string' && isSecretKey(step)
          ? replaceCredentials(step, (found) => redaction(options.fingerprint(found)))
          : step,
      );
      clear.push({ place: shown, kind, line, policy });
    }

    /** What becomes of a field that is a credential. */
    function concealed(value: Json): Json {
      const policy = options.credentials.fields;
      if (policy === 'redact') return secretMarker(options.fingerprint(printed(value)));
      tell('credential', 1, policy);
      return value;
    }

    /** Name of the field that a value stands in, or of the list. */
    function ownName(): string {
      const name = place.findLast((step) => typeof step === 'string');
      return typeof name === 'string' ? name : '';
    }

    function isCredential(name: string, value: string | number): boolean {
      if (name !== '' && isNamedCredential(name, value)) return true;
      return above !== undefined && isCredentialBelow(above, ownName(), value);
    }

    function cleanString(value: string, name: string, rule: Rule | undefined): Json {
      let text = value;
      if (rule?.letterCase === 'lower') text = text.toLowerCase();
      else if (rule?.letterCase === 'upper') text = text.toUpperCase();
      if (rule?.padded) text = text.trimEnd();
      if (rule?.sideFile && isSideText(rule.sideFile, text)) {
        const { extension } = rule.sideFile;
        // Records are data of fields that happens to be kept in a file.
        const kept =
          extension === 'ndjson'
            ? cleanText(text, credentialsInData(text), options.credentials.fields)
            : cleanText(text, credentialsIn(text), options.credentials.code);
        texts.push({ place: [...place], extension, text: kept });
        return kept;
      }
      return isCredential(name, text) || credentialsInData(text).length > 0 ? concealed(text) : text;
    }

    function cleanText(text: string, found: readonly Credential[], policy: CredentialPolicy): string {
      if (policy === 'redact') return replaceCredentials(text, (one) => redaction(options.fingerprint(one)), found);
      let [line, at] = [1, 0];
      for (const { kind, start } of found) {
        line += text.slice(at, start).split('\n').length - 1;
        at = start;
        tell(kind, line, policy);
      }
      return text;
    }

    function cleanHeaders(value: Json, rule: Rule): Json {
      // Their names are looked at here, more strictly than in other lists.
      const out = cleanCollection(value, rule, true);
      if (secretOf(out) !== undefined) return out;
      const redact = (name: Json | undefined, held: Json | undefined): Json | undefined =>
        typeof name === 'string' && typeof held === 'string' && isHeaderCredential(name, held)
          ? secretMarker(options.fingerprint(held))
          : held;
      if (isArray(out)) {
        return out.map((item) => {
          if (!isObject(item)) return item;
          const held = redact(getOwn(item, 'name') ?? getOwn(item, 'key') ?? getOwn(item, 'id'), getOwn(item, 'value'));
          return held === undefined ? item : { ...item, value: held };
        });
      }
      if (!isObject(out)) return out;
      const copy: MutableJsonObject = {};
      for (const key of Object.keys(out)) setOwn(copy, key, redact(key, out[key]) as Json);
      return copy;
    }

    function cleanList(items: readonly Json[], rule: Rule | undefined): Json {
      const each = rule?.below.get('[]');
      // ['password', '…']: a name and what it is given.
      const named = items.length === 2 && typeof items[0] === 'string' ? items[0] : '';
      const out = items.map((item, index) => {
        place.push(index);
        const paired = index === 1 && typeof item === 'string' && isNamedSecret(named, item);
        const kept = paired ? concealed(item) : clean(item, '', each);
        place.pop();
        return kept ?? null;
      });
      return rule?.sortBy === undefined ? out : sortSet(out, rule.sortBy);
    }

    /** @param headers the names of its values are looked at by the caller */
    function cleanCollection(value: Json, rule: Rule | undefined, headers = false): Json {
      if (isArray(value)) return cleanList(value, rule);
      if (!isObject(value)) return value;
      const source = rule?.expression ? withoutEcho(value) : value;
      const out: MutableJsonObject = {};
      const keys = Object.keys(source);
      const redacts = options.credentials.fields === 'redact';
      // No marker can stand for a key. The whole object is one credential then, which a restore puts back as a whole;
      // a document itself cannot be, and its own fields have names that the API gives.
      if (redacts && place.length > 0 && keys.some(isSecretKey)) return concealed(value);
      const paired = headers ? undefined : nameOfPair(source);
      let only: string | undefined;
      let count = 0;
      for (const key of keys) {
        const held = source[key] as Json;
        if (rule?.hooks && isEmptyHook(held)) continue;
        if (redacts && isSecretKey(key)) continue;
        place.push(key);
        if (isSecretKey(key) && options.credentials.fields !== 'redact')
          tell('key of a field', 1, options.credentials.fields);
        const name = key === 'value' && paired !== undefined ? paired : key;
        const kept = below(name, held, () =>
          clean(held, headers ? '' : name, rule?.below.get(key) ?? rule?.below.get('*')),
        );
        place.pop();
        if (kept === undefined) continue;
        setOwn(out, key, kept);
        only = key;
        count += 1;
      }
      if (count === 1 && only !== undefined && escapeKey(only) !== only) {
        return { [escapeKey(only)]: out[only] as Json };
      }
      return out;
    }

    /** Cleans what stands in a field: where its name says credential, so it does for everything in it. */
    function below<T>(name: string, held: Json, work: () => T): T {
      const outer = above;
      if (held !== null && typeof held === 'object' && isCredentialName(name)) above = name;
      const out = work();
      above = outer;
      return out;
    }

    function clean(value: Json, name: string, rule: Rule | undefined): Json | undefined {
      if (rule?.drop || (rule?.dropInApps && inApp)) return undefined;
      if (rule?.equalsAbsent !== undefined && rule.equalsAbsent === value) return undefined;
      if (rule?.secret && value !== null && isClearCredential(value)) {
        return secretMarker(options.fingerprint(printed(value)));
      }
      if (typeof value === 'string') return cleanString(value, name, rule);
      if (rule?.headers) return cleanHeaders(value, rule);
      if (typeof value === 'number') return isCredential(name, value) ? concealed(value) : value;
      if (value === null || typeof value !== 'object') return value;
      const out = cleanCollection(value, rule);
      const emptied = rule?.hooks && isObject(out) && Object.keys(out).length === 0;
      return emptied ? undefined : out;
    }

    const doc = cleanCollection(raw, root);
    return { doc: isObject(doc) ? doc : {}, texts, clear };
  };
}
