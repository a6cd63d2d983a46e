import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runCli } from '../../src/cli/program.ts';
import { type EmulatorOptions, emptyAccount } from '../../src/emulator/http/server.ts';
import { sample, type TestAccount } from '../support/account.ts';
import { gateway } from '../support/gateway.ts';
import { eachOf } from '../support/table.ts';
import { ENV, Workspace } from '../support/workspace.ts';
import { type Doc, doc, expectCode, head, history, mirrored, plain, said, uproot } from './support.ts';

const COPY = ['restore', 'all', '--account', 'prod', '--to', 'copy', '--yes'] as const;
const CUT = { kind: 'reset' } as const;
const UNHEARD = { kind: 'applyThenReset' } as const;

async function pair(options: Partial<EmulatorOptions> = {}) {
  const prod = await sample();
  const copy = await sample({ seed: emptyAccount(), legacyRest: 'accept', ...options });
  const space = new Workspace({
    prod: { baseUrl: prod.url, token: prod.owner.token },
    copy: { baseUrl: copy.url, token: copy.owner.token },
  });
  return { prod, copy, space };
}

function named({ emulator }: TestAccount, dir: string, name: unknown): Doc[] {
  return emulator.state.all(dir).filter((stored) => stored.name === name) as Doc[];
}

/** A script that is gone for good, and the state that still has it. */
async function lostScript(options: Partial<EmulatorOptions> = {}) {
  const test = await sample(options);
  const space = await mirrored(test);
  const at = head(space);
  const [id = ''] = plain(space, test.emulator, 'scripts');
  const { name } = doc(test.emulator, 'scripts', id);
  await uproot(test, 'scripts', id);
  return { test, space, name, args: ['restore', `scripts/${id}`, '--at', at, '--yes'] };
}

/** Adds a fault at the moment of the first creation of a script. */
function onceMade({ emulator }: TestAccount, fault: Parameters<typeof emulator.faults.add>[0]): void {
  emulator.beforeWrite = ({ type: dir, id }) => {
    if (dir !== 'scripts' || id !== undefined) return;
    emulator.beforeWrite = undefined;
    emulator.faults.add(fault);
  };
}

async function late(test: TestAccount, name: string): Promise<void> {
  await test.call(test.owner, 'POST', '/v1/scripts', { name, content: '// later\n' });
}

