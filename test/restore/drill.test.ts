import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isArray, type Json, type JsonObject } from '../../src/core/json.ts';
import { parseYaml } from '../../src/core/yaml.ts';
import { emptyAccount } from '../../src/emulator/http/server.ts';
import type { AccountSeed } from '../../src/emulator/model/seed.ts';
import { sample } from '../support/account.ts';
import { cli, tempDir, type Workspace } from '../support/workspace.ts';
import { commitByHand, doc, expectCode, head, mirrored, mirrorTexts, plain, said, writes } from './support.ts';

/** Without configuration, variables or token, from anywhere. */
function drill(folder: string, ...args: string[]) {
  return cli(['drill', folder, ...args], tempDir());
}

function named(space: Workspace, dir: string, name: string): string {
  for (const [id, text] of mirrorTexts(space, dir)) {
    if ((parseYaml(text) as JsonObject).name === name) return id;
  }
  throw new Error(`the mirror has no ${dir} called ${name}`);
}

const TIME = { createdAt: '2019-01-01T00:00:00.000Z', lastModified: '2024-02-01T00:00:00.000Z' };

/** A made-up id; the letter keeps kinds of resources apart. */
function id(kind: string, n = 1): string {
  return `66a0000000000000000${kind}${n.toString(16).padStart(4, '0')}`;
}

function old(_id: string, name: string, fields: JsonObject = {}): JsonObject {
  return { _id, name, ...TIME, ...fields };
}

/** Shapes that real accounts hold, although a creation of today would be refused or come out otherwise. */
function oldAccount(): AccountSeed {
  const step = (n: number, adaptorType: string, more: JsonObject = {}) =>
    old(id(adaptorType.endsWith('Export') ? '3' : '4', n), `Step ${n}`, {
      adaptorType,
      _connectionId: id('2', 1),
      ...more,
    });
  const connection = (n: number, type: string, block: JsonObject) => old(id('2', n), `C${n}`, { type, [type]: block });
  const mapping = { generate: 'a', dataType: 'string' };
  const tools = [{ type: 'tool', tool: { _toolId: id('7', 1) } }];
  return {
    ...emptyAccount(),
    resources: {
      integrations: [old(id('1', 1), 'Without install and groups')],
      connections: [
        connection(1, 'http', { baseURI: 'https://shop.example.test', mediaType: 'json', _iClientId: id('8', 1) }),
        ...['2018.1', '2020.2', 'current'].map((wsdlVersion, n) => connection(n + 2, 'netsuite', { wsdlVersion })),
        connection(5, 'ftp', { type: 'sftp', hostURI: 'ftp.example.test' }),
        connection(6, 'rest', { baseURI: 'https://old.example.test', mediaType: 'json' }),
        // Of some credentials the API shows nothing.
        connection(7, 'http', { baseURI: 'https://in.example.test', mediaType: 'json', auth: { type: 'oauth' } }),
      ],
      exports: [
        step(1, 'HTTPExport'),
        step(2, 'RESTExport'),
        step(3, 'HTTPExport', { _connectionId: id('2', 7), http: { relativeURI: '/x', method: 'GET' } }),
      ],
      imports: [
        step(1, 'HTTPImport', { mappings: [{ ...mapping, status: 'Draft' }, mapping] }),
        step(2, 'RESTImport', { name: 'n'.repeat(140) }),
        step(3, 'HTTPImport', { hooks: { preMap: { function: 'f', _stackId: id('b', 1) } } }),
        old(id('4', 4), 'Guard', {
          adaptorType: 'GuardrailImport',
          guardrail: { type: 'ai_agent', confidenceThreshold: 0.7, aiAgent: { provider: 'openai', openai: { tools } } },
        }),
      ],
      tools: [old(id('7', 1), 'T', { _integrationId: id('1', 1) })],
      flows: [
        old(id('5', 1), 'Half-built', {
          _integrationId: id('1', 1),
          disabled: true,
          pageGenerators: [{ _exportId: id('3', 1) }],
          pageProcessors: [{ type: 'import', setupInProgress: true }],
        }),
        old(id('5', 4), 'Enabled', {
          _integrationId: id('1', 1),
          disabled: false,
          pageGenerators: [{ _exportId: id('3', 3) }],
          pageProcessors: [{ type: 'import', _importId: id('4', 1) }],
        }),
        old(id('5', 2), 'Standalone', { disabled: true, pageGenerators: [{ _exportId: id('3', 2) }] }),
        old(id('5', 3), 'Every ten seconds', {
          _integrationId: id('1', 1),
          disabled: true,
          schedule: '*/10 * * * * *',
          pageGenerators: [{ _exportId: id('3', 1) }],
          pageProcessors: [{ type: 'import', _importId: id('4', 1) }],
        }),
      ],
    },
    unlisted: {
      iclients: [old(id('8', 1), 'Of Celigo', { provider: 'custom_oauth2' })],
      stacks: [old(id('b', 1), 'Of a partner', { type: 'server' })],
    },
  };
}

