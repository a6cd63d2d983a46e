import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findType } from '../../src/catalogue/index.ts';
import { CREDENTIAL_FORMATS } from '../../src/core/credential-formats.ts';
import { credentialsIn, credentialsInData } from '../../src/core/credential-text.ts';
import { createFingerprint } from '../../src/core/digest.ts';
import type { JsonObject } from '../../src/core/json.ts';
import type { NormaliseOptions } from '../../src/core/normalise.ts';
import { renderYaml } from '../../src/core/yaml.ts';
import { sampleAccount } from '../../src/emulator/sample/index.ts';
import { fillSecrets } from '../../src/plan/secrets.ts';
import { read } from '../plan/support.ts';
import { sample, type TestAccount } from '../support/account.ts';
import { cases } from '../support/fuzz.ts';
import { Workspace } from '../support/workspace.ts';

/** Put together here, so that no scanner takes this source for one that holds credentials. */
const j = (...parts: string[]): string => parts.join('');
const KEYS: Record<string, string> = {
  'AWS access key id': j('AK', 'IA', 'Q7ZKXJ4M2PLW9TBN'),
  'JSON Web Token': j('ey', 'JhbGciOiJIUzI1NiJ9.ey', 'JzdWIiOiI3NzcifQ.dozjgNryP4J3jVmNHl0w5N'),
  'private key': j('-----BEGIN ', 'RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA7bq\n-----END ', 'RSA PRIVATE KEY-----'),
  'bearer token': j('Bea', 'rer 9fK2mQ7xLpV4sTzW8yBn'),
  'password in a URL': j('https://shop:', 'Wint3rHike@api.shop.example/v1'),
  'Slack token': j('xo', 'xb-2415162342-7364827364-aBcDeFgHiJkL'),
  'GitHub token': j('gh', 'p_0a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R'),
  'Stripe key': j('sk', '_live_4eC39HqLyjWDarjtT1zdp7dc'),
  'SendGrid key': j('S', 'G.ngeVfQFYQlKU0ufo8x5d1A.TwL2iGABf9DHoTf09kqeF8tAmbihYzrnopKc'),
  'value of a credential': j('k7Qz', '93hLmN20xWp4'),
};

/** A script that holds the credential. */
function code(kind: string, n = 0): string {
  const value = KEYS[kind] ?? '';
  return kind === 'value of a credential'
    ? `const apiKey = "${value}";\nrun(${n});\n`
    : `// ${n}\nrun(\`${value}\`);\n`;
}

type Policies = { fields?: string; code?: string };

async function begin(credentials?: Policies): Promise<{ account: TestAccount; space: Workspace }> {
  const account = await sample();
  const space = new Workspace({
    prod: { baseUrl: account.url, token: account.owner.token, ...(credentials ? { credentials } : {}) },
  });
  if (credentials?.fields === 'refuse') await space.sync();
  else await space.mirrored();
  return { account, space };
}

/** Everything that the mirror ever held or said. */
function everything(space: Workspace): string {
  return space.git('log', '-p', '--all', '--format=%B');
}

