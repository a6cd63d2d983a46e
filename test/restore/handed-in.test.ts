import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { valueAt } from '../../src/core/paths.ts';
import { renderYaml } from '../../src/core/yaml.ts';
import { maskedPaths, secretsIn } from '../../src/emulator/model/masking.ts';
import { sample } from '../support/account.ts';
import { eachOf } from '../support/table.ts';
import { doc, expectCode, head, mirrored, said, typed, writes } from './support.ts';

eachOf(
  [
    ['a mask', '******'],
    ['a short mask', '***'],
    ['a marker of a credential', { $secret: 'abcdef123456' }],
    ['a marker of a file', { $file: 'x.js' }],
    ['an empty text', ''],
    ['blanks', '  '],
    ['an unset variable with an empty fallback', '${NOT_SET:-}'],
    ['a text with a piece taken out', 'Bearer [[redacted abcdef123456]]'],
    ['a mask inside', { user: 'somebody', apiKey: '******' }],
    ['nothing inside', {}],
  ],
  { quick: 4 },
)('%s handed in with --secrets is refused, and the live credential stays', async (_, value) => {
  const test = await sample();
  const { emulator } = test;
  const space = await mirrored(test);
  const at = head(space);
  const connection = emulator.state
    .all('connections')
    .find((stored) => stored._connectorId === undefined && secretsIn(typed('connections'), stored).length === 1);
  const id = String(connection?._id);
  const before = doc(emulator, 'connections', id);
  const place = maskedPaths(typed('connections')).find((path) => valueAt(before, path) !== undefined) ?? '';
  emulator.act(test.owner.email).set('connections', id, { 'settings.note': 'edited' });
  emulator.clearRequests();
  const file = join(space.dir, 'secrets.yaml');
  writeFileSync(file, renderYaml({ [`connections/${id}`]: { [place]: value } }));

  const outcome = await space.run(...['restore', `connections/${id}`, '--at', at, '--yes', '--secrets', file]);

  expectCode(outcome, 64);
  for (const reported of [file, `connections/${id}`, place]) expect(said(outcome)).toContain(reported);
  for (const hidden of ['abcdef123456', '***', 'somebody']) expect(said(outcome)).not.toContain(hidden);
  expect(writes(emulator)).toEqual([]);
  const now = doc(emulator, 'connections', id);
  expect(secretsIn(typed('connections'), now)).toEqual(secretsIn(typed('connections'), before));
});
