import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ResourceType } from '../../src/catalogue/types.ts';
import { createFingerprint } from '../../src/core/digest.ts';
import { isArray, isObject, type Json, type JsonObject } from '../../src/core/json.ts';
import { keyOf } from '../../src/core/keys.ts';
import { redaction, secretMarker } from '../../src/core/markers.ts';
import type { NormaliseOptions } from '../../src/core/normalise.ts';
import { setSteps } from '../../src/core/paths.ts';
import { atPlace, type Place, placeOf } from '../../src/core/places.ts';
import { secretPlaces } from '../../src/core/secret-places.ts';
import { parseYaml, renderYaml } from '../../src/core/yaml.ts';
import { emptyAccount } from '../../src/emulator/http/server.ts';
import { createBody, updateBody } from '../../src/plan/body.ts';
import { markerHindrance } from '../../src/plan/decide.ts';
import { planRestore } from '../../src/plan/planner.ts';
import { fillRecords } from '../../src/plan/redacted-texts.ts';
import { endsInPath, precedentOf } from '../../src/plan/targets.ts';
import { id, planInput, read, type, wanted } from '../plan/support.ts';
import { sample } from '../support/account.ts';
import { cases } from '../support/fuzz.ts';
import { gateway } from '../support/gateway.ts';
import { eachOf } from '../support/table.ts';
import { Workspace } from '../support/workspace.ts';

const OPTIONS: NormaliseOptions = {
  sampleData: false,
  fingerprint: createFingerprint('the key of the mirror'),
  credentials: { fields: 'redact', code: 'redact' },
};

/** Put together here, so that no scanner takes this source for one that holds credentials. */
const secret = (name: string): string => `${name}7Qz93hLmN20xWp4`;
const KEY = secret('hdr');
const SITE = secret('site');
const BASIC = `Basic ${Buffer.from('erp:tul1pBulb9').toString('base64')}`;
const REFRESH = secret('ref');
const NOTE = secret('note');
const HOOK = secret('hook');
const CODE = secret('code');
const ROW = secret('row');
const SECRETS = [KEY, SITE, BASIC, REFRESH, NOTE, HOOK, CODE, ROW];

const connection: JsonObject & { _id: string } = {
  _id: id('c', 1),
  name: 'Alerts',
  type: 'http',
  http: {
    baseURI: `https://alerts.example.test/v1?api_key=${SITE}`,
    mediaType: 'json',
    headers: [
      { name: 'Authorization', value: BASIC },
      { name: 'X-Api-Key', value: KEY },
      { name: 'Accept', value: 'application/json' },
    ],
    auth: { type: 'token', token: { refreshBody: `grant_type=refresh_token&client_secret=${REFRESH}` } },
  },
  settings: { note: 'ask ops', list: [{ name: 'apiKey', value: NOTE }, 'x'], row: ['password', NOTE] },
};
const hook: JsonObject & { _id: string } = {
  _id: id('e', 1),
  name: 'Hook',
  adaptorType: 'WebhookExport',
  type: 'webhook',
  webhook: { provider: 'custom', verify: 'token', token: HOOK, path: 'x' },
  settings: { note: 'n' },
};
const script: JsonObject & { _id: string } = {
  _id: id('s', 1),
  name: 'Hooks',
  content: `const apiKey = '${CODE}';\nfunction f(options) {\n  call({ url: 'https://a.test', key: apiKey });\n}\n`,
};
const cache: JsonObject & { _id: string } = {
  _id: id('l', 1),
  name: 'Shops',
  data: `{"key":"a","value":{"password":"${ROW}"}}\n{"key":"b","value":{"city":"Oslo"}}\n`,
};
const RAW = [
  ['connections', connection],
  ['exports', hook],
  ['scripts', script],
  ['lookupcaches', cache],
] as const;
const LIVE = RAW.map(([dir, raw]) => ({ dir, id: raw._id, ...read(type(dir), raw, OPTIONS) }));

type LiveOne = (typeof LIVE)[number];

function planned(live: LiveOne, doc: JsonObject) {
  return planRestore(
    planInput({
      wanted: [wanted(live.dir, { ...doc, _id: live.id })],
      live: new Map(
        LIVE.map((one) => [
          keyOf(one.dir as 'flows', one.id),
          { state: 'live' as const, id: one.id, raw: one.doc, doc: one.doc, changed: false },
        ]),
      ),
    }),
  );
}

