import { findType, RESOURCE_TYPES } from '../../src/catalogue/index.ts';
import { isArray, isObject, type Json, type JsonObject } from '../../src/core/json.ts';
import { createNormaliser } from '../../src/core/normalise.ts';
import { mapPath } from '../../src/core/paths.ts';
import { type Emulator, emptyAccount } from '../../src/emulator/http/server.ts';
import { createAccount } from '../../src/emulator/model/account.ts';
import { DEFAULT_BEHAVIOUR } from '../../src/emulator/model/behaviour.ts';
import { internalReferences } from '../../src/emulator/model/links.ts';
import { secretsIn } from '../../src/emulator/model/masking.ts';
import { completed } from '../../src/emulator/rules/completing.ts';
import { normaliseWritten } from '../../src/emulator/rules/normalising.ts';

export type Doc = JsonObject & { readonly _id: string };

/** Requests that change something. */
export function writes(emulator: Emulator): string[] {
  return emulator.requests
    .filter(({ method }) => method !== 'GET' && method !== 'HEAD')
    .map(({ method, path }) => `${method} ${path}`);
}

export function doc(emulator: Emulator, dir: string, id: string): Doc {
  const found = emulator.state.get(dir, id);
  if (!found) throw new Error(`the account has no ${dir}/${id}`);
  return structuredClone(found) as Doc;
}

export function typed(dir: string) {
  const type = findType(dir);
  if (!type) throw new Error(`the catalogue has no ${dir}`);
  return type;
}

/** An account in which nothing is known. */
const NOWHERE = {
  ...createAccount(emptyAccount(), { behaviour: DEFAULT_BEHAVIOUR, now: () => new Date(), unlicensed: {} }),
  mint: () => 'minted',
};

/** Of a write that changes nothing. */
function contextOf(stored: JsonObject) {
  return { id: String(stored._id), body: stored, stored, account: NOWHERE };
}

/** Fields that say when and by whom something was written. */
const STAMPS = new Set(['lastModified', 'lastModifiedBy']);
const SORTED = new Set(['_registeredConnectionIds', '_registeredLookupCacheIds']);

/** A stored document as the server itself would write it again, without its stamps. Samples and secrets included. */
export function settled(dir: string, stored: JsonObject): JsonObject {
  const context = contextOf(stored);
  const normalised = normaliseWritten(typed(dir), structuredClone(stored) as JsonObject, context);
  const written = completed(typed(dir), normalised, context);
  // A default inside a list may stand there or not.
  const settled = Object.entries(typed(dir).defaults ?? {})
    .filter(([path]) => path.includes('[]'))
    .reduce((held, [path, usual]) => mapPath(held, path, (value) => (value === usual ? undefined : value)), written);
  return Object.fromEntries(
    Object.entries(settled)
      .filter(([key]) => !STAMPS.has(key))
      .map(([key, value]) => [key, SORTED.has(key) && isArray(value) ? [...value].sort() : value]),
  );
}

/** All documents of the account by `<type>/<id>`. */
export function snapshot(emulator: Emulator): Record<string, JsonObject> {
  return Object.fromEntries(
    RESOURCE_TYPES.flatMap(({ name: dir }) =>
      emulator.state.all(dir).map((stored) => [`${dir}/${String(stored._id)}`, settled(dir, stored)] as const),
    ),
  );
}

/** What a person configured in a document, with secrets replaced, and what the server adds to that. */
export function configured(dir: string, stored: JsonObject): JsonObject {
  return createNormaliser(typed(dir), {
    sampleData: false,
    fingerprint: (secret) => secret,
    credentials: { fields: 'redact', code: 'warn' },
  })(completed(typed(dir), stored, contextOf(stored))).doc;
}

