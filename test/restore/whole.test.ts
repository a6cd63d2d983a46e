import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { SERVER_MANAGED } from '../../src/catalogue/common.ts';
import { getOwn, isArray, isObject, type Json, type JsonObject } from '../../src/core/json.ts';
import { isObjectId } from '../../src/core/keys.ts';
import { fileOf, secretOf } from '../../src/core/markers.ts';
import { setSteps } from '../../src/core/paths.ts';
import { covers, type Place, placeText, visitLeaves } from '../../src/core/places.ts';
import { isMask } from '../../src/core/secrets.ts';
import { parseYaml, renderYaml } from '../../src/core/yaml.ts';
import { type PlainServer, plainServer } from '../support/plain-server.ts';
import { Workspace } from '../support/workspace.ts';
import { expectCode, head, typed } from './support.ts';

/** One document of each type with every field that the published schemas know, in invented values. */
const WHOLE = readFileSync(fileURLToPath(new URL('../support/whole-documents.ndjson', import.meta.url)), 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line) as { type: string; doc: JsonObject & { _id: string } });

interface LeftOut {
  readonly volatile: readonly string[];
  readonly volatileAnywhere: readonly string[];
  readonly samples: readonly string[];
  readonly sameAsAbsent: JsonObject;
  readonly repeatExpression: readonly string[];
}

/** What `types` says of what is left out. */
async function leftOutOf(space: Workspace): Promise<(type: string, place: Place, value?: Json) => boolean> {
  const { types } = JSON.parse((await space.run('types', '--json')).out) as { types: (LeftOut & { type: string })[] };
  return (name, place, value) => {
    const told = types.find(({ type }) => type === name);
    if (!told) return false;
    const text = placeText(place);
    return (
      place.some((step) => told.volatileAnywhere.includes(String(step)) || told.samples.includes(String(step))) ||
      told.volatile.some((path) => covers(path, place)) ||
      told.repeatExpression.some((path) => text === `${path}.version` || text.startsWith(`${path}.rules`)) ||
      (value !== undefined && Object.entries(told.sameAsAbsent).some(([path, held]) => path === text && held === value))
    );
  };
}

/** Whether the server makes the value again from what is kept: a default, a copy of an expression, letters. */
function isMadeAgain(type: string, place: Place, value: Json): boolean {
  const { defaults = {}, expressions = [], echoes, lowerCase = [], upperCase = [] } = typed(type);
  const text = placeText(place);
  if (Object.entries(defaults).some(([path, held]) => covers(path, place) && held === value)) return true;
  if (echoes?.fields.includes(text)) return true;
  if ([...lowerCase, ...upperCase].some((path) => covers(path, place))) return true;
  return expressions.some((path) => text === `${path}.version` || text.startsWith(`${path}.rules`));
}

function leavesOf(doc: JsonObject): { place: Place; value: Json }[] {
  const leaves: { place: Place; value: Json }[] = [];
  visitLeaves(doc, (value, place) => leaves.push({ place, value }));
  return leaves;
}

/** Whether the mirror's document has the place, or a marker on the way there. */
function holds(mirrored: Json, place: Place): boolean {
  const [step, ...rest] = place;
  if (step === undefined || secretOf(mirrored) !== undefined || fileOf(mirrored) !== undefined) return true;
  const next = isArray(mirrored)
    ? mirrored[Number(step)]
    : isObject(mirrored)
      ? getOwn(mirrored, String(step))
      : undefined;
  return next !== undefined && holds(next, rest);
}

function documentsOf(server: PlainServer): Map<string, JsonObject> {
  const all = new Map<string, JsonObject>();
  for (const [type, documents] of server.store)
    for (const [id, doc] of documents) all.set(`${type}/${id}`, structuredClone(doc));
  return all;
}

/** Credentials for every mask. */
function secretsFile(space: Workspace): string {
  const given = WHOLE.map(({ type, doc }) => [
    `${type}/${doc._id}`,
    Object.fromEntries(
      leavesOf(doc)
        .filter(({ value }) => isMask(value))
        .map(({ place }) => [placeText(place), 'a-credential']),
    ),
  ]);
  const path = join(space.dir, 'secrets.yaml');
  writeFileSync(
    path,
    renderYaml(Object.fromEntries(given.filter(([, places]) => Object.keys(places ?? {}).length > 0))),
  );
  return path;
}

/** Another value of the same kind; ids and masks stay. */
function damaged(value: Json): Json {
  if (typeof value === 'boolean') return !value;
  if (typeof value === 'number') return value + 1;
  return typeof value === 'string' && !isObjectId(value) && !isMask(value) ? `${value}, damaged` : value;
}

