import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/core/json.ts';
import { parseYaml } from '../../src/core/yaml.ts';
import { emptyAccount } from '../../src/emulator/model/seed.ts';
import { sampleAccount, sampleCredentials } from '../../src/emulator/sample/index.ts';
import { sample, type TestAccount } from '../support/account.ts';
import { gateway } from '../support/gateway.ts';
import { bareRemote, git, tempDir, Workspace } from '../support/workspace.ts';

const seed = sampleAccount();

function pick(type: string, test: (doc: JsonObject) => boolean = () => true): JsonObject & { _id: string } {
  const doc = seed.resources[type]?.find(test);
  if (!doc) throw new Error(`the sample has no such ${type}`);
  return doc as JsonObject & { _id: string };
}

/** A flow that nothing refers to, of no Integration App. */
const FLOW = pick('flows', (doc) => Array.isArray(doc.routers) && !doc._connectorId && !doc._abstractFlowId);
const SCRIPT = pick('scripts', (doc) => typeof doc.content === 'string' && !doc.content.includes('\r\n'));
const CRLF_SCRIPT = pick('scripts', (doc) => typeof doc.content === 'string' && doc.content.includes('\r\n'));

function workspace(account: TestAccount, settings: JsonObject = {}, more = {}): Workspace {
  return new Workspace({ prod: { baseUrl: account.url, token: account.owner.token, ...settings } }, more);
}

describe('a first sync', () => {
  it('mirrors every resource into one commit by the mirror itself', { tags: 'slow' }, async () => {
    const account = await sample();
    const space = workspace(account);

    const report = await space.sync();

    expect(report).toMatchObject({ code: 0, verdict: 'changed', incomplete: [] });
    expect(space.log()).toHaveLength(1);
    expect(space.log('%an <%ae>|%cn')).toEqual(['celigo-mirror <celigo-mirror@localhost>|celigo-mirror']);
    for (const type of ['flows', 'exports', 'imports', 'connections', 'scripts', 'integrations']) {
      expect(space.files().filter((path) => path.startsWith(`${type}/`) && path.endsWith('.yaml'))).toHaveLength(
        seed.resources[type]?.length ?? 0,
      );
    }
    expect(space.git('status', '--porcelain')).toBe('');
    expect((await space.run('verify')).code).toBe(0);
  });

  it('writes the code of scripts byte for byte', async () => {
    const account = await sample();
    const space = workspace(account);
    await space.mirrored();

    for (const script of [SCRIPT, CRLF_SCRIPT]) {
      const path = space.find(script._id);
      expect(space.read(path.replace(/\.yaml$/, '.js'))).toBe(script.content);
      expect(space.git('show', `HEAD:${path.replace(/\.yaml$/, '.js')}`)).toBe(script.content);
      expect(parseYaml(space.read(path))).toMatchObject({ content: { $file: expect.stringMatching(/\.js$/) } });
    }
  });

  it('leaves out what is volatile, and other companies’ connectors', async () => {
    const account = await sample();
    const space = workspace(account);
    await space.mirrored();

    const doc = parseYaml(space.read(space.find(FLOW._id))) as JsonObject;
    expect(Object.keys(doc)).not.toEqual(expect.arrayContaining(['lastModified']));
    for (const type of ['httpconnectors', 'tpconnectors']) {
      const own = seed.resources[type]?.filter((doc) => doc.published !== true) ?? [];
      expect(space.files().filter((path) => path.startsWith(`${type}/`))).toHaveLength(own.length);
    }
  });

  it('lets no credential of the account into the history', { tags: 'slow' }, async () => {
    const account = await sample();
    const space = workspace(account, { include: ['*', 'state', 'storageitems'] });
    await space.mirrored();
    await account
      .update(account.owner, 'connections', pick('connections', (doc) => doc.type === 'http')._id, (doc) => ({
        ...doc,
        name: 'Renamed',
      }))
      .catch(() => undefined);
    await space.sync();

    const history = space.git('log', '-p', '--all', '--text');
    for (const credential of sampleCredentials)
      expect(history.includes(credential), `${credential.slice(0, 3)}… leaked`).toBe(false);
  });
});

