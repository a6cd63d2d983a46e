import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { PendingWrite } from '../../src/emulator/http/server.ts';
import { sample, type TestAccount } from '../support/account.ts';
import { eachOf } from '../support/table.ts';
import { cli, type Outcome, type Workspace } from '../support/workspace.ts';
import { type Doc, doc, expectCode, head, mirrored, plain, said } from './support.ts';

/** A restore that is stopped in the moment of a write, which takes effect: nobody hears of it, as after a kill. */
async function stopped(
  { emulator }: TestAccount,
  space: Workspace,
  isIt: (write: PendingWrite) => boolean,
  args: readonly string[],
): Promise<Outcome> {
  const stop = new AbortController();
  emulator.beforeWrite = (write) => {
    if (!isIt(write)) return;
    emulator.beforeWrite = undefined;
    stop.abort();
  };
  const outcome = await cli(args, space.dir, {}, undefined, undefined, stop.signal);
  expect(emulator.beforeWrite, said(outcome)).toBeUndefined();
  return outcome;
}

/** What a row damages, and what it asks for. */
interface Damaged {
  readonly what: string;
  readonly flags?: readonly string[];
  /** The write in whose moment the restore is stopped. */
  readonly at: (write: PendingWrite) => boolean;
  /** What a colleague may have done meanwhile, in a field that the restore writes as well. */
  readonly edit: () => void;
}

type Damage = (test: TestAccount, space: Workspace) => Damaged;

const withCredentials: Damage = ({ emulator, owner }, space) => {
  const found = emulator.state.all('connections').find(({ name }) => name === 'Carrier (Postbud)');
  const id = String(found?._id);
  emulator.act(owner.email).set('connections', id, { 'http.unencrypted': { note: 'a mishap' } });
  const file = join(space.dir, 'secrets.yaml');
  writeFileSync(file, `connections/${id}:\n  http.auth.basic.password: from the vault\n`);
  return {
    what: `connections/${id}`,
    flags: ['--secrets', file, '--allow-target-change'],
    at: ({ method, path }) => method === 'PUT' && path.endsWith(id),
    edit: () => emulator.act(owner.email).set('connections', id, { 'http.unencrypted': { note: 'work' } }),
  };
};

const registering: Damage = ({ emulator, owner }) => {
  const integration = emulator.state
    .all('integrations')
    .find(({ _registeredConnectionIds: ids, _connectorId }) => !_connectorId && (ids as string[])?.length > 1) as Doc;
  const { _id: id, _registeredConnectionIds: registered } = integration;
  emulator.state.touch('integrations', id, { description: 'a mishap' });
  emulator.state.touch('integrations', id, { _registeredConnectionIds: (registered as string[]).slice(1) });
  return {
    what: `integrations/${id}`,
    at: ({ path }) => path.endsWith('/connections/register'),
    edit: () => emulator.act(owner.email).set('integrations', id, { description: 'work' }),
  };
};

const switching: Damage = ({ emulator, owner }, space) => {
  const [id = ''] = plain(space, emulator, 'flows', ({ disabled }) => disabled === false);
  emulator.act(owner.email).set('flows', id, { disabled: true, description: 'a mishap' });
  return {
    what: `flows/${id}`,
    flags: ['--enable-flows'],
    at: ({ method, path }) => method === 'PUT' && path.endsWith(id),
    edit: () => emulator.act(owner.email).set('flows', id, { description: 'work' }),
  };
};

const DAMAGES: [string, Damage][] = [
  ['the registration that comes before a document', registering],
  ['a flow that is to be switched on', switching],
  ['a document with a credential that was handed in', withCredentials],
];

eachOf(DAMAGES, { quick: 0 })('--resume takes its own write for no one’s edit: %s', async (_, damage) => {
  const test = await sample();
  const space = await mirrored(test);
  const before = head(space);
  const { what, flags = [], at } = damage(test, space);
  await space.sync();
  expectCode(await stopped(test, space, at, ['restore', what, '--at', before, '--yes', ...flags]), 1);

  const outcome = await space.run('restore', '--resume', '--yes', ...flags.filter((flag) => flag !== '--enable-flows'));

  expectCode(outcome, 0);
  expect(said(outcome)).not.toMatch(/conflict|changed in the account/);
});

eachOf(DAMAGES, { quick: 0 })('--resume refuses over a colleague’s edit after its own write: %s', async (_, damage) => {
  const test = await sample();
  const space = await mirrored(test);
  const before = head(space);
  const { what, flags = [], at, edit } = damage(test, space);
  await space.sync();
  expectCode(await stopped(test, space, at, ['restore', what, '--at', before, '--yes', ...flags]), 1);
  edit();
  const [dir = '', id = ''] = what.split('/');
  const edited = JSON.stringify(doc(test.emulator, dir, id));

  expectCode(await space.run('restore', '--resume', '--yes', ...flags.filter((flag) => flag !== '--enable-flows')), 4);

  expect(JSON.stringify(doc(test.emulator, dir, id))).toBe(edited);
});