/** What a restore of a document would send: the bodies of an update as far as it is not blocked, and of a creation. */
function bodies(live: LiveOne, doc: JsonObject): Json[] {
  const document = wanted(live.dir, { ...doc, _id: live.id });
  const own = { type: document.type, wanted: document.doc, ids: new Map(), supplied: new Map() };
  const made = createBody({ ...own, late: [] }).doc;
  const [step] = planned(live, doc).steps;
  if (step?.action !== 'update') return [made];
  expect(markerHindrance(document, live.doc, { ids: new Map(), supplied: () => new Map() })).toBeUndefined();
  const { missing, doc: body } = updateBody({ ...own, live, sampleData: false });
  expect(missing).toEqual([]);
  const entries = document.doc.data;
  if (document.type.entries === undefined || typeof entries !== 'string') return [made, body];
  const source = { raw: String(live.raw.data), taken: live.taken };
  return [made, body, { data: fillRecords(entries, String(live.doc.data), source).text }];
}

/** Where a value is: keys, names of elements, and in texts the record and the name before it. */
function whereabouts(root: Json, value: string): string[] {
  const found: string[] = [];
  const visit = (held: Json, path: string): void => {
    if (typeof held === 'string') {
      for (const line of held.split('\n')) {
        for (let at = line.indexOf(value); at >= 0; at = line.indexOf(value, at + 1)) {
          const record = /^\{"key":"(\w+)"/.exec(line)?.[1] ?? '';
          const name = /([\w-]*)[^\w-]*$/.exec(line.slice(0, at))?.[1] ?? '';
          found.push(`${path} ${record} ${line === value ? '' : name} ${line[at + value.length] ?? ''}`);
        }
      }
    } else if (isArray(held)) {
      for (const [i, item] of held.entries())
        visit(item, `${path}/${isObject(item) ? String(item.name ?? i) : held.length === 2 ? String(held[0]) : i}`);
    } else if (isObject(held)) {
      for (const [key, inner] of Object.entries(held)) {
        if (key.includes(value)) found.push(`${path} key`);
        visit(inner, `${path}/${key}`);
      }
    }
  };
  visit(root, '');
  return found;
}

const MARKS = LIVE.flatMap(({ doc }) =>
  secretPlaces(doc).flatMap(({ fingerprint = '' }) => fingerprint.split(' ').filter(Boolean)),
);
const marks = fc.constantFrom(...MARKS);
const marker: fc.Arbitrary<Json> = fc.oneof(
  marks.map(secretMarker),
  marks.map(redaction),
  fc.tuple(marks, fc.constantFrom('x', ' ', "'", '&k=', '{{a}}')).map(([m, t]) => `${redaction(m)}${t}${redaction(m)}`),
  fc
    .tuple(marks, fc.constantFrom("const apiKey = '", '?api_key=', 'Bearer ', '"password":"'))
    .map(([m, t]) => `${t}${redaction(m)}"`),
  fc.tuple(marks, fc.nat(24)).map(([m, n]) => redaction(m).slice(0, n)),
  marks.map((m) => ({ $secret: m.slice(0, 6) })),
  marks.map((m) => ({ $secret: m, more: 1 })),
  marks.map((m) => [secretMarker(m)]),
  marks.map((m) => ({ value: secretMarker(m), name: 'X-Api-Key' })),
  marks.map((m) => ({ [redaction(m)]: 'x' })),
);

interface Edit {
  readonly kind: 'put' | 'add' | 'copy' | 'rename' | 'label' | 'text' | 'drop' | 'reverse' | 'lines';
  readonly at: number;
  readonly to: number;
  readonly value: Json;
}
const edits: fc.Arbitrary<readonly Edit[]> = fc.array(
  fc.record({
    kind: fc.constantFrom<Edit['kind'][]>('put', 'add', 'copy', 'rename', 'label', 'text', 'drop', 'reverse', 'lines'),
    at: fc.nat(1_000),
    to: fc.nat(1_000),
    value: marker,
  }),
  { minLength: 1, maxLength: 4 },
);

/** Every place of a document, `_id` and the type left out. */
function placesOf(doc: Json): Place[] {
  const places: Place[] = [];
  const visit = (value: Json, place: Place): void => {
    if (place.length > 0) places.push(place);
    if (isArray(value)) for (const [i, item] of value.entries()) visit(item, [...place, i]);
    else if (isObject(value))
      for (const key of Object.keys(value))
        if (!/^_id$|^type$|^adaptorType$/.test(key)) visit(value[key] as Json, [...place, key]);
  };
  visit(doc, []);
  return places;
}

function edited(doc: JsonObject, { kind, at, to, value }: Edit): JsonObject {
  const places = placesOf(doc);
  const place = places[at % places.length] ?? ['name'];
  const other = places[to % places.length] ?? ['name'];
  const held = atPlace(doc, place);
  const put = (where: Place, what: Json): JsonObject => setSteps(doc, where, what) as JsonObject;
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  if (kind === 'put') return put(place, value);
  if (kind === 'add') return isObject(held) ? put([...place, 'extra'], value) : put(['settings', 'extra'], value);
  if (kind === 'copy') return put(other, atPlace(doc, place) ?? null);
  if (kind === 'drop') return setSteps(doc, place, undefined) as JsonObject;
  if (kind === 'reverse') return isArray(held) ? put(place, [...held].reverse()) : doc;
  if (kind === 'lines')
    return typeof held === 'string'
      ? put(
          place,
          held
            .split(/(?<=\n)/)
            .reverse()
            .join(''),
        )
      : doc;
  if (kind === 'text') {
    if (typeof held !== 'string') return doc;
    const cut = to % (held.length + 1);
    return put(place, held.slice(0, cut) + text + held.slice(cut));
  }
  if (kind === 'label') return isObject(held) && 'name' in held ? put([...place, 'name'], 'X-Debug') : doc;
  const key = place.at(-1);
  if (typeof key !== 'string' || held === undefined) return doc;
  const without = setSteps(doc, place, undefined) as JsonObject;
  return setSteps(without, [...place.slice(0, -1), `${key}2`], held) as JsonObject;
}

describe('markers that a pushed document moves, copies, nests, renames, cuts or joins', () => {
  it('never bring the value of a credential to a place other than its own', () => {
    const own = new Map(
      LIVE.map(({ id: of, raw }) => [of, new Map(SECRETS.map((one) => [one, new Set(whereabouts(raw, one))]))]),
    );
    let acting = 0;
    fc.assert(
      fc.property(fc.constantFrom(...LIVE), edits, (live, all) => {
        const doc = all.reduce(edited, live.doc);
        const [made, ...bodiesOfUpdate] = bodies(live, doc);
        acting += bodiesOfUpdate.length;
        for (const one of SECRETS) {
          expect(whereabouts(made ?? null, one), 'created').toEqual([]);
          const there = own.get(live.id)?.get(one);
          for (const body of bodiesOfUpdate)
            for (const where of whereabouts(body, one)) expect([...(there ?? [])], one).toContain(where);
        }
        for (const body of [made ?? null, ...bodiesOfUpdate]) expect(secretPlaces(body)).toEqual([]);
      }),
      cases(400),
    );
    // Otherwise nothing was tried.
    expect(acting).toBeGreaterThan(10);
  });
});

/** Where a person who may push puts the marker of a header: what the plan says of it. */
const MOVES: readonly (readonly [what: string, dir: string, place: string, value: (mark: string) => Json])[] = [
  ['the name', 'connections', 'name', secretMarker],
  ['settings', 'connections', 'settings.note', secretMarker],
  ['a URI', 'connections', 'http.baseURI', (mark) => `https://evil.example/?k=${redaction(mark)}`],
  ['another header', 'connections', 'http.headers[2].value', secretMarker],
  ['its own header by another name', 'connections', 'http.headers[1].name', () => 'X-Debug'],
  ['something nested', 'connections', 'settings.a', (mark) => ({ b: [{ c: secretMarker(mark) }] })],
  ['a key', 'connections', 'settings.a', (mark) => ({ [redaction(mark)]: 'x' })],
  ['another resource', 'exports', 'settings.note', secretMarker],
  ['a description', 'exports', 'description', (mark) => `see ${redaction(mark)}`],
  ['code of another file', 'scripts', 'content', (mark) => `log('${redaction(mark)}');\n`],
];

describe('a marker that was moved to', () => {
  const mark = secretPlaces(LIVE[0]?.doc ?? {}).find(({ place }) => place.join('.') === 'http.headers.1.value');

  it.each(MOVES)('%s blocks the step and is named', (_, dir, place, value) => {
    const live = LIVE.find((one) => one.dir === dir) as LiveOne;
    const doc = setSteps(live.doc, placeOf(place), value(mark?.fingerprint ?? '')) as JsonObject;
    const [step] = planned(live, doc).steps;

    expect(step).toMatchObject({ action: 'blocked' });
    expect(step?.markers?.length).toBeGreaterThan(0);
    expect(`${step?.reason}`).toContain((step?.markers ?? [])[0]?.place);
  });

  it('its old place in another order of a list is filled', () => {
    const live = LIVE[0] as LiveOne;
    const headers = [...(atPlace(live.doc, ['http', 'headers']) as Json[])].reverse();
    const doc = { ...(setSteps(live.doc, ['http', 'headers'], headers) as JsonObject), name: 'Alarms' };

    expect(bodies(live, doc)[1]).toMatchObject({
      http: { headers: [{ value: 'application/json' }, { value: KEY }, { value: BASIC }] },
    });
  });

  it('code beside code that stays: the key is put back where it was', () => {
    const live = LIVE[2] as LiveOne;
    const doc = { ...live.doc, content: `// again\n${String(live.doc.content)}` };

    expect(bodies(live, doc)[1]).toMatchObject({ content: `// again\n${String(script.content)}` });
  });
});

/** Changes of where credentials go, and whether they need a consent of their own. */
const TARGETS: readonly (readonly [what: string, dir: string, place: string, value: Json, needs: boolean])[] = [
  ['a host', 'connections', 'http.baseURI', 'https://evil.example/v1', true],
  ['a path of the base URI', 'connections', 'http.baseURI', 'https://api.example.test/v2', true],
  ['a token URI', 'connections', 'http.auth.oauth.tokenURI', 'https://evil.example/token', true],
  ['a refresh URI', 'connections', 'http.auth.token.refreshRelativeURI', 'https://evil.example/', true],
  ['a revoke URI', 'connections', 'http.auth.token.revoke.uri', 'https://evil.example/', true],
  ['strict TLS', 'connections', 'http.disableStrictSSL', true, true],
  ['an agent', 'connections', '_agentId', id('a', 2), true],
  ['a Host header', 'connections', 'http.headers[1]', { name: 'Host', value: 'evil.example' }, true],
  ['a field that the base URI names', 'connections', 'http.unencrypted.shop', 'evil.example/', true],
  ['an absolute ping', 'connections', 'http.ping.relativeURI', '//evil.example/x', true],
  ['another ping', 'connections', 'http.ping.relativeURI', '/health', false],
  ['a description', 'connections', 'settings.note', 'x', false],
  ['an absolute URI of a step', 'exports', 'http.relativeURI', 'https://evil.example/x', true],
  ['a URI with tabs', 'exports', 'http.relativeURI', '/\t/evil.example/x', true],
  ['a URI that is joined to the host', 'exports', 'http.relativeURI', '@evil.example/x', true],
  ['a URI that is an expression', 'exports', 'http.relativeURI', '{{settings.url}}/x', true],
  ['another path', 'exports', 'http.relativeURI', '/orders?b=1', false],
  ['a page', 'exports', 'http.paging.relativeURI', 'https://evil.example/', true],
  ['one of several URIs', 'imports', 'http.relativeURI', ['/a', 'https://evil.example/'], true],
  ['another connection', 'exports', '_connectionId', id('c', 2), false],
  ['a client, which may name the URI of tokens', 'connections', 'http._iClientId', id('o', 2), true],
  ['whose URI of tokens counts', 'connections', 'http.auth.oauth.useIClientFields', true, true],
  ['a host for hooks', 'stacks', 'server.hostURI', 'https://evil.example', true],
];

describe('a change next to credentials that stay, of', () => {
  const live: Record<string, JsonObject & { _id: string }> = {
    connections: {
      _id: id('c', 1),
      type: 'http',
      name: 'API',
      http: {
        baseURI: 'https://{{{connection.http.unencrypted.shop}}}.example.test/v1',
        unencrypted: { shop: 'a' },
        headers: [
          { name: 'X-Api-Key', value: secretMarker('0123456789ab') },
          { name: 'Host', value: 'a' },
        ],
        ping: { relativeURI: '/ping' },
      },
    },
    exports: { _id: id('e', 1), name: 'E', _connectionId: id('c', 1), http: { relativeURI: '/orders' } },
    imports: { _id: id('i', 1), name: 'I', _connectionId: id('c', 1), http: { relativeURI: ['/a', '/b'] } },
    stacks: {
      _id: id('k', 1),
      name: 'S',
      type: 'server',
      server: { hostURI: 'https://h.test', systemToken: '******' },
    },
  };

  it.each(TARGETS)('%s', (_, dir, place, value, needs) => {
    const doc = live[dir] as JsonObject & { _id: string };
    const supplied = new Map(dir === 'stacks' ? [['server.other', 'x']] : []);
    const changed = setSteps(doc, placeOf(place), value) as JsonObject & { _id: string };
    const plan = planRestore(
      planInput({
        wanted: [wanted(dir, changed)],
        live: new Map([
          [keyOf(dir as 'flows', doc._id), { state: 'live', id: doc._id, raw: doc, doc, changed: false }],
        ]),
        supplied: () => supplied,
      }),
    );
    const [step] = plan.steps;
    // What cannot be written at all needs no consent.
    if (step?.action === 'blocked') expect(dir).toBe('stacks');
    else expect({ action: step?.action, needs: (step?.targets ?? []).length > 0 }).toEqual({ action: 'update', needs });
    if (step?.targets) expect(plan.warnings.join('\n')).toContain('--allow-target-change');
  });

  it('the connection of a step that leads elsewhere already', () => {
    const doc = { ...live.exports, http: { relativeURI: 'https://evil.example/' } } as JsonObject & { _id: string };
    const moved = { ...doc, _connectionId: id('c', 2) };
    const there = { state: 'live', id: doc._id, raw: doc, doc, changed: false } as const;
    const input = { wanted: [wanted('exports', moved)], live: new Map([[keyOf('exports', doc._id), there]]) };

    expect(planRestore(planInput(input)).steps).toMatchObject([
      { action: 'update', targets: [{ field: 'http.relativeURI', after: 'https://evil.example', isNew: true }] },
    ]);
  });

  it.each<[uri: string, needs: boolean]>([
    ...['https://evil.example/', '//evil.example', '@evil.example/', '.evil.example/', '{{record.url}}'].map(
      (uri): [string, boolean] => [uri, true],
    ),
    // https://api.example.test + x.evil.example is another host.
    ['x.evil.example/orders', true],
    ['/orders', false],
    ['orders', false],
    ['orders.json?page=1', false],
    ['2.0/orders', false],
    ['?a=b.example', false],
    ['/x.evil.example', false],
  ])('a new step whose URI is %s, with a connection that is there', (relativeURI, needs) => {
    const doc = { ...live.exports, http: { relativeURI } } as JsonObject & { _id: string };
    const plan = (precedent: JsonObject) =>
      planRestore(
        planInput({
          wanted: [wanted('exports', doc)],
          precedents: () => [precedentOf(type('exports'), precedent, new Map())],
        }),
      ).steps[0];

    expect(plan(live.exports ?? {})?.targets?.map(({ field }) => field) ?? []).toEqual(
      needs ? ['http.relativeURI'] : [],
    );
    expect(plan({ ...doc, _id: id('e', 2) })).not.toHaveProperty('targets');
  });
});

describe('a new step whose URI looks like the end of a host', () => {
  const doc = (relativeURI: string) => ({
    ...{ _id: id('e', 1), name: 'E', _connectionId: id('c', 1) },
    http: { relativeURI },
  });

  it.each<[base: string, isClosed: boolean]>([
    ['https://slack.test/api/', true],
    ['https://slack.test/api', true],
    ['https://{{{connection.http.unencrypted.shop}}}.slack.test/', true],
    ['https://slack.test', false],
    ['https://{{{settings.a/b}}}slack.test', false],
    ['https://slack.test?a=/', false],
    ['https://{{settings.host', false],
    ['{{settings.url}}/api', false],
  ])('needs no consent after %s: %s', (baseURI, isClosed) => {
    expect(endsInPath(type('connections'), { http: { baseURI } })).toBe(isClosed);
    expect(endsInPath(type('connections'), { http: { baseURI }, rest: { baseURI: 'https://slack.test' } })).toBe(false);
  });

  it.each<[uri: string, needs: boolean]>([
    ['chat.postMessage', false],
    ['../x.evil.example/', true],
    ['//x.evil.example/', true],
    ['https:x.evil.example', true],
    ['{{record.url}}', true],
  ])('which does not continue the host: %s', (uri, needs) => {
    const input = planInput({ wanted: [wanted('exports', doc(uri))], endsInPath: () => true });

    expect((planRestore(input).steps[0]?.targets ?? []).length > 0).toBe(needs);
  });

  it('comes back as it was, beside others that lead anywhere', () => {
    const http = { relativeURI: ['chat.postMessage', '{{record.next}}'] };
    const was: JsonObject & { _id: string } = { ...doc(''), _id: id('i', 1), http };
    const input = (precedent: JsonObject) =>
      planInput({
        wanted: [wanted('imports', was)],
        endsInPath: () => true,
        precedents: () => [precedentOf(type('imports'), precedent, new Map())],
      });

    expect(planRestore(input(was)).steps[0]).not.toHaveProperty('targets');
    expect(planRestore(input({ ...was, http: { relativeURI: [] } })).steps[0]).toHaveProperty('targets');
  });
});

describe('a new connection with a client that is there', () => {
  const doc = (http: JsonObject): JsonObject & { _id: string } => ({
    _id: id('c', 7),
    name: 'New',
    type: 'http',
    http: { _iClientId: id('o', 1), ...http },
  });
  const EVIL = { baseURI: 'https://evil.example', auth: { oauth: { tokenURI: 'https://evil.example/t' } } };
  const plan = (document: JsonObject & { _id: string }, more: Parameters<typeof planInput>[0] = {}) =>
    planRestore(planInput({ wanted: [wanted('connections', document)], ...more })).steps;

  it('sends its secret to addresses of its own: consent is needed, and both are named', () => {
    expect(plan(doc(EVIL))).toMatchObject([
      { action: 'create', targets: [{ field: 'http.baseURI', isNew: true }, { field: 'http.auth.oauth.tokenURI' }] },
    ]);
  });

  it.each<[what: string, precedent: JsonObject, fields: string[]]>([
    ['the same addresses with the same client', doc(EVIL), []],
    ['the same host alone', doc({ baseURI: EVIL.baseURI }), ['http.auth.oauth.tokenURI']],
    ['another client', doc({ ...EVIL, _iClientId: id('o', 2) }), ['http.auth.oauth.tokenURI', 'http.baseURI']],
  ])('is quiet where the account has or had %s', (_, precedent, fields) => {
    const [step] = plan(doc(EVIL), { precedents: () => [precedentOf(type('connections'), precedent, new Map())] });

    expect((step?.targets ?? []).map(({ field }) => field).sort()).toEqual(fields);
  });

  it.each<[what: string, http: JsonObject]>([
    ['no address', {}],
    ['no client', { ...EVIL, _iClientId: '' }],
    ['a switch alone', { disableStrictSSL: true }],
  ])('needs no consent with %s', (_, http) => {
    expect(plan(doc(http))[0]).not.toHaveProperty('targets');
  });

  it('needs none for a client that the target does not have, or that this restore made there', () => {
    expect(plan(doc(EVIL), { lends: () => false })[0]).not.toHaveProperty('targets');
  });

  it('needs none where the client is new, too, and passes its credentials on to a new step', () => {
    const client = wanted('iclients', { _id: id('o', 1), name: 'Own', provider: 'custom_oauth2' });
    const leading = { relativeURI: '//evil.example/' };
    const step = wanted('exports', { _id: id('e', 9), name: 'E', _connectionId: id('c', 7), http: leading });
    const both = (more: Parameters<typeof planInput>[0]) =>
      planRestore(planInput(more)).steps.flatMap(({ type, targets = [] }) =>
        targets.map(({ field }) => `${type} ${field}`),
      );

    const connection = wanted('connections', doc(EVIL));
    expect(both({ wanted: [client, connection, step] })).toEqual([]);
    const precedents = (one: { type: ResourceType }) =>
      one.type.name === 'connections' ? [precedentOf(one.type, doc(EVIL), new Map())] : [];
    expect(both({ wanted: [connection, step], precedents })).toEqual(['exports http.relativeURI']);
  });
});

describe('a connection with a client, through the command', () => {
  const CLIENT = '64f0c0ffee64f0c0ffee64f1';
  const ID = '64f0c0ffee64f0c0ffee64f2';
  const there = {
    _id: ID,
    name: 'Shop',
    type: 'http',
    lastModified: '2026-01-01T00:00:00.000Z',
    http: { formType: 'http', mediaType: 'json', baseURI: 'https://shop.example.test', _iClientId: CLIENT },
  };
  const client = { _id: CLIENT, name: 'Own', provider: 'custom_oauth2', lastModified: '2026-01-01T00:00:00.000Z' };

  async function scene() {
    const seed = { ...emptyAccount(), resources: { connections: [there], iclients: [client] } };
    const account = await sample({ seed });
    const space = new Workspace({ prod: { baseUrl: account.url, token: account.owner.token } });
    await space.mirrored();
    const folder = join(space.mirror, 'prod', 'connections');
    const push = (name: string, text: string): void => {
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, name), text);
      space.git('add', '--all', 'prod');
      space.git('-c', 'user.name=Eve', '-c', 'user.email=eve@x.test', 'commit', '-qm', 'a change');
    };
    const file = readdirSync(folder).find((name) => name.includes(ID)) ?? '';
    return { account, space, push, file, text: readFileSync(join(folder, file), 'utf8') };
  }

  it('that is new is refused with an address of its own, and not with one that the client serves already', async () => {
    const { space, push, text } = await scene();
    const copy = text.replace(/^_id: .*\n/m, '').replace('Shop', 'Copy');
    push('copy.yaml', copy);
    const same = await space.run('apply', 'HEAD', '--dry-run', '--json');
    push('evil.yaml', copy.replace('https://shop.example.test', 'https://evil.example'));
    const other = await space.run('apply', 'HEAD', '--dry-run');

    expect(same.code, same.err + same.out).toBe(0);
    expect(JSON.parse(same.out)).toMatchObject({ steps: [{ action: 'create', name: 'Copy' }] });
    expect(other.code, other.err + other.out).toBe(4);
    expect(other.out).toContain('target: http.baseURI gets credentials that the account has');
    expect(other.out).toContain('"https://evil.example"');
  });

  it('that was deleted comes back as the mirror recorded it, and not as someone wrote it', async () => {
    const { account, space, push, file, text } = await scene();
    account.emulator.act(account.owner.email).remove('connections', ID);
    const headers = { authorization: `Bearer ${account.owner.token}` };
    await fetch(`${account.url}/v1/recycleBinTTL/connections/${ID}`, { method: 'DELETE', headers });
    expect(await space.sync('--allow-deletions')).toMatchObject({ code: 0 });

    const back = await space.run('restore', `connections/${ID}`, '--dry-run', '--json');
    push(file, text.replace('https://shop.example.test', 'https://evil.example'));
    const forged = await space.run('restore', `connections/${ID}`, '--at', 'HEAD', '--dry-run', '--json');

    expect(back.code, back.err + back.out).toBe(0);
    expect(JSON.parse(back.out)).toMatchObject({ steps: [{ action: 'create' }] });
    expect(forged.code, forged.err + forged.out).toBe(4);
  });
});