describe('nothing is made a second time', () => {
  eachOf(
    [
      ['404 once', { times: 1, fault: { kind: 'status', status: 404 } }],
      ['500 always', { times: 'always', fault: { kind: 'status', status: 500 } }],
    ],
    { quick: 0 },
  )('when what was made cannot be read (%s)', async (_, rule) => {
    const { test, space, name, args } = await lostScript({ writeAnswer: 'id' });
    onceMade(test, { match: { method: 'GET', path: '/v1/scripts/*' }, ...rule });
    expectCode(await space.run(...args), 3);
    test.emulator.faults.clear();

    expectCode(await space.run(...args), 0);

    expect(named(test, 'scripts', name)).toHaveLength(1);
  });

  // Such a call comes again with its step, and must not bring a second creation with it.
  eachOf(
    [
      ['registering its connections', 'integrations', 409, 'PUT', '/v1/integrations/*/connections/register'],
      ['filling it', 'lookupcaches', 422, 'POST', '/v1/lookupcaches/*/data'],
    ] as const,
    { quick: 0 },
  )('when a call right after its creation is refused: %s', async (_, dir, status, method, path) => {
    const test = await sample();
    const { emulator } = test;
    const space = await mirrored(test, { lookupCacheData: true });
    const at = head(space);
    const { _id: id, name } = emulator.state.all(dir)[0] as Doc;
    await uproot(test, dir, id);
    emulator.faults.add({ match: { method, path }, fault: { kind: 'status', status } });

    expectCode(await space.run('restore', `${dir}/${id}`, '--at', at, '--yes'), 0);

    expect(named(test, dir, name)).toHaveLength(1);
    expect(emulator.requests.filter(({ fault }) => fault !== undefined)).toHaveLength(1);
  });

  it('when an answer is lost and what it created cannot be searched for: the restore is interrupted', {
    tags: 'slow',
  }, async () => {
    const { test, space, name, args } = await lostScript();
    const unreachable = { kind: 'status', status: 503 } as const;
    onceMade(test, { match: { method: 'GET', path: '/v1/scripts' }, times: 2, fault: unreachable });
    test.emulator.faults.add({ match: { method: 'POST', path: '/v1/scripts' }, fault: UNHEARD });
    const first = await space.run(...args);
    expectCode(first, 1);
    expect(said(first)).toContain('cannot determine whether');

    expectCode(await space.run('restore', '--resume', '--yes'), 0);

    expect(named(test, 'scripts', name)).toHaveLength(1);
  });

  eachOf(
    [
      ['an answer is lost', true],
      ['nothing is lost', false],
    ],
    { quick: 0 },
  )('where the list refuses a parameter and hides some: %s', async (_, isLost) => {
    const { prod, copy, space } = await pair({ otherParameters: 'reject' });
    await space.mirrored('--account', 'prod');
    if (isLost) copy.emulator.faults.add({ match: { method: 'POST', path: '/v1/flows', nth: 2 }, fault: UNHEARD });
    const names = ({ emulator }: TestAccount) =>
      emulator.state
        .all('flows')
        .filter(({ _connectorId }) => _connectorId === undefined)
        .map(({ name }) => String(name))
        .sort();

    expectCode(await space.run(...COPY), 3);
    expectCode(await space.run(...COPY), 3);

    expect(names(copy)).toEqual(names(prod));
  });

  it('where a collection is spelled otherwise and an answer is lost', { tags: 'slow' }, async () => {
    const test = await sample();
    const { emulator } = test;
    const missing = { kind: 'status', status: 404 } as const;
    emulator.faults.add({ match: { path: '/v1/tpconnectors' }, times: 'always', fault: missing });
    const space = await mirrored(test);
    const at = head(space);
    const before = emulator.state.count('tpconnectors');
    const id = String(emulator.state.all('tpconnectors')[0]?._id);
    await uproot(test, 'tpconnectors', id);
    emulator.faults.add({ match: { method: 'POST', path: '/v1/tradingPartnerConnectors' }, fault: UNHEARD });
    for (const _ of [1, 2]) await space.run('restore', `tpconnectors/${id}`, '--at', at, '--yes');

    expect(emulator.state.count('tpconnectors')).toBe(before);
  });
});

describe('a deletion whose answer is lost is one', () => {
  it('of a resource', { tags: 'slow' }, async () => {
    const test = await sample();
    const space = await mirrored(test);
    const at = head(space);
    await late(test, 'Late one');
    await space.sync();
    test.emulator.faults.add({ match: { method: 'DELETE', path: '/v1/scripts/*' }, fault: UNHEARD });

    expectCode(await space.run('restore', 'all', '--at', at, '--prune', '--yes'), 0);

    expect(named(test, 'scripts', 'Late one')).toEqual([]);
  });

  it('of a registration', { tags: 'slow' }, async () => {
    const test = await sample();
    const { emulator } = test;
    const space = await mirrored(test);
    const at = head(space);
    const registered = (integration: Doc): string[] => (integration._registeredConnectionIds ?? []) as string[];
    const integration = emulator.state
      .all('integrations')
      .find((stored) => registered(stored as Doc).length > 0 && !stored._connectorId) as Doc;
    const more = emulator.state
      .all('connections')
      .find(({ _id, _connectorId }) => !_connectorId && !registered(integration).includes(String(_id)));
    const path = `/v1/integrations/${String(integration._id)}/connections/register`;
    await test.call(test.owner, 'PUT', path, [String(more?._id)]);
    await space.sync();
    emulator.faults.add({ match: { method: 'DELETE', path: '/v1/integrations/*' }, fault: UNHEARD });

    expectCode(await space.run('restore', 'all', '--at', at, '--yes'), 0);
  });
});

