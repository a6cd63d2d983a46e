import type * as z from 'zod';
import { isArray, isObject, type Json } from './json.ts';
import { nearest } from './suggest.ts';

/** What a YAML file calls the types of a schema. */
const TYPES: ReadonlyMap<string, string> = new Map([
  ['record', 'a mapping of names'],
  ['object', 'a mapping of keys'],
  ['array', 'a list'],
  ['string', 'a string'],
  ['number', 'a number'],
  ['int', 'a whole number'],
  ['boolean', 'true or false'],
]);

function typeWords(expected: string): string {
  return TYPES.get(expected) ?? expected;
}

/** What a value is; never the value, which may be a credential. */
function kindOf(value: unknown): string {
  if (value === undefined) return 'missing';
  if (value === null) return 'empty';
  if (isArray(value as Json)) return 'a list';
  if (isObject(value as Json)) return 'a mapping';
  if (typeof value === 'boolean') return 'true or false';
  return typeof value === 'number' && !Number.isInteger(value) ? 'not a whole number' : `a ${typeof value}`;
}

/** `expected a string, but it is a number`. */
function expectedWords(wanted: string, value: unknown): string {
  return `expected ${wanted}, but it is ${kindOf(value)}`;
}

/** A limit of a number, or of the length of something. */
function limitWords(origin: string, bound: 'least' | 'most', limit: number | bigint, inclusive = true): string {
  if (origin === 'number' || origin === 'int') {
    const word = inclusive ? `at ${bound}` : bound === 'least' ? 'more than' : 'less than';
    return `expected a number of ${word} ${limit}`;
  }
  if (bound === 'least' && Number(limit) === 1) return 'it is empty';
  const [one, many] = origin === 'string' ? ['character', 'characters'] : ['entry', 'entries'];
  return `expected at ${bound} ${limit} ${Number(limit) === 1 ? one : many}`;
}

/** What several alternatives expect. */
function unionWords(alternatives: readonly (readonly z.core.$ZodIssue[])[], value: unknown): string {
  const types: string[] = [];
  for (const [first] of alternatives) {
    // One that has the right type is the one that was meant.
    if (first?.code === 'invalid_type' && first.path.length === 0) types.push(typeWords(first.expected));
    else if (first) return first.path.length > 0 ? `${pathText(first.path)}: ${first.message}` : first.message;
  }
  return expectedWords(types.join(' or '), value);
}

/** What is wrong with a value, for people, where the schema has no words of its own: zod's error map. */
export function schemaWords(issue: z.core.$ZodRawIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return expectedWords(typeWords(issue.expected), issue.input);
    case 'invalid_value': {
      const words = issue.values.length === 1 ? String(issue.values[0]) : `one of ${issue.values.join(', ')}`;
      return issue.input === undefined ? expectedWords(words, undefined) : `expected ${words}`;
    }
    case 'too_small':
      return limitWords(issue.origin, 'least', issue.minimum, issue.inclusive);
    case 'too_big':
      return limitWords(issue.origin, 'most', issue.maximum, issue.inclusive);
    case 'invalid_union':
      return issue.discriminator === undefined
        ? unionWords(issue.errors, issue.input)
        : `expected one of ${(issue as { options?: readonly unknown[] }).options?.join(', ') ?? 'several'}`;
    case 'unrecognized_keys':
      return `unknown key ${issue.keys.join(', ')}`;
    default:
      return 'it is not valid';
  }
}

/** `accounts.production.include[0]`. */
export function pathText(path: readonly PropertyKey[]): string {
  return path
    .map((step) => (typeof step === 'number' ? `[${step}]` : step === '' ? '.""' : `.${String(step)}`))
    .join('')
    .replace(/^\./, '');
}

/** ` (did you mean X?)`, where one of the known words is near. */
export function suggestion(word: string, known: readonly string[]): string {
  const guess = nearest(word, known);
  return guess ? ` (did you mean ${guess}?)` : '';
}

/**
 * What is wrong with a document, one line for each problem: `place: what is wrong`. To be parsed with
 * {@link schemaWords}.
 * @param knownKeys the keys that are known at a place, for suggestions
 */
export function schemaProblems(
  { issues }: Pick<z.core.$ZodError, 'issues'>,
  knownKeys: (path: readonly PropertyKey[]) => readonly string[],
): string[] {
  return issues.flatMap((issue) => {
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map(
        (key) => `${pathText([...issue.path, key])}: unknown key${suggestion(key, knownKeys(issue.path))}`,
      );
    }
    // What is wrong with a key is in its own issues; the text of this one says only that something is.
    if (issue.code === 'invalid_key') return issue.issues.map(({ message }) => `${pathText(issue.path)}: ${message}`);
    return [`${pathText(issue.path) || '(top)'}: ${issue.message}`];
  });
}
