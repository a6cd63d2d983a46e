import { getOwn, isObject, type Json, type JsonObject } from './json.ts';
import { isHarmlessName, isNamedSecret, isReference, kindOfName } from './secret-words.ts';

/** What the API shows in place of a credential (api-notes#mask). */
export const MASK = '******';
/** Other masks are asterisks and nothing else, too. */
const ANY_MASK = /^\*{3,}$/;
/** Text that is handlebars expressions and, at most, an authorisation scheme: a reference, not a value. */
const TEMPLATE_ONLY = /^(?:(?:bearer|basic|token|apikey)\s+)?(?:\{\{\{?[^{}]*\}?\}\}\s*)+$/i;

/** Field names that say "credential" wherever they are. */
const CREDENTIAL_NAME = new RegExp(
  [
    '(?:(?:password|passwd|passphrase|secret|private[-_ ]?key|api[-_ ]?key|access[-_ ]?token|',
    'refresh[-_ ]?token|bearer[-_ ]?token|auth[-_ ]?token|secret[-_ ]?access[-_ ]?key|',
    'subscription[-_ ]?key)s?|_crypt|_salt)$',
  ].join(''),
  'i',
);
/** Names that hold a credential only when the value looks like one. */
const AMBIGUOUS_NAME = /^(?:token|key|auth|authorization|credential|credentials|pwd|pw|pswd|pass|signature)$/i;
/** What keeps a session open: a credential, whatever its value. */
const COOKIE_NAME = /^(?:set[-_ ]?)?cookie2?$/i;
/** Headers and parameters by which callers identify themselves. */
const CREDENTIAL_HEADER = new RegExp(
  [
    'authorization|token|api[-_]?key|secret|passw|passphrase|cookie|signature|credential|',
    'private[-_]?key|access[-_]?key|subscription[-_]?key|x-auth',
  ].join(''),
  'i',
);

/** A word `key` at the end: `x-functions-key`, `clientKey`; not `monkey`. */
const KEY_NAME = /(?:^|[-_.\s])(?:key|KEY)$|(?:^|[-_.a-z0-9])Key$/;

