import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { findType, RESOURCE_TYPES } from '../catalogue/index.ts';
import { AppError, messageOf } from '../core/errors.ts';
import { isArray, isObject, type Json } from '../core/json.ts';
import { placeholderIn } from '../core/placeholders.ts';
import { placeText } from '../core/places.ts';
import { nearest } from '../core/suggest.ts';
import { parseYaml, YamlError } from '../core/yaml.ts';
import { type Environment, interpolate } from './load.ts';

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

/**
 * Reads the credentials for a restore: a YAML file with lines such as
 * `connections/Shop API: { http.auth.token.token: ${SHOP_TOKEN} }`. Variables are replaced as in the configuration.
 * `null` stays: it accepts the loss of the credential.
 * @throws AppError `USAGE` naming the file and what is wrong in it; never a value. A mask, a marker of the mirror or an
 *   empty text is refused: it would erase the real credential
 */
export function readSecretsFile(path: string, env: Environment, cwd: string): ValuesByResource {
  const file = resolve(cwd, path);
  const wrong = (problem: string): AppError =>
    new AppError('USAGE', `${file}${problem}`, {
      hint: 'Write it as: "connections/<id or name>: { http.auth.token.token: ${SHOP_TOKEN} }"',
    });
  let parsed: Json;
  try {
    parsed = parseYaml(readFileSync(file, 'utf8'));
  } catch (error) {
    // The text of a YAML fault may quote the line, and with it a credential.
    if (error instanceof YamlError) throw wrong(`${error.line ? `:${error.line}` : ''} is not valid YAML`);
    throw wrong(existsSync(file) ? ` cannot be read: ${messageOf(error)}` : ': file not found');
  }
  const problems: string[] = [];
  const filled = interpolate(parsed, '', env, problems);
  if (problems.length > 0) throw wrong(`: ${problems.join('; ')}`);
  if (!isObject(filled)) throw wrong(' contains no resources');
  const values = valuesByResource(filled, wrong);
  for (const [selector, places] of values) {
    for (const [place, value] of places) {
      const found = value === null ? undefined : placeholderIn(value);
      if (!found) continue;
      const below = placeText(found.place);
      const full = below === '' || below.startsWith('[') ? `${place}${below}` : `${place}.${below}`;
      throw wrong(`: ${selector}: ${full} ${found.what}, not a credential; use null to give the credential up`);
    }
  }
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
