import { type CST, type Document, isCollection, isScalar, Lexer, Parser, parseDocument, visit } from 'yaml';
import { messageOf } from './errors.ts';
import { isExact } from './exact-numbers.ts';
import { DEEPEST, isArray, type Json, type JsonObject, TOO_DEEP } from './json.ts';
import { isObjectId } from './keys.ts';
import { sortNames } from './order.ts';
import { readOwnYaml } from './own-yaml.ts';

/**
 * The mirror's YAML: block style, keys sorted by code point, no anchors, no folding. Our own writer because the
 * subset is small and the library's writer costs ten times as much (bench/README.md); read by the `yaml`
 * library. The tests check every output with two independent readers under YAML 1.1 and 1.2.
 */

/** Words that YAML 1.1 or 1.2 readers take for a boolean, null or number. */
const RESERVED = /^(?:y|n|yes|no|on|off|true|false|null|nan|inf)$/i;
const LONGEST_RESERVED = 5;
/** First character of a string that may be unquoted. */
const PLAIN_START = /^[A-Za-z_$/\u00c0-\u1fff\u3040-\ud7ff]/;
/** Most strings: nothing in them needs any of the tests below, but for {@link RESERVED} and ids. */
const SIMPLE = /^[A-Za-z_$/](?: ?[\w$./,-])*$/;
/** What ends or breaks an unquoted string. */
const PLAIN_BREAK = /: |:$| #|[\t\n]| $/;
/** Not printable in YAML, a line break to some readers, or able to reorder what a person sees. */
const UNPRINTABLE =
  /[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ud800-\udfff\ufeff\ufff9-\uffff]/;