describe('credentials in plain text', () => {
  it.each(Object.keys(KEYS))('are known by their format: %s', (kind) => {
    const text = code(kind);
    const [found, ...more] = credentialsIn(text);
    expect(more).toEqual([]);
    expect(found?.kind).toBe(kind);
    expect(text.slice(found?.start, found?.end)).toContain((KEYS[kind] ?? '').slice(0, 30));
  });

  it.each(CREDENTIAL_FORMATS.map(({ kind, example }) => [kind, example.join('')]))(
    'are known by the format of their maker: %s',
    (kind, example) => {
      expect(credentialsIn(example)).toEqual([{ kind, start: 0, end: example.length }]);
      expect(credentialsIn(`see ${example}\nfor more`)).toMatchObject([{ kind }]);
    },
  );

  it.each([
    'ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQC7bq4f1e8a92c7d3b605 shop@example.test',
    '-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE7bq4f1e8a92c7d3b605aa\n-----END PUBLIC KEY-----',
    '-----BEGIN CERTIFICATE-----\nMIIEpAIBAAKCAQEA7bqMIIEpAIBAAKCAQEA7bq\n-----END CERTIFICATE-----',
    'sha256:4f1e8a92c7d3b6054f1e8a92c7d3b6054f1e8a92c7d3b6054f1e8a92c7d3b605',
    '4f1e8a92-c7d3-b605-4f1e-8a92c7d3b605',
    'https://shop.example.test:8443/orders/66a211055d3e7b0002000001?limit=50#top',
    'https://{{connection.user}}:{{connection.password}}@host.example.test',
    'git@git.example.test:acme/mirror.git, ssh://git@git.example.test/acme/mirror.git',
    '{{{record.password}}} and {{#if token}}x{{/if}}',
    'task-us12 key-value SG.1 sk-learn pat-a 1//0 EAAB',
  ])('are not seen in what is public or only looks like one: %s', (text) => {
    expect(credentialsIn(text)).toEqual([]);
    expect(credentialsInData(text)).toEqual([]);
  });

  it('in keys, below names, next to names and in numbers come back with a restore, or are named', {
    tags: 'slow',
  }, async () => {
    const { account, space } = await begin();
    const owner = account.emulator.act(account.owner.token);
    const token = KEYS['GitHub token'] ?? '';
    const settings = {
      keyed: { [token]: 'x', other: 1 },
      password: { label: 'Password', value: 'tulip-bulb' },
      secrets: ['tulip-one', 'tulip-two'],
      fields: [{ name: 'password', value: 'tulip' }],
      passcode: { length: 12 },
      clientSecret: 987_654_321,
      passwordMaxAge: 90,
    };
    const id = String(account.emulator.state.all('flows').find((doc) => !doc._connectorId)?._id);
    owner.set('flows', id, { settings });
    await space.sync();

    const text = readFileSync(join(space.mirror, space.find(id)), 'utf8');
    for (const held of [token, 'tulip', '987654321']) expect(text).not.toContain(held);
    for (const kept of ['label: Password', 'length: 12', 'passwordMaxAge: 90']) expect(text).toContain(kept);
    expect(everything(space)).not.toContain(token);
    expect((await space.run('verify')).code).toBe(0);

    owner.set('flows', id, { settings: { ...settings, passwordMaxAge: 30 }, description: 'broken' });
    await space.sync();
    const back = await space.run('restore', `flows/${id}`, '--at', 'HEAD~1', '--yes');
    expect(back.code, back.err + back.out).toBe(0);
    expect(account.emulator.state.get('flows', id)?.settings).toEqual(settings);

    owner.set('flows', id, { settings: {} });
    await space.sync();
    const named = await space.run('restore', `flows/${id}`, '--at', 'HEAD~1', '--yes');
    expect(named.code).toBe(3);
    for (const place of ['settings.keyed', 'settings.password.value', 'settings.clientSecret'])
      expect(named.out + named.err).toContain(place);
    expect(account.emulator.state.get('flows', id)?.settings).toEqual({});
  });

  it('are reported without showing a key that is one', { tags: 'slow' }, async () => {
    const { account, space } = await begin({ fields: 'warn' });
    const token = KEYS['GitHub token'] ?? '';
    const id = String(account.emulator.state.all('flows').find((doc) => !doc._connectorId)?._id);
    account.emulator.act(account.owner.token).set('flows', id, { settings: { [token]: token } });

    const { notices } = await space.sync();

    expect(notices.join()).toMatch(/settings\["\[\[redacted [0-9a-f]{12}\]\]"\] \(key of a field\)/);
    expect(notices.join()).not.toContain(token);
  });

  it('in entries of lookup caches come back with them', { tags: 'slow' }, async () => {
    const account = await sample();
    const [cache] = account.emulator.state.all('lookupcaches');
    const [id, token] = [String(cache?._id), KEYS['GitHub token'] ?? ''];
    const entries = [
      { key: 'plain', value: 'v' },
      { key: 'shop', value: { password: 'tulip-bulb', url: KEYS['password in a URL'] ?? '' } },
      { key: token, value: 1 },
    ];
    await account.call(account.owner, 'DELETE', `/v1/lookupcaches/${id}/data/purge`);
    await account.call(account.owner, 'POST', `/v1/lookupcaches/${id}/data`, { data: entries });
    const space = new Workspace({
      prod: { baseUrl: account.url, token: account.owner.token, include: ['lookupcaches'], lookupCacheData: true },
    });
    await space.mirrored();
    const kept = everything(space);
    expect(kept).toContain('"plain"');
    for (const held of [token, 'tulip', 'Wint3rHike']) expect(kept).not.toContain(held);
    expect((await space.run('verify')).code).toBe(0);

    const remove = { keys: ['plain'] };
    await account.call(account.owner, 'DELETE', `/v1/lookupcaches/${id}/data`, remove);
    account.emulator.act(account.owner.token).set('lookupcaches', id, { description: 'without plain' });
    await space.run('sync', '--full');
    const back = await space.run('restore', `lookupcaches/${id}`, '--at', 'HEAD~1', '--yes');
    expect(back.code, back.err + back.out).toBe(0);
    const held = await account.call(account.owner, 'POST', `/v1/lookupcaches/${id}/getData`, {});
    expect(JSON.stringify(held)).toContain('plain');
    for (const value of [token, 'tulip-bulb', 'Wint3rHike']) expect(JSON.stringify(held)).toContain(value);
    expect(JSON.stringify(held)).not.toContain('redacted');
  });

  it('in keys of states, paths of the audit log and names of people do not reach the mirror', {
    tags: 'slow',
  }, async () => {
    const token = KEYS['GitHub token'] ?? '';
    const seed = sampleAccount();
    const people = seed.people.map((one) => (one.role === 'administrator' ? { ...one, name: `Eve ${token}` } : one));
    const state = { [token]: { password: 'tulip-bulb' } };
    const account = await sample({ seed: { ...seed, people, state } });
    const space = new Workspace({
      prod: { baseUrl: account.url, token: account.owner.token, include: ['flows', 'state'], auditFeed: true },
    });
    await space.mirrored();
    const id = String(account.emulator.state.all('flows').find((doc) => !doc._connectorId)?._id);
    await account.update(account.person('administrator'), 'flows', id, (doc) => ({
      ...doc,
      settings: { [token]: 'x' },
    }));
    const { commits } = await space.sync();

    const kept = space.git('log', '-p', '--all', '--format=%an %ae %B', '--name-only') + everything(space);
    const said = (await space.run('log')).out + (await space.run('lint')).out + JSON.stringify(commits);
    for (const text of [kept, said]) {
      expect(text).not.toContain(token);
      expect(text).not.toContain(Buffer.from(token).toString('hex'));
      expect(text).not.toContain('tulip');
    }
    expect(space.log('%an')).toContain('Eve [[redacted]]');
    expect(space.files().filter((path) => path.startsWith('state/unnamed.hidden-'))).toHaveLength(1);
    expect((await space.run('verify')).code).toBe(0);
    expect((await space.sync()).verdict).toBe('unchanged');

    await account.call(account.owner, 'DELETE', `/v1/state/${token}`);
    expect(await space.sync()).toMatchObject({ code: 0, changes: [{ type: 'state', what: 'deleted' }] });
    expect(space.files().filter((path) => path.startsWith('state/'))).toEqual([]);
  });

  it.each([
    'const apiKey = settings.apiKey;',
    'password: "{{connection.http.encrypted.password}}"',
    'Authorization: Bearer {{{connection.token}}}',
    'https://user@host.example/x and https://host.example:8443/a@b',
    'the secret of a good tent = "waterproof seams"',
    'const token = "continuationToken";',
    'const key = "64f0c0ffee64f0c0ffee64f0"; // an id',
  ])('are not seen where there are none: %s', (text) => {
    expect(credentialsIn(text)).toEqual([]);
  });

  it('in a field never reach the mirror, whatever the field is called', { tags: 'slow' }, async () => {
    const { account, space } = await begin();
    const owner = account.emulator.act(account.owner.token);
    const flows = account.emulator.state.all('flows');
    const kinds = Object.keys(KEYS).filter((kind) => kind !== 'value of a credential');
    for (const [i, kind] of kinds.entries()) {
      owner.set('flows', String(flows[i]?._id), {
        description: `note: ${KEYS[kind]}`,
        [`x${i}`]: { deep: [KEYS[kind] ?? ''] },
      });
    }
    owner.set('flows', String(flows[0]?._id), { settings: { apiKey: KEYS['value of a credential'] ?? '' } });
    const report = await space.sync();

    expect(report.code).toBe(0);
    const all = everything(space) + JSON.stringify(report);
    for (const [kind, value] of Object.entries(KEYS))
      expect(all.includes(value.split('\n')[1] ?? value), kind).toBe(false);
    expect((await space.run('verify')).code).toBe(0);
    expect((await space.sync()).verdict).toBe('unchanged');
  });

  it('in code stay and are reported, once, by place and line and never by value', async () => {
    const { account, space } = await begin();
    const made = account.emulator
      .act(account.owner.token)
      .create('scripts', { name: 'Leaky', content: `\n\n${code('Stripe key')}` });

    const report = await space.sync();

    const notice = report.notices.find((text) => text.includes('plain-text credentials'));
    expect(notice).toBe(
      `plain-text credentials are now in the mirror: prod/scripts/leaky.${made._id}.yaml, content:4 (Stripe key)`,
    );
    expect((await space.sync()).notices).toEqual([]);
  });

  it('next to a name in a list are taken out, and text about credentials is left alone', async () => {
    const { account, space } = await begin();
    const owner = account.emulator.act(account.owner.token);
    const list = [
      { name: 'X-Api-Key', value: KEYS['value of a credential'] ?? '' },
      { name: 'tokenType', value: 'kV9x2LmQ7tRw4ZsB' },
      { id: 'apiKey', value: 'custrecord_shop_api_key_2' },
    ];
    const [flow] = account.emulator.state.all('flows');
    const description = 'Basic responsibilities/authentication';
    owner.set('flows', String(flow?._id), { description, settings: { list } });
    owner.create('scripts', { name: 'Talkative', content: `// ${description} token\nrun();\n` });

    const report = await space.sync();

    expect(report.notices.filter((text) => text.includes('plain-text'))).toEqual([]);
    const text = space.read(space.find(String(flow?._id)));
    expect(text).toContain(`description: ${description}`);
    expect(text).toMatch(/- name: X-Api-Key\n +value:\n +\$secret: /);
    expect(text).toMatch(/- name: tokenType\n +value: \w/);
    expect(text).toContain('custrecord_shop_api_key_2');
    expect((await space.run('verify')).code).toBe(0);
  });

  it('are refused where the policy requires it: nothing is committed, and the message leads to them', {
    tags: 'slow',
  }, async () => {
    const { account, space } = await begin({ code: 'refuse', fields: 'refuse' });
    // What the sample account itself has in fields is refused at once.
    expect(() => space.git('rev-parse', 'HEAD')).toThrow();
    space.configure({ prod: { baseUrl: account.url, token: account.owner.token, credentials: { code: 'refuse' } } });
    await space.sync();
    const head = space.git('rev-parse', 'HEAD');
    account.emulator.act(account.owner.token).create('scripts', { name: 'Leaky', content: code('private key') });

    const outcome = await space.run('sync');

    expect(outcome.code).toBe(4);
    expect(outcome.err + outcome.out).toMatch(
      /plain-text credentials found, nothing was committed: prod\/scripts\/leaky\.\w+\.yaml, content:2 \(private key\)/,
    );
    expect(space.git('rev-parse', 'HEAD')).toBe(head);
    expect(space.git('status', '--porcelain')).toBe('');
  });

  it('are taken out of code where the policy requires it, and a restore puts them back from the live script', {
    tags: 'slow',
  }, async () => {
    const { account, space } = await begin({ code: 'redact' });
    const owner = account.emulator.act(account.owner.token);
    const text = `${code('Stripe key')}${code('value of a credential')}`;
    const made = owner.create('scripts', { name: 'Leaky', content: text });
    const id = String(made._id);
    await space.sync();
    const file = join(space.mirror, 'prod', 'scripts', `leaky.${id}.js`);
    const kept = readFileSync(file, 'utf8');
    for (const kind of ['Stripe key', 'value of a credential']) expect(kept).not.toContain(KEYS[kind]);
    expect(kept).toMatch(/run\(`\[\[redacted [0-9a-f]{12}\]\]`\);/);
    expect(everything(space)).not.toContain(KEYS['Stripe key']);
    expect((await space.run('verify')).code).toBe(0);

    // Somebody breaks the code around them; the mirror's version comes back whole.
    owner.set('scripts', id, { content: text.replace('run(0);', 'broken(') });
    await space.sync();
    const back = await space.run('restore', `scripts/${id}`, '--at', 'HEAD~1', '--yes');
    expect(back.code, back.err + back.out).toBe(0);
    expect(account.emulator.state.get('scripts', id)?.content).toBe(text);

    // Where the live script no longer has them, nothing is written, and the plan says what is missing.
    owner.set('scripts', id, { content: 'run();\n' });
    await space.sync();
    const blocked = await space.run('restore', `scripts/${id}`, '--at', 'HEAD~1', '--yes');
    expect(blocked.code).toBe(3);
    expect(blocked.out + blocked.err).toContain('content');
    expect(account.emulator.state.get('scripts', id)?.content).toBe('run();\n');
    const secrets = join(space.dir, 'secrets.yaml');
    writeFileSync(secrets, renderYaml({ [`scripts/${id}`]: { content: text } }));
    const supplied = await space.run('restore', `scripts/${id}`, '--at', 'HEAD~1', '--yes', '--secrets', secrets);
    expect(supplied.code, supplied.err + supplied.out).toBe(0);
    expect(account.emulator.state.get('scripts', id)?.content).toBe(text);
  });

  it('taken out of any code are put back exactly', () => {
    const type = findType('scripts');
    if (!type) throw new Error('no scripts');
    const options: NormaliseOptions = {
      sampleData: false,
      fingerprint: createFingerprint('key'),
      credentials: { fields: 'redact', code: 'redact' },
    };
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.string(), fc.constantFrom(...Object.keys(KEYS).map((kind) => code(kind)))), {
          minLength: 1,
          maxLength: 8,
        }),
        (parts) => {
          const raw: JsonObject = { _id: '64f0c0ffee64f0c0ffee64f0', name: 'x', content: `${parts.join('\n')}\n.` };
          const live = read(type, raw, options);
          expect(credentialsIn(String(live.doc.content))).toEqual([]);
          const filled = fillSecrets(type, live.doc, new Map(), live);
          expect(filled.missing).toEqual([]);
          expect(filled.doc.content).toBe(raw.content);
        },
      ),
      cases(100),
    );
  });
});
