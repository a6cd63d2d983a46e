import { AppError } from './errors.ts';
import { isArray, isObject, type Json, unquoted } from './json.ts';
import { compareCodePoints } from './order.ts';
import { equalJson } from './paths.ts';
import type { Place } from './places.ts';
import { oneLine } from './unseen.ts';

/**
 * One step of a pattern: a key, an index, `*` (any key or element), `[]` (any element), or `**` (any number of steps).
 */
type Step = { readonly kind: 'key' | 'index' | 'any' | 'element' | 'deep'; readonly name: string };

/** Places in a document: `http.headers[].name`, `*.baseURI`, `**._connectionId`, `rules[0]`, `settings["a.b"]`. */
export type Pattern = readonly Step[];

/** What can be asked of the values at a pattern. */
const OPERATORS = ['=', '!=', '~', '!~', '<', '<=', '>', '>=', 'exists', 'missing'] as const;
type Operator = (typeof OPERATORS)[number];

/** A condition on a document, such as `http.baseURI ~ sandbox`. */
export interface Condition {
  /** Its path, as it was given. */
  readonly field: string;
  readonly pattern: Pattern;
  readonly operator: Operator;
  /** As it was given; empty for `exists` and `missing`. */
  readonly value: string;
}

const STEP = /\.?(?:\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]|\[\*?\]|(\*\*)|(\*)|([^.[\]"*]+))/y;

/** @returns `undefined` for a name in quotation marks that is not JSON */
function stepOf([text = '', index, quoted, deep, any, key]: RegExpExecArray): Step | undefined {
  if (index !== undefined) return { kind: 'index', name: index };
  const name = quoted === undefined ? undefined : unquoted(quoted);
  if (name !== undefined) return { kind: 'key', name };
  if (quoted !== undefined) return undefined;
  if (deep !== undefined) return { kind: 'deep', name: deep };
  if (any !== undefined) return { kind: 'any', name: any };
  return key === undefined ? { kind: 'element', name: text } : { kind: 'key', name: key };
}

/** @throws AppError `USAGE` naming the option */
export function parsePattern(text: string, option: string): Pattern {
  const steps: Step[] = [];
  const step = new RegExp(STEP);
  for (let at = 0; at < text.length; at = step.lastIndex) {
    step.lastIndex = at;
    const match = text.startsWith('.', at) && at === 0 ? null : step.exec(text);
    const read = match ? stepOf(match) : undefined;
    if (!read) break;
    steps.push(read);
    if (step.lastIndex === text.length) return steps;
  }
  throw new AppError('USAGE', `${option}: "${oneLine(text)}" is not a valid path of a field`, {
    hint: 'Write it like name, http.headers[].value, routers[0].name, settings["a.b"], *.baseURI or **._connectionId',
  });
}

const CONDITION =
  /^\s*((?:\["(?:[^"\\]|\\.)*"\]|[^\s=!~<>"])+)\s*(?:(!=|<=|>=|!~|=|~|<|>)\s*(.*?)|\s(exists|missing))\s*$/su;

/** Reads `PATH OP VALUE`. @throws AppError `USAGE` naming the option */
export function parseCondition(text: string, option: string): Condition {
  const [, path, symbol, value = '', word] = CONDITION.exec(text) ?? [];
  if (path === undefined) {
    throw new AppError('USAGE', `${option}: "${oneLine(text)}" is not a valid condition`, {
      hint: `Write PATH OP VALUE, such as "disabled = true", where OP is one of ${OPERATORS.join(' ')}`,
    });
  }
  // An empty text is a value that a field may have, but every text contains it, and none is less.
  if (value === '' && symbol !== undefined && !['=', '!='].includes(symbol)) {
    throw new AppError('USAGE', `${option}: "${oneLine(text)}" has no value after ${symbol}`, {
      hint: `Write what the field is compared with, such as "${path} ${symbol} sandbox"`,
    });
  }
  return { field: path, pattern: parsePattern(path, option), operator: (symbol ?? word) as Operator, value };
}

/** Whether one step of a pattern is this step of a place. */
function fits(step: Step, actual: string | number): boolean {
  if (step.kind === 'any') return true;
  return step.kind === 'element' ? typeof actual === 'number' : String(actual) === step.name && isStep(step, actual);
}

/**
 * Whether a pattern leads to a place, or, unless `whole`, to something that holds it. All ways through the pattern are
 * followed at once: the time grows with the product of the two lengths, however many steps are `**`.
 */
