import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CAPTURED_FIELDS, CHOSEN_KEY_FIELDS } from '../../src/catalogue/common.ts';
import { findType, RESOURCE_TYPES } from '../../src/catalogue/index.ts';
import type { ResourceType } from '../../src/catalogue/types.ts';
import { isObject, type Json, type JsonObject } from '../../src/core/json.ts';
import { renderResource } from '../../src/core/layout.ts';
import { joinFiles } from '../../src/core/markers.ts';
import { createNormaliser, type NormaliseOptions } from '../../src/core/normalise.ts';
import { parseYaml, renderYaml } from '../../src/core/yaml.ts';
import { cases } from '../support/fuzz.ts';

const options: NormaliseOptions = {
  sampleData: false,
  fingerprint: (secret) => `print-of-${secret.length}`,
  credentials: { fields: 'redact', code: 'warn' },
};

function typeOf(dir: string): ResourceType {
  const type = findType(dir);
  if (!type) throw new Error(`no type ${dir}`);
  return type;
}

function clean(dir: string, doc: JsonObject): JsonObject {
  return createNormaliser(typeOf(dir), options)(doc).doc;
}

describe('what is left out', () => {
  it('drops bookkeeping and volatile fields, and keeps what it does not know', () => {
    expect(
      clean('flows', {
        _id: 'a',
        name: 'n',
        lastModified: 'x',
        lastModifiedBy: 'x',
        createdAt: 'x',
        deletedAt: 'x',
        __v: 1,
        lastExecutedAt: 'x',
        free: false,
        brandNewField: { deep: [1, null, {}] },
        pageGenerators: [{ _exportId: 'e', setupInProgress: true, __startDateHelper: 1 }],
      }),
    ).toEqual({ _id: 'a', name: 'n', brandNewField: { deep: [1, null, {}] }, pageGenerators: [{ _exportId: 'e' }] });
  });

  it('treats a default like an absent field', () => {
    expect(clean('exports', { sandbox: false, pageSize: 20, asynchronous: true, oneToMany: false })).toEqual({});
    expect(clean('exports', { sandbox: true, pageSize: 50, oneToMany: true })).toEqual({
      sandbox: true,
      pageSize: 50,
      oneToMany: true,
    });
  });

  it('knows every field in which the platform captures data', () => {
    expect([...CAPTURED_FIELDS].sort()).toEqual([
      ...['mockInput', 'mockOutput', 'mockRequest', 'mockResponse', 'rawData', 'sampleData', 'sampleHeaders'],
      ...['sampleQueryParams', 'sampleResponseData'],
    ]);
  });

  it.each([...CAPTURED_FIELDS])(
    'keeps %s at any depth only when asked to, and what a person named so always',
    (key) => {
      const held = { [key]: { customer: 'Ola' } };
      const own = Object.fromEntries([...CHOSEN_KEY_FIELDS].map((name) => [name, { [key]: 'mine' }]));
      const doc = {
        name: 'n',
        ...held,
        http: { lookups: [{ name: 'l', ...held }] },
        routers: [{ steps: [held] }],
        own,
      };
      const without = { name: 'n', http: { lookups: [{ name: 'l' }] }, routers: [{ steps: [{}] }], own };

      for (const type of RESOURCE_TYPES) expect(clean(type.name, doc), type.name).toEqual(without);
      expect(createNormaliser(typeOf('imports'), { ...options, sampleData: true })(doc).doc).toEqual(doc);
    },
  );

  it('drops the ends of debug windows at any depth', () => {
    expect(clean('tools', { debugUntil: 'x', input: { debugUntil: 'x', a: 1 }, output: { debugUntil: 'x' } })).toEqual({
      input: { a: 1 },
      output: {},
    });
    expect(clean('apis', { logging: { mode: 'all', debugUntil: 'x' } })).toEqual({ logging: { mode: 'all' } });
  });

  it.each(['flows', 'tools'])('keeps that a step is being set up while it has no resource: %s', (dir) => {
    const steps = [
      { type: 'import', setupInProgress: true },
      { _importId: 'i', setupInProgress: true },
    ];

    expect(clean(dir, { pageProcessors: steps, routers: [{ branches: [{ pageProcessors: steps }] }] })).toEqual({
      pageProcessors: [steps[0], { _importId: 'i' }],
      routers: [{ branches: [{ pageProcessors: [steps[0], { _importId: 'i' }] }] }],
    });
  });

  it('leaves out a concurrency level that the platform adjusts, and keeps one that a person set', () => {
    const http = { concurrencyLevel: 3, targetConcurrencyLevel: 25 };

    expect(clean('connections', { autoRecoverRateLimitErrors: true, http })).toEqual({
      autoRecoverRateLimitErrors: true,
      http: { targetConcurrencyLevel: 25 },
    });
    for (const doc of [
      { autoRecoverRateLimitErrors: false, http },
      { http },
      { autoRecoverRateLimitErrors: true, http: { concurrencyLevel: 3 } },
    ])
      expect(clean('connections', doc)).toEqual(doc);
  });

  it.each([
    ['integrations', { resolvedAt: 'x' }, {}],
    ['flows', { numOpenError: 3, lastErrorAt: 'x' }, {}],
    ['exports', { cdc: { cursor: { a: 1 }, snapshotMode: 'never' } }, { cdc: { snapshotMode: 'never' } }],
    ['exports', { netsuite: { customFieldMetadata: { a: 1 }, type: 'search' } }, { netsuite: { type: 'search' } }],
    ['exports', { netsuite: { distributed: { frameworkVersion: 'suiteapp2.0', lastSyncedDate: 'x' } } }, undefined],
    ['imports', { netsuite_da: { customFieldMetadata: {}, operation: 'add' } }, { netsuite_da: { operation: 'add' } }],
    ['imports', { distributedAdaptorData: { a: 1 }, modelMetadata: {} }, {}],
    [
      'connections',
      { ftp: { userConcurrencyLevel: 1, userTargetConcurrencyLevel: 2, port: 21 } },
      { ftp: { port: 21 } },
    ],
    [
      'connections',
      { salesforce: { baseURI: 'https://acme.example' } },
      { salesforce: { baseURI: 'https://acme.example' } },
    ],
    [
      'mcpservers',
      {
        upstreamMcpConnections: [
          {
            _connectionId: 'c',
            name: 'n',
            discoveryStatus: 'ok',
            lastDiscoveredAt: 'x',
            tools: [{ name: 't', approved: true, unavailable: false, description: 'd', annotations: {}, title: 'T' }],
          },
        ],
      },
      { upstreamMcpConnections: [{ _connectionId: 'c', tools: [{ name: 't', approved: true }] }] },
    ],
  ] as const)('knows what the platform changes in %s: %j', (dir, doc, kept) => {
    const expected = kept ?? { netsuite: { distributed: { frameworkVersion: 'suiteapp2.0' } } };
    expect(clean(dir, doc as JsonObject)).toEqual(expected);
  });

  it('drops the copy of an expression, not a different text', () => {
    const rules = ['equals', 1, 2];
    const filter = { type: 'expression', expression: { version: '1', rules }, version: '1', rules };

    expect(clean('exports', { filter })).toEqual({
      filter: { type: 'expression', expression: { version: '1', rules } },
    });
    expect(clean('exports', { filter: { ...filter, rules: ['other'] } })).toEqual({
      filter: { type: 'expression', expression: { version: '1', rules }, rules: ['other'] },
    });
  });

  it('drops hooks without values, random keys of the editor, padding and letter case', () => {
    expect(clean('imports', { hooks: { preMap: { function: null, _scriptId: null }, postMap: null } })).toEqual({});
    expect(
      clean('exports', { transform: { type: 'expression', expression: { rules: [[{ extract: 'a', key: 'xYz' }]] } } }),
    ).toEqual({ transform: { type: 'expression', expression: { rules: [[{ extract: 'a' }]] } } });
    expect(clean('ediprofiles', { tpInterchangeId: 'ACME           ', controlNumber: 7 })).toEqual({
      tpInterchangeId: 'ACME',
    });
    expect(clean('connections', { http: { mediaType: 'JSON', ping: { method: 'get' } } })).toEqual({
      http: { mediaType: 'json', ping: { method: 'GET' } },
    });
  });

  it('treats some settings of Integration Apps as volatile, and only there', () => {
    const settingsForm = { form: {}, init: { function: 'f' } };

    expect(clean('integrations', { _connectorId: 'c', settingsForm })).toEqual({
      _connectorId: 'c',
      settingsForm: { form: {} },
    });
    expect(clean('integrations', { settingsForm })).toEqual({ settingsForm });
  });
});

