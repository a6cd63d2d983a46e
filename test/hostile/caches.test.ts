import { hash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { JsonObject } from '../../src/core/json.ts';
import { emptyAccount } from '../../src/emulator/http/server.ts';
import { sample } from '../support/account.ts';
import { Workspace } from '../support/workspace.ts';

const [ONE, OTHER] = ['64f0c0ffee64f0c0ffee64f1', '64f0c0ffee64f0c0ffee64f2'];

/** A mirror of two scripts, and another person who can write below `.git`. */
async function scene() {
  const script = (_id: string, name: string): JsonObject & { _id: string } => ({
    ...{ _id, name, content: `// ${name}\n`, lastModified: '2026-01-01T00:00:00.000Z' },
  });
  const resources = { scripts: [script(ONE, 'One'), script(OTHER, 'Other')] };
  const account = await sample({ seed: { ...emptyAccount(), resources } });
  const space = new Workspace({ prod: { baseUrl: account.url, token: account.owner.token, include: ['scripts'] } });
  await space.mirrored();
  const folder = join(space.mirror, '.git', 'celigo-mirror', 'prod.cache');
  const index = join(folder, 'index.json');
  return {
    account,
    space,
    tree: (): string => space.git('rev-parse', 'HEAD:prod').trim(),
    forgeIndex: (edit: (stored: { tree: string }) => object): void =>
      writeFileSync(index, JSON.stringify(edit(JSON.parse(readFileSync(index, 'utf8')) as { tree: string }))),
    /** Puts one text for another in what the cache says of scripts, under a name that fits. */
    forgeScripts(text: string, by: string): void {
      const name = readdirSync(folder).find((file) => file.startsWith('scripts-')) ?? '';
      const lines = readFileSync(join(folder, name), 'utf8').replaceAll(text, by).trimEnd().split('\n');
      const table = JSON.parse(lines.pop() ?? '') as { chunks: [line: number, ...rest: unknown[]][] };
      table.chunks.forEach((chunk, i) => {
        chunk[0] = Buffer.byteLength(lines[i] ?? '') + 1;
      });
      const forged = [...lines, JSON.stringify(table), ''].join('\n');
      const file = `scripts-${hash('sha256', forged, 'base64url').slice(0, 22)}.jsonl`;
      writeFileSync(join(folder, file), forged);
      writeFileSync(index, readFileSync(index, 'utf8').replace(name, file));
    },
  };
}

it('an edit that a forged cache hides is found by the next run that fetches everything', async () => {
  const { account, space, tree, forgeIndex } = await scene();
  account.emulator.act(account.owner.email).set('scripts', ONE, { description: 'hidden' });
  await space.sync();
  const edited = tree();
  space.git('reset', '--quiet', '--hard', 'HEAD~1');
  forgeIndex((stored) => ({ ...stored, tree: tree() }));

  expect(await space.sync('--full')).toMatchObject({ code: 0, verdict: 'changed', changes: [{ id: ONE }] });

  expect(tree()).toBe(edited);
});

it('what people committed is put back by such a run, though a forged cache has it', async () => {
  const { space, tree, forgeIndex } = await scene();
  const before = tree();
  const path = space.find(ONE);
  writeFileSync(join(space.mirror, path), `${space.read(path)}evil: true\n`);
  space.git('-c', 'user.name=Eve', '-c', 'user.email=eve@x.test', 'commit', '-qam', 'an edit');
  forgeIndex((stored) => ({ ...stored, tree: tree() }));

  expect((await space.sync('--full')).code).toBe(0);

  expect(tree()).toBe(before);
  expect(space.git('log', '-1', '--format=%an <%ae>')).not.toMatch(/Eve|owner/);
});

it.each(['mirror.yaml', '../README.md', '../../outside', `scripts/other.${OTHER}.yaml`])(
  'a deletion takes no file that a forged cache names: %s',
  async (path) => {
    const { account, space, forgeScripts } = await scene();
    writeFileSync(join(space.mirror, 'README.md'), 'mine\n');
    space.git('add', 'README.md');
    space.git('-c', 'user.name=Eve', '-c', 'user.email=eve@x.test', 'commit', '-qm', 'a page');
    await space.sync();
    const kept = space.git('ls-tree', '-r', '--name-only', 'HEAD').split('\n');
    forgeScripts(space.find(ONE).slice('prod/'.length), path);
    account.emulator.act(account.owner.email).remove('scripts', ONE);

    for (const flags of [['--allow-deletions'], ['--full']]) await space.run('sync', ...flags);

    const left = space.git('ls-tree', '-r', '--name-only', 'HEAD').split('\n');
    expect(left).toEqual(kept.filter((file) => !file.includes(ONE)));
    expect(space.git('status', '--porcelain')).toBe('');
  },
);