describe('a sync without changes', () => {
  it('makes no commit and touches no file', async () => {
    const account = await sample();
    const space = workspace(account);
    await space.mirrored();
    const before = space.files().map((path) => statSync(join(space.mirror, 'prod', path)).mtimeMs);

    const report = await space.sync();

    expect(report).toMatchObject({ code: 0, verdict: 'unchanged', commits: [], changes: [] });
    expect(space.log()).toHaveLength(1);
    expect(space.files().map((path) => statSync(join(space.mirror, 'prod', path)).mtimeMs)).toEqual(before);
  });

  it('does not fetch scripts again that did not change', async () => {
    const account = await sample();
    const space = workspace(account);
    await space.mirrored();

    const { requests } = await space.sync();

    expect(requests).toBeLessThan(40);
  });

  it('is the same with a lost or damaged cache', { tags: 'slow' }, async () => {
    const account = await sample();
    const space = workspace(account);
    await space.mirrored();
    const cache = join(space.mirror, '.git', 'celigo-mirror', 'prod.cache');

    for (const name of readdirSync(cache))
      writeFileSync(join(cache, name), readFileSync(join(cache, name), 'utf8').slice(0, 50));
    expect(await space.sync()).toMatchObject({ code: 0, commits: [] });
    const flows = readdirSync(cache).find((name) => name.startsWith('flows-')) ?? '';
    writeFileSync(join(cache, flows), '{');
    await account.update(account.owner, 'flows', FLOW._id, (doc) => ({ ...doc, description: 'new' }));
    expect((await space.sync()).changes).toMatchObject([{ id: FLOW._id, what: 'changed' }]);
    rmSync(cache, { recursive: true });
    expect(await space.sync('--full')).toMatchObject({ code: 0, commits: [] });
  });

  it('does not see noise: times, counters and order', async () => {
    const account = await sample();
    const space = workspace(account);
    await space.mirrored();
    for (const flow of account.emulator.state.all('flows')) {
      account.emulator.state.touch('flows', String(flow._id), {
        lastExecutedAt: '2026-09-09T00:00:00.000Z',
        numInstances: 3,
      });
    }
    for (const connection of account.emulator.state.all('connections')) {
      account.emulator.state.touch('connections', String(connection._id), {
        offline: true,
        queues: [{ name: 'q', size: 7 }],
      });
    }

    expect(await space.sync()).toMatchObject({ code: 0, commits: [] });
  });
});

