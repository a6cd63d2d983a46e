import { DEEPEST, type Json, type MutableJsonObject, setOwn, unquoted } from './json.ts';

/** Where a reader is in its text. */
interface Cursor {
  readonly text: string;
  /** After a value was read: the start of the next line. */
  at: number;
}

const SPACE = 0x20;
const COLON = 0x3a;
const NUMBER = /^-?\d+(?:\.\d+)?(?:e[+-]\d+)?$/;
const LITERAL = /^\|2?([-+]?)$/;

function endOfLine({ text, at }: Cursor): number {
  const end = text.indexOf('\n', at);
  return end < 0 ? text.length : end;
}

/** Whether the line at the cursor continues a collection of this column with `mark`. */
function continues({ text, at }: Cursor, column: number, mark = ''): boolean {
  const start = at + column;
  if (at >= text.length || text[start] === ' ' || !text.startsWith(mark, start)) return false;
  for (let i = at; i < start; i++) if (text.charCodeAt(i) !== SPACE) return false;
  return true;
}

/** A JSON string that begins at the cursor, which then is behind it. */
function quoted(cursor: Cursor): string | undefined {
  const { text, at } = cursor;
  let end = at + 1;
  while (end < text.length && text[end] !== '"' && text[end] !== '\n') end += text[end] === '\\' ? 2 : 1;
  if (text[end] !== '"') return undefined;
  cursor.at = end + 1;
  return unquoted(text.slice(at, end + 1));
}

/** The key of an entry that begins at the cursor, which then is behind its colon; `undefined` where there is none. */
function keyOf(cursor: Cursor): string | undefined {
  const { text, at } = cursor;
  let key: string | undefined;
  if (text[at] === '"') key = quoted(cursor);
  else {
    const end = endOfLine(cursor);
    let gap = at;
    while (gap < end && !(text.charCodeAt(gap) === COLON && (gap + 1 === end || text.charCodeAt(gap + 1) === SPACE)))
      gap += 1;
    if (gap > at && gap < end) key = text.slice(at, gap);
    cursor.at = gap;
  }
  const after = text[cursor.at + 1];
  if (key !== undefined && text[cursor.at] === ':' && (after === ' ' || after === '\n')) {
    cursor.at += 1;
    return key;
  }
  cursor.at = at;
  return undefined;
}

function literal(cursor: Cursor, chomp: string, column: number): string {
  const inner = ' '.repeat(column + 2);
  const lines: string[] = [];
  while (cursor.at < cursor.text.length) {
    const line = cursor.text.slice(cursor.at, endOfLine(cursor));
    if (line !== '' && !line.startsWith(inner)) break;
    lines.push(line.slice(inner.length));
    cursor.at += line.length + 1;
  }
  return lines.join('\n') + (chomp === '-' ? '' : '\n');
}

/** What begins and ends on the line of the cursor, or a literal below it. `column`: of the collection that holds it. */
function scalar(cursor: Cursor, column: number): Json | undefined {
  if (cursor.text[cursor.at] === '"') {
    const value = quoted(cursor);
    const isAll = cursor.at === endOfLine(cursor);
    cursor.at += 1;
    return isAll ? value : undefined;
  }
  const end = endOfLine(cursor);
  const word = cursor.text.slice(cursor.at, end);
  cursor.at = end + 1;
  const block = word.startsWith('|') ? LITERAL.exec(word) : null;
  if (block) return literal(cursor, block[1] ?? '', column);
  if (word === '[]') return [];
  if (word === '{}') return {};
  if (word === 'null') return null;
  if (word === 'true' || word === 'false') return word === 'true';
  return NUMBER.test(word) ? Number(word) : word;
}

function sequence(cursor: Cursor, column: number, depth: number): Json | undefined {
  const items: Json[] = [];
  do {
    cursor.at += items.length === 0 ? 2 : column + 2;
    const item = node(cursor, column + 2, column, depth + 1);
    if (item === undefined) return undefined;
    items.push(item);
  } while (continues(cursor, column, '- '));
  return items;
}

function mapping(cursor: Cursor, first: string, column: number, depth: number): Json | undefined {
  const map: MutableJsonObject = {};
  for (let key: string | undefined = first; key !== undefined; key = keyOf(cursor)) {
    const below = cursor.text[cursor.at] === '\n';
    cursor.at += 1 + (below ? column + 2 : 0);
    const value = below ? node(cursor, column + 2, column, depth + 1) : scalar(cursor, column);
    if (value === undefined) return undefined;
    setOwn(map, key, value);
    if (!continues(cursor, column)) return map;
    cursor.at += column;
  }
  return undefined;
}

/** The value whose first character is at the cursor, in this column; `parent` is the column of what holds it. */
function node(cursor: Cursor, column: number, parent: number, depth: number): Json | undefined {
  const isDeepest = depth >= DEEPEST;
  if (cursor.text.startsWith('- ', cursor.at)) return isDeepest ? undefined : sequence(cursor, column, depth);
  const key = keyOf(cursor);
  if (key !== undefined && isDeepest) return undefined;
  return key === undefined ? scalar(cursor, parent) : mapping(cursor, key, column, depth);
}

/**
 * Reads what `renderYaml` wrote, many times faster than a library that knows all of YAML. Of any other text it may make
 * a wrong value: a value counts only when it renders to the same text again.
 * @returns `undefined` for text that is certainly not of `renderYaml`
 */
export function readOwnYaml(text: string): Json | undefined {
  const cursor = { text, at: 0 };
  const value = node(cursor, 0, 0, 0);
  return cursor.at >= text.length ? value : undefined;
}
