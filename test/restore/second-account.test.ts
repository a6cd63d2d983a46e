import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { SERVER_MANAGED } from '../../src/catalogue/common.ts';
import { RESOURCE_TYPES } from '../../src/catalogue/index.ts';
import { isObject, type Json, type JsonObject } from '../../src/core/json.ts';
import { mapPath } from '../../src/core/paths.ts';
import { referencesOf } from '../../src/core/references.ts';
import { parseYaml, renderYaml } from '../../src/core/yaml.ts';
import { type Behaviour, emptyAccount } from '../../src/emulator/http/server.ts';
import { sample, type TestAccount } from '../support/account.ts';
import { Workspace } from '../support/workspace.ts';
import {
  commitByHand,
  configured,
  type Doc,
  expectCode,
  expectNoMask,
  ownIds,
  plain,
  type RestoreJson,
  referencesTo,
  said,
  snapshot,
  typed,
  writes,
} from './support.ts';

const COPY = ['restore', 'all', '--account', 'prod', '--to', 'copy', '--yes'] as const;

async function pair(options: Partial<Behaviour> = {}) {
  const prod = await sample();
  const copy = await sample({
    seed: { ...emptyAccount(), unlisted: provided(prod) },
    legacyRest: 'accept',
    ...options,
  });
  const space = new Workspace({
    prod: { baseUrl: prod.url, token: prod.owner.token },
    copy: { baseUrl: copy.url, token: copy.owner.token },
  });
  await space.mirrored('--account', 'prod');
  return { prod, copy, space };
}

/** What others provide to the documents of an account: the same in every account. */
function provided({ emulator }: TestAccount): Record<string, JsonObject[]> {
  const out: Record<string, JsonObject[]> = {};
  for (const type of RESOURCE_TYPES)
    for (const stored of emulator.state.all(type.name))
      for (const { type: dir, id } of referencesOf(type, stored))
        if (dir !== null && typed(dir).hasPublic && !emulator.state.get(dir, id))
          out[dir] = [...(out[dir] ?? []), { _id: id, name: 'provided by others' }];
  return out;
}

/** Names of a type's documents, sorted; what a restore never makes left out. */
function names(test: TestAccount, dir: string): string[] {
  return test.emulator.state
    .all(dir)
    .filter((doc) => doc.published !== true && doc._connectorId === undefined)
    .map((doc) => String(doc.name ?? doc.tag))
    .sort();
}

function one(test: TestAccount, dir: string, name: string): Doc {
  const found = test.emulator.state.all(dir).filter((doc) => doc.name === name);
  expect(found, `${dir} ${name}`).toHaveLength(1);
  return structuredClone(found[0]) as Doc;
}