describe('edits', () => {
  it('come out as one commit a person, oldest first, with their names and dates', async () => {
    const account = await sample();
    const space = workspace(account);
    await space.mirrored();
    const [ann, bob] = [account.person('administrator', 0), account.person('administrator', 1)];
    const imported = pick('imports', (doc) => doc.adaptorType === 'HTTPImport' && !doc._connectorId);

    await account.update(ann, 'flows', FLOW._id, (doc) => ({ ...doc, name: 'A new name for it' }));
    await account.update(bob, 'scripts', SCRIPT._id, (doc) => ({ ...doc, content: `${doc.content}\n// reviewed\n` }));
    await account.update(account.owner, 'imports', imported._id, (doc) => ({ ...doc, description: 'by the owner' }));
    const report = await space.sync();

    expect(report.code).toBe(0);
    expect(space.log('%an <%ae>|%s').slice(0, 3).reverse()).toEqual([
      `${ann.name} <${ann.email}>|prod: flow "A new name for it" renamed`,
      `${bob.name} <${bob.email}>|prod: script "${SCRIPT.name}" content changed`,
      expect.stringContaining(
        `${account.owner.name} <${account.owner.email}>|prod: import "${imported.name}" description, `,
      ),
    ]);
    const dates = space.log('%at').slice(0, 3).map(Number);
    expect([...dates].sort((a, b) => b - a)).toEqual(dates);
    expect(space.log('%cn').slice(0, 3)).toEqual(['celigo-mirror', 'celigo-mirror', 'celigo-mirror']);
  });

  it('follow a rename by the id', async () => {
    const account = await sample();
    const space = workspace(account);
    await space.mirrored();
    const before = space.find(FLOW._id);
    await account.update(account.owner, 'flows', FLOW._id, (doc) => ({ ...doc, name: 'Ganz anders: 100 %' }));
    await space.sync();

    const after = space.find(FLOW._id);
    expect(after).toBe(`prod/flows/ganz-anders-100.${FLOW._id}.yaml`);
    expect(space.files().filter((path) => path.includes(FLOW._id))).toHaveLength(1);
    expect(space.git('log', '--format=%s', '--', `*${FLOW._id}*`).trim().split('\n')).toHaveLength(2);
    expect(space.git('log', '-1', '--format=%b')).toContain(
      `- renamed: flows/ganz-anders-100.${FLOW._id}.yaml (was ${before.slice('prod/'.length)}): Ganz anders: 100 %`,
    );
  });

  it('name further editors of the same resource', async () => {
    const account = await sample();
    const space = workspace(account);
    await space.mirrored();
    const [ann, bob] = [account.person('administrator', 0), account.person('administrator', 1)];
    await account.update(ann, 'flows', FLOW._id, (doc) => ({ ...doc, description: 'one' }));
    await account.update(bob, 'flows', FLOW._id, (doc) => ({ ...doc, description: 'two' }));
    await space.sync();

    expect(space.log('%an|%(trailers:key=Co-authored-by,valueonly)')[0]).toBe(`${bob.name}|${ann.name} <${ann.email}>`);
  });

  it('are not reported twice when the same resource changes again', async () => {
    const account = await sample();
    const space = workspace(account);
    await space.mirrored();
    const [ann, bob] = [account.person('administrator', 0), account.person('administrator', 1)];
    await account.update(ann, 'flows', FLOW._id, (doc) => ({ ...doc, description: 'one' }));
    await space.sync();
    await account.update(bob, 'flows', FLOW._id, (doc) => ({ ...doc, description: 'two' }));
    await space.sync();

    expect(space.log('%an|%(trailers:key=Co-authored-by,valueonly)').slice(0, 2)).toEqual([
      `${bob.name}|`,
      `${ann.name}|`,
    ]);
  });

  it('fall back to the last modifier when the audit log is closed, and report it', { tags: 'slow' }, async () => {
    const account = await sample({ lastModifiedBy: 'id' });
    const space = workspace(account);
    await space.mirrored();
    const ann = account.person('administrator');
    await account.call(ann, 'PATCH', `/v1/flows/${FLOW._id}`, [{ op: 'replace', path: '/description', value: 'x' }]);
    await fault(account, { match: { path: '/v1/audit' }, times: 'always', fault: { kind: 'status', status: 403 } });
    await space.sync();

    expect(space.log('%an')[0]).toBe(ann.name);
    expect(space.git('log', '-1', '--format=%b')).toContain('The audit log could not be read');
  });
});

async function fault(account: TestAccount, rule: JsonObject): Promise<void> {
  const answer = await fetch(`${account.url}/_emulator/faults`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(rule),
  });
  if (!answer.ok) throw new Error(`the fault was not taken: ${await answer.text()}`);
}

async function heal(account: TestAccount): Promise<void> {
  await fetch(`${account.url}/_emulator/faults`, { method: 'DELETE' });
}

