import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Json, JsonObject } from '../../src/core/json.ts';
import { emptyAccount } from '../../src/emulator/http/server.ts';
import { sample } from '../support/account.ts';
import { gateway } from '../support/gateway.ts';
import { eachOf } from '../support/table.ts';
import { Workspace } from '../support/workspace.ts';

const CONNECTION = '64f0c0ffee64f0c0ffee64f0';
const [ONE, OTHER] = ['64f0c0ffee64f0c0ffee64f1', '64f0c0ffee64f0c0ffee64f2'];
const TIME = { lastModified: '2026-01-01T00:00:00.000Z' };

/** A mirror of a connection with a key and of two scripts, and another person who can write below `.git`. */
async function scene() {
  const headers = [{ name: 'X-Api-Key', value: 'violet-otter-9931-key' }];
  const http = { formType: 'http', mediaType: 'json', baseURI: 'https://api.example.test/v1', headers };
  const script = (_id: string, name: string): JsonObject & { _id: string } => ({
    ...{ _id, name, content: `// ${name}\n`, ...TIME },
  });
  const resources = {
    connections: [{ _id: CONNECTION, name: 'API', type: 'http', ...TIME, http }],
    scripts: [script(ONE, 'One'), script(OTHER, 'Other')],
  };
  const account = await sample({ seed: { ...emptyAccount(), resources } });
  const space = new Workspace({ prod: { baseUrl: account.url, token: account.owner.token } });
  await space.mirrored();
  const before = space.git('rev-parse', 'HEAD').trim();
  const path = space.find(CONNECTION);
  const forge = (what: string, options: JsonObject, ...entries: Json[]): void => {
    const head = {
      ...{ version: 1, id: '20260101T000000Z-abcdef', account: 'prod', from: 'prod', what: [what] },
      ...{ commit: space.git('rev-parse', 'HEAD').trim(), base: before, startedAt: '2026-01-01T00:00:00.000Z' },
      ...{ operator: { name: 'Ann', email: 'ann@x.test' } },
      options: {
        ...{ prune: false, withDependencies: false, enableFlows: false, force: true, secrets: false },
        ...options,
      },
    };
    const folder = join(space.mirror, '.git', 'celigo-mirror', 'prod.restores');
    mkdirSync(folder, { recursive: true });
    const lines = [head, ...entries].map((line) => `${JSON.stringify(line)}\n`);
    writeFileSync(join(folder, `${head.id}.ndjson`), lines.join(''));
  };
  const commit = (file: string, edit: (text: string) => string): void => {
    writeFileSync(file, edit(readFileSync(file, 'utf8')));
    space.git('-c', 'user.name=Eve', '-c', 'user.email=eve@x.test', 'commit', '-qam', 'a change');
  };
  return { account, space, path: join(space.mirror, path), forge, commit };
}

eachOf<[what: string, options: (thief: string) => JsonObject]>(
  [
    ['that someone allowed it', () => ({ allowTargetChange: true })],
    [
      'which account it is',
      (baseUrl) => ({ allowTargetChange: true, target: { name: 'prod', baseUrl, token: 'x', ignore: {} } }),
    ],
  ],
  { quick: 2 },
)('a journal that says %s does not send credentials elsewhere', async (_, options) => {
  const { account, space, path, forge, commit } = await scene();
  const thief = await gateway(account.url, () => false);
  const live = JSON.stringify(account.emulator.state.get('connections', CONNECTION));
  commit(path, (text) => text.replace('api.example.test', 'evil.example'));
  forge(`connections/${CONNECTION}`, options(thief.url));

  const { code, err } = await space.run('restore', '--resume', '--yes');

  expect({ code, err }).toMatchObject({ code: 4, err: expect.stringContaining('would be sent elsewhere') });
  expect(JSON.stringify(account.emulator.state.get('connections', CONNECTION))).toBe(live);
  expect(thief.seen).toEqual([]);
});

it.each<[what: string, entry: Json | undefined]>([
  ['nothing', undefined],
  ['made', { kind: 'done', key: `scripts/${ONE}`, action: 'create', id: OTHER }],
  ['chosen', { kind: 'match', key: `scripts/${ONE}`, id: OTHER }],
  ['a part', { kind: 'ids', pairs: [[ONE, OTHER]] }],
])('a journal that says of a resource that another one was %s in its place overwrites none', async (_, entry) => {
  const { account, space, forge, commit } = await scene();
  const folder = join(space.mirror, 'prod', 'scripts');
  const code = readdirSync(folder).find((name) => name.includes(ONE) && name.endsWith('.js')) ?? '';
  commit(join(folder, code), () => '// edited\n');
  forge(`scripts/${ONE}`, {}, ...(entry === undefined ? [] : [entry]));

  const { code: exit, err } = await space.run('restore', '--resume', '--yes');

  // Without the entry, it is a journal like others.
  if (entry === undefined) expect(exit).toBe(0);
  else expect({ exit, err }).toMatchObject({ exit: 64, err: expect.stringContaining('says that both') });
  const written = account.emulator.state.get('scripts', ONE)?.content;
  expect(written).toBe(entry === undefined ? '// edited\n' : '// One\n');

  expect(account.emulator.state.get('scripts', OTHER)).toMatchObject({ name: 'Other', content: '// Other\n' });
});