describe('order', () => {
  it('sorts sets and leaves every other array alone', () => {
    expect(
      clean('integrations', {
        _registeredConnectionIds: ['b', 'a'],
        aliases: [{ alias: 'z' }, { alias: 'a' }],
        flowGroupings: [{ name: 'z' }, { name: 'a' }],
      }),
    ).toEqual({
      _registeredConnectionIds: ['a', 'b'],
      aliases: [{ alias: 'a' }, { alias: 'z' }],
      flowGroupings: [{ name: 'z' }, { name: 'a' }],
    });
  });

  it('gives one text to documents that differ in key order and noise only', () => {
    const normalise = createNormaliser(typeOf('flows'), options);

    const one = normalise({ name: 'n', a: { x: 1, y: 2 }, lastExecutedAt: '1', _runNextFlowIds: ['b', 'a'] });
    const two = normalise({ _runNextFlowIds: ['a', 'b'], a: { y: 2, x: 1 }, name: 'n', lastModified: '2' });

    expect(renderYaml(one.doc)).toBe(renderYaml(two.doc));
  });
});

describe('credentials', () => {
  it('finds the shortest there can be, also behind many texts without any', () => {
    const normalise = createNormaliser(typeOf('exports'), options);
    for (let i = 0; i < 11_000; i++) normalise({ name: `Export number ${i}`, [`field_number_${i}`]: 'plain text' });

    for (let i = 0; i < 2; i++) {
      expect(normalise({ note: 'a://:b@c' }).doc).toEqual({ note: 'a://:[[redacted print-of-1]]@c' });
      expect(normalise({ pin: 'plain text', _salt: 'plain text' }).doc).toEqual({
        pin: 'plain text',
        _salt: { $secret: 'print-of-10' },
      });
    }
  });

  it('keeps masks and hides what is in plain text at a known place', () => {
    expect(clean('agents', { accessToken: 'abcdef' })).toEqual({ accessToken: { $secret: 'print-of-6' } });
    expect(
      clean('connections', {
        http: { auth: { token: { token: '******', refreshToken: 'r' } }, encrypted: { key: 'v' } },
      }),
    ).toEqual({
      http: {
        auth: { token: { token: '******', refreshToken: { $secret: 'print-of-1' } } },
        encrypted: { $secret: 'print-of-11' },
      },
    });
    for (const mask of ['***', '****', '*********'])
      expect(clean('connections', { ftp: { password: mask } })).toEqual({ ftp: { password: mask } });
    expect(clean('connections', { ftp: { password: '**' } })).toEqual({ ftp: { password: { $secret: 'print-of-2' } } });
  });

  it('hides authorisation headers and telling names, not templates and ordinary headers', () => {
    expect(
      clean('connections', {
        http: {
          headers: [
            { name: 'X-Api-Key', value: 'abc' },
            { name: 'Authorization', value: 'Bearer {{{connection.http.encrypted.token}}}' },
            { name: 'X-Client', value: 'celigo' },
          ],
          unencrypted: { apiKey: 'k', store: 'acme' },
        },
        settings: { clientSecret: 's', deep: [{ password: 'p' }], secretary: 'Ann' },
      }),
    ).toEqual({
      http: {
        headers: [
          { name: 'X-Api-Key', value: { $secret: 'print-of-3' } },
          { name: 'Authorization', value: 'Bearer {{{connection.http.encrypted.token}}}' },
          { name: 'X-Client', value: 'celigo' },
        ],
        unencrypted: { apiKey: { $secret: 'print-of-1' }, store: 'acme' },
      },
      settings: {
        clientSecret: { $secret: 'print-of-1' },
        deep: [{ password: { $secret: 'print-of-1' } }],
        secretary: 'Ann',
      },
    });
  });

  it.each([
    ['https://user:pa55word@host.example/x', 'https://user:[[redacted print-of-8]]@host.example/x'],
    [
      'https://host.example/x?api_key=0123456789abcdef&page=2',
      'https://host.example/x?api_key=[[redacted print-of-16]]&page=2',
    ],
    ['{"user":"erp","password":"pa55word"}', '{"user":"erp","password":"[[redacted print-of-8]]"}'],
  ])('hides the part of a text that is one, and keeps the rest: %s', (text, kept) => {
    expect(clean('exports', { http: { relativeURI: text, body: [text] } })).toEqual({
      http: { relativeURI: kept, body: [kept] },
    });
  });

  it.each(['Bearer 0123456789abcdef', 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl'])(
    'hides a credential by its shape in any field: %s',
    (text) => {
      expect(clean('exports', { http: { relativeURI: text } })).toEqual({
        http: { relativeURI: { $secret: expect.any(String) } },
      });
    },
  );

  it.each(['/orders?token={{connection.http.token}}', 'https://host.example/a:b', 'Basic plan', 'urn:a:b@c'])(
    'leaves ordinary text alone: %s',
    (text) => {
      expect(clean('exports', { http: { relativeURI: text } })).toEqual({ http: { relativeURI: text } });
    },
  );
});

describe('markers', () => {
  it('escapes data that looks like one, at any depth and however often', () => {
    const doc = { a: { $file: 'x' }, b: { $secret: 'y' }, c: { $$file: 'y' }, d: { $file: 'z', other: 1 } };

    expect(clean('flows', doc)).toEqual({
      a: { $$file: 'x' },
      b: { $$secret: 'y' },
      c: { $$$file: 'y' },
      d: { $file: 'z', other: 1 },
    });
  });
});

const value: fc.Arbitrary<Json> = fc.letrec<{ json: Json }>((tie) => ({
  json: fc.oneof(
    { depthSize: 'small' },
    fc.string({ unit: 'binary', maxLength: 20 }),
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('json'), { maxLength: 4 }),
    fc.dictionary(
      fc.oneof(fc.constantFrom('$file', '$secret', '$$file', '__proto__', 'a', 'b'), fc.string({ maxLength: 6 })),
      tie('json'),
      { maxKeys: 4 },
    ),
  ),
})).json;