describe('deletions', () => {
  const VICTIM = pick(
    'flows',
    (doc) => !doc._connectorId && typeof doc.schedule === 'string' && !Array.isArray(doc.routers),
  );

  async function deletable(account: TestAccount): Promise<string> {
    const created = (await account.call(account.owner, 'POST', '/v1/flows', {
      name: 'Short-lived',
      disabled: true,
      pageGenerators: [],
      pageProcessors: [],
    })) as JsonObject;
    expect(VICTIM._id).toBeTruthy();
    return String(created._id);
  }

  it('are not believed of what the list shows, though GET answers 404', { tags: 'slow' }, async () => {
    const account = await sample();
    const space = workspace(account, { include: ['scripts'] });
    await space.mirrored();
    const files = space.files();
    const id = String(account.emulator.state.all('scripts')[0]?._id);
    account.emulator.act(account.owner.email).set('scripts', id, { content: '// edited' });
    await fault(account, {
      match: { method: 'GET', path: `/v1/scripts/${id}` },
      fault: { kind: 'status', status: 404 },
    });

    expect(await space.sync()).toMatchObject({ code: 3, incomplete: ['scripts'], changes: [] });
    expect(space.files()).toEqual(files);
    expect(await space.sync()).toMatchObject({ code: 0, changes: [{ id, what: 'changed' }] });
  });

  it('between the list and the look at what it showed are believed', { tags: 'slow' }, async () => {
    const account = await sample();
    const { emulator } = account;
    const space = workspace(account, { include: ['scripts'] });
    const owner = emulator.act(account.owner.email);
    const script = (content: string): string => String(owner.create('scripts', { name: 'Short-lived', content })._id);
    const old = script('// old');
    await space.mirrored();
    const made = script('// new');
    owner.set('scripts', old, { content: '// edited' });
    await fault(account, {
      match: { method: 'GET', path: '/v1/scripts/*' },
      times: 2,
      fault: { kind: 'delay', ms: 1_000 },
    });

    emulator.clearRequests();
    const syncing = space.sync();
    await expect.poll(() => emulator.requests.some(({ path }) => path === '/v1/scripts')).toBe(true);
    for (const id of [old, made]) owner.remove('scripts', id);

    expect(await syncing).toMatchObject({ code: 0, changes: [{ id: old, what: 'deleted' }] });
    expect(await space.sync()).toMatchObject({ code: 0, changes: [] });
  });

  it('are committed by the person who deleted, once GET answers 404', { tags: 'slow' }, async () => {
    const account = await sample();
    const space = workspace(account);
    const id = await deletable(account);
    await space.mirrored();
    const bob = account.person('administrator', 1);
    await account.call(bob, 'DELETE', `/v1/flows/${id}`);

    const report = await space.sync();

    expect(report.changes).toMatchObject([{ id, what: 'deleted', name: 'Short-lived' }]);
    expect(space.log()[0]).toBe(`${bob.name}: prod: flow "Short-lived" deleted`);
    expect(space.files().some((path) => path.includes(id))).toBe(false);
  });

  it('are not believed while the resource still answers', async () => {
    const account = await sample();
    const space = workspace(account);
    await space.mirrored();
    await fault(account, {
      match: { method: 'GET', path: '/v1/connections' },
      times: 1,
      fault: { kind: 'body', body: '[]' },
    });

    expect(await space.sync()).toMatchObject({ code: 0, commits: [] });
    expect(space.files().filter((path) => path.startsWith('connections/'))).not.toHaveLength(0);
  });

  it('are not believed when the answer is neither yes nor no', { tags: 'slow' }, async () => {
    const account = await sample();
    const space = workspace(account);
    const id = await deletable(account);
    await space.mirrored();
    await account.call(account.owner, 'DELETE', `/v1/flows/${id}`);
    await fault(account, {
      match: { path: `/v1/flows/${id}` },
      times: 'always',
      fault: { kind: 'status', status: 403 },
    });

    expect(await space.sync()).toMatchObject({ code: 3, incomplete: ['flows'], commits: [] });
    await heal(account);
    expect(await space.sync()).toMatchObject({ code: 0, changes: [{ id, what: 'deleted' }] });
  });

  it('above the limit of the guard are all refused, and carried out on consent', { tags: 'slow' }, async () => {
    const account = await sample();
    const space = workspace(account, {}, { guards: { maxDeletions: 2, maxDeletionShare: 0.01 } });
    const ids = [await deletable(account), await deletable(account), await deletable(account)];
    await space.mirrored();
    for (const id of ids) await account.call(account.owner, 'DELETE', `/v1/flows/${id}`);
    await account.update(account.owner, 'scripts', SCRIPT._id, (doc) => ({ ...doc, content: 'changed' }));

    const refused = await space.sync();

    expect(refused).toMatchObject({
      code: 4,
      verdict: 'refused',
      commits: [],
      error: { hint: expect.stringContaining('--allow-deletions') },
    });
    expect(space.log()).toHaveLength(1);
    expect(space.git('status', '--porcelain')).toBe('');
    expect(await space.sync('--allow-deletions')).toMatchObject({ code: 0 });
    expect(space.files().some((path) => ids.some((id) => path.includes(id)))).toBe(false);
  });

  it('of everything at once look like another account, and are refused', async () => {
    const account = await sample();
    const space = workspace(account);
    await space.mirrored();
    const empty = await sample({ seed: { ...sampleAccount(), resources: {} } });
    space.configure({ prod: { baseUrl: empty.url, token: empty.owner.token } });

    expect(await space.sync()).toMatchObject({
      code: 4,
      commits: [],
      error: { message: expect.stringContaining('looks empty') },
    });
  });
});

