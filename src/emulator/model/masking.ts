import type { ResourceType } from '../../catalogue/types.ts';
import { isObject, type Json, type JsonObject } from '../../core/json.ts';
import { mapAt, type Steps, stepsOf, valuesAt } from '../../core/paths.ts';
import { MASK } from '../../core/secrets.ts';

const SHORT_MASK = '****';

/** Credentials that the API does not mask (api-notes#masked-fields, api-notes#plain-text-secrets). */
const SHOWN: Readonly<Record<string, readonly string[]>> = {
  agents: ['accessToken'],
  ediprofiles: ['isa02', 'isa04'],
  iclients: ['salesforce.apiToken'],
};

/** Masked with fewer asterisks, and value by value (api-notes#mask). */
const SHORT: ReadonlySet<string> = new Set(['oauth2.auth.queryParameters[].value', 'oauth2.auth.queryParameters.*']);

/** `mask` is `undefined` for what no answer shows. */
const COMPILED = new WeakMap<ResourceType, readonly { path: string; steps: Steps; mask: string | undefined }[]>();

function maskOf({ unshown }: ResourceType, path: string): string | undefined {
  if (unshown?.[path] !== undefined) return undefined;
  return SHORT.has(path) ? SHORT_MASK : MASK;
}

function rulesOf(type: ResourceType) {
  let rules = COMPILED.get(type);
  if (!rules) {
    const shown = new Set(SHOWN[type.name]);
    rules = (type.secrets ?? [])
      .filter((path) => !shown.has(path))
      .map((path) => ({ path, steps: stepsOf(path), mask: maskOf(type, path) }));
    COMPILED.set(type, rules);
  }
  return rules;
}

/** Paths that reads of this type mask. */
export function maskedPaths(type: ResourceType): readonly string[] {
  return rulesOf(type).map(({ path }) => path);
}

function masked(held: Json, mask: string | undefined): Json | undefined {
  // A credential that was never set is absent; an object of credentials becomes one string, its names with it.
  if (held === null || held === '' || typeof held === 'boolean') return held;
  return mask === SHORT_MASK && isObject(held) ? held : mask;
}

/** The document as every read shows it; the same object when it holds no credential. */
export function maskSecrets(type: ResourceType, doc: JsonObject): JsonObject {
  let result: Json = doc;
  for (const { steps, mask } of rulesOf(type)) result = mapAt(result, steps, (held) => masked(held, mask));
  return result as JsonObject;
}

/** The credentials a document holds. */
export function secretsIn(type: ResourceType, doc: JsonObject): readonly Json[] {
  return rulesOf(type)
    .flatMap(({ path }) => valuesAt(doc, path))
    .filter((held) => held !== null && held !== '');
}
