import { isObject, type Json } from './json.ts';

/** What the API shows in place of a credential: asterisks and nothing else (celigo-models 2.1). */
const MASK = /^\*{3,}$/;
/** Text that is handlebars expressions and, at most, an authorisation scheme: a reference, not a value. */
const TEMPLATE_ONLY = /^(?:(?:bearer|basic|token|apikey)\s+)?(?:\{\{\{?[^{}]*\}?\}\}\s*)+$/i;

/** Field names that say "credential" wherever they stand. */
const CREDENTIAL_NAME =
  /(?:password|passwd|passphrase|secret|private[-_]?key|api[-_]?key|access[-_]?token|refresh[-_]?token|bearer[-_]?token|auth[-_]?token|secret[-_]?access[-_]?key|subscription[-_]?key|_crypt|_salt)$/i;
/** Names that hold a credential only when the value looks like one. */
const AMBIGUOUS_NAME = /^(?:token|key|auth|authorization|credential|credentials|pwd|pass|signature)$/i;
/** Headers and parameters by which callers identify themselves. */
const CREDENTIAL_HEADER =
  /authorization|token|api[-_]?key|secret|passw|passphrase|cookie|signature|credential|private[-_]?key|access[-_]?key|subscription[-_]?key|x-auth/i;

/** Credentials that give themselves away by their shape, in any field. */
const CREDENTIAL_SHAPES: readonly RegExp[] = [
  /-----BEGIN (?:[A-Z]+ )*PRIVATE KEY(?: BLOCK)?-----/,
  /\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*/,
  /:\/\/[^\s/:@{}]+:[^\s/@{}]+@/,
  /\b(?:gh[pousr]_[A-Za-z0-9]{30,}|xox[abprs]-[A-Za-z0-9-]{10,}|sk_live_[A-Za-z0-9]{16,}|glpat-[A-Za-z0-9_-]{18,})/,
];
/** Cheap test before the patterns above: each of them needs one of these characters sequences. */
const MAY_HOLD_CREDENTIAL = /-----BEGIN|eyJ|:\/\/|gh[pousr]_|xox|sk_live_|glpat-/i;

export function isMask(value: Json | undefined): boolean {
  return typeof value === 'string' && MASK.test(value);
}

/** Whether a value in the place of a credential is one in clear: not masked, not empty, not a template. */
export function isClearCredential(value: Json): boolean {
  if (typeof value === 'string')
    return value.trim() !== '' && !MASK.test(value) && !TEMPLATE_ONLY.test(value);
  if (isObject(value)) return Object.keys(value).length > 0;
  return typeof value === 'number';
}

/** At least 16 characters without blanks, letters and digits mixed: unlikely to be a word or a path. */
function looksRandom(value: string): boolean {
  return value.length >= 16 && /^[\w+/=.~-]+$/.test(value) && /\d/.test(value) && /[A-Za-z]/.test(value);
}

/** Whether the field `name` holding the text `value` is a credential in clear that no table names. */
export function isNamedCredential(name: string, value: string): boolean {
  // `$secret` is a name of our own markers; data that happens to use it is escaped, not hidden.
  if (name.startsWith('$')) return false;
  if (CREDENTIAL_NAME.test(name)) return isClearCredential(value);
  return AMBIGUOUS_NAME.test(name) && looksRandom(value) && isClearCredential(value);
}

/** The same for an entry of a header or parameter list, where more names are telling. */
export function isHeaderCredential(name: string, value: string): boolean {
  return CREDENTIAL_HEADER.test(name) && isClearCredential(value);
}

/** Whether a text gives itself away as a credential, or carries one, by its shape. */
export function hasCredentialShape(value: string): boolean {
  return MAY_HOLD_CREDENTIAL.test(value) && CREDENTIAL_SHAPES.some((shape) => shape.test(value));
}