describe('a type that cannot be read', () => {
  it('keeps its files while the rest is committed; nothing is deleted; back to normal afterwards', async () => {
    const account = await sample();
    const space = workspace(account);
    await space.mirrored();
    const flows = space.files().filter((path) => path.startsWith('flows/'));
    await fault(account, { match: { path: '/v1/flows' }, times: 'always', fault: { kind: 'status', status: 403 } });
    await account.update(account.owner, 'scripts', SCRIPT._id, (doc) => ({ ...doc, content: 'changed meanwhile' }));

    const partial = await space.sync();

    expect(partial).toMatchObject({
      code: 3,
      verdict: 'partial',
      incomplete: ['flows'],
      changes: [{ type: 'scripts' }],
    });
    expect(space.git('log', '-1', '--format=%(trailers:key=Celigo-Incomplete,valueonly)').trim()).toBe('flows');
    expect(space.files().filter((path) => path.startsWith('flows/'))).toEqual(flows);
    await heal(account);
    expect(await space.sync()).toMatchObject({ code: 0, commits: [] });
    expect(await space.sync()).toMatchObject({ code: 0, commits: [] });
  });

  it('is unavailable, not incomplete, when it was never mirrored', { tags: 'slow' }, async () => {
    const account = await sample();
    const space = workspace(account);
    await fault(account, {
      match: { path: '/v1/ediprofiles' },
      times: 'always',
      fault: { kind: 'status', status: 403 },
    });
    await fault(account, {
      match: { path: '/v1/lookupcaches' },
      times: 'always',
      fault: { kind: 'status', status: 402 },
    });

    const report = await space.sync();

    expect(report).toMatchObject({ code: 0, unavailable: ['ediprofiles', 'lookupcaches'], incomplete: [] });
    expect((await space.run('doctor')).out).toMatch(/note +ediprofiles/);
  });

  it('is incomplete when the configuration names it, or everyone has it', { tags: 'slow' }, async () => {
    const account = await sample();
    const space = workspace(account, { include: ['*', 'ediprofiles'] });
    await fault(account, {
      match: { path: '/v1/ediprofiles' },
      times: 'always',
      fault: { kind: 'status', status: 403 },
    });
    await fault(account, { match: { path: '/v1/imports' }, times: 'always', fault: { kind: 'status', status: 404 } });

    expect(await space.sync()).toMatchObject({ code: 3, incomplete: ['imports', 'ediprofiles'] });
  });

  it.each([
    ['a page that is HTML', { kind: 'html' }],
    ['a body cut off', { kind: 'truncate', bytes: 100 }],
    ['a reset connection', { kind: 'reset' }],
    ['half a JSON text', { kind: 'body', body: '[{"_id":"64f0a1b2c3d4e5f601020304"' }],
    ['another shape', { kind: 'body', body: '{"message":"moved"}' }],
    ['an empty envelope of errors', { kind: 'body', body: '{"errors":[]}' }],
    ['200 without a body', { kind: 'body', body: '' }],
    ['a part of the list', { kind: 'body', body: '[]', status: 206 }],
    ['records without ids', { kind: 'body', body: '[{"name":"x"}]' }],
    ['invalid UTF-8 statuses', { kind: 'status', status: 500 }],
  ])('because of %s loses nothing', async (_name, kind) => {
    const account = await sample();
    const space = workspace(account, { retries: 0 });
    await space.mirrored();
    await fault(account, { match: { path: '/v1/exports' }, times: 'always', fault: kind });

    expect(await space.sync()).toMatchObject({ code: 3, incomplete: ['exports'], commits: [] });
    await heal(account);
    expect(await space.sync()).toMatchObject({ code: 0, commits: [] });
  });

  it('because of one impossible document still lets the others through', { tags: 'slow' }, async () => {
    const account = await sample();
    const space = workspace(account, { include: ['tags'] });
    await space.mirrored();
    const deep = `${'['.repeat(20_000)}${']'.repeat(20_000)}`;
    const fine = '{"_id":"64f0a1b2c3d4e5f601020304","tag":"fine"}';
    const body = `[${fine},{"_id":"64f0a1b2c3d4e5f601020305","tag":"deep","x":${deep}}]`;
    await fault(account, { match: { path: '/v1/tags' }, times: 'always', fault: { kind: 'body', body } });

    expect(await space.sync()).toMatchObject({
      code: 3,
      incomplete: ['tags'],
      changes: [{ id: '64f0a1b2c3d4e5f601020304', what: 'added' }],
    });
  });

  it('for a transient reason only is tried again', { tags: 'slow' }, async () => {
    const account = await sample();
    const space = workspace(account, { retries: 3 });
    for (const kind of [{ kind: 'status', status: 503 }, { kind: 'reset' }, { kind: 'truncate', bytes: 40 }]) {
      await fault(account, { match: { path: '/v1/exports' }, times: 1, fault: kind });
    }

    const report = await space.sync();

    expect(report).toMatchObject({ code: 0, incomplete: [] });
    expect(report.retries).toBeGreaterThanOrEqual(3);
  });

  it('because pages lead in a circle or elsewhere is noticed', { tags: 'slow' }, async () => {
    const account = await sample();
    const space = workspace(account, { retries: 0 });
    const page = JSON.stringify([FLOW]);
    for (const link of [
      `<${account.url}/v1/flows?includeInstances=true&limit=1000>; rel="next"`,
      '<http://localhost:9/v1/flows?skip=1>; rel="next"',
      'nonsense; rel=next',
    ]) {
      await fault(account, {
        match: { path: '/v1/flows' },
        times: 'always',
        fault: { kind: 'body', body: page, headers: { link } },
      });
      expect(await space.sync()).toMatchObject({ code: 3, incomplete: ['flows'] });
      await heal(account);
    }
  });
});

