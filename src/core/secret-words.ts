/**
 * What a name and a value say about whether there is a credential. Names decide what is checked, values whether it
 * is one: a field's name, a label or a placeholder given to `apiKey` is none.
 */

/** What names of credentials end with, as the source of a case-insensitive pattern. */
export const SECRET_NOUN = [
  'passw(?:or)?d|passphrase|passcode|pwd|(?<![a-z0-9])(?:pass|pw|pswd)',
  'secret|token|bearer|credentials?|authorization',
  '(?:api|access|private|secret|consumer|client|auth|subscription|signing|encryption|hmac|shared|master|security' +
    '|storage|account|service|partner|license|webhook|application|app)[ _.-]?key',
].join('|');

/** What may follow it without making it the name of something else: `apiKeyProd`, `token_2`. */
export const QUALIFIER =
  '(?:[_.-]?(?:prod(?:uction)?|live|test|sandbox|sbx|dev|stag(?:e|ing)|uat|qa|us|eu|uk|au|ca|de|old|new' +
  '|value|val|str(?:ing)?|primary|secondary|default|[0-9]{1,3})){0,2}';

/** What before it makes it the name of something harmless: `nextPageToken`, `public_api_key`. */
const HARMLESS_BEFORE = new RegExp(
  [
    '(?:continuation|page|paging|next|previous|prev|sync|cursor|public|publishable|csrf|xsrf|cancel|',
    'cancellation|idempotency|sort|partition|missing|invalid)[ _.-]?$',
  ].join(''),
  'i',
);

/** Whether a name that ends with `key` is that of something harmless: `Idempotency-Key`. */
export function isHarmlessName(name: string): boolean {
  return HARMLESS_BEFORE.test(name.replace(/key$/i, ''));
}

const NAME = new RegExp(`(?:${SECRET_NOUN})${QUALIFIER}$`, 'i');
/** Cheap test before it, which most names do not pass. */
const MAY_END = /pass|pw|pswd|secret|token|bearer|credential|authorization|key/i;
const PASSWORD_NAME = /pass|pwd|^(?:pw|pswd)/i;

/** What kind of secret a name says: people choose passwords, machines make keys. */
type SecretKind = 'password' | 'key';

/**
 * What secret the name says, if any.
 * @param noun the part of the name that {@link SECRET_NOUN} found
 * @param before what precedes it
 */
export function kindOfNoun(noun: string, before: string): SecretKind | undefined {
  if (HARMLESS_BEFORE.test(before)) return undefined;
  return PASSWORD_NAME.test(noun) ? 'password' : 'key';
}

/** What secret a complete name says (`X-Api-Key`, `shopToken2`), if any: not for `tokenType`, `passwordField`. */
export function kindOfName(name: string): SecretKind | undefined {
  const match = MAY_END.test(name) ? NAME.exec(name) : null;
  return match ? kindOfNoun(match[0], name.slice(0, match.index)) : undefined;
}

/** Templates, and what people write where a value is to be filled in. */
const PLACEHOLDER = new RegExp(
  [
    String.raw`\{\{|\$\{|#\{|@\{|<%|^<.*>$|^\{.*\}$|^%.*%$|^\$\w+$|^__.*__$|\[\[redacted|\*{3}|x{4}|\.{3}|…|•|`,
    'your|example|placeholder|change.?me|replace|insert|dummy|sample|redacted|(?:goes|key|token|',
    'secret|password).?here',
  ].join(''),
  'i',
);