/** Fields that name where something came from or who made it, and do not point at a resource. */
const PROVENANCE = new Set([
  '_sourceId',
  '_templateId',
  '_connectorId',
  '_userId',
  'sourceConnection',
  'lastModifiedBy',
]);
/** Records of other systems. */
const OPAQUE = new Set([
  'sampleData',
  'sampleResponseData',
  'sampleHeaders',
  'sampleQueryParams',
  'rawData',
  'mockOutput',
  'mockResponse',
  'mockInput',
  'mockRequest',
]);

/** Places at which a string is exactly one of `ids`, the document's own id aside. */
export function mentions(value: Json, ids: ReadonlySet<string>, place = ''): string[] {
  if (typeof value === 'string') return ids.has(value) ? [`${place} = ${value}`] : [];
  if (isArray(value)) return value.flatMap((item, at) => mentions(item, ids, `${place}[${at}]`));
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([key, held]) =>
    PROVENANCE.has(key) || OPAQUE.has(key) || (place === '' && key === '_id') || held === undefined
      ? []
      : mentions(held, ids, place === '' ? key : `${place}.${key}`),
  );
}

/** References to `ids` anywhere in the account, save in records that only people can change. */
export function referencesTo(emulator: Emulator, ids: ReadonlySet<string>): string[] {
  return RESOURCE_TYPES.filter(({ restore }) => restore.mode !== 'manual').flatMap(({ name: dir }) =>
    emulator.state
      .all(dir)
      .flatMap((stored) => mentions(stored, ids).map((place) => `${dir}/${String(stored._id)}: ${place}`)),
  );
}

function masksIn(value: Json, place: string): string[] {
  if (typeof value === 'string') return /^\*{3,}$/.test(value) ? [place] : [];
  if (isArray(value)) return value.flatMap((item, at) => masksIn(item, `${place}[${at}]`));
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([key, held]) =>
    isObject(held) && typeof held.$secret === 'string' ? [`${place}.${key}`] : masksIn(held as Json, `${place}.${key}`),
  );
}

/** Places where something that only stands for a secret was stored as if it were a value. */
export function masksAnywhere(emulator: Emulator): string[] {
  return RESOURCE_TYPES.flatMap(({ name: dir }) =>
    emulator.state.all(dir).flatMap((stored) => masksIn(stored, `${dir}/${String(stored._id)}`)),
  );
}

/** References to documents that are not there. */
export function danglingIn(emulator: Emulator): string[] {
  return RESOURCE_TYPES.flatMap(({ name: dir }) =>
    emulator.state.all(dir).flatMap((stored) =>
      internalReferences(dir, stored)
        .filter((used) => !emulator.state.get(used.type, used.id))
        .map(({ place, id }) => `${dir}/${String(stored._id)}: ${place} = ${id}`),
    ),
  );
}

/** Ids of an account's own resources; what Celigo publishes has the same id everywhere. */
export function ownIds(emulator: Emulator): Set<string> {
  return new Set(
    RESOURCE_TYPES.flatMap(({ name: dir }) =>
      emulator.state
        .all(dir)
        .filter((stored) => stored.published !== true)
        .map((stored) => String(stored._id)),
    ),
  );
}

/** Types that a restore can put back whole: what holds a credential cannot be read back from anywhere. */
export const PLAIN_TYPES = ['integrations', 'flows', 'exports', 'imports', 'scripts', 'filedefinitions'];

/** Whether a document can be made anew with everything it had. */
export function isPlain(dir: string, doc: JsonObject): boolean {
  const type = findType(dir);
  return (
    type !== undefined &&
    PLAIN_TYPES.includes(dir) &&
    doc._connectorId === undefined &&
    // The platform no longer makes these (api-notes#legacy-rest).
    !String(doc.adaptorType ?? '').startsWith('REST') &&
    secretsIn(type, doc).length === 0 &&
    !JSON.stringify(configured(dir, doc)).includes('"$secret"') &&
    !/webhook|Distributed/i.test(JSON.stringify([doc.type ?? '', doc.adaptorType ?? '']))
  );
}
