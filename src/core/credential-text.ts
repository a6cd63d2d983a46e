import { formatsIn } from './credential-formats.ts';
import { kindOfNoun, looksSecret, QUALIFIER, SECRET_NOUN } from './secret-words.ts';
import { isNamedCredential } from './secrets.ts';

/** A credential in a text. Never holds the credential itself. */
export interface Credential {
  /** What it looks like: `JSON Web Token`, `private key`, … */
  readonly kind: string;
  /** Its position, in UTF-16 units. */
  readonly start: number;
  readonly end: number;
}

/** An authorisation header, in one piece or put together: `Bearer …`, `'Basic ' + '…'`. */
const SCHEME = new RegExp(
  [
    String.raw`\b(Basic|Bearer|Token|ApiKey|SSWS|[A-Za-z]+-(?:api-key|oauthtoken))(?:[ \t]+|`,
    String.raw`\s*\\?["'${'`'}]\s*\+\s*\\?["'${'`'}])([A-Za-z0-9._~+/-]{8,}={0,2})(?![A-Za-z0-9+/=])`,
  ].join(''),
  'gi',
);

const QUOTE = String.raw`\\?["'${'`'}]`;
const NAMED = `(${SECRET_NOUN})${QUALIFIER}`;
/** A literal without blanks, between quotation marks of any kind. */
const LITERAL = String.raw`(?<quote>${QUOTE})((?:(?!\k<quote>)[^\s\\]){8,1000})\k<quote>`;

/** A place in which a name says that the value behind it is a credential. */
interface Naming {
  /** Its first group is the end of the name, its last one the value. */
  readonly pattern: RegExp;
  /** What precedes the end of the name. */
  readonly after: RegExp;
}

function naming(source: string, after = /^/): Naming {
  return { pattern: new RegExp(source, 'gi'), after };
}

/** What is a name of a credential and what looks like one is decided by the words, not here. */
const NAMINGS: readonly Naming[] = [
  // apiKey = "…", "client_secret": "…", headers['X-Api-Key'] = '…', options.token || '…',
  // set('X-Api-Key', '…')
  // setPassword('…')
  naming(
    String.raw`${NAMED}(?:(?:${QUOTE})?\s{0,9}\]?\s{0,20}(?::\s*string\s*=|:|[!=]={1,2}|=|\|\||\?\?)` +
      String.raw`|${QUOTE}\s{0,9},|\()\s{0,40}${LITERAL}`,
  ),
  // { name: 'X-Api-Key', value: '…' }
  naming(String.raw`${NAMED}${QUOTE}\s{0,9},\s{0,40}(?:${QUOTE})?value(?:${QUOTE})?\s{0,9}:\s{0,9}${LITERAL}`),
  // <ns:password>…</ns:password>
  naming(String.raw`${NAMED}(?:\s[^<>]{0,200})?>([^<>\s]{8,1000})</`, /<[\w:.-]*$/),
  // ?api_key=…, &sig=…, ;Password=…
  naming(
    `(${SECRET_NOUN}|(?<![a-z0-9])(?:key|sig|signature|auth))${QUALIFIER}=` +
      String.raw`([\w%.~+/=!@$^*,-]{8,1000})(?=[\s&;"'${'`'}<>\\#)]|$)`,
    /[?&;"'`][\w-]*$/,
  ),
];

/** Longest beginning of a name that is checked. */
const LONGEST_NAME = 60;

/** Cheap tests before the patterns: each of them needs one of these words, and one of these signs. */
const MAY_NAME = /pass|pwd|pw|pswd|secret|key|token|bearer|credential|authorization|sig|auth/i;
const MAY_ASSIGN = /["'`>=]/;
const MAY_AUTHORISE = /(?:basic|bearer|token|api-?key|ssws)[\s\\"'`]/i;

/** Whether a value is what `Basic` needs: a name and a password, encoded. */
function isBasic(value: string): boolean {
  const bare = value.replace(/(?<!=)=+$/, '');
  const bytes = Buffer.from(bare, 'base64');
  const isWhole = bytes.toString('base64').replace(/(?<!=)=+$/, '') === bare;
  return isWhole && /^[ -9;-~]+:[ -~]*$/.test(bytes.toString('latin1'));
}

/** All matches, also those that begin within another one, which may turn out to be none. */
function* matchesOf(pattern: RegExp, text: string): Generator<RegExpExecArray> {
  pattern.lastIndex = 0;
  for (let match = pattern.exec(text); match; match = pattern.exec(text)) {
    pattern.lastIndex = match.index + 1;
    yield match;
  }
}

const SCHEME_KINDS: Readonly<Record<string, string>> = { basic: 'basic authorisation', bearer: 'bearer token' };

/** Values of authorisation headers: `Basic` and something that can be decoded, other schemes and something random. */
function authorisationsIn(text: string): Credential[] {
  return [...text.matchAll(SCHEME)].flatMap((match) => {
    const [whole, scheme = '', value = ''] = match;
    const basic = scheme.toLowerCase() === 'basic';
    if (!(basic && isBasic(value)) && !looksSecret(value, 'key')) return [];
    const end = match.index + whole.length;
    // Where it is concatenated, the code between the parts is not part of it.
    const start = /["'`]/.test(whole) ? end - value.length : match.index;
    return [{ kind: SCHEME_KINDS[scheme.toLowerCase()] ?? 'authorisation token', start, end }];
  });
}

/** Values that a name calls credentials. */
function namedIn(text: string): Credential[] {
  return NAMINGS.flatMap(({ pattern, after }) =>
    [...matchesOf(pattern, text)].flatMap((match) => {
      const noun = match[1] ?? '';
      const value = match.at(-1) ?? '';
      const before = text.slice(Math.max(0, match.index - LONGEST_NAME), match.index);
      const kind = after.test(before) ? kindOfNoun(noun, before) : undefined;
      if (kind === undefined || !looksSecret(value, kind)) return [];
      const start = match.index + match[0].lastIndexOf(value);
      return [{ kind: 'value of a credential', start, end: start + value.length }];
    }),
  );
}

/** Not a value: an expression, or the mark of what the mirror replaced. */
const NO_VALUE = /\{\{|\[\[redacted/;

/** Those that are values and overlap none before them in the list, in the order of the text. */
export function apart(text: string, found: readonly Credential[]): Credential[] {
  if (found.length === 0) return [];
  const taken = new Uint8Array(text.length);
  return found
    .filter(({ start, end }) => {
      if (NO_VALUE.test(text.slice(start, end)) || taken.subarray(start, end).includes(1)) return false;
      taken.fill(1, start, end);
      return true;
    })
    .sort((a, b) => a.start - b.start);
}

/**
 * Finds credentials in code or configuration by their formats and by the names that they are given to, in their order,
 * none within another. Handlebars expressions are not credentials.
 */
export function credentialsIn(text: string): Credential[] {
  return apart(text, [
    ...formatsIn(text),
    ...(MAY_AUTHORISE.test(text) ? authorisationsIn(text) : []),
    ...(MAY_ASSIGN.test(text) && MAY_NAME.test(text) ? namedIn(text) : []),
  ]);
}

/**
 * Places in data where a name says that what follows is a credential, whatever it looks like. The last group is the
 * value.
 */
const DATA_FIELDS: readonly RegExp[] = [
  // {"password": "…"}
  /"((?:[^"\\]|\\.){0,200})"\s*:\s*"((?:[^"\\]|\\.)+)(?=")/g,
  // {"key": "password", "value": "…"}
  /"(?:key|name|id)"\s*:\s*"((?:[^"\\]|\\.){0,200})"\s*,\s*"value"\s*:\s*"((?:[^"\\]|\\.)+)(?=")/g,
  // {"set-cookie": ["…", "…"]}
  /"((?:set[-_ ]?)?cookie2?)"\s*:\s*\[\s*"((?:[^"\\]|\\.|"\s*,\s*")+)(?="\s*\])/gi,
  // ?access_token=…&client_secret=…
  /(?:^|[?&;])([\w.-]{1,60})=([^&;\s{}"'<>]{6,})/g,
];
/** Cheap test before them. */
const MAY_BE_DATA = /"\s*:|[\w.-]=/;

/**
 * As {@link credentialsIn}, for data: records in JSON, bodies and addresses. There, as in the fields of a document, a
 * name that says credential is enough.
 */
export function credentialsInData(text: string): Credential[] {
  const found = credentialsIn(text);
  if (!MAY_BE_DATA.test(text)) return found;
  for (const pattern of DATA_FIELDS) {
    for (const match of text.matchAll(pattern)) {
      const [whole, name = '', value = ''] = match;
      if (!isNamedCredential(name, value)) continue;
      const end = match.index + whole.length;
      found.push({ kind: 'value of a credential', start: end - value.length, end });
    }
  }
  return apart(text, found);
}

/** A text without its credentials, where nothing has to be put back: names of people, messages. */
export function withoutCredentials(text: string): string {
  return replaceCredentials(text, () => '[[redacted]]');
}

/** A text with a placeholder in the place of each credential. @param placeholder for the credential that it is given */
export function replaceCredentials(
  text: string,
  placeholder: (credential: string) => string,
  found: readonly Credential[] = credentialsIn(text),
): string {
  let [out, at] = ['', 0];
  for (const { start, end } of found) {
    out += text.slice(at, start) + placeholder(text.slice(start, end));
    at = end;
  }
  return out + text.slice(at);
}