describe('paging', () => {
  it.each([1, 7, 1000])('finds everything in pages of %i', async (pageSize) => {
    const account = await sample({ pageSize });
    const space = workspace(account, { include: ['flows', 'exports'] });

    await space.mirrored();

    expect(space.files().filter((path) => path.startsWith('exports/') && path.endsWith('.yaml'))).toHaveLength(
      seed.resources.exports?.length ?? 0,
    );
    expect(await space.sync()).toMatchObject({ code: 0, commits: [] });
  });
});

describe('the token', () => {
  it('that is refused stops the run: exit 1, nothing committed', async () => {
    const account = await sample();
    const space = workspace(account, { token: 'wrong-token-value' });

    const report = await space.sync();

    expect(report).toMatchObject({
      code: 1,
      commits: [],
      error: { code: 'AUTH', hint: expect.stringContaining('region') },
    });
    expect(JSON.stringify(report)).not.toContain('wrong-token-value');
  });

  it('that is revoked in the middle stops the run as well', async () => {
    const account = await sample();
    const space = workspace(account);
    await space.mirrored();
    await account.update(account.owner, 'flows', FLOW._id, (doc) => ({ ...doc, description: 'new' }));
    await fault(account, {
      match: { path: '/v1/imports' },
      times: 'always',
      fault: { kind: 'status', status: 401, body: '{"message":"Bearer Authentication Failed"}' },
    });

    expect(await space.sync()).toMatchObject({ code: 1, commits: [], error: { code: 'AUTH' } });
    expect(space.log()).toHaveLength(1);
    expect(space.git('status', '--porcelain')).toBe('');
  });

  it('of another account is not let into the folder', async () => {
    const account = await sample();
    const space = workspace(account);
    await space.mirrored();
    const people = sampleAccount().people.map((person) => ({ ...person, _id: `${person._id.slice(0, 23)}f` }));
    const other = await sample({ seed: { ...sampleAccount(), people } });
    space.configure({ prod: { baseUrl: other.url, token: other.owner.token } });

    expect(await space.sync()).toMatchObject({
      code: 4,
      commits: [],
      error: { code: 'BINDING', message: expect.stringContaining('mirror.yaml') },
    });
  });

  it.each<[what: string, isMirrored: boolean, until: string | undefined]>([
    ['the middle of a later run on', true, undefined],
    ['the middle of the first run on', false, undefined],
    ['the middle of a run until its last list', true, '/v1/imports'],
  ])('that another account answers from %s lets nothing of it in', async (_, isMirrored, until) => {
    const account = await sample();
    const people = sampleAccount().people.map((person) => ({ ...person, _id: `${person._id.slice(0, 23)}f` }));
    const other = await sample({ seed: { ...emptyAccount(), people } });
    let isDue = !isMirrored;
    let isOther = false;
    const before = await gateway(account.url, ({ url, headers }, response) => {
      isOther ||= isDue && url.startsWith('/v1/scripts');
      if (!isOther) return false;
      const answerFrom = async (base: string): Promise<void> => {
        const answer = await fetch(`${base}${url}`, { headers: { authorization: String(headers.authorization) } });
        response.writeHead(answer.status).end(await answer.text());
      };
      // The test may be over, and the accounts closed.
      const unlessOver = (): unknown => response.destroy();
      const isLast = until !== undefined && url.startsWith(until);
      if (!isLast) void answerFrom(other.url).catch(unlessOver);
      else
        setTimeout(() => {
          isDue = isOther = false;
          void answerFrom(account.url).catch(unlessOver);
        }, 2_000);
      return true;
    });
    const space = new Workspace({ prod: { baseUrl: before.url, token: account.owner.token } });
    if (isMirrored) await space.mirrored();
    isDue = true;

    expect(await space.sync('--full', '--allow-deletions')).toMatchObject({
      code: 4,
      commits: [],
      error: { code: 'BINDING', message: expect.stringContaining('another account') },
    });
  });
});

