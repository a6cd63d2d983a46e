import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/core/json.ts';
import { keyOf } from '../../src/core/keys.ts';
import { createBody, restorable, updateBody } from '../../src/plan/body.ts';
import { type PlanInput, planRestore } from '../../src/plan/planner.ts';
import type { Plan } from '../../src/plan/types.ts';
import { id, planInput, type, wanted } from './support.ts';

const NONE = new Map<never, never>();

function created(dir: string, doc: JsonObject, ids: ReadonlyMap<string, string> = NONE): JsonObject {
  return createBody({ type: type(dir), wanted: doc, ids, supplied: NONE, late: [] }).doc;
}

function put(dir: string, doc: JsonObject, live: JsonObject): JsonObject {
  const input = { type: type(dir), wanted: doc, live: { raw: live, doc: live }, ids: NONE, supplied: NONE };
  return updateBody({ ...input, sampleData: false }).doc;
}

/** The plan for one document, with what is there in its place. */
function plan(dir: string, doc: JsonObject, live?: JsonObject, own: Partial<PlanInput> = {}): Plan {
  const _id = id('a', 1);
  const there = { state: 'live', id: _id, raw: { _id, ...live }, doc: { _id, ...live }, changed: false } as const;
  return planRestore(
    planInput({
      wanted: [wanted(dir, { _id, name: 'one', ...doc })],
      live: new Map(live ? [[keyOf(dir, _id), there]] : []),
      ...own,
    }),
  );
}

describe('a credential that the mirror does not have', () => {
  const auth = (...held: readonly string[]): JsonObject => ({
    name: 'one',
    http: { auth: { type: 'token', token: Object.fromEntries(held.map((name) => [name, '******'])) } },
  });

  it.each([
    ['kept', [], ['token'], ['the live credentials are kept; ']],
    ['missing', ['token'], [], ['the account has no credential in http.auth.token.token, and the mirror does not']],
    [
      'both',
      ['token'],
      ['refreshToken'],
      ['kept; the earlier ones are not in the mirror (http.auth.token.ref', 'no cred'],
    ],
    ['as it was', ['token'], ['token'], []],
  ])('is said to be what it is: %s', (_, before, now, said) => {
    const { steps, warnings } = plan('connections', auth(...before), auth(...now));
    expect(steps.filter(({ action }) => action !== 'unchanged')).toEqual([]);
    expect(warnings).toEqual(said.map((part) => expect.stringContaining(part)));
  });
});

it('a warning of several resources is of more than one', () => {
  const flow = (n: number, disabled: boolean) => ({
    _id: id('f', n),
    name: `F${n}`,
    _integrationId: id('1', 1),
    disabled,
  });
  const live = [1, 2].map((n) => {
    const doc = flow(n, true);
    return [keyOf('flows', doc._id), { state: 'live', id: doc._id, raw: doc, doc, changed: false }] as const;
  });
  const warningsOf = (...numbers: number[]): readonly string[] => {
    const docs = numbers.map((n) => wanted('flows', flow(n, false)));
    return planRestore(planInput({ wanted: docs, live: new Map(live), exists: () => true })).warnings;
  };

  expect(warningsOf(1)).toEqual([expect.stringContaining('"F1" stays disabled, though it was')]);
  expect(warningsOf(1, 2)).toEqual([expect.stringContaining('"F2" stay disabled, though they were')]);
});

describe('members that only a creation sends', () => {
  const upstream = (tool: string): JsonObject => ({
    upstreamMcpConnections: [{ _connectionId: id('c', 1), tools: [tool] }],
  });

  it('are in a POST and never in a PUT, and a difference is reported and left', () => {
    expect(created('mcpservers', upstream('a'))).toEqual({ disabled: true, ...upstream('a') });
    expect(put('mcpservers', { name: 'n', ...upstream('a') }, upstream('b'))).toEqual({ name: 'n' });

    const { steps, warnings } = plan('mcpservers', upstream('a'), { name: 'one', ...upstream('b') });
    expect(steps).toEqual([]);
    expect(warnings).toEqual([expect.stringContaining('upstreamMcpConnections differs and stays as it is')]);
  });
});