/** What such an account is warned of: the resource, and a part of the reason. */
const WARNINGS: readonly (readonly [what: string, part: string])[] = [
  [`connections/${id('2', 6)}`, 'valid enum value'],
  [`exports/${id('3', 2)}`, 'valid enum value'],
  [`imports/${id('4', 2)}`, 'valid enum value'],
  [`imports/${id('4', 2)}`, 'size_limit_exceeded'],
  [`imports/${id('4', 1)}`, 'status_field_absent'],
  [`imports/${id('4', 4)}`, 'guardrail_tools_not_allowed'],
  [`flows/${id('5', 2)}`, 'standalone_flows_not_supported'],
  [`flows/${id('5', 3)}`, 'schedule_not_supported'],
  [`connections/${id('2', 1)}`, 'which Celigo or another account provides'],
  [`imports/${id('4', 3)}`, 'which Celigo or another account provides'],
];

describe('drill', () => {
  it('of the sample account leaves nothing unexplained, without configuration and without a token', {
    tags: 'slow',
  }, async () => {
    const account = await sample();
    const space = await mirrored(account);
    const [commit, files] = [head(space), space.files().length];
    account.emulator.clearRequests();

    const outcome = await drill(space.mirror, '--json');

    expectCode(outcome, 0);
    const report = JSON.parse(outcome.out) as JsonObject;
    expect(report).toMatchObject({ account: 'prod', unexplained: [] });
    // It did restore, and it says of the rest why not.
    const explained = report.explained as Json;
    const yaml = space.files().filter((path) => path.endsWith('.yaml')).length;
    const restored = Number(report.restored);
    expect(isArray(explained)).toBe(true);
    expect(restored).toBeGreaterThan(yaml * 0.75);
    expect(restored).toBeLessThanOrEqual(yaml);
    for (const id of mirrorTexts(space, 'ashares').keys()) expect(JSON.stringify(explained)).toContain(id);
    for (const id of mirrorTexts(space, 'flows').keys()) {
      const app = space.read(space.find(id)).includes('_connectorId');
      expect(JSON.stringify(explained).includes(`flows/${id}`) && !app, `flow ${id} not restored`).toBe(false);
    }
    // The mirror and the account are as they were.
    expect([head(space), space.files().length]).toEqual([commit, files]);
    expect(space.git('status', '--porcelain')).toBe('');
    expect(account.emulator.requests).toEqual([]);
  });

  it('of a mirror with samples brings them back, too', { tags: 'slow' }, async () => {
    const account = await sample();
    const space = await mirrored(account, { sampleData: true });
    expect(space.git('grep', '--count', 'sampleData:', 'HEAD').trim()).not.toBe('');

    const outcome = await drill(space.mirror, '--json');

    expectCode(outcome, 0);
    expect(JSON.parse(outcome.out)).toMatchObject({ unexplained: [] });
  });

  it('says exactly what is missing when the file of a connection in use is gone', { tags: 'slow' }, async () => {
    const account = await sample();
    const space = await mirrored(account);
    const id = named(space, 'connections', 'Carrier (Postbud)');
    const users = [...mirrorTexts(space, 'exports')].filter(([, text]) => text.includes(id));
    expect(users.length).toBeGreaterThan(0);
    rmSync(join(space.mirror, space.find(id)));
    commitByHand(space);

    const outcome = await drill(space.mirror);

    expect(outcome.code).not.toBe(0);
    expect(outcome.code).not.toBe(64);
    expect(said(outcome)).toContain(id);
    for (const [user] of users) expect(said(outcome)).toContain(user);
    // And nothing else: a connection that is there is not accused.
    expect(outcome.out).not.toContain(named(space, 'connections', 'Service desk'));
  });

  it('of an earlier commit does not see what is broken now', { tags: 'slow' }, async () => {
    const account = await sample();
    const space = await mirrored(account);
    const at = head(space);
    const path = space.find(named(space, 'connections', 'Carrier (Postbud)'));
    rmSync(join(space.mirror, path));
    commitByHand(space);

    expectCode(await drill(space.mirror, '--at', at), 0);
    expect((await drill(space.mirror, '--at', 'HEAD')).code).not.toBe(0);
    expect((await drill(space.mirror, '--at', 'no-such-ref')).code).toBe(64);
  });

  it('of a real account warns of what the API of today may refuse, and of what others provide', {
    tags: 'slow',
  }, async () => {
    const account = await sample({ seed: oldAccount() });
    const space = await mirrored(account);

    const outcome = await drill(space.mirror, '--json');

    expectCode(outcome, 0);
    const report = JSON.parse(outcome.out) as JsonObject;
    expect(report).toMatchObject({ unexplained: [], explained: [] });
    const told = (report.warnings as readonly { what: string; why: string }[]).map(
      ({ what, why }) => `${what}: ${why}`,
    );
    for (const [what, part] of WARNINGS) {
      expect(told, `${what} ${part}`).toContainEqual(expect.stringMatching(new RegExp(`^${what}: .*${part}`)));
    }
    expect(told).toHaveLength(WARNINGS.length);
    const { out } = await drill(space.mirror);
    expect(out).toContain('may be refused by the API: ');
    expect(out).toContain('which Celigo or another account provides');
  });

  it('warns of a document that the API of today may refuse, and restores it', { tags: 'slow' }, async () => {
    const account = await sample();
    const space = await mirrored(account);
    const [id = ''] = plain(space, account.emulator, 'imports', (found) => isArray(found.mappings));
    const path = space.find(id);
    writeFileSync(
      join(space.mirror, path),
      space.read(path).replaceAll(/^adaptorType: .*$/gm, 'adaptorType: NoSuchImport'),
    );
    commitByHand(space);

    const outcome = await drill(space.mirror, '--json');

    expectCode(outcome, 0);
    const report = JSON.parse(outcome.out) as JsonObject;
    expect(report).toMatchObject({ unexplained: [] });
    const why = 'may be refused by the API: `NoSuchImport` is not a valid enum value for path `adaptorType`. (enum)';
    expect(report.warnings).toContainEqual(expect.objectContaining({ what: `imports/${id}`, why }));
    expect((await drill(space.mirror)).out).toContain(why);
  });

  it('of a folder without a mirror is wrong usage', async () => {
    for (const folder of [tempDir(), join(tempDir(), 'absent')]) {
      const outcome = await drill(folder);
      expectCode(outcome, 64);
      expect(outcome.err).toContain(folder);
    }
  });
});

