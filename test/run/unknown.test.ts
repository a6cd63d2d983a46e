import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/core/json.ts';
import { parseYaml } from '../../src/core/yaml.ts';
import { sampleAccount } from '../../src/emulator/sample/index.ts';
import { sample } from '../support/account.ts';
import { doc } from '../support/documents.ts';
import { Workspace } from '../support/workspace.ts';

const seed = sampleAccount();
const [flow] = seed.resources.flows ?? [];
const NEW = { brandNew: { deep: [{ x: 1 }] }, _someNewId: '64f0a1b2c3d4e5f601020304', 'odd key': 'kept\nas it is' };

/** The sample account, where one flow has fields that no version knows, and one export a new adaptor. */
function strange() {
  const [, ...flows] = seed.resources.flows ?? [];
  const exports = [...(seed.resources.exports ?? [])];
  exports[0] = { ...exports[0], adaptorType: 'QuantumExport', quantum: { entangled: true } } as JsonObject;
  const resources = { ...seed.resources, flows: [{ ...flow, ...NEW } as JsonObject, ...flows], exports };
  return sample({ seed: { ...seed, resources } });
}

async function findings(space: Workspace): Promise<string[]> {
  const { out } = await space.run('doctor', '--json');
  const { findings: all } = JSON.parse(out) as { findings: { check: string; verdict: string; detail: string }[] };
  return all.flatMap(({ check, verdict, detail }) => (check === 'unknown' ? [`${verdict}: ${detail}`] : []));
}

describe('what this version does not know', () => {
  it('is named by doctor: fields, adaptors, types', { tags: 'slow' }, async () => {
    const account = await strange();
    const space = new Workspace({ prod: { baseUrl: account.url, token: account.owner.token } });
    await space.mirrored();
    mkdirSync(join(space.mirror, 'prod/gadgets'));
    writeFileSync(
      join(space.mirror, 'prod/gadgets/one.64f0a1b2c3d4e5f601020304.yaml'),
      '_id: 64f0a1b2c3d4e5f601020304\n',
    );
    space.git('add', '.');
    space.git('-c', 'user.name=x', '-c', 'user.email=x@x', 'commit', '--quiet', '-m', 'a newer version');

    expect(await findings(space)).toEqual([
      'note: 1 type is unknown to this version: gadgets',
      'note: 1 field of exports is unknown to this version: quantum',
      'note: 1 value of adaptorType of exports is unknown to this version: QuantumExport',
      'note: 3 fields of flows are unknown to this version: _someNewId, brandNew, odd key',
    ]);
  });

  it('does not exist in the sample account', { tags: 'slow' }, async () => {
    const account = await sample();
    const space = new Workspace({ prod: { baseUrl: account.url, token: account.owner.token } });
    await space.mirrored();

    expect(await findings(space)).toEqual([]);
  });

  it('is mirrored verbatim, and restored over an edit as it was', { tags: 'slow' }, async () => {
    const account = await strange();
    const space = new Workspace({ prod: { baseUrl: account.url, token: account.owner.token } });
    await space.mirrored();
    const id = String(flow?._id);
    expect(parseYaml(space.read(space.find(id)))).toMatchObject(NEW);
    const before = doc(account.emulator, 'flows', id);
    account.emulator.act(account.owner.email).set('flows', id, { description: 'edited' });
    await space.sync();

    expect((await space.run('restore', `flows/${id}`, '--at', 'HEAD~1', '--yes')).code).toBe(0);
    const { lastModified: _, lastModifiedBy: __, ...after } = doc(account.emulator, 'flows', id);
    expect(before).toMatchObject(after);
    expect(after).toMatchObject(NEW);
  });
});