/** Old id → new id, as the repository keeps them. */
function counterparts(space: Workspace): Map<string, string> {
  const map = space.git('show', 'HEAD:idmaps/prod-copy.yaml');
  const pairs = map.matchAll(/([0-9a-f]{24})['"]?: *['"]?([0-9a-f]{24})/g);
  return new Map([...pairs].map(([, old = '', fresh = '']) => [old, fresh]));
}

/** References of a document in terms of the other account. */
function translated(value: Json, ids: ReadonlyMap<string, string>): Json {
  const text = JSON.stringify(value).replace(/"([0-9a-f]{24})"/g, (_, id: string) => `"${ids.get(id) ?? id}"`);
  return JSON.parse(text) as Json;
}

/** What a create sends: without what the server sets, and without what is switched on last. */
function comparable(dir: string, document: JsonObject): JsonObject {
  const managed = [...(typed(dir).restore.strip ?? []), ...SERVER_MANAGED, '_flowGroupingId', 'externalId'];
  const sent = managed.reduce((held, path) => mapPath(held, path, () => undefined), document);
  // Real-time exports begin switched off, as flows do.
  const text = JSON.stringify(sent, (key, value: Json) => (key === 'disabled' ? undefined : value));
  return JSON.parse(text) as JsonObject;
}

describe('a restore into an empty account', () => {
  it('makes everything that can be made, points at nothing of the other account and starts nothing', {
    tags: 'slow',
  }, async () => {
    const { prod, copy, space } = await pair();

    const outcome = await space.run(...COPY);

    expectCode(outcome, 0, 3);
    const left = new Map<string, string[]>();
    for (const { name: dir } of RESOURCE_TYPES) {
      const made = new Set(names(copy, dir));
      const missing = names(prod, dir).filter((name) => !made.has(name));
      if (missing.length > 0 && typed(dir).restore.mode !== 'manual' && dir !== 'notifications') left.set(dir, missing);
    }
    for (const { name: dir, restore } of RESOURCE_TYPES) {
      if (!['create', 'map'].includes(restore.mode) || dir === 'state') continue;
      const made = names(copy, dir);
      expect(names(prod, dir), dir).toEqual(expect.arrayContaining(made));
      expect(new Set(made).size, dir).toBe(new Set(names(prod, dir)).size - (left.get(dir)?.length ?? 0));
    }
    // What needs something that only people can make is left out, and said.
    for (const name of [...left.values()].flat()) expect(said(outcome)).toContain(name);
    expect([...left.values()].flat().length).toBeLessThan(3);
    expect(referencesTo(copy.emulator, ownIds(prod.emulator))).toEqual([]);
    expect(copy.emulator.state.starts()).toEqual([]);
    for (const flow of copy.emulator.state.all('flows')) expect(flow.disabled, String(flow.name)).toBe(true);
    expectNoMask(copy.emulator);
    expect(writes(prod.emulator)).toEqual([]);
    expect(said(outcome)).toMatch(/offline/i);

    const ids = counterparts(space);
    for (const dir of ['flows', 'exports', 'imports', 'scripts', 'filedefinitions', 'tools']) {
      const docs = prod.emulator.state.all(dir).filter(({ _id }) => ids.has(String(_id)));
      expect(docs.length, dir).toBeGreaterThan(0);
      for (const old of docs) {
        if (/\*{6}|\$secret/.test(space.read(space.find(String(old._id))))) continue;
        const fresh = copy.emulator.state.get(dir, ids.get(String(old._id)) ?? '') ?? {};
        const wanted = translated(configured(dir, old), ids) as JsonObject;
        expect(comparable(dir, configured(dir, fresh)), `${dir} ${String(old.name)}`).toEqual(comparable(dir, wanted));
      }
    }
  });

  it('keeps the pairs of ids in the repository and changes nothing the second time', { tags: 'slow' }, async () => {
    const { prod, copy, space } = await pair();
    const first = await space.run(...COPY);
    expectCode(first, 0, 3);
    const map = space.git('show', 'HEAD:idmaps/prod-copy.yaml');
    const order = one(prod, 'flows', 'Orders: web shop → NetSuite')._id;
    expect(map).toContain(order);
    expect(map).toContain(one(copy, 'flows', 'Orders: web shop → NetSuite')._id);
    const [after, head] = [snapshot(copy.emulator), space.git('rev-parse', 'HEAD')];
    copy.emulator.clearRequests();

    const second = await space.run(...COPY);

    expect(writes(copy.emulator)).toEqual([]);
    expect(snapshot(copy.emulator)).toEqual(after);
    expect(second.code, said(second)).toBeLessThanOrEqual(first.code);
    expect(space.git('rev-parse', 'HEAD')).toBe(head);
    // The target has a mirror of its own, and it is up to date.
    expect(await space.sync('--account', 'copy')).toMatchObject({ code: 0, commits: [] });
  });

  it('brings later changes over by updating what the first time made', { tags: 'slow' }, async () => {
    const { prod, copy, space } = await pair();
    expectCode(await space.run(...COPY), 0, 3);
    const [id = ''] = plain(space, prod.emulator, 'flows');
    const name = String(prod.emulator.state.get('flows', id)?.name);
    const copyId = one(copy, 'flows', name)._id;
    const counts = RESOURCE_TYPES.map(({ name: dir }) => [dir, copy.emulator.state.count(dir)]);
    prod.emulator.act(prod.owner.email).set('flows', id, { name: 'Called otherwise', description: 'new' });
    await space.sync('--account', 'prod');
    copy.emulator.clearRequests();

    expectCode(await space.run(...COPY), 0, 3);

    expect(copy.emulator.state.get('flows', copyId)).toMatchObject({
      name: 'Called otherwise',
      description: 'new',
      disabled: true,
    });
    expect(RESOURCE_TYPES.map(({ name: dir }) => [dir, copy.emulator.state.count(dir)])).toEqual(counts);
    expect(writes(copy.emulator).every((line) => line.endsWith(copyId))).toBe(true);
  });

  it('right-restore-structure: takes connections that the target has already, and asks where two would do', {
    tags: 'slow',
  }, async () => {
    const { prod, copy, space } = await pair();
    const owner = copy.emulator.act('owner-token');
    const connection = {
      name: 'Carrier (Postbud)',
      type: 'http',
      http: {
        formType: 'http',
        mediaType: 'json',
        baseURI: 'https://sandbox.postbud.example.test',
        auth: { type: 'basic', basic: { username: 'sandbox', password: 'of the target' } },
      },
    };
    const own = owner.create('connections', connection);

    const outcome = await space.run(
      'restore',
      'exports/Delivery slot report: rows',
      ...['--account', 'prod', '--to', 'copy', '--yes', '--with-dependencies'],
    );

    expectCode(outcome, 0, 3);
    expect(copy.emulator.state.count('connections')).toBe(1);
    expect(copy.emulator.state.get('connections', String(own._id))).toMatchObject({
      http: { auth: { basic: { password: 'of the target' } } },
    });
    expect(one(copy, 'exports', 'Delivery slot report: rows')._connectionId).toBe(own._id);
    expect(prod.emulator.state.count('connections')).toBeGreaterThan(1);

    // Another workspace, another target with two of the name: nothing is guessed.
    const again = await pair();
    const twice = again.copy.emulator.act('owner-token');
    const candidates = [twice.create('connections', connection), twice.create('connections', connection)];
    again.copy.emulator.clearRequests();
    const ambiguous = await again.space.run(...COPY);
    expectCode(ambiguous, 4);
    for (const { _id } of candidates) expect(said(ambiguous)).toContain(String(_id));
    expect(writes(again.copy.emulator)).toEqual([]);
  });

  it('gives connections the credentials of --secrets, and enables flows that have all they need', {
    tags: 'slow',
  }, async () => {
    const { copy, space } = await pair();
    const file = join(space.dir, 'secrets.yaml');
    writeFileSync(
      file,
      renderYaml({ 'connections/Carrier (Postbud)': { 'http.auth.basic.password': 'of the target' } }),
    );
    expectCode(await space.run(...COPY, '--secrets', file, '--enable-flows', '--json'), 0, 3);

    const carrier = one(copy, 'connections', 'Carrier (Postbud)');
    expect(carrier).toMatchObject({ offline: false, http: { auth: { basic: { password: 'of the target' } } } });
    // A flow whose connections are offline for want of credentials does not start.
    const offline = new Set(
      copy.emulator.state
        .all('connections')
        .filter((doc) => doc.offline === true)
        .map(({ _id }) => _id),
    );
    expect(offline.size).toBeGreaterThan(0);
    for (const flow of copy.emulator.state.all('flows').filter((doc) => doc.disabled !== true)) {
      const generators = (flow.pageGenerators ?? []) as readonly JsonObject[];
      for (const { _exportId } of generators) {
        const source = copy.emulator.state.get('exports', String(_exportId));
        expect(offline.has(source?._connectionId ?? ''), String(flow.name)).toBe(false);
      }
    }
    expect(readFileSync(file, 'utf8')).toContain('of the target');
    expect(space.git('log', '-p', '--all', '--text')).not.toContain('of the target');
  });

  it('keeps the order of steps and their results in --json', { tags: 'slow' }, async () => {
    const { copy, space } = await pair();
    const outcome = await space.run(...COPY, '--json');
    const report = JSON.parse(outcome.out) as RestoreJson;
    expect(report.exitCode).toBe(outcome.code);
    const made = report.steps.filter(({ action }) => action === 'create');
    expect(made.filter(({ result }) => result !== 'done').map(({ type, id, reason }) => [type, id, reason])).toEqual(
      [],
    );
    const total = RESOURCE_TYPES.reduce((sum, { name: dir }) => sum + copy.emulator.state.count(dir), 0);
    expect(made.length).toBe(total);
  });

  it('distinguishes a damaged id map from a missing one', { tags: 'slow' }, async () => {
    const { copy, space } = await pair();
    expectCode(await space.run(...COPY), 0, 3);
    const path = join(space.mirror, 'idmaps', 'prod-copy.yaml');
    expect(isObject(parseYaml(readFileSync(path, 'utf8')))).toBe(true);
    writeFileSync(path, 'flows: [broken\n');
    commitByHand(space);
    copy.emulator.clearRequests();

    const outcome = await space.run(...COPY);

    expect(outcome.code).not.toBe(0);
    expect(said(outcome)).toContain('prod-copy.yaml');
    expect(writes(copy.emulator)).toEqual([]);
  });
});

it('turns a trading partner on once, by its own call', { tags: 'slow' }, async () => {
  const { prod, copy, space } = await pair();
  const id = String(prod.emulator.state.all('connections').find(({ type }) => type === 'ftp')?._id);
  prod.emulator.state.touch('connections', id, {
    _agentId: undefined,
    pgp: undefined,
    ftp: { type: 'sftp', hostURI: 'sftp.example.test', username: 'shop', tradingPartner: true },
  });
  await space.sync('--account', 'prod');
  const what = ['restore', `connections/${id}`, '--account', 'prod', '--to', 'copy', '--yes'];

  for (let run = 0; run < 2; run++) {
    expectCode(await space.run(...what), 0);
    expect(copy.emulator.state.all('connections')).toMatchObject([{ ftp: { tradingPartner: true } }]);
  }
  expect(writes(copy.emulator).filter((call) => call.includes('tradingPartner'))).toHaveLength(1);
});

it('gets what the mirror of the first one keeps in plain text on purpose', { tags: 'slow' }, async () => {
  const [prod, copy] = [await sample(), await sample({ seed: emptyAccount() })];
  const made = prod.emulator
    .act(prod.owner.email)
    .create('integrations', { name: 'Open', settings: { apiKey: 'tulip-garden-7' } });
  const credentials = { fields: 'warn', code: 'warn' };
  const space = new Workspace({
    prod: { baseUrl: prod.url, token: prod.owner.token, credentials },
    copy: { baseUrl: copy.url, token: copy.owner.token },
  });
  await space.sync('--account', 'prod');

  const to = ['--account', 'prod', '--to', 'copy', '--yes'];
  // The mirror of the copy does not show it, so that the two cannot be compared.
  expectCode(await space.run('restore', `integrations/${String(made._id)}`, ...to), 0, 3);

  const [there] = copy.emulator.state.all('integrations').filter(({ name }) => name === 'Open');
  expect(there?.settings).toEqual({ apiKey: 'tulip-garden-7' });
});

it('resumes without taking for a difference what the server added to what was created', { tags: 'slow' }, async () => {
  const { copy, space } = await pair();
  const { faults } = copy.emulator;
  faults.add({ times: 'always', match: { method: 'POST', path: '/v1/exports' }, fault: { kind: 'reset' } });
  expectCode(await space.run(...COPY), 1);
  expect(names(copy, 'connections').length).toBeGreaterThan(0);
  faults.clear();

  const resumed = await space.run('restore', '--resume', '--yes');
  copy.emulator.clearRequests();
  await space.run(...COPY);

  expect(said(resumed)).not.toContain('oncurrencyLevel');
  expect(writes(copy.emulator)).toEqual([]);
});