/** Addresses, paths, dates and names of things in other systems. */
const REFERENCE: readonly RegExp[] = [
  /^[a-z][a-z0-9+.-]*:\/\//i,
  /^[^@\s]+@[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,}$/i,
  /^(?:\.{0,2}|[#~])\//,
  /^\$\./,
  /^(?=.*[*[])[\w*.[\]]+$/,
  /^\d{4}-\d{2}-\d{2}(?!\d)/,
  // NetSuite's own and Salesforce's custom fields, whatever their abbreviations.
  /^cust[a-z]*_/i,
  /__[a-z]{1,3}$/i,
  // Words and small numbers, joined: order-sync.v2, SHOP_KEY_2, text/plain.
  /^(?:(?:[a-z]+|[A-Z]+|[A-Z][a-z]+)\d{0,3}|\d{1,4})(?:[_./:-]+(?:(?:[a-z]+|[A-Z]+|[A-Z][a-z]+)\d{0,3}|\d{1,4}))+$/,
];

/** Short words and names of algorithms that values made of words have. */
const SHORT = new Set(
  (
    'api key id new old url uri app sku ftp crm erp b2b cdn env var get set has not for the and ' +
    'aes rsa sha md hmac cbc gcm jwt jwk pkcs oaep oauth auth sso'
  ).split(' '),
);
/** Letters that do not follow each other in the words of our languages. */
const NO_WORD = new RegExp(
  [
    '[bcdfghjklmnpqrstvwxz]{5}|[aeiou]{4}|q[^u]|[jqxz]{2}|j[^aeiouy]|[bcdfghkmpqvwxz]j|',
    'v[bcdfghjkmpqtwxz]|x[bdfgjkmnrvwz]|z[bcdfgjkmnpqrstvx]|[bcdfgkmpvw]x',
  ].join(''),
);

/** An id of a resource: twelve bytes of which the first four are a time between 2010 and 2040. */
function isResourceId(value: string): boolean {
  if (!/^[0-9a-f]{24}$/i.test(value)) return false;
  const seconds = Number.parseInt(value.slice(0, 8), 16);
  return seconds > 1_262_304_000 && seconds < 2_208_988_800;
}

/** Whether a value names something rather than being it: an id, an address, a field, words that are joined. */
export function isReference(value: string): boolean {
  return isResourceId(value) || REFERENCE.some((pattern) => pattern.test(value));
}

function isWord(token: string): boolean {
  const word = token.toLowerCase();
  return SHORT.has(word) || (word.length >= 4 && /[aeiouy]/.test(word) && !NO_WORD.test(word));
}

/** How many words a value is made of; 0 where most of its letters are none. */
function wordsIn(value: string): number {
  // In what a machine made letters and digits take turns, or the digits are more.
  const [letters, digits] = [value.match(/[a-z]/gi) ?? [], value.match(/\d/g) ?? []];
  if (digits.length > letters.length || (value.match(/[a-z]\d+(?=[a-z])/gi) ?? []).length >= 2) return 0;
  const tokens = value.match(/[A-Z]+(?![a-z])|[A-Z]?[a-z]+/g) ?? [];
  const words = tokens.filter(isWord);
  const length = (list: readonly string[]): number => list.reduce((sum, { length }) => sum + length, 0);
  return length(words) >= 0.7 * length(tokens) ? words.length : 0;
}

/** Bits of information a character: words of a language stay below about 3. */
function entropy(text: string): number {
  const counts = new Map<string, number>();
  for (const char of text) counts.set(char, (counts.get(char) ?? 0) + 1);
  let bits = 0;
  for (const count of counts.values()) bits -= (count / text.length) * Math.log2(count / text.length);
  return bits;
}

/** Kinds of characters in a value: small and capital letters, digits, others than those that join words. */
function classesOf(value: string): number {
  return [/[a-z]/, /[A-Z]/, /\d/, /[^\w./:-]/].filter((kind) => kind.test(value)).length;
}

function looksLikePassword(value: string): boolean {
  const digit = /\d/.test(value);
  const strange = /[^\w./:-]/.test(value.slice(0, -1));
  // A digit in the place of a letter: Wint3rHike. Between words 2 and 4 are words: json2csv.
  const words = /[a-z][013-9][a-z]/i.test(value) && !/[a-z]4[a-z]/i.test(value) ? 0 : wordsIn(value);
  if (words === 0) return classesOf(value) >= 2;
  if (strange || (digit && /[^\w./:-]/.test(value))) return true;
  return words === 1 && /^[A-Za-z]+\d{2,}$/.test(value);
}

function looksLikeKey(value: string): boolean {
  const [letter, digit] = [/[A-Za-z]/.test(value), /\d/.test(value)];
  const bits = entropy(value);
  // Consumer secrets of Salesforce were long numbers once.
  if (!letter) return /^\d{16,}$/.test(value) && bits >= 2.5;
  if (wordsIn(value) > 0 || bits < 2.8) return false;
  if (digit) return value.length >= 12 || (value.length >= 10 && classesOf(value) >= 3);
  return bits >= 3.3 && value.length >= (classesOf(value) >= 2 ? 16 : 20);
}

/**
 * Whether a value is one that a machine or a careful person made: mixed characters or enough entropy, and not words, a
 * field's name, an address, an id or a placeholder.
 */
export function looksSecret(value: string, kind: SecretKind): boolean {
  if (!/^[!-~\u00a1-\u024f]{8,}$/.test(value) || PLACEHOLDER.test(value)) return false;
  if (value.replace(/(.)\1{4,}/g, '').length < 8) return false;
  if (isReference(value)) return false;
  return kind === 'password' ? looksLikePassword(value) : looksLikeKey(value);
}

/** Whether a value under a name is a plain-text credential. */
export function isNamedSecret(name: string, value: string): boolean {
  const kind = kindOfName(name);
  return kind !== undefined && looksSecret(value, kind);
}

/**
 * Whether an object such as `{ name: 'X-Api-Key', value: '…' }` carries a plain-text credential in its `value`.
 * @param field reads a field of the object
 */
export function isPairedSecret(field: (name: string) => unknown): boolean {
  const value = field('value');
  if (typeof value !== 'string') return false;
  return ['name', 'key', 'id', 'header'].some((label) => {
    const name = field(label);
    return typeof name === 'string' && isNamedSecret(name, value);
  });
}