/** Characters that stay as they are between quotation marks. */
const PLAIN_ASCII = /^[ !#-[\]-~]*$/;
const ESCAPED_BEYOND_JSON = /[\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\uffff]/g;
const SURROGATE = /[\ud800-\udfff]/;
/** A last line of blanks alone, which readers chomp differently. */
const BLANK_END = /(?:^|\n)[\t ]+\n*$/;
/** The longest key that YAML allows without the explicit `? ` form. */
const LONGEST_KEY = 1024;

/** Whether the characters of `text` may be in a plain or literal scalar as they are. */
function isPrintable(text: string): boolean {
  if (!UNPRINTABLE.test(text)) return true;
  // Surrogates may be halves of an ordinary emoji: check again without them.
  return SURROGATE.test(text) && text.isWellFormed() && !UNPRINTABLE.test(text.replace(/[\ud800-\udfff]/g, ''));
}

function renderQuoted(text: string): string {
  if (PLAIN_ASCII.test(text)) return `"${text}"`;
  const json = JSON.stringify(text);
  return json.replace(ESCAPED_BEYOND_JSON, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function renderLine(text: string): string {
  const plain = SIMPLE.test(text) || (PLAIN_START.test(text) && !PLAIN_BREAK.test(text) && isPrintable(text));
  const isOther = (text.length <= LONGEST_RESERVED && RESERVED.test(text)) || isObjectId(text);
  return plain && !isOther ? text : renderQuoted(text);
}

const LINE_END = 0x0a;
/** Longer texts are indented byte by byte: a replacement costs fifty bytes for each line. Characters. */
const LONG = 2 ** 16;

/** A well-formed text with `inner` before every line but the first and empty ones. */
function indented(text: string, inner: string): string {
  if (text.length <= LONG) return text.replace(/\n+/g, `$&${inner}`);
  const bytes = Buffer.from(text);
  let lines = 0;
  for (const byte of bytes) if (byte === LINE_END) lines += 1;
  const out = Buffer.alloc(bytes.length + lines * inner.length, ' ');
  let length = 0;
  let before = 0;
  for (const byte of bytes) {
    if (before === LINE_END && byte !== LINE_END) length += inner.length;
    out[length] = byte;
    length += 1;
    before = byte;
  }
  return out.toString('utf8', 0, length);
}

/** A literal block, or `undefined` where only a quoted string keeps the bytes. `indent`: of the parent node. */
function renderLiteral(text: string, indent: string): string | undefined {
  if (BLANK_END.test(text) || !/[^\n]/.test(text) || !isPrintable(text)) return undefined;
  let end = text.length;
  while (text[end - 1] === '\n') end -= 1;
  const content = text.slice(0, end);
  const breaks = text.length - content.length;
  const chomp = breaks === 0 ? '-' : breaks === 1 ? '' : '+';
  const hint = /^[\n\t ]/.test(text) ? '2' : '';
  const inner = `${indent}  `;
  const lines = indented(content, inner);
  return `|${hint}${chomp}\n${inner}${lines}${'\n'.repeat(Math.max(0, breaks - 1))}`;
}

function renderString(text: string, indent: string): string {
  const literal = text.includes('\n') ? renderLiteral(text, indent) : undefined;
  return literal ?? renderLine(text);
}

/**
 * `1e+21` is a number to YAML 1.2 only; `1.0e+21` is one to all. `-0` is written as `0`: that is what JSON sends, and
 * what every comparison takes it for.
 */
function renderNumber(value: number): string {
  const text = JSON.stringify(value);
  return text.includes('e') && !text.includes('.') ? text.replace('e', '.0e') : text;
}

function renderMap(map: JsonObject, keys: readonly string[], indent: string): string {
  let out = '';
  for (const key of keys) {
    const name = renderLine(key);
    const value = map[key] as Json;
    if (out !== '') out += `\n${indent}`;
    out +=
      name.length > LONGEST_KEY
        ? `? ${name}\n${indent}: ${renderNode(value, `${indent}  `, '', indent)}`
        : `${name}:${renderNode(value, indent, ' ')}`;
  }
  return out;
}

function renderSequence(items: readonly Json[], indent: string): string {
  const inner = `${indent}  `;
  let out = '';
  for (const item of items) {
    if (out !== '') out += `\n${indent}`;
    out += `- ${renderNode(item, inner, '', indent)}`;
  }
  return out;
}

/**
 * One value. `gap` is what separates it from its key when it stays on that line; a filled collection below a key
 * goes to the next line, indented by two. `parent`: indentation that a literal's content is counted from.
 */
function renderNode(value: Json, indent: string, gap: string, parent = indent): string {
  if (typeof value === 'string') return gap + renderString(value, parent);
  if (typeof value === 'number') return gap + renderNumber(value);
  if (value === null || typeof value === 'boolean') return gap + String(value);
  if (isArray(value)) {
    if (value.length === 0) return `${gap}[]`;
    if (gap === '') return renderSequence(value, indent);
    return `\n${indent}  ${renderSequence(value, `${indent}  `)}`;
  }
  const keys = sortNames(Object.keys(value));
  if (keys.length === 0) return `${gap}{}`;
  if (gap === '') return renderMap(value, keys, indent);
  return `\n${indent}  ${renderMap(value, keys, `${indent}  `)}`;
}

/** The YAML text of any JSON value, ending in one line break. `parseYaml` gives back `value`, with `0` for `-0`. */
export function renderYaml(value: Json): string {
  if (typeof value === 'string') return `${renderLine(value)}\n`;
  const text = renderNode(value, '', '');
  // A literal that keeps its trailing breaks already ends the file with one.
  return `${text}\n`;
}

/** A file that is not what this program writes: the reason, and the line where known (from 1). */
export class YamlError extends Error {
  readonly line: number | undefined;
  constructor(message: string, line: number | undefined) {
    super(message);
    this.name = 'YamlError';
    this.line = line;
  }
}

/**
 * Reads a document of the mirror, also one that a person edited. Refuses what a mirror never holds: aliases (a few
 * of them can expand to gigabytes), tags, duplicate keys, several documents.
 * @throws YamlError
 */
export function parseYaml(text: string): Json {
  // Nearly every text is our own, and the library takes ten times as long.
  const own = readOwnYaml(text);
  if (own !== undefined && renderYaml(own) === text) return own;
  return parseWithLibrary(text);
}

/** Reports the node at `at` of the text. */
function refused(text: string, message: string, at: number | undefined): YamlError {
  return new YamlError(message, at === undefined ? undefined : text.slice(0, at).split('\n').length);
}

/** Whether as many collections as there may be are above a node. Its path has pairs and the document as well. */
function isDeepest(path: readonly unknown[]): boolean {
  return path.length > DEEPEST && path.filter(isCollection).length >= DEEPEST;
}

const DECIMAL = /^[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?$/;
/** A postcode or number of an account rather than a number: to some readers in base 8, to others without the zeros. */
const ZEROS_IN_FRONT = /^[-+]?0\d/;

/** What is YAML, but no document of the mirror. @throws YamlError */
function checkNodes(doc: Document.Parsed, text: string): void {
  visit(doc, {
    // `.inf`, `.nan` and 1e999 are no JSON: written again they would be something else.
    Scalar(_key, { value, range, source }) {
      if (typeof value !== 'number') return;
      if (!Number.isFinite(value)) throw refused(text, `${value} is not a JSON number`, range?.[0]);
      if (source === undefined || !DECIMAL.test(source)) return;
      if (ZEROS_IN_FRONT.test(source) || !isExact(source.replace(/^\+/, '')))
        throw refused(text, `the number ${source} cannot be stored exactly; write it as text in quotes`, range?.[0]);
    },
    Alias(_key, { source, range }) {
      throw refused(text, `aliases (*${source}) are not read; write the value out`, range?.[0]);
    },
    Seq(_key, { range }, path) {
      if (isDeepest(path)) throw refused(text, TOO_DEEP, range?.[0]);
    },
    Map(_key, { items, range }, path) {
      if (isDeepest(path)) throw refused(text, TOO_DEEP, range?.[0]);
      const keys = new Set<unknown>();
      for (const { key } of items) {
        const name = isScalar(key) ? key.value : key;
        if (keys.has(name)) throw refused(text, 'Map keys must be unique', isScalar(key) ? key.range?.[0] : range?.[0]);
        keys.add(name);
      }
    },
  });
}

/** Far deeper than a document may be, and far from the end of the stack. */
const HOPELESS = 2 * DEEPEST;

/**
 * Whether a text is nested so deep that the library, which calls itself for each level, would come near the end of the
 * stack: a regular expression that V8 compiles there ends the whole process, and nothing can catch that.
 */
function isHopeless(text: string): boolean {
  if (text.length <= HOPELESS) return false;
  let open = 0;
  for (const sign of new Lexer().lex(text)) {
    if (sign === '[' || sign === '{') open += 1;
    else if (sign === ']' || sign === '}') open -= 1;
    if (open > HOPELESS) return true;
  }
  const waiting: { readonly token: CST.Token | null | undefined; readonly depth: number }[] = [];
  for (const token of new Parser().parse(text)) waiting.push({ token, depth: 0 });
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const { token, depth } = next;
    if (depth > HOPELESS) return true;
    if (token?.type === 'document') waiting.push({ token: token.value, depth });
    else if (token && 'items' in token)
      for (const { key, value } of token.items)
        waiting.push({ token: key, depth: depth + 1 }, { token: value, depth: depth + 1 });
  }
  return false;
}

/** What the library says to programmers, for people. */
const SAID: Readonly<Record<string, string>> = { MULTIPLE_DOCS: 'a file holds one document; --- begins another one' };

function parseWithLibrary(text: string): Json {
  if (isHopeless(text)) throw new YamlError(TOO_DEEP, undefined);
  try {
    const doc = parseDocument(text, {
      schema: 'core',
      // `!!binary`, `!!set` and the like would make objects that are not JSON.
      resolveKnownTags: false,
      // The library compares each key with all others.
      uniqueKeys: false,
      strict: true,
      prettyErrors: false,
      logLevel: 'error',
      stringKeys: true,
    });
    const problem = doc.errors[0] ?? doc.warnings[0];
    if (problem) throw refused(text, SAID[problem.code] ?? problem.message, problem.pos[0]);
    checkNodes(doc, text);
    return doc.toJS({ maxAliasCount: 0 }) as Json;
  } catch (cause) {
    if (cause instanceof YamlError) throw cause;
    // The library calls itself for each level.
    throw new YamlError(cause instanceof RangeError ? TOO_DEEP : messageOf(cause), undefined);
  }
}