describe('the folder', () => {
  it('is made equal to the account again after manual edits, which are kept aside', async () => {
    const account = await sample();
    const space = workspace(account);
    await space.mirrored();
    const path = space.find(FLOW._id);
    const before = space.read(path);
    writeFileSync(join(space.mirror, path), 'name: vandalised\n');

    const report = await space.sync();

    expect(space.read(path)).toBe(before);
    expect(report.notices.join()).toContain('saved as commit');
    expect(space.git('for-each-ref', 'refs/celigo-mirror/rescue')).not.toBe('');
  });

  it('keeps files that are not the mirror’s, and never commits them', async () => {
    const account = await sample();
    const space = workspace(account);
    await space.mirrored();
    writeFileSync(join(space.mirror, 'prod', 'NOTES.md'), 'mine');
    writeFileSync(join(space.mirror, 'README.md'), 'mine');
    git(space.mirror, 'add', 'README.md');
    await account.update(account.owner, 'flows', FLOW._id, (doc) => ({ ...doc, description: 'new' }));

    const report = await space.sync();

    expect(report.notices.join()).toContain('NOTES.md');
    expect(space.read('prod/NOTES.md')).toBe('mine');
    expect(space.git('ls-tree', '-r', '--name-only', 'HEAD')).not.toMatch(/README|NOTES/);
    expect(space.git('status', '--porcelain')).toBe('A  README.md\n?? prod/NOTES.md\n');
  });

  it('with files in it is not taken over for a new account', async () => {
    const account = await sample();
    const space = workspace(account);
    mkdirSync(join(space.mirror, 'prod'), { recursive: true });
    git(space.mirror, 'init', '--quiet');
    writeFileSync(join(space.mirror, 'prod', 'thesis.txt'), 'precious');
    mkdirSync(join(space.mirror, 'prod', 'flows'));
    writeFileSync(join(space.mirror, 'prod', 'flows', `copied-by-hand.${FLOW._id}.yaml`), 'precious too');

    expect(await space.sync()).toMatchObject({ code: 4, error: { message: expect.stringContaining('thesis.txt') } });
    expect(space.read('prod/thesis.txt')).toBe('precious');
    expect(space.read(`prod/flows/copied-by-hand.${FLOW._id}.yaml`)).toBe('precious too');
  });

  it('is never left through a symbolic link', async () => {
    const account = await sample();
    const space = workspace(account);
    await space.mirrored();
    rmSync(join(space.mirror, 'prod', 'flows'), { recursive: true });
    symlinkSync(space.dir, join(space.mirror, 'prod', 'flows'));

    expect(await space.sync()).toMatchObject({ code: 1, error: { message: expect.stringContaining('symbolic link') } });
    expect(readdirSync(space.dir).sort()).toEqual(['celigo-mirror.yaml', 'mirror']);
  });

  it('that is not a repository is refused', async () => {
    const account = await sample();
    const space = workspace(account);
    mkdirSync(space.mirror);
    writeFileSync(join(space.mirror, 'thesis.txt'), 'precious');

    expect(await space.sync()).toMatchObject({
      code: 64,
      error: { message: expect.stringContaining('not a Git repository') },
    });
  });
});

