import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { findType, RESOURCE_TYPES } from '../catalogue/index.ts';
import { AppError, messageOf } from '../core/errors.ts';
import { isArray, isObject, type Json } from '../core/json.ts';
import { placeholderIn } from '../core/placeholders.ts';
import { placeText } from '../core/places.ts';
import { nearest } from '../core/suggest.ts';
import { YamlError } from '../core/yaml.ts';
import { parseSettings } from './settings-yaml.ts';
import { type Environment, interpolate } from './values.ts';

/** Values for single resources: `<type>/<id or name>` → place → value. */
export type ValuesByResource = ReadonlyMap<string, ReadonlyMap<string, Json>>;

/** Every text in the values, for the scrubber of logs and messages. */
export function textsOf(values: ValuesByResource): string[] {
  const texts: string[] = [];
  const visit = (value: Json): void => {
    if (typeof value === 'string') texts.push(value);
    else if (isArray(value)) value.forEach(visit);
    else if (isObject(value)) Object.values(value).forEach(visit);
  };
  for (const places of values.values()) for (const value of places.values()) visit(value);
  return texts;
}

/** Runs a program, without a shell, and returns what it prints. @throws Error that names the program and no value */
export type RunProgram = (words: readonly string[]) => string;

/** Where the values in a file of credentials come from. */
export interface SecretsSource {
  readonly env: Environment;
  readonly cwd: string;
  readonly runProgram: RunProgram;
}

/** What a file of credentials holds. */
export interface SecretsFile {
  readonly values: ValuesByResource;
  /** Values that are not there: variables that are not set, programs that failed; each names its place. */
  readonly problems: readonly string[];
}

/** The words of `{ exec: [program, argument, …] }`. */
function programIn(value: Json): readonly string[] | undefined {
  if (!isObject(value) || Object.keys(value).length !== 1) return undefined;
  const words = value.exec;
  return isArray(words) && words.length > 0 && words.every((word) => typeof word === 'string') ? words : undefined;
}

function credentialIn(
  value: Json,
  where: string,
  { env, runProgram }: SecretsSource,
  problems: string[],
): Json | undefined {
  const words = programIn(value);
  const own: string[] = [];
  let found: Json | undefined;
  try {
    found = words ? runProgram(words).replace(/\r?\n$/, '') : interpolate(value, where, env, own);
    if (words && found === '') own.push(`${where}: ${words[0]} printed nothing`);
  } catch (error) {
    own.push(`${where}: ${messageOf(error)}`);
  }
  problems.push(...own);
  return own.length > 0 ? undefined : found;
}

/** What is wrong with a value that is to be a credential, as the end of a sentence; `null` gives it up. */
function placeholderText(place: string, value: Json): string | undefined {
  const found = value === null ? undefined : placeholderIn(value);
  if (!found) return undefined;
  const below = placeText(found.place);
  const full = below === '' || below.startsWith('[') ? `${place}${below}` : `${place}.${below}`;
  return `${full} ${found.what}, not a credential; use null to give the credential up`;
}

/**
 * Reads the credentials for a restore: a YAML file with lines such as
 * `connections/Shop API: { http.auth.token.token: ${SHOP_TOKEN} }`. Variables are replaced as in the configuration;
 * `{ exec: [op, read, op://Celigo/Shop/token] }` is what that program prints. `null` stays: it accepts the loss of the
 * credential.
 * @throws AppError `USAGE` naming the file and what is wrong in it; never a value. A mask, a marker of the mirror or an
 *   empty text is refused: it would erase the real credential
 */
export function readSecretsFile(path: string, source: SecretsSource): SecretsFile {
  const file = resolve(source.cwd, path);
  const wrong = wrongIn(file);
  let parsed: Json;
  try {
    parsed = parseSettings(readFileSync(file, 'utf8'));
  } catch (error) {
    // The text of a YAML fault may quote the line, and with it a credential.
    if (error instanceof YamlError) throw wrong(`${error.line ? `:${error.line}` : ''} is not valid YAML`);
    throw wrong(existsSync(file) ? ` cannot be read: ${messageOf(error)}` : ': file not found');
  }
  if (!isObject(parsed)) throw wrong(' contains no resources');
  const problems: string[] = [];
  const values = new Map<string, ReadonlyMap<string, Json>>();
  for (const [selector, places] of valuesByResource(parsed, wrong)) {
    const filled = new Map<string, Json>();
    for (const [place, held] of places) {
      const value = credentialIn(held, `${selector}: ${place}`, source, problems);
      const fault = value === undefined ? undefined : placeholderText(place, value);
      if (fault !== undefined) throw wrong(`: ${selector}: ${fault}`);
      if (value !== undefined) filled.set(place, value);
    }
    values.set(selector, filled);
  }
  return { values, problems };
}

function wrongIn(file: string): (problem: string) => AppError {
  const hint = 'Write it as: "connections/<id or name>: { http.auth.token.token: ${SHOP_TOKEN} }"';
  return (problem) => new AppError('USAGE', `${file}${problem}`, { hint });
}

/** As {@link readSecretsFile}, for a restore, which needs every value. @throws AppError `USAGE` */
export function readAllSecrets(path: string, source: SecretsSource): ValuesByResource {
  const { values, problems } = readSecretsFile(path, source);
  if (problems.length > 0) throw wrongIn(resolve(source.cwd, path))(`: ${problems.join('; ')}`);
  return values;
}

/** Checks the form of values by resource. @throws what `wrong` makes */
export function valuesByResource(values: Json, wrong: (problem: string) => AppError): ValuesByResource {
  const out = new Map<string, ReadonlyMap<string, Json>>();
  for (const [selector, places] of isObject(values) ? Object.entries(values) : []) {
    const typeName = selector.slice(0, Math.max(0, selector.indexOf('/')));
    if (!findType(typeName) || selector.length === typeName.length + 1) {
      const guess = nearest(
        typeName === '' ? selector : typeName,
        RESOURCE_TYPES.map((type) => type.name),
      );
      throw wrong(`: ${selector} is not a valid <type>/<id or name>${guess ? ` (did you mean ${guess}/…?)` : ''}`);
    }
    if (!isObject(places)) throw wrong(`: ${selector}: expected places with their values`);
    out.set(selector, new Map(Object.entries(places)));
  }
  return out;
}

/** The values for one resource: named by id, by name, or by `*` for all of its type. The most specific one wins. */
export function valuesFor(
  values: ValuesByResource,
  type: string,
  id: string,
  title: string,
): ReadonlyMap<string, Json> {
  const found = new Map<string, Json>();
  for (const name of ['*', title, id]) {
    for (const [place, value] of values.get(`${type}/${name}`) ?? []) found.set(place, value);
  }
  return found;
}
