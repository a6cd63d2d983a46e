import { apart, type Credential, credentialsInData } from './credential-text.ts';
import { kindOfName, looksSecret } from './secret-words.ts';
import { isCookieName, isCredentialName, isMask } from './secrets.ts';

/** Part of a text, in UTF-16 units. */
interface Span {
  readonly start: number;
  readonly end: number;
}

/** A name in a text and the value that it has there. */
interface Pair extends Span {
  readonly name: string;
}

/** An expression, or what the mirror put in the place of a credential. */
const EXPRESSION = /\{\{\{?[^{}]*\}\}\}?|\[\[redacted [0-9a-f]{12}\]\]/g;
/** What texts of requests are made of. The first group is the name, the match ends with the second, the value. */
const PAIRS: readonly RegExp[] = [
  // {"password": "…"}, {'password': '…'}, {"pin": 1234}
  /"((?:[^"\\]|\\.){0,200})"\s*:\s*"((?:[^"\\]|\\.)+)(?=")/g,
  /'([^'\\]{0,200})'\s*:\s*'([^'\\]+)(?=')/g,
  /"((?:[^"\\]|\\.){0,200})"\s*:\s*(-?\d[\d.eE+-]*)(?=\s*[,}\]])/g,
  // {"key": "password", "value": "…"}
  /"(?:key|name|id)"\s*:\s*"((?:[^"\\]|\\.){0,200})"\s*,\s*"value"\s*:\s*"((?:[^"\\]|\\.)+)(?=")/g,
  // grant_type=password&password=…
  /(?:^|[?&;\s])([\w.[\]-]{1,60})=((?:\{\{[^{}]*\}\}\}?|\[\[redacted [0-9a-f]{12}\]\]|[^&;\s{}"'<>])+)/g,
  // <ns:password>…</ns:password>, <login password="…"/>
  /<(?:[\w-]{1,60}:)?([\w.-]{1,60})(?:\s[^<>]{0,200})?>([^<>]+)(?=<\/)/g,
  /\s([\w:.-]{1,60})\s{0,9}=\s{0,9}"([^"<>]+)(?=")/g,
  // X-Api-Key: …
  /^[ \t]{0,40}([\w.-]{1,60})[ \t]{0,9}:[ \t]{0,9}(?!\/\/)([^\s{}[\],"'][^\r\n]*)$/gm,
];
/** Names in requests for a token that hold a credential, whatever it looks like. */
const REQUEST_NAME = new RegExp(
  [
    '^(?:token|key|auth|authorization|credentials?|pwd|pass|pin|otp|code|(?:client_)?assertion|',
    'sig(?:nature)?|sid|session(?:[-_]?id)?)$',
  ].join(''),
  'i',
);
/** Names of what is public. */
const PUBLIC_NAME = /(?:client|app|application|tenant)[-_]?id$/i;
const SCHEME = /^(?:basic|bearer|token|apikey|ssws|oauth)\s+/i;

function spansOf(pattern: RegExp, text: string): Span[] {
  return [...text.matchAll(pattern)].map(({ 0: whole, index }) => ({ start: index, end: index + whole.length }));
}

/** Those of ordered parts that are within, or reach into, another one. */
function overlapping(ordered: readonly Span[], { start, end }: Span): readonly Span[] {
  let [low, high] = [0, ordered.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ordered[middle]?.end ?? 0) > start) high = middle;
    else low = middle + 1;
  }
  let last = low;
  while ((ordered[last]?.start ?? end) < end) last += 1;
  return ordered.slice(low, last);
}

function pairsIn(text: string): Pair[] {
  return PAIRS.flatMap((pattern) =>
    [...text.matchAll(pattern)].map(({ 0: whole, 1: name = '', 2: value = '', index }) => {
      const end = index + whole.length;
      return { name, start: end - value.length, end };
    }),
  );
}

/** A part of a text without its expressions, the blanks around it and schemes before it. */
function literalsIn(text: string, { start, end }: Span, expressions: readonly Span[]): Span[] {
  const inner = overlapping(expressions, { start, end });
  const bounds = [start, ...inner.flatMap((one) => [one.start, one.end]), end];
  const literals: Span[] = [];
  for (let i = 0; i < bounds.length; i += 2) {
    let [from, to] = [bounds[i] ?? 0, bounds[i + 1] ?? 0];
    from += SCHEME.exec(text.slice(from, to))?.[0].length ?? 0;
    from += /^\s*/.exec(text.slice(from, to))?.[0].length ?? 0;
    to = from + text.slice(from, Math.max(from, to)).trimEnd().length;
    if (/[A-Za-z0-9]/.test(text.slice(from, to))) literals.push({ start: from, end: to });
  }
  return literals;
}

function isKey(value: string): boolean {
  return looksSecret(value, 'key');
}

/** Literals in expressions that are credentials: `{{base64Encode "user:pa55word"}}`. */
function inExpressions(text: string, expressions: readonly Span[]): Span[] {
  return expressions.flatMap((expression) => {
    const body = text.slice(expression.start, expression.end);
    return [...body.matchAll(/(["'])([^"'{}]{3,})\1/g)].flatMap(({ 2: literal = '', index }) => {
      const secret = (/base64/i.test(body) && literal.includes(':')) || (/\d/.test(literal) && isKey(literal));
      const start = expression.start + index + 1;
      return secret ? [{ start, end: start + literal.length }] : [];
    });
  });
}

/** The password of an address in the place of the whole address. */
function narrowed(text: string, found: Credential): Credential {
  const [, before = '', user = ''] =
    /^([a-z][a-z0-9+.-]*:\/\/)([^@]*)@/i.exec(text.slice(found.start, found.end)) ?? [];
  if (before === '') return found;
  const start = found.start + before.length + user.indexOf(':') + 1;
  return { ...found, start, end: found.start + before.length + user.length };
}

/** The text with blanks in the places of these parts. */
function textWithout(text: string, spans: readonly Span[]): string {
  const ordered = [...spans].sort((a, b) => a.start - b.start);
  let [out, at] = ['', 0];
  for (const { start, end } of ordered) {
    if (end <= at) continue;
    out += text.slice(at, Math.max(at, start)) + ' '.repeat(end - Math.max(at, start));
    at = end;
  }
  return out + text.slice(at);
}

/**
 * All credentials in a text that is known to have some.
 * @param isName whether a name in it says that its value is one
 */
function partsOf(text: string, pairs: readonly Pair[], isName: (name: string) => boolean): Credential[] {
  const expressions = spansOf(EXPRESSION, text);
  const named = pairs.flatMap((pair): Span[] => {
    if (isMask(text.slice(pair.start, pair.end))) return [];
    const literals = literalsIn(text, pair, expressions);
    if (isName(pair.name)) return literals;
    return PUBLIC_NAME.test(pair.name) ? [] : literals.filter(({ start, end }) => isKey(text.slice(start, end)));
  });
  const rest = textWithout(text, [...pairs, ...expressions]);
  const loose = spansOf(/[^\s"'<>{}&=,;:\\/]{8,}/g, rest).filter(({ start, end }) => isKey(text.slice(start, end)));
  const spans = [...named, ...loose];
  const inside = inExpressions(text, expressions);
  const data = credentialsInData(text).map((found) => narrowed(text, found));
  const kind = 'value of a credential';
  return apart(text, [
    ...data,
    ...spans.map((span) => ({ kind, ...span })),
    ...inside.map((span) => ({ kind, ...span })),
  ]);
}

function isRequestName(name: string): boolean {
  return isCredentialName(name) || kindOfName(name) !== undefined || REQUEST_NAME.test(name);
}

/** Credentials in any text of a document: its parts are searched more strictly once there is one. */
export function credentialsInText(text: string): Credential[] {
  if (credentialsInData(text).length === 0) return [];
  return partsOf(text, pairsIn(text), (name) => isCredentialName(name) || kindOfName(name) !== undefined);
}

/**
 * Credentials in a text that is made to hold some, such as the body of a request for a token; `undefined` where its
 * form is not known, so that all of it is one.
 */
export function credentialsInBody(text: string): Credential[] | undefined {
  const pairs = pairsIn(text);
  const literal = /[A-Za-z0-9]/.test(textWithout(text, spansOf(EXPRESSION, text)).replace(SCHEME, ''));
  return pairs.length > 0 || !literal ? partsOf(text, pairs, isRequestName) : undefined;
}

/** Credentials in a list of headers that is one text. @param isName whether the header of that name holds one */
export function credentialsInHeaders(text: string, isName: (name: string) => boolean): Credential[] {
  return partsOf(text, pairsIn(text), isName);
}

/**
 * Credentials in the value of a header that holds one: what is neither expression nor word; `undefined` where nothing
 * of it is an expression, so that all of it is one.
 */
export function credentialsInHeader(name: string, value: string): Credential[] | undefined {
  const expressions = spansOf(EXPRESSION, value);
  if (expressions.length === 0 || isCookieName(name)) return undefined;
  const bounds = new Set(expressions.flatMap(({ start, end }) => [start, end]));
  const touches = ({ start, end }: Span): boolean => bounds.has(start) || bounds.has(end);
  const rest = textWithout(value, expressions);
  const loose = spansOf(/[^\s"',;:=]+/g, rest).filter(
    (span) => touches(span) || !/^[A-Za-z_-]*$/.test(rest.slice(span.start, span.end)),
  );
  const found = loose.filter(({ start, end }) => /[A-Za-z0-9]/.test(rest.slice(start, end)));
  return apart(
    value,
    [...found, ...inExpressions(value, expressions)].map((span) => ({ kind: 'value of a credential', ...span })),
  );
}

/** Whether what was found is the complete text. */
export function isWhole(text: string, [only, ...more]: readonly Credential[]): boolean {
  return only !== undefined && more.length === 0 && text.slice(only.start, only.end) === text.trim();
}