describe('options', () => {
  it('--dry-run reports and touches nothing', async () => {
    const account = await sample();
    const space = workspace(account);
    await space.mirrored();
    await account.update(account.owner, 'flows', FLOW._id, (doc) => ({ ...doc, description: 'new' }));

    expect(await space.sync('--dry-run')).toMatchObject({
      code: 0,
      dryRun: true,
      commits: [],
      changes: [{ id: FLOW._id }],
    });
    expect(space.log()).toHaveLength(1);
    expect(space.git('status', '--porcelain')).toBe('');
    expect((await space.sync()).commits).toHaveLength(1);
  });

  it('lookupCacheData keeps the entries, sorted, one a line', async () => {
    const account = await sample();
    const space = workspace(account, { lookupCacheData: true, include: ['lookupcaches'] });
    await space.mirrored();

    const data = space.files().filter((path) => path.endsWith('.ndjson'));
    expect(data.length).toBeGreaterThan(0);
    const keys = space
      .read(`prod/${data[0]}`)
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { key: string }).key);
    expect([...keys].sort()).toEqual(keys);
  });

  it('--dry-run leaves the clone where it is, whatever others pushed', { tags: 'slow' }, async () => {
    const account = await sample();
    const remote = bareRemote();
    const space = workspace(account, { include: ['scripts'] }, { repository: { remote } });
    await space.mirrored();
    const before = space.git('rev-parse', 'HEAD');
    const other = join(tempDir(), 'other');
    git('/', 'clone', '--quiet', remote, other);
    writeFileSync(join(other, 'README.md'), 'by a colleague\n');
    git(other, 'add', '.');
    git(other, '-c', 'user.name=C', '-c', 'user.email=c@x', 'commit', '--quiet', '-m', 'readme');
    git(other, 'push', '--quiet');

    expect(await space.sync('--dry-run')).toMatchObject({ code: 0, changes: [] });

    expect(space.git('rev-parse', 'HEAD')).toBe(before);
    expect(space.git('for-each-ref', 'refs/celigo-mirror')).not.toContain(git(other, 'rev-parse', 'HEAD').trim());
  });

  it('lookupCacheData keeps the entries of a cache that the list left out', async () => {
    const account = await sample();
    const space = workspace(account, { lookupCacheData: true, include: ['lookupcaches'] });
    await space.mirrored();
    const files = space.files();
    account.emulator.faults.add({
      match: { method: 'GET', path: '/v1/lookupcaches' },
      fault: { kind: 'dropRecords', count: 1 },
    });

    expect(await space.sync()).toMatchObject({ code: 0, changes: [] });

    expect(space.files()).toEqual(files);
  });

  it('state and storage are mirrored when named', { tags: 'slow' }, async () => {
    const account = await sample();
    const space = workspace(account, { include: ['state', 'storageitems'] });
    await space.mirrored();

    expect(space.files().filter((path) => path.startsWith('state/'))).toHaveLength(Object.keys(seed.state).length);
    expect(space.files().filter((path) => path.startsWith('storageitems/'))).toHaveLength(
      seed.resources.storageitems?.length ?? 0,
    );
    expect(await space.sync()).toMatchObject({ code: 0, commits: [] });
  });

  it('a path other than an account’s name is refused with suggestions', async () => {
    const account = await sample();
    const space = workspace(account);

    expect(await space.run('sync', '--account', 'staging')).toMatchObject({
      code: 64,
      err: expect.stringContaining('prod'),
    });
    expect(await space.run('snyc')).toMatchObject({ code: 64, err: expect.stringContaining('Did you mean sync?') });
    expect(await space.run('types', 'flwos')).toMatchObject({
      code: 64,
      err: expect.stringContaining('did you mean flows?'),
    });
  });
});

describe('two accounts in one repository', () => {
  it('are mirrored into a folder each, one failing does not keep the other from it', { tags: 'slow' }, async () => {
    const [one, two] = [await sample(), await sample()];
    const space = new Workspace({
      one: { baseUrl: one.url, token: 'refused-token', include: ['flows'] },
      two: { baseUrl: two.url, token: two.owner.token, include: ['flows'] },
    });
    const outcome = await space.run('sync', '--json');
    const { accounts } = JSON.parse(outcome.out) as { accounts: { exitCode: number }[] };

    expect(outcome.code).toBe(1);
    expect(accounts.map(({ exitCode }) => exitCode)).toEqual([1, 0]);
    expect(space.git('ls-tree', '--name-only', 'HEAD').trim()).toBe('two');
    space.configure({
      one: { baseUrl: one.url, token: one.owner.token, include: ['flows'] },
      two: { baseUrl: two.url, token: two.owner.token, include: ['flows'] },
    });
    expect((await space.run('sync')).code).toBe(0);
    expect(space.git('ls-tree', '--name-only', 'HEAD').trim().split('\n')).toEqual(['one', 'two']);
    expect(space.log('%s')).toEqual(['one: 24 flows added', 'two: 24 flows added']);
  });
});