describe('show', () => {
  it('prints the document as it is in the mirror, and as it was', { tags: 'slow' }, async () => {
    const account = await sample();
    const space = await mirrored(account);
    const [id = ''] = plain(space, account.emulator, 'flows');
    const [at, old, was] = [head(space), space.read(space.find(id)), String(doc(account.emulator, 'flows', id).name)];
    account.emulator.act(account.owner.email).set('flows', id, { name: 'Another name', description: 'later' });
    await space.sync();

    const now = await space.run('show', `flows/${id}`);
    expectCode(now, 0);
    expect(parseYaml(now.out)).toEqual(parseYaml(space.read(space.find(id))));
    const then = await space.run('show', `flows/${id}`, '--at', at);
    expectCode(then, 0);
    expect(parseYaml(then.out)).toEqual(parseYaml(old));
    // By its name, each at its time.
    expect((await space.run('show', 'flows/Another name')).out).toBe(now.out);
    expect((await space.run('show', `flows/${was}`, '--at', at)).out).toBe(then.out);
  });

  it('still finds what was deleted since, and reads no work tree', async () => {
    const account = await sample();
    const space = await mirrored(account);
    const [at, id] = [head(space), named(space, 'scripts', 'Order router')];
    const code = String(doc(account.emulator, 'scripts', id).content).split('\n')[0] ?? '';
    rmSync(join(space.mirror, 'prod', 'scripts'), { recursive: true });
    const outcome = await space.run('show', `scripts/${id}`, '--at', at);
    expectCode(outcome, 0);
    expect(outcome.out).toContain(code);
  });
});