describe('through the command', () => {
  const ID = '64f0c0ffee64f0c0ffee64f0';

  async function mirror() {
    const seed = emptyAccount();
    const raw = { ...connection, _id: ID, lastModified: '2026-01-01T00:00:00.000Z' };
    const account = await sample({ seed: { ...seed, resources: { connections: [raw] } } });
    const space = new Workspace({ prod: { baseUrl: account.url, token: account.owner.token } });
    await space.mirrored();
    const folder = join(space.mirror, 'prod', 'connections');
    const file = join(folder, readdirSync(folder).find((name) => name.includes(ID)) ?? '');
    const push = (text: string): void => {
      // What was restored before may have another name.
      for (const name of readdirSync(folder)) if (name.includes(ID)) rmSync(join(folder, name));
      writeFileSync(file, text);
      space.git('add', '--all', 'prod');
      space.git('-c', 'user.name=Eve', '-c', 'user.email=eve@x.test', 'commit', '-qm', 'a change');
    };
    return { account, space, text: readFileSync(file, 'utf8'), push };
  }

  const mark = (text: string): string => /X-Api-Key\s+value:\s+\$secret: "?([0-9a-f]{12})/.exec(text)?.[1] ?? '';
  const EDITS: [what: string, edit: (text: string, mark: string) => string][] = [
    ['the name', (text, m) => text.replace('name: Alerts', `name:\n  $secret: ${JSON.stringify(m)}`)],
    ['a note', (text, m) => text.replace('note: ask ops', `note: "[[redacted ${m}]]"`)],
    ['another name', (text) => text.replace('name: X-Api-Key', 'name: X-Debug')],
    ['a query', (text, m) => text.replace('mediaType: json', `mediaType: json\n  x: ?k=[[redacted ${m}]]`)],
  ];

  eachOf(EDITS, { quick: 0 })('a marker in %s is refused, and nothing of it gets out', async (_, edit) => {
    const { account, space, text, push } = await mirror();
    const before = account.emulator.state.get('connections', ID);
    push(edit(text, mark(text)));
    expect(mark(text)).not.toBe('');

    const outcome = await space.run('restore', `connections/${ID}`, '--at', 'HEAD', '--yes', '--json');

    expect(outcome.code, outcome.err + outcome.out).toBe(3);
    expect(JSON.parse(outcome.out)).toMatchObject({ steps: [{ action: 'blocked', markers: [{}] }] });
    expect(account.emulator.state.get('connections', ID)).toEqual(before);
    await space.sync();
    const history = space.git('log', '-p', '--all', '--text');
    for (const one of [KEY, BASIC, NOTE]) expect(history + outcome.out + outcome.err).not.toContain(one);
  });

  it('no request has a credential at a place other than its own, whatever is pushed', {
    tags: 'slow',
    timeout: 3_600_000,
  }, async () => {
    const { account, space, text, push } = await mirror();
    const sent: { readonly path: string; readonly body: Json }[] = [];
    const listening = await gateway(account.url, (request) => {
      const parts: Buffer[] = [];
      request.on('data', (part: Buffer) => parts.push(part));
      request.on('end', () => {
        const body = Buffer.concat(parts).toString();
        sent.push({ path: request.url, body: body.startsWith('{') ? (JSON.parse(body) as Json) : body });
      });
      return false;
    });
    space.configure({ prod: { baseUrl: listening.url, token: account.owner.token } });
    const raw = account.emulator.state.get('connections', ID) as unknown as JsonObject;
    const doc = parseYaml(text) as JsonObject;
    const own = new Map(SECRETS.map((one) => [one, new Set(whereabouts(raw, one))]));
    const prints = secretPlaces(doc).flatMap(({ fingerprint = '' }) => fingerprint.split(' ').filter(Boolean));
    const here = (value: Json): Json =>
      JSON.parse(
        MARKS.reduce((held, mark, i) => held.replaceAll(mark, prints[i % prints.length] ?? ''), JSON.stringify(value)),
      );
    // Of random edits, few leave a document that may be written at all.
    const name: Edit = { kind: 'put', at: placesOf(doc).findIndex(([key]) => key === 'name'), to: 0, value: 'Alarms' };
    let written = 0;
    await fc.assert(
      fc.asyncProperty(edits, async (all) => {
        const now = account.emulator.state.get('connections', ID) as unknown as JsonObject;
        const gone = Object.fromEntries(Object.keys(now).map((key) => [key, undefined]));
        account.emulator.state.touch('connections', ID, { ...gone, ...raw });
        const changed = all.map((edit) => ({ ...edit, value: here(edit.value) })).reduce(edited, doc);
        push(`${renderYaml(changed)}# ${written}\n`);
        sent.length = 0;
        const args = ['restore', `connections/${ID}`, '--at', 'HEAD', '--yes', '--force', '--allow-target-change'];
        const { code, out, err } = await space.run(...args, '--json');
        expect([0, 1, 3, 4, 64], out + err).toContain(code);
        for (const one of SECRETS) {
          expect(out + err).not.toContain(one);
          for (const { path, body } of sent) {
            expect(path).not.toContain(one);
            for (const where of whereabouts(body, one)) expect([...(own.get(one) ?? [])], one).toContain(where);
          }
        }
        written += sent.filter(({ body }) => isObject(body)).length;
      }),
      { ...cases(12), examples: [[[name]]] },
    );
    const history = space.git('log', '-p', '--all', '--text');
    for (const one of [KEY, BASIC, NOTE, SITE, REFRESH]) expect(history).not.toContain(one);
    // Otherwise the requests were not seen.
    expect(written).toBeGreaterThan(0);
  });

  it('another host is refused with --yes and with --force, and done with --allow-target-change', {
    tags: 'slow',
  }, async () => {
    const { account, space, text, push } = await mirror();
    push(text.replace('https://alerts.example.test', 'https://other.example.test'));
    const uri = (): Json => atPlace(account.emulator.state.get('connections', ID), ['http', 'baseURI']) ?? null;
    const args = ['restore', `connections/${ID}`, '--at', 'HEAD', '--yes', '--json'];
    const at = space.git('rev-parse', 'HEAD').trim();

    const refused = await space.run(...args, '--force');
    expect(refused.code, refused.err + refused.out).toBe(4);
    expect(refused.err + refused.out).toContain('http.baseURI');
    expect(String(uri())).toContain('alerts.example.test');

    const done = await space.run('restore', `connections/${ID}`, '--at', at, '--yes', '--allow-target-change');
    expect(done.code, done.err + done.out).toBe(0);
    expect(uri()).toBe(`https://other.example.test/v1?api_key=${SITE}`);
  });
});