eachOf(
  [
    ['the document, after a connection was registered', { method: 'PUT', nth: 2 }],
    ['removing a connection, after the document', { method: 'DELETE' }],
  ],
  { quick: 0 },
)('what a step wrote before it was refused is nobody’s edit when it comes again: %s', async (_, match) => {
  const test = await sample();
  const { emulator } = test;
  const space = await mirrored(test);
  const at = head(space);
  const { _id: id, _registeredConnectionIds: registered } = emulator.state.all('integrations')[0] as Doc;
  const [, ...rest] = registered as string[];
  const another = emulator.state.all('connections').find(({ _id }) => !(registered as string[]).includes(String(_id)));
  const _registeredConnectionIds = [...rest, String(another?._id)];
  emulator.state.touch('integrations', id, { description: 'a mishap', _registeredConnectionIds });
  await space.sync();
  emulator.faults.add({ match: { path: '/v1/integrations/*', ...match }, fault: { kind: 'status', status: 409 } });

  expectCode(await space.run('restore', `integrations/${id}`, '--at', at, '--yes'), 0);

  expect(doc(emulator, 'integrations', id)._registeredConnectionIds).toHaveLength((registered as string[]).length);
});

describe('--prune', () => {
  it('deletes what an earlier restore recreated, where the state has neither', { tags: 'slow' }, async () => {
    const test = await sample();
    const space = await mirrored(test);
    const before = head(space);
    await late(test, 'Late one');
    await space.sync();
    const at = head(space);
    const id = String(named(test, 'scripts', 'Late one')[0]?._id);
    await uproot(test, 'scripts', id);
    expectCode(await space.run('restore', `scripts/${id}`, '--at', at, '--yes'), 0);
    expect(named(test, 'scripts', 'Late one')).toHaveLength(1);

    expectCode(await space.run('restore', 'all', '--at', before, '--prune', '--yes'), 0);

    expect(named(test, 'scripts', 'Late one')).toEqual([]);
  });

  it('does not first make follow what it then deletes', { tags: 'slow' }, async () => {
    const test = await sample();
    const { emulator } = test;
    const space = await mirrored(test);
    const before = head(space);
    const [script = ''] = plain(space, emulator, 'scripts');
    const [model = ''] = plain(space, emulator, 'exports', ({ adaptorType }) => adaptorType === 'HTTPExport');
    const { _id, createdAt, lastModified, lastModifiedBy, ...rest } = doc(emulator, 'exports', model);
    const hooks = { preSavePage: { function: 'x', _scriptId: script } };
    await test.call(test.owner, 'POST', '/v1/exports', { ...rest, name: 'Late one', hooks });
    await space.sync();
    await uproot(test, 'scripts', script);

    expectCode(await space.run('restore', 'all', '--at', before, '--prune', '--yes', '--force'), 0);

    expect(named(test, 'exports', 'Late one')).toEqual([]);
  });

  it('says what the recycle bin gives back besides, and does not call it done', { tags: 'slow' }, async () => {
    const test = await sample();
    const { emulator } = test;
    const space = await mirrored(test);
    const [id = ''] = plain(space, emulator, 'flows', ({ schedule }) => schedule === undefined);
    const { pageGenerators = null, pageProcessors = null } = doc(emulator, 'flows', id);
    const flow = { pageGenerators, pageProcessors, disabled: true };
    const early = (await test.call(test.owner, 'POST', '/v1/flows', { ...flow, name: 'Early flow' })) as Doc;
    await space.sync();
    const at = head(space);
    const made = (await test.call(test.owner, 'POST', '/v1/flows', { ...flow, name: 'Late flow' })) as Doc;
    const owner = emulator.act(test.owner.email);
    owner.set('flows', String(early._id), { _runNextFlowIds: [String(made._id)] });
    owner.set('flows', String(made._id), { disabled: false });
    await space.sync();
    for (const gone of [early, made]) owner.remove('flows', String(gone._id));

    const outcome = await space.run('restore', 'all', '--at', at, '--prune', '--yes');

    expectCode(outcome, 3);
    const [late, user] = [`flows/${String(made._id)} "Late flow"`, `flows/${String(early._id)} "Early flow"`];
    expect(said(outcome)).toContain(`${late} also comes back: ${user} uses it`);
    expect(said(outcome)).toContain(`${late} was enabled when it was deleted: it runs again as soon as it is restored`);
    expect(doc(emulator, 'flows', String(early._id))).not.toHaveProperty('_runNextFlowIds');
  });
});

