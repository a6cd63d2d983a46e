import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/core/json.ts';
import { emptyAccount } from '../../src/emulator/http/server.ts';
import { sample } from '../support/account.ts';
import { Workspace } from '../support/workspace.ts';

const ID = '64f0c0ffee64f0c0ffee64f3';
const CODE = 'function f(options) {\n  return options;\n}\n';

interface Planned {
  readonly steps: { readonly action: string; readonly reason: string; readonly id: string }[];
}

/** A mirror with one script, and what someone pushes into its files. */
async function scene() {
  const script: JsonObject = { _id: ID, name: 'Hooks', content: CODE, lastModified: '2026-01-01T00:00:00.000Z' };
  const account = await sample({ seed: { ...emptyAccount(), resources: { scripts: [script] } } });
  const space = new Workspace({ prod: { baseUrl: account.url, token: account.owner.token } });
  await space.mirrored();
  const folder = join(space.mirror, 'prod', 'scripts');
  const fileOf = (extension: string): string =>
    join(folder, readdirSync(folder).find((name) => name.endsWith(extension)) ?? '');
  const push = (file: string, bytes: Buffer): void => {
    writeFileSync(file, bytes);
    space.git('add', '--all');
    space.git('-c', 'user.name=Eve', '-c', 'user.email=eve@x.test', 'commit', '-qm', 'a change');
  };
  const held = (): JsonObject => account.emulator.state.get('scripts', ID) as JsonObject;
  return { space, folder, fileOf, push, held };
}

/** The text with `é` of another encoding in the place of a letter. */
function latin(text: string, from: string, to: string): Buffer {
  expect(text).toContain(from);
  return Buffer.from(text.replace(from, to), 'latin1');
}

describe('a pushed file that is not text in UTF-8', () => {
  it.each([
    ['document', '.yaml', 'Hooks', 'H\u00e9oks'],
    ['code', '.js', 'options', 'opti\u00e9ns'],
  ])('%s: apply and restore block the resource and name the file', async (_, extension, from, to) => {
    const { space, fileOf, push, held } = await scene();
    const before = held();
    const file = fileOf(extension);
    push(file, latin(readFileSync(file, 'utf8'), from, to));
    const at = space.git('rev-parse', 'HEAD').trim();

    for (const command of [
      ['apply', 'HEAD'],
      ['restore', `scripts/${ID}`, '--at', at],
    ]) {
      const outcome = await space.run(...command, '--yes', '--force', '--json');

      expect(outcome.code, outcome.err + outcome.out).toBe(3);
      const [step] = (JSON.parse(outcome.out) as Planned).steps;
      expect(step).toMatchObject({ action: 'blocked', reason: expect.stringContaining('is not text in UTF-8') });
      expect(step?.reason).toContain(file.slice(space.mirror.length + 1));
      expect(held()).toEqual(before);
    }
    expect((await space.run('show', `scripts/${ID}`, '--at', at)).code).toBe(0);
  });

  it('with the character that such bytes are shown as is one: a person may write it', async () => {
    const { space, fileOf, push, held } = await scene();
    const file = fileOf('.yaml');
    push(file, Buffer.from(readFileSync(file, 'utf8').replace('Hooks', 'H\ufffdoks')));

    expect(await space.run('apply', 'HEAD', '--yes')).toMatchObject({ code: 0 });
    expect(held().name).toBe('H\ufffdoks');
  });
});

describe('ids that differ only in the case of letters', () => {
  const UPPER = ID.toUpperCase();
  const script = (_id: string, name: string): JsonObject => ({
    ...{ _id, name, content: CODE, lastModified: '2026-01-01T00:00:00.000Z' },
  });

  it.each([
    ['an id in upper case', [script(ID, 'A'), script(UPPER, 'B')], 'no usable _id', ['a']],
    ['two other ids', [script(ID, 'A'), script('abC', 'B'), script('aBc', 'C')], 'differ only in upper and', ['a']],
  ])('of a server, %s: the type is incomplete, and neither is mirrored in the place of the other', async (...row) => {
    const [, scripts, problem, names] = row;
    const account = await sample({ seed: { ...emptyAccount(), resources: { scripts } } });
    const space = new Workspace({ prod: { baseUrl: account.url, token: account.owner.token } });

    const first = await space.run('sync');
    const again = await space.run('sync');

    for (const { code, out, err } of [first, again]) {
      expect(code, out + err).toBe(3);
      expect(out + err).toContain(problem);
    }
    const files = readdirSync(join(space.mirror, 'prod', 'scripts'));
    expect(files.filter((name) => name.endsWith('.yaml'))).toEqual(names.map((name) => `${name}.${ID}.yaml`));
  });

  it('in a pushed file: apply refuses it by name, restore and list leave it alone', async () => {
    const { space, folder, fileOf, push, held } = await scene();
    const before = held();
    const file = join(folder, `hooks.${UPPER}.yaml`);
    push(file, Buffer.from(readFileSync(fileOf('.yaml'), 'utf8').replace(ID, UPPER).replace('Hooks', 'Other')));

    const applied = await space.run('apply', 'HEAD', '--yes');
    const restored = await space.run('restore', `scripts/${UPPER}`, '--at', 'HEAD', '--yes');

    expect(applied.code, applied.err + applied.out).toBe(64);
    expect(applied.err).toContain(`hooks.${UPPER}.yaml: the id ${UPPER} is not in lower case`);
    expect(restored.code, restored.err + restored.out).toBe(0);
    expect(held()).toEqual(before);
  });
});