describe('a document on disk', () => {
  it('gives back exactly what was normalised, side files joined, for any JSON', () => {
    const normalise = createNormaliser(typeOf('scripts'), options);
    fc.assert(
      fc.property(
        fc.dictionary(fc.string({ maxLength: 8 }), value, { maxKeys: 6 }),
        fc.string({ unit: 'binary', maxLength: 60 }),
        (extra, content) => {
          const raw = { ...extra, _id: '64f0a1b2c3d4e5f601020304', name: 'n', content };
          const normalised = normalise(raw);
          const [document, ...sides] = renderResource('scripts/n.64f0a1b2c3d4e5f601020304', normalised);
          const files = new Map(sides.map((file) => [file.path.slice('scripts/'.length), file.text]));
          const parsed = parseYaml(document?.text ?? '');
          const joined = joinFiles(parsed, (name) => files.get(name) ?? '');
          // Escapes are undone by joining; the normalised document still holds them.
          assert.deepStrictEqual(
            joined,
            joinFiles(normalised.doc, () => assert.fail('no side file expected')),
          );
          if (content !== '' && content.isWellFormed() && normalised.texts.length > 0)
            assert.equal(files.get('n.64f0a1b2c3d4e5f601020304.js'), content);
        },
      ),
      cases(1000),
    );
  });

  it.each<[string, JsonObject]>([
    ['openai', { openai: { instructions: 'Be kind.\nBe brief.' } }],
    ['gemini', { litellm: { _overrides: { gemini: { systemInstruction: 'Be kind.\nBe brief.' } } } }],
    ['anthropic', { litellm: { _overrides: { anthropic: { systemInstruction: 'Be kind.\nBe brief.' } } } }],
    ['mistral', { model: 'm', instructions: 'Be kind.\nBe brief.' }],
  ])('has the prompt of an agent or a guardrail in a file of its own (%s)', (provider, settings) => {
    const normalise = createNormaliser(typeOf('imports'), options);
    const aiAgent = { provider, ...settings };
    for (const doc of [{ aiAgent }, { guardrail: { type: 'ai_agent', aiAgent } }]) {
      const [document, ...sides] = renderResource('imports/n.64f0a1b2c3d4e5f601020304', normalise(doc));
      expect(document?.text).not.toContain('Be kind.');
      expect(sides).toEqual([{ path: expect.stringMatching(/\.md$/), text: 'Be kind.\nBe brief.' }]);
    }
  });

  it('normalises to the same whatever order keys come in', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...RESOURCE_TYPES),
        fc.dictionary(fc.string({ maxLength: 8 }), value, { maxKeys: 6 }),
        (type, doc) => {
          const normalise = createNormaliser(type, options);
          const reversed = Object.fromEntries(Object.entries(doc).reverse());
          assert.equal(renderYaml(normalise(doc).doc), renderYaml(normalise(reversed).doc));
          assert.ok(isObject(normalise(doc).doc));
        },
      ),
      cases(500),
    );
  });
});