it('what a PUT ignores is sent, since it may count, and a difference is reported and left', () => {
  const topic = (startPosition: string, n = 1): JsonObject => ({ topic: { _topicId: id('t', n), startPosition } });
  expect(put('exports', topic('latest', 2), topic('earliest'))).toEqual(topic('latest', 2));
  for (const [dir, doc, live, field] of [
    ['exports', topic('latest'), topic('earliest'), 'topic.startPosition'],
    ['apis', { logging: { mode: 'a' } }, { logging: { mode: 'b' } }, 'logging'],
  ] as const) {
    const { steps, warnings } = plan(dir, doc, { name: 'one', ...live }, { exists: () => true });
    expect(steps).toEqual([]);
    expect(warnings).toEqual([expect.stringContaining(`${field} differs and stays as it is`)]);
  }
});

it('members that a PUT keeps when it leaves them out are cleared by null', () => {
  const live = { endUserProvidedFields: ['http.auth'], name: 'one' };
  expect(put('connections', { name: 'one' }, live)).toEqual({ name: 'one', endUserProvidedFields: null });
  expect(put('connections', live, { name: 'one' })).toEqual(live);
  expect(put('connections', { name: 'one' }, { name: 'two' })).toEqual({ name: 'one' });
});

describe('a mask that keeps the credential when it is sent back', () => {
  const doc = (name: string): JsonObject => ({ name, oauth: { clientId: 'x', clientSecret: '******' } });

  it.each([
    ['mcpservers', 'oauth.clientSecret', 'update'],
    ['mcpoauthproviders', 'clientSecret', 'update'],
    // A mask might be stored as the credential, which nothing would bring back.
    ['iclients', 'salesforce.clientSecret', 'blocked'],
    ['connections', 'ftp.password', 'blocked'],
  ])('of %s: a change beside %s is %s', (dir, place, action) => {
    const [block = '', field] = place.split('.');
    const secret: JsonObject = field ? { [block]: { [field]: '******' } } : { [block]: '******' };
    const { steps } = plan(dir, { description: 'new', ...secret }, { name: 'one', description: 'old', ...secret });
    expect(steps).toMatchObject([{ action, ...(action === 'update' ? { method: 'put' } : { credentials: [place] }) }]);
  });

  it('is sent back where the live document shows it, and by no creation', () => {
    expect(put('mcpservers', doc('a'), doc('b'))).toEqual(doc('a'));
    expect(put('mcpservers', doc('a'), { name: 'b', oauth: {} })).toEqual({ name: 'a', oauth: { clientId: 'x' } });
    expect(created('mcpservers', doc('a'))).toEqual({ disabled: true, name: 'a', oauth: { clientId: 'x' } });
  });
});

describe('prompts and resources of an MCP server', () => {
  it('keep the ids that they have, and grants follow', () => {
    const server = (prompt: string, other: string): JsonObject => ({
      prompts: [{ _id: prompt, name: 'ask' }],
      resources: [{ _id: other, _fileId: id('f', 1) }],
      permissionSets: [{ _promptIds: [prompt], _resourceIds: [other] }],
    });
    const [old, live] = [server(id('b', 1), id('b', 2)), server(id('c', 1), id('c', 2))];
    expect(put('mcpservers', old, { ...live, permissionSets: [] })).toEqual(live);
  });

  it.each([
    ['prompts', 'name', 'was', true],
    ['resources', '_fileId', id('f', 2), true],
    ['prompts', 'title', 'was', false],
  ])('(%s) with another %s lose their grants, which is reported', (list, field, value, reported) => {
    const part = { _id: id('b', 1), name: 'ask', _fileId: id('f', 1), title: 'Ask' };
    const { warnings } = plan('mcpservers', { [list]: [{ ...part, [field]: value }] }, { name: 'one', [list]: [part] });
    expect(warnings.some((text) => text.includes('grant it again'))).toBe(reported);
  });
});

