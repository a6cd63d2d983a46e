import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Json, JsonObject } from '../../src/core/json.ts';
import { equalJson } from '../../src/core/paths.ts';
import { converge, madeBy, noteOf, reachable } from '../../src/plan/converged.ts';
import { cases } from '../support/fuzz.ts';
import { id, type } from './support.ts';

const CONNECTIONS = type('connections');
const IMPORTS = type('imports');
const NOTHING = new Set<string>();

function notes(wanted: JsonObject, after: JsonObject, before?: JsonObject): Set<string> {
  return new Set(madeBy(IMPORTS, wanted, after, before).map(noteOf));
}

describe('what no write brings about', () => {
  it.each([
    // wanted, live, left alone
    [99, 25, true],
    [99, 50, true],
    [0, 1, true],
    [30, 25, false],
    [50, 25, false],
    [99, 5, false],
    [10, 25, false],
    [25, 10, false],
  ])('concurrencyLevel %i against %i', (wanted, live, left) => {
    const [ours, theirs] = [{ http: { concurrencyLevel: wanted } }, { http: { concurrencyLevel: live } }];
    expect(reachable(CONNECTIONS, ours, theirs, NOTHING).doc).toEqual(left ? theirs : ours);
  });

  it.each([
    ['2018.1', 'latest', true],
    ['next', 'latest', false],
    ['latest', '2018.1', false],
  ])('a WSDL version %s against %s', (wanted, live, left) => {
    const [ours, theirs] = [{ netsuite: { wsdlVersion: wanted } }, { netsuite: { wsdlVersion: live } }];
    expect(reachable(CONNECTIONS, ours, theirs, NOTHING).doc).toEqual(left ? theirs : ours);
  });
});

describe('what each write fills in', () => {
  it.each<[JsonObject, JsonObject, boolean]>([
    [{}, { ftp: { port: 22 } }, false],
    [{}, { autoRecoverRateLimitErrors: true }, true],
    [{}, { autoRecoverRateLimitErrors: false }, false],
    [{ autoRecoverRateLimitErrors: false }, { autoRecoverRateLimitErrors: true }, false],
    [{ ftp: {} }, { ftp: { port: 22 } }, true],
    [{ ftp: {} }, { ftp: { port: 2222 } }, false],
  ])('%j against %j', (ours, theirs, left) => {
    expect(reachable(CONNECTIONS, ours, theirs, NOTHING).doc).toEqual(left ? theirs : ours);
  });
});

describe('what the platform adjusts by itself', () => {
  const then = { http: { concurrencyLevel: 5 } };
  const now = { autoRecoverRateLimitErrors: true, http: { targetConcurrencyLevel: 5 } };

  it('makes no difference as soon as the server allows it', () => {
    const made = new Set(madeBy(CONNECTIONS, then, now, undefined).map(noteOf));
    expect(converge(CONNECTIONS, then, now, made).doc).toEqual(now);
    const off = { ...now, autoRecoverRateLimitErrors: false };
    expect(converge(CONNECTIONS, then, off, made).doc).toMatchObject(then);
  });

  it('is wanted where it is a person who sets it', () => {
    const flow = (step: JsonObject): JsonObject => ({ pageProcessors: [{ type: 'import', ...step }] });
    const unfinished = flow({ setupInProgress: true });
    expect(converge(type('flows'), unfinished, flow({ _importId: id('a', 1) }), NOTHING).doc).toEqual(unfinished);
  });
});

describe('what means nothing', () => {
  const stubs: readonly JsonObject[] = [
    { salesforce: {} },
    { wrapper: {}, rdbms: { query: [], bulkInsert: {} } },
    { netsuite_da: { lookups: [{ _id: id('a', 1) }] } },
    { guardrail: { type: 'pii', moderation: { categories: [], mask: false, note: '' } } },
    { tools: { list: [null] } },
    { result: null },
    { responseMapping: { fields: [], lists: [] } },
    { netsuite_da: { mapping: { fields: [] } }, mappings: [] },
  ];
  it.each(stubs.map((stub) => [JSON.stringify(stub), stub]))('%s against none, either way', (_, stub) => {
    const bare = { guardrail: { type: 'pii' }, http: {} };
    const full = { ...bare, ...stub };
    expect(converge(IMPORTS, bare, full, NOTHING).doc).toEqual(full);
    const back = converge(IMPORTS, full, bare, NOTHING).doc;
    expect(equalJson(back, { ...bare, ...(stub.guardrail ? { guardrail: { type: 'pii' } } : {}) })).toBe(true);
  });

  it.each<[string, JsonObject, JsonObject]>([
    ['a value in a stub', { wrapper: { function: 'f' } }, {}],
    ['an empty text, which a mapping may be set to', { field: { hardCodedValue: '' } }, { field: {} }],
    ['null in a mapping', { mapping: { fields: [{ hardCodedValue: null }] } }, { mapping: { fields: [{}] } }],
    ['false on its own', { oneWay: false }, {}],
    ['an empty list against one with elements', { list: [] }, { list: ['a'] }],
    ['anything empty in settings', { settings: { list: [] } }, { settings: {} }],
    ['settings with something empty', { settings: { list: [] } }, {}],
    ['an empty text in a mapping', { mapping: { fields: [{ hardCodedValue: '' }] } }, { mapping: { fields: [{}] } }],
    ['a mapping of one entry', { mapping: { fields: [{ hardCodedValue: '' }] } }, {}],
    ['a true in a block', { pii: { mask: true } }, {}],
  ])('but not %s', (_, ours, theirs) => {
    expect(converge(IMPORTS, ours, theirs, NOTHING).doc).toEqual(ours);
    expect(converge(IMPORTS, theirs, ours, NOTHING).doc).toEqual(theirs);
  });

  it('is the id of a part, and not the id of another resource', () => {
    const parts = (n: number): JsonObject => ({ parts: [{ _id: id('a', n), name: 'one' }] });
    expect(converge(IMPORTS, parts(1), parts(2), NOTHING).doc).toEqual(parts(2));
    const mapped = (part: JsonObject): JsonObject => ({ responseMapping: { fields: { type: [part] } } });
    expect(converge(IMPORTS, mapped({ _id: id('a', 1) }), mapped({}), NOTHING).doc).toEqual(mapped({}));
    const chosen = { settings: { order: { _id: id('a', 1) } } };
    expect(converge(IMPORTS, chosen, { settings: { order: {} } }, NOTHING).doc).toEqual(chosen);
    const overrides = (n: number): JsonObject => ({ tool: { overrides: { connections: [{ _id: id('a', n) }] } } });
    expect(converge(IMPORTS, overrides(1), overrides(2), NOTHING).doc).toEqual(overrides(1));
  });
});