/** Names next to a `value`, or below a name of a credential, that hold what it is about. */
const VALUE_NAME = new RegExp(
  '^(?:values?|default(?:[-_ ]?value)?|current|old|new|raw|plain(?:[-_ ]?text)?|clear(?:[-_ ]?text)?|' +
    'hard[-_ ]?coded[-_ ]?value|extract)$',
  'i',
);
/** Smaller numbers count something: days until a password expires. */
const LEAST_NUMBER = 1_000;
/** Names of the fields that name the content of `value` next to them. */
const LABELS = ['name', 'key', 'id', 'header', 'generate', 'field', 'label'] as const;
/** Members of a form's field that say what is entered in it. */
const INPUT_TYPES = ['type', 'inputType', 'format'] as const;
/** A constant in the place of a field's name: `"…"`. */
const CONSTANT = /^(["'])(.+)\1$/s;

/** Whether a field of this name holds what the label next to it says. */
export function isValueName(name: string): boolean {
  return VALUE_NAME.test(name);
}

export function isMask(value: Json | undefined): boolean {
  return typeof value === 'string' && ANY_MASK.test(value);
}

/** Whether a value in the place of a credential is in plain text: not masked, not empty, not a template. */
export function isClearCredential(value: Json): boolean {
  if (typeof value === 'string') return value.trim() !== '' && !ANY_MASK.test(value) && !TEMPLATE_ONLY.test(value);
  if (isObject(value)) return Object.keys(value).length > 0;
  return typeof value === 'number';
}

/** At least 16 characters without blanks, letters and digits mixed: unlikely to be a word or a path. */
function looksRandom(value: string): boolean {
  return value.length >= 16 && /^[\w+/=.~-]+$/.test(value) && /\d/.test(value) && /[A-Za-z]/.test(value);
}

/** Whether a name says that its value is a credential, whatever it looks like. */
export function isCredentialName(name: string): boolean {
  // `$secret` is a name of our own markers; data that happens to use it is escaped, not hidden.
  return !name.startsWith('$') && CREDENTIAL_NAME.test(name);
}

/** Whether a name is that of the header with which sessions are kept open (api-notes#samples). */
export function isCookieName(name: string): boolean {
  return COOKIE_NAME.test(name);
}

/** Whether a field of this name may be a credential, whatever its value is. */
export function isTellingName(name: string): boolean {
  return isCookieName(name) || isCredentialName(name) || AMBIGUOUS_NAME.test(name) || kindOfName(name) !== undefined;
}

/** Whether the field `name` holding the text or number `value` is a plain-text credential that no table names. */
export function isNamedCredential(name: string, value: string | number): boolean {
  if (isCookieName(name)) return isClearCredential(value);
  if (typeof value === 'number') return Math.abs(value) >= LEAST_NUMBER && isCredentialName(name);
  if (isCredentialName(name)) return isClearCredential(value);
  if (AMBIGUOUS_NAME.test(name) && looksRandom(value) && isClearCredential(value)) return true;
  return isNamedSecret(name, value);
}

/**
 * The same for a value somewhere below a name that says credential: `password: { value: … }`, `passwords: […]`.
 * What describes a credential (its label, type, length) may be there as well and stays.
 * @param own name of the value's own field, or of the list that holds it
 */
export function isCredentialBelow(above: string, own: string, value: string | number): boolean {
  if (own === above || VALUE_NAME.test(own)) return isNamedCredential(above, value);
  return typeof value === 'string' && isNamedSecret(above, value);
}

/** The names that an entry of a list gives to its `value`. */
export function labelsOf(entry: JsonObject): string[] {
  return LABELS.map((label) => getOwn(entry, label)).filter((name) => typeof name === 'string');
}

/** The first of them, if any. */
export function labelOf(entry: JsonObject): string | undefined {
  return labelsOf(entry)[0];
}

function isPasswordInput(object: JsonObject): boolean {
  return INPUT_TYPES.some((name) => /^password$/i.test(String(getOwn(object, name) ?? '')));
}

/**
 * The name that an object gives to what it holds under `key`, if it says credential: `{ name: 'X-Api-Key', value: … }`,
 * `{ generate: 'password', hardCodedValue: … }`, `{ type: 'password', defaultValue: … }`.
 */
export function nameOfPair(object: JsonObject, key: string): string | undefined {
  const held = isValueName(key) ? getOwn(object, key) : undefined;
  if (held === undefined || held === null) return undefined;
  // Otherwise it is the name of a field of the record.
  const value = key === 'extract' ? (typeof held === 'string' ? CONSTANT.exec(held)?.[2] : undefined) : held;
  if (value === undefined) return undefined;
  if (isPasswordInput(object) && typeof value !== 'object' && isClearCredential(value)) return 'password';
  return labelsOf(object).find((name) => isPairCredential(name, value));
}

/** Lists of settings also say where a key is to be found: then the value is its field or variable. */
function isPairCredential(name: string, value: Json): boolean {
  if (typeof value === 'object') return isCredentialName(name) || isCookieName(name);
  if (typeof value === 'number') return isNamedCredential(name, value);
  if (typeof value !== 'string' || !isNamedCredential(name, value)) return false;
  return isCookieName(name) || kindOfName(name) === 'password' || !isReference(value);
}

/** Whether an entry of a list of parameters holds a credential, going by its name: more names indicate one there. */
export function isParameterCredential(name: string): boolean {
  return CREDENTIAL_HEADER.test(name);
}

/** Names of headers that hold a credential: those of parameters, and any kind of key. */
export function isHeaderCredential(name: string): boolean {
  return isParameterCredential(name) || (KEY_NAME.test(name) && !isHarmlessName(name));
}

/** Whether a field is a list of headers, by its name. */
export function isHeaderList(field: string): boolean {
  return field.endsWith('eaders') && /(?:^_?h|[a-z]H)eaders$/.test(field);
}