it('what could not be switched on is a failure, and named', async () => {
  const test = await sample();
  const { emulator } = test;
  const space = await mirrored(test);
  const at = head(space);
  const [id = ''] = plain(space, emulator, 'flows', ({ disabled }) => disabled === false);
  emulator.act(test.owner.email).set('flows', id, { disabled: true });
  await space.sync();
  const refusal = { kind: 'status', status: 422 } as const;
  emulator.faults.add({ match: { method: 'PATCH', path: '/v1/flows/*' }, times: 'always', fault: refusal });

  const outcome = await space.run('restore', `flows/${id}`, '--at', at, '--yes', '--enable-flows');

  expectCode(outcome, 3);
  expect(said(outcome)).toContain(`failed flows/${id}`);
});

it('says that an edit just before a write would not be noticed, where the audit log lacks its own writes', async () => {
  const test = await sample();
  const { emulator } = test;
  const space = await mirrored(test);
  const at = head(space);
  const [id = ''] = plain(space, emulator, 'scripts');
  emulator.act(test.owner.email).set('scripts', id, { content: '// a mishap\n' });
  await space.sync();
  emulator.faults.add({ match: { path: '/v1/audit' }, times: 'always', fault: { kind: 'emptyList' } });

  const outcome = await space.run('restore', 'all', '--at', at, '--yes');

  expectCode(outcome, 0);
  expect(said(outcome)).toContain(`the audit log does not show this restore's own writes yet (scripts/${id})`);
});

it('a resource that can be neither written nor read back is a failed step, and no interrupted restore', {
  tags: 'slow',
}, async () => {
  const test = await sample();
  const { emulator } = test;
  const space = await mirrored(test);
  const at = head(space);
  const [id = ''] = plain(space, emulator, 'scripts');
  emulator.act(test.owner.email).set('scripts', id, { content: '// a mishap\n' });
  await space.sync();
  const broken = { kind: 'status', status: 500 } as const;
  emulator.beforeWrite = async () => {
    emulator.beforeWrite = undefined;
    for (const method of ['GET', 'PUT'])
      emulator.faults.add({ match: { method, path: `/v1/scripts/${id}` }, times: 'always', fault: broken });
  };
  emulator.faults.add({ match: { method: 'PUT', path: `/v1/scripts/${id}` }, fault: UNHEARD });

  const outcome = await space.run('restore', 'all', '--at', at, '--yes');

  expectCode(outcome, 3);
  expect(said(outcome)).toContain(`failed scripts/${id}`);
});

eachOf(
  [
    ['of what the restore asked for', 'what it was for'],
    ['of what it did not ask for', undefined],
  ],
  { quick: 0 },
)('an edit between a creation and its completion is kept: %s', async (_, description) => {
  const test = await sample();
  const { emulator } = test;
  const { _id: id } = emulator.state.all('integrations')[0] as Doc;
  emulator.state.touch('integrations', id, { description });
  const space = await mirrored(test);
  const at = head(space);
  await uproot(test, 'integrations', id);
  const editor = emulator.act(test.person('administrator', 1).email);
  emulator.beforeWrite = ({ type: dir, id: target }) => {
    if (dir !== 'integrations' || target === undefined) return;
    emulator.beforeWrite = undefined;
    editor.set(dir, target, { description: 'edited in between' });
  };

  expectCode(await space.run('restore', `integrations/${id}`, '--at', at, '--yes'), 4);

  expect(history(space)).toContain('edited in between');
});

it('an edit between a write and the look at what it made is kept, where the answer does not show that', {
  tags: 'slow',
}, async () => {
  const test = await sample({ writeAnswer: 'id' });
  const { emulator } = test;
  const { _id: id, name } = emulator.state.all('integrations')[0] as Doc;
  const editor = emulator.act(test.person('administrator', 1).email);
  let edited = false;
  const { url } = await gateway(test.url, (request) => {
    const made = named(test, 'integrations', name).find(({ _id }) => _id !== id);
    if (edited || !made || request.method !== 'GET' || !request.url.includes(`/${made._id}`)) return false;
    edited = true;
    editor.set('integrations', made._id, { description: 'edited in between' });
    return false;
  });
  const space = new Workspace({ prod: { baseUrl: url, token: test.owner.token } });
  await space.mirrored();
  const at = head(space);
  await uproot(test, 'integrations', id);

  expectCode(await space.run('restore', `integrations/${id}`, '--at', at, '--yes'), 4);

  expect(edited).toBe(true);
  expect(history(space)).toContain('edited in between');
});

