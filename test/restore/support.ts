import { type Dirent, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { findType, RESOURCE_TYPES } from '../../src/catalogue/index.ts';
import { isArray, isObject, type Json, type JsonObject } from '../../src/core/json.ts';
import { createNormaliser } from '../../src/core/normalise.ts';
import { mapPath } from '../../src/core/paths.ts';
import { DEFAULT_BEHAVIOUR } from '../../src/emulator/behaviour.ts';
import { normaliseWritten } from '../../src/emulator/normalising.ts';
import type { Emulator } from '../../src/emulator/server.ts';
import type { TestAccount } from '../support/account.ts';
import { type Outcome, Workspace } from '../support/workspace.ts';

export type Doc = JsonObject & { readonly _id: string };

/** What a run of `restore --json` prints, as far as the tests look at it. */
export interface RestoreJson {
  readonly exitCode: number;
  readonly steps: readonly {
    readonly type: string;
    readonly id: string;
    readonly action: string;
    readonly result?: string;
    readonly reason: string;
  }[];
}

/** A workspace with the account `prod`, mirrored once. */
export async function mirrored(account: TestAccount): Promise<Workspace> {
  const space = new Workspace({ prod: { baseUrl: account.url, token: account.owner.token } });
  expect((await space.sync()).code).toBe(0);
  return space;
}

export function head(space: Workspace): string {
  return space.git('rev-parse', 'HEAD').trim();
}

/** Everything that a command said. */
export function said({ out, err }: Outcome): string {
  return `${out}\n${err}`;
}

/** Fails with what the command said, not with a bare number. */
export function expectCode(outcome: Outcome, ...codes: number[]): void {
  expect(codes, `exit code ${outcome.code}\n${said(outcome)}`).toContain(outcome.code);
}

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

/** Fields that say when and by whom something was written. */
const STAMPS = new Set(['lastModified', 'lastModifiedBy']);
const SORTED = new Set(['_registeredConnectionIds', '_registeredLookupCacheIds']);

/** A stored document as the server itself would write it again, without its stamps. Samples and secrets included. */
export function settled(dir: string, stored: JsonObject): JsonObject {
  const written = normaliseWritten(typed(dir), structuredClone(stored) as JsonObject, {
    id: String(stored._id),
    mint: () => 'minted',
    behaviour: DEFAULT_BEHAVIOUR,
    stored,
  });
  // A default inside a list may stand there or not.
  const settled = Object.entries(typed(dir).defaults ?? {})
    .filter(([path]) => path.includes('[]'))
    .reduce(
      (held, [path, usual]) => mapPath(held, path, (value) => (value === usual ? undefined : value)),
      written,
    );
  return Object.fromEntries(
    Object.entries(settled)
      .filter(([key]) => !STAMPS.has(key))
      .map(([key, value]) => [key, SORTED.has(key) && isArray(value) ? [...value].sort() : value]),
  );
}

/** All documents of the account by `<type>/<id>`. */
export function snapshot(emulator: Emulator): Record<string, JsonObject> {
  return Object.fromEntries(
    RESOURCE_TYPES.flatMap(({ dir }) =>
      emulator.state
        .all(dir)
        .map((stored) => [`${dir}/${String(stored._id)}`, settled(dir, stored)] as const),
    ),
  );
}

/** What a person configured in a document, with secrets replaced. */
export function configured(dir: string, stored: JsonObject): JsonObject {
  return createNormaliser(typed(dir), {
    sampleData: false,
    fingerprint: (secret) => secret,
    credentials: { fields: 'redact', code: 'warn' },
  })(stored).doc;
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
  return RESOURCE_TYPES.filter(({ restore }) => restore.mode !== 'manual').flatMap(({ dir }) =>
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
    isObject(held) && typeof held.$secret === 'string'
      ? [`${place}.${key}`]
      : masksIn(held as Json, `${place}.${key}`),
  );
}

/** No mask and no placeholder was ever stored as if it were a value. */
export function expectNoMask(emulator: Emulator): void {
  const found = RESOURCE_TYPES.flatMap(({ dir }) =>
    emulator.state.all(dir).flatMap((stored) => masksIn(stored, `${dir}/${String(stored._id)}`)),
  );
  expect(found).toEqual([]);
}

/** Texts of the mirror's documents of a type, by id. */
export function mirrorTexts(space: Workspace, dir: string, account = 'prod'): Map<string, string> {
  const folder = join(space.mirror, account, dir);
  return new Map(
    readdirSync(folder, { withFileTypes: true })
      .filter((entry: Dirent) => entry.isFile() && entry.name.endsWith('.yaml'))
      .map((entry) => [
        /\.([0-9a-f]{24})\.yaml$/.exec(entry.name)?.[1] ?? '',
        readFileSync(join(folder, entry.name), 'utf8'),
      ]),
  );
}

/** Ids of documents without any credential, of no Integration App, that pass `test`. */
export function plain(
  space: Workspace,
  emulator: Emulator,
  dir: string,
  test: (doc: Doc) => boolean = () => true,
): string[] {
  return [...mirrorTexts(space, dir)]
    .filter(([, text]) => !/\$secret|\*{3,}|_connectorId/.test(text))
    .map(([id]) => id)
    .filter((id) => test(doc(emulator, dir, id)))
    .sort();
}

/** Ids of an account's own resources; what Celigo publishes has the same id everywhere. */
export function ownIds(emulator: Emulator): Set<string> {
  return new Set(
    RESOURCE_TYPES.flatMap(({ dir }) =>
      emulator.state
        .all(dir)
        .filter((stored) => stored.published !== true)
        .map((stored) => String(stored._id)),
    ),
  );
}

/** The history of the mirror with every line that was ever written. */
export function history(space: Workspace): string {
  return space.git('log', '-p', '--all', '--text');
}

/** Where `integration` is what `<id>` names: its flows, and the groups it sorts them into. */
export function flowsOf(emulator: Emulator, integration: string): Doc[] {
  return emulator.state.all('flows').filter((flow) => flow._integrationId === integration) as Doc[];
}

/** A commit that somebody made in the mirror without us. */
export function commitByHand(space: Workspace): string {
  space.git(
    ...['-c', 'user.name=Somebody', '-c', 'user.email=somebody@example.test'],
    ...['commit', '--quiet', '--all', '--message=by hand'],
  );
  return head(space);
}