describe('diff', () => {
  it('of an account equal to its mirror is empty and ends with 0', async () => {
    const account = await sample();
    const space = await mirrored(account);
    account.emulator.clearRequests();
    expectCode(await space.run('diff', '--exit-code'), 0);
    const { out } = await space.run('diff', '--json');
    expect(JSON.parse(out)).toMatchObject({ version: 1, differences: [] });
    expect(writes(account.emulator)).toEqual([]);
  });

  it('names the field of a live edit, ends with 2 when asked to, and commits nothing', { tags: 'slow' }, async () => {
    const account = await sample();
    const space = await mirrored(account);
    const commit = head(space);
    const [id = '', other = ''] = plain(space, account.emulator, 'flows');
    const actor = account.emulator.act(account.owner.email);
    actor.set('flows', id, { 'pageGenerators[0].skipRetries': true, description: 'a live edit' });
    const script = named(space, 'scripts', 'Order router');
    actor.set('scripts', script, { content: 'a line of its own\n' });

    const outcome = await space.run('diff', '--exit-code');
    expectCode(outcome, 2);
    for (const part of [id, 'skipRetries', 'a live edit', script, 'a line of its own'])
      expect(outcome.out).toContain(part);
    expectCode(await space.run('diff'), 0);
    expectCode(await space.run('diff', `flows/${id}`, '--exit-code'), 2);
    expectCode(await space.run('diff', `flows/${other}`, '--exit-code'), 0);

    const { differences } = JSON.parse((await space.run('diff', '--json')).out) as {
      differences: { type: string; id: string; what: string; changes: { place: string }[] }[];
    };
    expect(differences.map(({ type, id, what }) => [type, id, what]).sort()).toEqual(
      [
        ['flows', id, 'changed'],
        ['scripts', script, 'changed'],
      ].sort(),
    );
    const places = differences.find(({ type }) => type === 'flows')?.changes.map(({ place }) => place);
    expect(places?.sort()).toEqual(['description', 'pageGenerators[0].skipRetries']);
    expect(head(space)).toBe(commit);
    expect(space.git('status', '--porcelain')).toBe('');
    expect(writes(account.emulator)).toEqual([]);
  });

  it('between two commits needs no account and sees renames, additions and deletions', async () => {
    const account = await sample();
    const space = await mirrored(account);
    const from = head(space);
    const actor = account.emulator.act(account.owner.email);
    const [id = ''] = plain(space, account.emulator, 'flows');
    actor.set('flows', id, { name: 'Another name' });
    const added = String(actor.create('scripts', { name: 'New one', content: '// new' })._id);
    const tag = String(account.emulator.state.all('tags')[0]?._id);
    actor.remove('tags', tag);
    await space.sync();
    const to = head(space);
    await account.emulator.close();

    const { out, code } = await space.run('diff', '--from', from, '--to', to, '--exit-code', '--json');
    expect(code).toBe(2);
    const { differences } = JSON.parse(out) as { differences: { type: string; id: string; what: string }[] };
    expect(Object.fromEntries(differences.map(({ type, id, what }) => [`${type}/${id}`, what]))).toEqual({
      [`flows/${id}`]: 'renamed',
      [`scripts/${added}`]: 'added',
      [`tags/${tag}`]: 'deleted',
    });
    expectCode(await space.run('diff', '--from', to, '--to', to, '--exit-code'), 0);
    expectCode(await space.run('diff', '--from', 'no-such-ref', '--to', to), 64);
  });
});