it.each(['PUT', 'DELETE'])(
  'an edit just before a %s without an answer is preserved',
  { tags: 'slow' },
  async (method) => {
    const test = await sample();
    const { emulator } = test;
    const space = await mirrored(test);
    const deleting = method === 'DELETE';
    const owner = emulator.act(test.owner.email);
    const at = head(space);
    const [old = ''] = plain(space, emulator, 'scripts');
    const made = String(owner.create('scripts', { name: 'Made since', content: '// since\n' })._id);
    const id = deleting ? made : old;
    if (!deleting) owner.set('scripts', id, { content: '// a mishap\n' });
    await space.sync();
    const other = test.person('administrator', 1);
    emulator.beforeWrite = async (write) => {
      if (write.id !== id || write.method !== method) return;
      emulator.beforeWrite = undefined;
      emulator.act(other.email).set('scripts', id, { description: 'work of an hour' });
    };
    emulator.faults.add({ match: { method, path: `/v1/scripts/${id}` }, times: 'always', fault: UNHEARD });

    const outcome = await space.run('restore', 'all', '--at', at, '--yes', ...(deleting ? ['--prune'] : []));

    expectCode(outcome, 3, 4);
    expect(said(outcome)).toContain(other.name);
    const kept = space.git('log', '--all', '-S', 'work of an hour', '--format=%an');
    expect(kept.split('\n')).toContain(other.name);
  },
);

it.each(['link', 'body'] as const)(
  'a subscription is found among more than a page of them (%s)',
  { tags: 'slow' },
  async (paging) => {
    const test = await sample({ paging });
    const { emulator } = test;
    const subscribe = (flow: unknown, email: unknown, subscribed: boolean) =>
      test.call(test.owner, 'PUT', '/v1/notifications', [
        { _flowId: String(flow), subscribed, subscribedByUserEmail: String(email) },
      ]);
    for (const { _id } of emulator.state.all('flows'))
      for (const { sharedWithUser } of emulator.state.all('ashares'))
        await subscribe(_id, (sharedWithUser as Doc).email, true);
    const before = emulator.state.count('notifications');
    expect(before).toBeGreaterThan(100);
    const space = await mirrored(test);
    const at = head(space);
    const byId = [...emulator.state.all('notifications')].sort((a, b) => (String(a._id) < String(b._id) ? -1 : 1));
    for (const { _flowId, subscribedByUser } of byId.slice(-7))
      await subscribe(_flowId, (subscribedByUser as Doc).email, false);

    expectCode(await space.run('restore', 'all', '--at', at, '--yes'), 0);

    expect(emulator.state.count('notifications')).toBe(before);
  },
);

