import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/core/json.ts';
import { placeText } from '../../src/core/places.ts';
import { secretPlaces } from '../../src/core/secret-places.ts';
import { createBody, patchFor, restorable, updateBody } from '../../src/plan/body.ts';
import { assertNoPlaceholder, fillSecrets, withoutSecrets } from '../../src/plan/secrets.ts';
import { cases } from '../support/fuzz.ts';
import { secretiveDocument, type } from './support.ts';

const NONE = new Map();

describe('no body ever holds a mask or a placeholder', () => {
  it('of a creation', () => {
    fc.assert(
      fc.property(secretiveDocument, (doc) => {
        const body = createBody({ type: type('connections'), wanted: doc, ids: NONE, supplied: NONE, late: [] });
        expect(secretPlaces(body.doc)).toEqual([]);
      }),
      cases(500),
    );
  });

  it('of an update, whatever the live document is', () => {
    fc.assert(
      fc.property(secretiveDocument, secretiveDocument, (doc, live) => {
        const pair = { raw: withoutSecrets(live) as JsonObject, doc: live };
        const body = updateBody({
          type: type('exports'),
          wanted: doc,
          live: pair,
          ids: NONE,
          supplied: NONE,
          sampleData: false,
        });
        expect(secretPlaces(body.doc)).toEqual([]);
      }),
      cases(500),
    );
  });

  it('of a patch', () => {
    fc.assert(
      fc.property(secretiveDocument, secretiveDocument, (doc, live) => {
        const [a, b] = [restorable(type('integrations'), doc, NONE), restorable(type('integrations'), live, NONE)];
        const credentials = [...secretPlaces(doc), ...secretPlaces(live)].map(({ place }) => place);
        const patch = patchFor(type('integrations'), a, b, [['settings']], credentials) ?? [];
        expect(secretPlaces(patch.map(({ value }) => value ?? null))).toEqual([]);
      }),
      cases(100),
    );
  });

  it('and the last check refuses one that was missed, naming the place', () => {
    expect(() => assertNoPlaceholder({ http: { auth: [{ token: '*****' }] } }, 'PUT /v1/x')).toThrow(
      'http.auth[0].token',
    );
  });
});

describe('filling credentials in', () => {
  const marker = (fingerprint: string) => ({ $secret: fingerprint });

  it('takes the live value of the same fingerprint, wherever it is now', () => {
    const wanted = { headers: [{ name: 'Authorization', value: marker('aaa') }] };
    const live = {
      raw: {
        headers: [
          { name: 'X', value: 'x' },
          { name: 'Authorization', value: 'Bearer live' },
        ],
      },
      doc: {
        headers: [
          { name: 'X', value: 'x' },
          { name: 'Authorization', value: marker('aaa') },
        ],
      },
    };
    const filled = fillSecrets(type('exports'), wanted, new Map(), live);
    expect(filled).toEqual({
      doc: { headers: [{ name: 'Authorization', value: 'Bearer live' }] },
      missing: [],
      kept: [],
    });
  });

  it('keeps the live value in the same place, and says that it was another one', () => {
    const live = { raw: { token: 'live-value' }, doc: { token: marker('bbb') } };
    expect(fillSecrets(type('exports'), { token: marker('aaa') }, new Map(), live)).toEqual({
      doc: { token: 'live-value' },
      missing: [],
      kept: ['token'],
    });
  });

  it('builds the object that a mask stood for from what is handed in below it', () => {
    const filled = fillSecrets(
      type('exports'),
      { http: { encrypted: '******' } },
      new Map([['http.encrypted.apiKey', 'k']]),
      undefined,
    );
    expect(filled).toEqual({ doc: { http: { encrypted: { apiKey: 'k' } } }, missing: [], kept: [] });
  });

  it('names every masked place whose value is unknown, and leaves none in', () => {
    const wanted = { a: '******', list: ['******', 'x', '******'], b: { c: '***' } };
    expect(fillSecrets(type('exports'), wanted, new Map([['b.c', 'known']]), { raw: wanted, doc: wanted })).toEqual({
      doc: { list: ['x'], b: { c: 'known' } },
      missing: ['a', 'list[0]', 'list[2]'],
      kept: [],
    });
  });

  it('takes no asterisks of a captured record for a mask', () => {
    const captured = { mockResponse: [{ password: '******' }], http: { token: '******' } };
    expect(secretPlaces(captured).map(({ place }) => placeText(place))).toEqual(['http.token']);
  });
});