describe('entries of which the value is a credential', () => {
  const entries = (...held: JsonObject[]): JsonObject => ({ http: { headers: held } });
  const [secret, plain] = [
    { name: 'Authorization', value: { $secret: '0123456789ab' } },
    { name: 'Accept', value: 'a' },
  ];

  it('are left out of a creation, and entered by a person', () => {
    const input = { type: type('connections'), wanted: entries(secret, plain), ids: NONE, supplied: NONE, late: [] };
    expect(createBody(input)).toMatchObject({ doc: entries(plain), missing: ['http.headers[0].value'] });
    const supplied = new Map([['http.headers[0].value', 'Basic x']]);
    expect(createBody({ ...input, supplied }).doc).toEqual(entries({ ...secret, value: 'Basic x' }, plain));
  });

  it('are no difference when the created resource lacks them', () => {
    const form = (doc: JsonObject): JsonObject => restorable(type('connections'), doc, NONE);
    expect(form(entries(secret, plain))).toEqual(form(entries(plain)));
    expect(form(entries(plain))).not.toEqual(form(entries()));
  });

  it('are added from --secrets to a resource that was created without them', () => {
    const supplied = () => new Map([['http.headers[0].value', 'Basic x']]);
    const own = { type: 'http' };
    const { steps } = plan(
      'connections',
      { ...own, ...entries(secret, plain) },
      { name: 'one', ...own, ...entries(plain) },
      { supplied },
    );
    expect(steps).toMatchObject([{ action: 'update', method: 'put', reason: expect.stringContaining('--secrets') }]);
  });
});

describe('what a creation starts or needs is a warning', () => {
  it.each<[string, JsonObject, string | undefined]>([
    ['exports', { cdc: { snapshotMode: 'initial' } }, 'reads every existing row again'],
    ['exports', { cdc: { snapshotMode: 'no_data' } }, undefined],
    ['exports', { topic: { startPosition: 'earliest' } }, 'reads all events that the topic holds again'],
    ['exports', { netsuite: { distributed: { recordType: 'item' } } }, 'installs its trigger'],
    ['connections', { type: 'van' }, 'gets a new mailbox'],
    ['connections', { type: 'mcp', connectionRole: 'mcpChild' }, 'must sign in again'],
    ['connections', { type: 'mcp', connectionRole: 'other' }, undefined],
    ['connections', { type: 'ftp', ftp: { _tpConnectorId: id('t', 1) } }, 'publish it first'],
    ['flows', {}, 'Standalone flows'],
    ['flows', { _integrationId: id('i', 1) }, undefined],
  ])('%s %j', (dir, doc, says) => {
    const { warnings } = plan(dir, doc, undefined, { exists: () => true });
    expect(warnings.some((text) => text.includes(says ?? 'again'))).toBe(says !== undefined);
  });

  it('as is the move of a tool', () => {
    const [from, to] = [{ _integrationId: id('i', 1) }, { _integrationId: id('i', 2) }];
    const { warnings } = plan('tools', to, { name: 'one', ...from }, { exists: () => true });
    expect(warnings).toEqual([expect.stringContaining('moves to another integration')]);
  });
});

describe('a plan warns of a text that is too long', () => {
  const long = 'x'.repeat(151);

  it.each<[string, JsonObject, JsonObject | undefined, boolean]>([
    ['in what it creates', { name: long }, undefined, true],
    ['in what it changes', { name: long }, { name: 'short' }, true],
    ['but not in what is there already', { name: long, description: 'new' }, { name: long }, false],
    ['and of no other', { name: 'x'.repeat(150) }, undefined, false],
  ])('%s', (_, doc, live, warned) => {
    const { warnings } = plan('flows', { _integrationId: id('i', 1), ...doc }, live, { exists: () => true });
    expect(warnings.some((text) => text.includes('may refuse name of 151 characters, more than 150'))).toBe(warned);
  });
});