function leads(pattern: Pattern, place: Place, whole: boolean): boolean {
  /** Adds a number of steps that are behind, and those that any number of steps may follow without one. */
  const add = (behind: Set<number>, at: number): void => {
    behind.add(at);
    if (pattern[at]?.kind === 'deep') add(behind, at + 1);
  };
  let behind = new Set<number>();
  add(behind, 0);
  for (const actual of place) {
    if (!whole && behind.has(pattern.length)) return true;
    const next = new Set<number>();
    for (const at of behind) {
      const step = pattern[at];
      if (step?.kind === 'deep') add(next, at);
      else if (step && fits(step, actual)) add(next, at + 1);
    }
    behind = next;
  }
  return behind.has(pattern.length);
}

function isStep({ kind }: Step, actual: string | number): boolean {
  return (kind === 'index') === (typeof actual === 'number');
}

/** Whether a place is one of the pattern's, or inside of one. */
export function isInside(pattern: Pattern, place: Place): boolean {
  return leads(pattern, place, false);
}

/** A value with its place. */
interface Found {
  readonly place: Place;
  readonly value: Json;
}

/** The values at the places of a pattern, parents before what they hold. */
export function valuesAtPattern(doc: Json, pattern: Pattern): readonly Found[] {
  const found: Found[] = [];
  const depth = pattern.some(({ kind }) => kind === 'deep') ? Number.POSITIVE_INFINITY : pattern.length;
  const visit = (value: Json, place: Place): void => {
    if (leads(pattern, place, true)) found.push({ place, value });
    if (place.length >= depth) return;
    if (isArray(value)) for (const [i, item] of value.entries()) visit(item, [...place, i]);
    else if (isObject(value)) for (const key of Object.keys(value)) visit(value[key] as Json, [...place, key]);
  };
  visit(doc, []);
  return found;
}

/** A value of a condition as JSON, where it is some; a text may have single quotes. */
function jsonOf(text: string): Json | undefined {
  if (/^'.*'$/s.test(text)) return text.slice(1, -1);
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

function textOf(held: Json): string {
  return typeof held === 'string' ? held : JSON.stringify(held);
}

function equals(held: Json, value: string): boolean {
  return textOf(held) === value || equalJson(held, jsonOf(value));
}

/** Whether a text has another in it, letter case aside; `*` is any text. Takes as long as the text. */
export function containsText(text: string, wanted: string): boolean {
  const lower = text.toLowerCase();
  let from = 0;
  for (const part of wanted.toLowerCase().split('*')) {
    const at = lower.indexOf(part, from);
    if (at < 0) return false;
    from = at + part.length;
  }
  return true;
}

function holdsText(held: Json, value: string): boolean {
  const text = textOf(held);
  const quoted = jsonOf(value);
  return containsText(text, value) || (typeof quoted === 'string' && containsText(text, quoted));
}

/** The order of a value and that of a condition: numbers as such, texts (dates) by their characters. */
function orderOf(held: Json, value: string): number | undefined {
  const wanted = value.trim() === '' ? Number.NaN : Number(value);
  if (typeof held === 'number') return Number.isNaN(wanted) ? undefined : held - wanted;
  if (typeof held !== 'string') return undefined;
  const text = jsonOf(value);
  return compareCodePoints(held, typeof text === 'string' ? text : value);
}

function isOrdered(held: Json, { operator, value }: Condition): boolean {
  const order = orderOf(held, value);
  if (order === undefined) return false;
  if (operator === '<') return order < 0;
  if (operator === '<=') return order <= 0;
  return operator === '>' ? order > 0 : order >= 0;
}

/**
 * Whether a document fulfils a condition: with one of the values at its path. The negative ones (`!=`, `!~`, `missing`)
 * hold where none of the values fulfils the positive one, and so where there is no value.
 */
export function fulfils(doc: Json, condition: Condition): boolean {
  const { operator, value } = condition;
  const values = valuesAtPattern(doc, condition.pattern);
  const some = (test: (held: Json) => boolean): boolean => values.some((found) => test(found.value));
  switch (operator) {
    case 'exists':
      return values.length > 0;
    case 'missing':
      return values.length === 0;
    case '=':
      return some((held) => equals(held, value));
    case '!=':
      return !some((held) => equals(held, value));
    case '~':
      return some((held) => holdsText(held, value));
    case '!~':
      return !some((held) => holdsText(held, value));
    default:
      return some((held) => isOrdered(held, condition));
  }
}
