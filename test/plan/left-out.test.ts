import { describe, expect, it } from 'vitest';
import { CAPTURED_FIELDS } from '../../src/catalogue/common.ts';
import type { Json, JsonObject } from '../../src/core/json.ts';
import { createNormaliser } from '../../src/core/normalise.ts';
import { bothRestorable, createBody, updateBody } from '../../src/plan/body.ts';
import { reachable } from '../../src/plan/converged.ts';
import { type } from './support.ts';

const NONE = new Map();

function form(dir: string, raw: JsonObject): JsonObject {
  const fingerprint = (): string => '0123456789ab';
  const credentials = { fields: 'redact', code: 'warn' } as const;
  return createNormaliser(type(dir), { sampleData: false, fingerprint, credentials })(raw).doc;
}

/** What a PUT of the wanted document over the live one sends. */
function put(dir: string, wanted: JsonObject, raw: JsonObject, sampleData = false): JsonObject {
  const live = { raw, doc: form(dir, raw) };
  return updateBody({ type: type(dir), wanted, live, ids: NONE, supplied: NONE, sampleData }).doc;
}

describe('an update keeps what the mirror leaves out', () => {
  it.each([...CAPTURED_FIELDS])('%s, in every block', (key) => {
    const raw = {
      name: 'n',
      [key]: { customer: 'Ola' },
      http: {
        lookups: [
          { name: 'a', [key]: 1 },
          { name: 'b', [key]: 2 },
        ],
      },
    };
    expect(put('imports', { ...form('imports', raw), name: 'other' }, raw)).toEqual({ ...raw, name: 'other' });
  });

  it('in the elements of lists by what identifies them, else by their position', () => {
    const raw = {
      lookups: [
        { name: 'a', mockResponse: 1 },
        { name: 'b', mockResponse: 2 },
      ],
      pageProcessors: [{ _importId: 'i', mockResponse: 1 }, { _importId: 'j' }, { _importId: 'i', mockResponse: 3 }],
      parts: [
        { size: 1, mockOutput: 'x' },
        { size: 2, mockOutput: 'y' },
      ],
      fewer: [
        { size: 1, mockOutput: 'x' },
        { size: 2, mockOutput: 'y' },
      ],
    };
    const wanted = {
      lookups: [{ name: 'b', method: 'GET' }, { name: 'new' }, { name: 'a' }],
      pageProcessors: [{ _importId: 'j' }, { _importId: 'i' }, { _importId: 'i' }],
      parts: [{ size: 3 }, { size: 4 }],
      fewer: [{ size: 2 }],
    };
    expect(put('imports', wanted, raw)).toEqual({
      lookups: [{ name: 'b', method: 'GET', mockResponse: 2 }, { name: 'new' }, { name: 'a', mockResponse: 1 }],
      pageProcessors: [{ _importId: 'j' }, { _importId: 'i', mockResponse: 1 }, { _importId: 'i', mockResponse: 3 }],
      parts: [
        { size: 3, mockOutput: 'x' },
        { size: 4, mockOutput: 'y' },
      ],
      fewer: [{ size: 2 }],
    });
  });

  it('but does not bring back a block that is no longer wanted, and takes samples from a state that has them', () => {
    const raw = { name: 'n', http: { mockOutput: 1 }, mockOutput: { live: true } };
    expect(put('exports', { name: 'n' }, raw)).toEqual({ name: 'n', mockOutput: { live: true } });
    expect(put('exports', { name: 'n', mockOutput: { old: true } }, raw, true)).toEqual({
      name: 'n',
      mockOutput: { old: true },
    });
  });

  it('such as the level of a connection that the platform adjusts, unless the state sets one', () => {
    const raw = { autoRecoverRateLimitErrors: true, http: { concurrencyLevel: 3, targetConcurrencyLevel: 25 } };
    const other = { autoRecoverRateLimitErrors: true, http: { targetConcurrencyLevel: 10 } };
    expect(put('connections', other, raw)).toEqual({
      ...other,
      http: { concurrencyLevel: 3, targetConcurrencyLevel: 10 },
    });
    const fixed = { autoRecoverRateLimitErrors: false, http: { concurrencyLevel: 7 } };
    expect(put('connections', fixed, raw)).toEqual(fixed);
  });

  it('such as the control number of an EDI profile, which must never be lowered', () => {
    const raw = { name: 'n', fileType: 'edix12', controlNumber: 7 };
    expect(put('ediprofiles', { ...raw, name: 'other', controlNumber: 3 }, raw)).toEqual({ ...raw, name: 'other' });
  });

  it('such as a step that is being set up', () => {
    const raw = {
      pageProcessors: [
        { _importId: 'i', setupInProgress: false },
        { type: 'import', setupInProgress: true },
      ],
    };
    expect(put('flows', form('flows', raw), raw)).toEqual(raw);
    const finished = { pageProcessors: [{ type: 'import', _importId: 'i' }] };
    expect(put('flows', finished, { pageProcessors: [{ type: 'import', setupInProgress: true }] })).toEqual(finished);
  });

  it('but never sends the position in a stream, which only the server moves', () => {
    const raw = { type: 'stream', cdc: { cursor: { at: 9 }, snapshotMode: 'never' } };
    const wanted = { type: 'stream', cdc: { cursor: { at: 1 }, snapshotMode: 'never' } };
    const sent = { type: 'stream', cdc: { snapshotMode: 'never' } };
    expect(put('exports', wanted, raw)).toEqual(sent);
    expect(createBody({ type: type('exports'), wanted, ids: NONE, supplied: NONE, late: [] }).doc).toEqual(sent);
  });
});

describe('a state that holds as one credential what is a text with parts now', () => {
  const place = 'http.auth.token.refreshBody';
  const at = (refreshBody: Json): JsonObject => ({ http: { auth: { token: { refreshBody } } }, name: 'n' });

  it.each(['user=erp&password=tulip', 'user=erp&password={{connection.http.encrypted.p}}'])(
    'is no difference, and an update keeps the live text: %s',
    (text) => {
      const raw = at(text);
      const live = { raw, doc: form('connections', raw) };
      const wanted = at({ $secret: 'ba9876543210' });
      const both = bothRestorable(type('connections'), wanted, live.doc, NONE);
      expect(both.wanted).toEqual(both.live);
      const filled = updateBody({
        type: type('connections'),
        wanted,
        live,
        ids: NONE,
        supplied: NONE,
        sampleData: false,
      });
      expect(filled).toMatchObject({ doc: raw, missing: [], kept: [place] });
    },
  );

  it('is one where the live value is something else', () => {
    const both = bothRestorable(type('connections'), at({ $secret: 'ba9876543210' }), at('plain text'), NONE);
    expect(both.wanted).not.toEqual(both.live);
  });
});

describe('what is fixed at creation', () => {
  it('stays as it is live where an older state does not say', () => {
    const raw = { netsuite: { distributed: { frameworkVersion: 'suiteapp2.0', recordType: 'item' } } };
    const wanted = { netsuite: { distributed: { recordType: 'customer' } } };
    const whole = { netsuite: { distributed: { frameworkVersion: 'suiteapp2.0', recordType: 'customer' } } };
    expect(reachable(type('exports'), wanted, raw, new Set()).doc).toEqual(whole);
    expect(put('exports', wanted, raw)).toEqual(whole);
    expect(put('exports', { netsuite: {} }, raw)).toEqual({ netsuite: {} });
  });
});