describe('what is fixed at creation', () => {
  it.each([
    [
      'exports',
      'netsuite',
      { distributed: { frameworkVersion: 'suiteapp2.0' } },
      { distributed: { frameworkVersion: 'suitebundle' } },
    ],
    ['imports', 'netsuite_da', { restletVersion: 'suiteapp2.0' }, { restletVersion: 'suiteapp1.0' }],
    ['iclients', 'awsIam', { externalId: 'a' }, { externalId: 'b' }],
  ])('of %s, in %s, blocks the change', (dir, block, ours, theirs) => {
    const { steps } = plan(dir, { [block]: ours }, { name: 'one', [block]: theirs });
    expect(steps).toMatchObject([
      { action: 'blocked', reason: expect.stringContaining('cannot be changed after creation') },
    ]);
  });
});

describe('steps', () => {
  it('that are agents stay part of their integration', () => {
    const agent = { adaptorType: 'AiAgentImport', _integrationId: id('i', 1) };
    expect(created('imports', agent, new Map([[id('i', 1), id('i', 2)]]))).toEqual({
      ...agent,
      _integrationId: id('i', 2),
    });
  });

  it('that are being set up have the mark, also those of a state that lacks the mark', () => {
    const [half, done] = [{ type: 'import' }, { type: 'import', _importId: id('m', 1) }];
    const marked = { ...half, setupInProgress: true };
    expect(created('flows', { pageProcessors: [half, done] })).toMatchObject({ pageProcessors: [marked, done] });
    expect(put('flows', { pageProcessors: [half] }, {})).toEqual({ pageProcessors: [marked] });
  });

  it('keep their links to an HTTP connector, with the ids of the target', () => {
    const links = (n: number): JsonObject => ({
      http: { _httpConnectorResourceId: id('r', n), _httpConnectorEndpointIds: [id('e', n)] },
    });
    const ids = new Map([
      [id('r', 1), id('r', 2)],
      [id('e', 1), id('e', 2)],
    ]);
    expect(created('imports', links(1), ids)).toEqual(links(2));
    expect(created('imports', links(3), ids)).toEqual(links(3));
  });
});

describe('a creation that names what will not be there', () => {
  const next = { _runNextFlowIds: [id('b', 1)], pageGenerators: [{ _exportId: id('e', 1) }] };
  const here = (name: string): boolean => name !== 'flows';

  it('leaves out the field that may follow later', () => {
    const [step] = plan('flows', next, undefined, { exists: here, inState: () => true }).steps;
    expect(step).toMatchObject({ action: 'create', late: ['_runNextFlowIds'], absent: ['_runNextFlowIds'] });
  });

  it('is blocked where the field is nothing without it', () => {
    const router = (n: number) => ({ branches: [{ pageProcessors: [{ _importId: id('i', n) }] }] });
    const exists = (name: string, of: string): boolean => name !== 'imports' || of === id('i', 1);
    const [step] = plan('tools', { routers: [router(1), router(2)] }, undefined, { exists, inState: () => true }).steps;
    expect(step).toMatchObject({ action: 'blocked', reason: expect.stringContaining(`imports/${id('i', 2)}`) });
  });

  it('leaves out nothing where it is there', () => {
    const [step] = plan('flows', next, undefined, { exists: () => true }).steps;
    expect(step).toMatchObject({ action: 'create', late: [] });
  });

  it('registers nothing itself: a call of its own does', () => {
    expect(created('integrations', { name: 'n', _registeredConnectionIds: [id('c', 1)] })).toEqual({ name: 'n' });
  });
});