describe('what the server made of a write', () => {
  const link = (n: number): JsonObject => ({ http: { _httpConnectorEndpointIds: [id('e', n)] } });

  it.each<[string, JsonObject, JsonObject, JsonObject | undefined, number]>([
    ['an addition', { a: 1 }, { a: 1, b: 2 }, undefined, 1],
    ['an addition within a list', { list: [{ a: 1 }] }, { list: [{ a: 1, mode: 'x' }] }, undefined, 1],
    ['more elements of a list', { list: ['a', 'c'] }, { list: ['a', 'b', 'c'] }, undefined, 1],
    ['other letters of the same text', { method: 'get' }, { method: 'GET' }, undefined, 1],
    ['a text without the blanks around it', { name: ' a ' }, { name: 'a' }, undefined, 1],
    ['a limited number', { size: 99 }, { size: 25 }, { size: 10 }, 1],
    ['a number that stayed as it was', { size: 99 }, { size: 25 }, { size: 25 }, 0],
    [
      'a limit that was reached before',
      { concurrencyLevel: 40 },
      { concurrencyLevel: 25 },
      { concurrencyLevel: 25 },
      1,
    ],
    ['another part of a catalogue', link(1), link(2), undefined, 1],
    ['another resource', { _connectionId: id('c', 1) }, { _connectionId: id('c', 2) }, undefined, 0],
    ['another text', { name: 'a' }, { name: 'b' }, undefined, 0],
    ['a lost field', { a: 1, b: 2 }, { a: 1 }, undefined, 0],
    ['a lost element', { list: ['a', 'b'] }, { list: ['a'] }, undefined, 0],
    ['another type', { a: '1' }, { a: 1 }, undefined, 0],
  ])('%s', (_, wanted, after, before, count) => {
    expect(madeBy(IMPORTS, wanted, after, before)).toHaveLength(count);
  });

  const scalar = fc.oneof(fc.integer({ min: 0, max: 3 }), fc.constantFrom('a', 'A', 'b', ''), fc.boolean());
  const value: fc.Arbitrary<Json> = fc.letrec<{ value: Json }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 3 },
      scalar,
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(fc.constantFrom('a', 'b', 'c', 'list'), tie('value'), { maxKeys: 3 }),
    ),
  })).value;
  const document = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'http', 'settings'), value, { maxKeys: 4 });

  it('does not count the next time, unless something was lost', () => {
    fc.assert(
      fc.property(document, document, (wanted, added) => {
        // A server that adds what was not sent.
        const after = { ...added, ...wanted };
        expect(converge(IMPORTS, wanted, after, notes(wanted, after)).doc).toEqual(after);
      }),
      cases(100),
    );
  });

  it('hides no later change of a field, whether it was added or sent', () => {
    fc.assert(
      fc.property(document, document, fc.constantFrom('a', 'b', 'c', 'http'), scalar, (wanted, added, key, edit) => {
        const after: JsonObject = { ...added, ...wanted };
        fc.pre(!equalJson(after[key], edit) && !equalJson(wanted[key], edit));
        const live = { ...after, [key]: edit };
        const { doc } = converge(IMPORTS, wanted, live, notes(wanted, after));
        expect(equalJson(doc[key], edit)).toBe(false);
      }),
      cases(100),
    );
  });

  it('hides nothing of another resource, or of another value that is wanted', () => {
    const made = notes({ a: 1 }, { a: 1, b: 2 });
    expect(converge(IMPORTS, { b: 3 }, { b: 2 }, made).doc).toEqual({ b: 3 });
    expect(converge(IMPORTS, {}, { c: { b: 2 } }, made).doc).toEqual({});
  });
});