describe('--resume', () => {
  it('does not overwrite later edits, where only the intent was noted', { tags: 'slow' }, async () => {
    const test = await sample();
    const { emulator } = test;
    const space = await mirrored(test);
    const at = head(space);
    const ids = plain(space, emulator, 'scripts').slice(0, 8);
    for (const id of ids) emulator.act(test.owner.email).set('scripts', id, { content: '// a mishap\n' });
    await space.sync();
    emulator.faults.add({ match: { method: 'PUT', path: '/v1/scripts/*' }, times: 'always', fault: CUT });
    expectCode(await space.run('restore', 'all', '--at', at, '--yes'), 1);
    emulator.faults.clear();
    const id = ids.at(-1) ?? '';
    emulator.act(test.person('administrator', 1).email).set('scripts', id, { content: '// work\n' });

    // Asking again makes no difference: it takes --force.
    for (const _ of [1, 2]) expectCode(await space.run('restore', '--resume', '--yes'), 4);
    expect(doc(emulator, 'scripts', id).content).toBe('// work\n');
    expectCode(await space.run('restore', '--resume', '--yes', '--force'), 0);
    expect(doc(emulator, 'scripts', id).content).not.toBe('// work\n');
  });

  it('keeps what was chosen before', { tags: 'slow' }, async () => {
    const { copy, space } = await pair();
    await space.mirrored('--account', 'prod');
    const auth = { type: 'basic', basic: { username: 's', password: 'of the target' } };
    const http = { formType: 'http', mediaType: 'json', baseURI: 'https://x.example.test', auth };
    const copies = [1, 2].map(() =>
      copy.emulator.act('owner-token').create('connections', { name: 'Carrier (Postbud)', type: 'http', http }),
    );
    copy.emulator.faults.add({ match: { method: 'POST', path: '/v1/exports' }, times: 'always', fault: CUT });
    const code = await runCli(
      ['restore', 'exports', '--account', 'prod', '--to', 'copy', '--with-dependencies'],
      {
        out: () => undefined,
        err: () => undefined,
        outIsTerminal: false,
        errIsTerminal: false,
        env: ENV,
        cwd: space.dir,
        now: () => new Date(),
        signal: new AbortController().signal,
        ask: async (question) => (question.includes('Which one') ? '2' : 'yes'),
      },
      '0.0.0-test',
    );
    expect(code).toBe(1);
    copy.emulator.faults.clear();

    expectCode(await space.run('restore', '--resume', '--yes'), 0, 3);

    const used = new Set(copy.emulator.state.all('exports').map(({ _connectionId }) => String(_connectionId)));
    expect(copies.filter(({ _id }) => used.has(String(_id)))).toHaveLength(1);
  });

  it('names what is not complete in a connection that it made itself', { tags: 'slow' }, async () => {
    const { prod, copy, space } = await pair();
    const [a, b] = prod.emulator.state.all('connections').filter(({ type }) => type === 'http');
    const editor = prod.emulator.act(prod.owner.email);
    for (const [one, other] of [
      [a, b],
      [b, a],
    ])
      editor.set('connections', String(one?._id), { _borrowConcurrencyFromConnectionId: String(other?._id) });
    await space.sync('--account', 'prod');
    copy.emulator.faults.add({ match: { method: 'POST', path: '/v1/exports' }, times: 'always', fault: CUT });
    expectCode(await space.run(...COPY), 1);
    copy.emulator.faults.clear();

    const outcome = await space.run('restore', '--resume', '--yes');

    expectCode(outcome, 3);
    expect(said(outcome)).toMatch(new RegExp(`blocked connections/(${String(a?._id)}|${String(b?._id)})`));
  });

  it('finds what it created also where overrides changed it, and a preview writes nothing to the journal', {
    tags: 'slow',
  }, async () => {
    const { prod, copy, space } = await pair();
    const name = 'Its name in the target';
    const id = String(prod.emulator.state.all('scripts').find(({ _connectorId }) => !_connectorId)?._id);
    space.configure({
      prod: { baseUrl: prod.url, token: prod.owner.token },
      copy: { baseUrl: copy.url, token: copy.owner.token, overrides: { [`scripts/${id}`]: { name } } },
    });
    await space.sync('--account', 'prod');
    const unreachable = { kind: 'status', status: 503 } as const;
    onceMade(copy, { match: { method: 'GET', path: '/v1/scripts' }, times: 2, fault: unreachable });
    copy.emulator.faults.add({ match: { method: 'POST', path: '/v1/scripts' }, fault: UNHEARD });
    const args = ['restore', `scripts/${id}`, '--account', 'prod', '--to', 'copy', '--yes'];
    expectCode(await space.run(...args), 1);
    const journals = join(space.mirror, '.git', 'celigo-mirror', 'copy.restores');
    const noted = () => readdirSync(journals).map((file) => readFileSync(join(journals, file), 'utf8'));
    const before = noted();

    expectCode(await space.run('restore', '--resume', '--dry-run'), 0);
    expect(noted()).toEqual(before);
    expectCode(await space.run('restore', '--resume', '--yes'), 0);

    expect(named(copy, 'scripts', name)).toHaveLength(1);
  });
});