/** Changes every field that a restore can put back. Credentials in plain text are the live ones, and stay. */
function damage(
  server: PlainServer,
  leaveOut: (type: string, place: Place) => boolean,
  mirrored: (id: string) => Json,
) {
  for (const [name, documents] of server.store) {
    const { restore } = typed(name);
    const fixed = [
      ...SERVER_MANAGED,
      ...(restore.strip ?? []),
      ...(restore.immutable ?? []),
      ...(restore.onlyOnCreate ?? []),
    ];
    for (const [id, doc] of documents) {
      let out: Json = doc;
      for (const { place, value } of leavesOf(doc)) {
        if (leaveOut(name, place) || fixed.some((path) => covers(path, place))) continue;
        if (isMadeAgain(name, place, value) || isRedacted(mirrored(id), place)) continue;
        out = setSteps(out, place, damaged(value));
      }
      documents.set(id, { ...(out as JsonObject), lastModified: '2026-11-01T00:00:00.000Z' });
    }
  }
}

function isRedacted(mirrored: Json, place: Place): boolean {
  const [step, ...rest] = place;
  if (secretOf(mirrored) !== undefined) return true;
  if (step === undefined) return false;
  const next = isArray(mirrored)
    ? mirrored[Number(step)]
    : isObject(mirrored)
      ? getOwn(mirrored, String(step))
      : undefined;
  return next !== undefined && isRedacted(next, rest);
}

/** Places where documents differ in what a restore puts back. */
function differences(
  before: ReadonlyMap<string, JsonObject>,
  after: ReadonlyMap<string, JsonObject>,
  leaveOut: (type: string, place: Place) => boolean,
): string[] {
  return [...before].flatMap(([key, doc]) => {
    const name = key.slice(0, key.indexOf('/'));
    const now = after.get(key);
    if (!now) return [`${key} is gone`];
    const held = new Map(leavesOf(now).map(({ place, value }) => [placeText(place), value]));
    const { restore } = typed(name);
    return leavesOf(doc).flatMap(({ place, value }) => {
      const text = placeText(place);
      const same =
        JSON.stringify(held.get(text)) === JSON.stringify(value) ||
        (isMask(value) && held.get(text) === 'a-credential');
      const known =
        leaveOut(name, place) || isMadeAgain(name, place, value) || SERVER_MANAGED.some((path) => covers(path, place));
      const kept = [...(restore.strip ?? []), ...(restore.refusedOnPut ?? [])].some((path) => covers(path, place));
      return same || known || kept
        ? []
        : [`${key} ${text}: ${JSON.stringify(value)} → ${JSON.stringify(held.get(text))}`];
    });
  });
}

async function prepared() {
  const one = await plainServer(WHOLE);
  const two = await plainServer([]);
  const space = new Workspace(
    { one: { baseUrl: one.url, token: 'token-of-one' }, two: { baseUrl: two.url, token: 'token-of-two' } },
    { guards: { maxDeletions: 1_000 } },
  );
  expectCode(await space.run('sync', '--account', 'one'), 0);
  const leaveOut = await leftOutOf(space);
  const mirrored = (id: string): Json => parseYaml(space.read(space.find(id, 'one')));
  return { one, two, space, leaveOut, mirrored };
}

describe('a document of each type with every field of the schemas', () => {
  it('is in the mirror, or in the table of what is left out', { tags: 'slow' }, async () => {
    const { leaveOut, mirrored } = await prepared();
    const lost = WHOLE.flatMap(({ type, doc }) =>
      leavesOf(doc)
        .filter(({ place, value }) => !holds(mirrored(doc._id), place) && !leaveOut(type, place, value))
        .map(({ place }) => `${type}: ${placeText(place)}`),
    );

    expect(WHOLE.length).toBeGreaterThan(20);
    expect(lost).toEqual([]);
  });

  it('is restored over a change of every field, and a second restore writes nothing', { tags: ['slow'] }, async () => {
    const { one, space, leaveOut, mirrored } = await prepared();
    const [before, state, secrets] = [documentsOf(one), head(space), secretsFile(space)];
    damage(one, leaveOut, mirrored);
    const restore = ['restore', 'all', '--account', 'one', '--at', state, '--yes', '--force', '--enable-flows'];
    expectCode(await space.run(...restore, '--secrets', secrets, '--allow-target-change'), 0);

    expect(differences(before, documentsOf(one), leaveOut)).toEqual([]);
    one.writes.length = 0;
    expectCode(await space.run('restore', 'all', '--account', 'one', '--yes'), 0);
    expect(one.writes).toEqual([]);
  });

  it('is restored into another account, and a second restore writes nothing', { tags: ['slow'] }, async () => {
    const { two, space } = await prepared();
    const restore = ['restore', 'all', '--account', 'one', '--to', 'two', '--yes', '--enable-flows'];
    expectCode(await space.run(...restore, '--secrets', secretsFile(space)), 0);

    expect([...two.store.values()].reduce((sum, { size }) => sum + size, 0)).toBe(WHOLE.length);
    two.writes.length = 0;
    expectCode(await space.run(...restore), 0);
    expect(two.writes).toEqual([]);
  });
});
