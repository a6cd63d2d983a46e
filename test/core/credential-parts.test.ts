import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findType, RESOURCE_TYPES } from '../../src/catalogue/index.ts';
import { credentialsInBody } from '../../src/core/credential-parts.ts';
import { replaceCredentials } from '../../src/core/credential-text.ts';
import { createFingerprint } from '../../src/core/digest.ts';
import type { Json, JsonObject } from '../../src/core/json.ts';
import { createNormaliser, type Normalised, type NormaliseOptions } from '../../src/core/normalise.ts';
import { isHeaderCredential, isHeaderList, isMask } from '../../src/core/secrets.ts';
import { createBody } from '../../src/plan/body.ts';
import { fillSecrets } from '../../src/plan/secrets.ts';
import { read, type } from '../plan/support.ts';
import { cases } from '../support/fuzz.ts';

const OPTIONS: NormaliseOptions = {
  sampleData: false,
  fingerprint: createFingerprint('key'),
  credentials: { fields: 'redact', code: 'redact' },
};

function normalise(dir: string, raw: JsonObject): Normalised {
  return createNormaliser(type(dir), OPTIONS)(raw);
}

const [CONNECTIONS, EXPORTS] = [type('connections'), type('exports')];

/** A text with `#` for each credential that was taken out of it, `SECRET` where all of it is one. */
function shown(value: Json | undefined): string {
  return typeof value === 'string' ? value.replace(/\[\[redacted [0-9a-f]{12}\]\]/g, '#') : 'SECRET';
}

function shownAt(dir: string, place: readonly string[], value: Json): string {
  const raw = place.reduceRight<Json>((held, key) => ({ [key]: held }), value) as JsonObject;
  return shown(place.reduce<Json | undefined>((held, key) => (held as JsonObject)[key], normalise(dir, raw).doc));
}

/** Bodies of requests for a token: as they are, as they are mirrored. */
const BODIES: readonly (readonly [body: string, kept: string])[] = [
  ['{"user":"{{{connection.http.unencrypted.u}}}","password":"{{{connection.http.encrypted.p}}}"}', 'same'],
  ['grant_type=password&username=erp&password={{connection.http.encrypted.password}}', 'same'],
  ['{{{connection.http.encrypted.body}}}', 'same'],
  ['grant_type=client_credentials&scope=orders.read', 'same'],
  ['<login><user>erp</user><password>{{connection.http.encrypted.p}}</password></login>', 'same'],
  ['{"grant_type":"refresh_token","refresh_token":"{{connection.http.auth.token.refreshToken}}"}', 'same'],
  ['******', 'same'],
  ['', 'same'],
  ['grant_type=password&username=erp&password=tulip', 'grant_type=password&username=erp&password=#'],
  ['{"user":"erp","password":"tulip","scope":"all"}', '{"user":"erp","password":"#","scope":"all"}'],
  ['{"user":"erp","pin":4711}', '{"user":"erp","pin":#}'],
  [
    '<login><user>erp</user><password>tulip</password></login>',
    '<login><user>erp</user><password>#</password></login>',
  ],
  ['<login user="erp" password="tulip"/>', '<login user="erp" password="#"/>'],
  ['client_id=k7Qz93hLmN20xWp4&client_secret=k7Qz93hLmN20xWp4', 'client_id=k7Qz93hLmN20xWp4&client_secret=#'],
  ['password={{connection.http.encrypted.p}}tulip', 'password={{connection.http.encrypted.p}}#'],
  ['{"auth":"Basic {{base64Encode \'erp:tulip\'}}"}', '{"auth":"Basic {{base64Encode \'#\'}}"}'],
  ['{"data":"k7Qz93hLmN20xWp4k7Qz93hLmN20xWp4"}', '{"data":"#"}'],
  ['user: erp\npassword: tulip', 'user: erp\npassword: #'],
  ['tulip', 'SECRET'],
  ['tulip {{connection.http.encrypted.p}}', 'SECRET'],
];

describe('bodies of requests for a token', () => {
  const places: readonly (readonly [dir: string, path: string])[] = RESOURCE_TYPES.flatMap(
    ({ name, credentialTexts = [] }) => credentialTexts.map((path) => [name, path] as const),
  );

  it('are known in connections and iClients', () => {
    expect(places.map(([dir, path]) => `${dir} ${path}`)).toContain('connections http.auth.token.refreshBody');
    expect(places.map(([dir, path]) => `${dir} ${path}`)).toContain('iclients oauth2.revoke.body');
  });

  it.each(BODIES)('lose the credentials and keep the rest: %s', (body, kept) => {
    const wanted = kept === 'same' ? body : kept;
    for (const [dir, path] of places) expect(shownAt(dir, path.split('.'), body), `${dir} ${path}`).toBe(wanted);
  });

  it('are read again without anything new to find', () => {
    for (const [body] of BODIES) {
      const found = credentialsInBody(body);
      if (!found) continue;
      const once = replaceCredentials(body, () => '[[redacted 0123456789ab]]', found);
      expect(credentialsInBody(once), once).toEqual([]);
    }
  });
});

describe('lists of headers', () => {
  it.each([
    'headers',
    'refreshHeaders',
    'refreshTokenHeaders',
    'accessTokenHeaders',
    'successResponseHeaders',
    '_headers',
  ])('are known by their names: %s', (field) => {
    expect(isHeaderList(field)).toBe(true);
    const names = ['X-Auth', 'Cookie', 'X-Signature', 'X-Key', 'x-functions-key', 'clientKey', 'KEY', 'Authorization'];
    const entries = names.map((name) => ({ name, value: 'tulip' }));
    const plain = { name: 'X-Client', value: 'tulip' };
    const { doc } = normalise('imports', { lookups: [{ [field]: [...entries, plain] }], as2: { [field]: entries } });
    expect(JSON.stringify(doc).match(/tulip/g)).toHaveLength(1);
    expect(
      JSON.stringify(normalise('exports', { x: { [field]: Object.fromEntries(names.map((n) => [n, 'tulip'])) } })),
    ).not.toContain('tulip');
  });

  it.each(['includeHeader', 'header', 'headersRow', 'hasheaders', 'headerRow'])('and others are not: %s', (field) => {
    expect(isHeaderList(field)).toBe(false);
  });

  it.each(['Idempotency-Key', 'X-Partition-Key', 'X-Monkey', 'Content-Type', 'X-Client', 'Accept'])(
    'leave %s alone',
    (name) => {
      expect(isHeaderCredential(name)).toBe(false);
    },
  );

  it('keep numbers that count something', () => {
    const unencrypted = { tokenExpiry: 300, tokenTTL: 3600, apiKeyVersion: 2 };
    expect(normalise('connections', { http: { unencrypted } }).doc).toEqual({ http: { unencrypted } });
    expect(JSON.stringify(normalise('connections', { http: { unencrypted: { apiKey: 471147 } } }))).not.toContain(
      '4711',
    );
  });

  it('are known by any of their labels', () => {
    const headers = [{ name: 'our header', key: 'X-Auth', value: 'tulip' }];
    expect(JSON.stringify(normalise('exports', { http: { headers } }))).not.toContain('tulip');
  });

  it.each([
    ['Bearer {{{connection.http.encrypted.token}}}', 'same'],
    ['Basic {{base64Encode (join ":" connection.u connection.p)}}', 'same'],
    ['OAuth realm="{{connection.realm}}", oauth_token="{{connection.token}}"', 'same'],
    ['SharedKey tulip17:{{connection.signature}}', 'SharedKey #:{{connection.signature}}'],
    ['tulip{{connection.suffix}}', '#{{connection.suffix}}'],
    ['Basic {{base64Encode "erp:tulip"}}', 'Basic {{base64Encode "#"}}'],
    ['tulip', 'SECRET'],
  ])('keep what is expressions: %s', (value, kept) => {
    const { doc } = normalise('exports', { http: { headers: [{ name: 'Authorization', value }] } });
    const [entry] = (doc.http as { headers: { value: Json }[] }).headers;
    expect(shown(entry?.value)).toBe(kept === 'same' ? value : kept);
  });

  it.each([
    ['X-Key: tulip\nAccept: text/plain', 'X-Key: #\nAccept: text/plain'],
    ['{"X-Key":"tulip","Accept":"text/plain"}', '{"X-Key":"#","Accept":"text/plain"}'],
    ['X-Key: {{connection.http.encrypted.key}}', 'same'],
  ])('may be one text: %j', (text, kept) => {
    for (const part of ['token', 'refresh', 'revoke'])
      expect(shownAt('iclients', ['oauth2', part, 'headers'], text)).toBe(kept === 'same' ? text : kept);
  });
});

describe('cookies', () => {
  it('leave a JSON text that can be read', () => {
    const body = '{"set-cookie":["tulip=\\"a]\\"; Path=/", "b=tulip"],"n":[1]}';
    const { doc } = normalise('exports', { http: { body } });
    const kept = JSON.parse(String((doc.http as JsonObject).body)) as JsonObject;
    expect(kept).toEqual({ 'set-cookie': [expect.stringContaining('[[redacted')], n: [1] });
  });

  it.each(['cookie', 'Cookie', 'set-cookie', 'Set-Cookie', 'SET-COOKIE'])('are credentials anywhere: %s', (name) => {
    const doc: JsonObject = {
      [name]: 'tulip',
      settings: { a: [{ [name]: ['tulip=1', 'tulip=2'] }] },
      pairs: [{ name, value: 'tulip' }, { key: name, value: ['tulip'] }, [name, 'tulip']],
      http: { headers: [{ name, value: 'tulip' }], body: `{"${name}": "tulip"}` },
      bodies: [`{"${name}":["tulip"]}`, `{"a":{"${name}" : [ "tulip=\\"a]\\"; Path=/", "b=tulip" ]},"b":1}`],
      sampleData: { headers: { [name]: 'tulip' } },
    };
    for (const { name: dir } of RESOURCE_TYPES)
      expect(JSON.stringify(normalise(dir, doc).doc), dir).not.toContain('tulip');
  });

  it('but a block of that name is configuration, and so is an expression', () => {
    const auth = { type: 'cookie', cookie: { uri: '/login', method: 'POST', successStatusCode: 200 } };
    const headers = [{ name: 'Cookie', value: '{{{connection.http.encrypted.session}}}' }];
    expect(normalise('connections', { http: { auth, headers } }).doc).toEqual({ http: { auth, headers } });
  });
});

describe('what was replaced', () => {
  const text = fc.oneof(
    fc.constantFrom(...BODIES.flatMap(([body]) => (isMask(body) ? [] : [body]))),
    fc.constantFrom(
      'https://u:tul1pBulb@h.example/x?api_key=k7Qz93hLmN20xWp4',
      'X-Key: tulip\nAccept: a',
      'Bearer x{{y}}1',
    ),
    fc.string(),
  );
  const texts = fc.array(text, { minLength: 1, maxLength: 3 }).map((parts) => parts.join(' '));

  it('is put back exactly from the live document, wherever it was', () => {
    fc.assert(
      fc.property(texts, texts, texts, (body, value, list) => {
        const raw: JsonObject = {
          http: {
            auth: { token: { refreshBody: body, refreshHeaders: list } },
            headers: [{ name: 'Authorization', value }],
            relativeURI: body,
            unencrypted: value,
          },
        };
        const live = read(CONNECTIONS, raw, OPTIONS);
        const filled = fillSecrets(CONNECTIONS, live.doc, new Map(), live);
        expect(filled.missing).toEqual([]);
        expect(filled.doc).toEqual(raw);
      }),
      cases(500),
    );
  });

  it('stays as it is live where only the credential is another one, and is missing where the text is', () => {
    const at = (body: string): JsonObject => ({ http: { auth: { token: { refreshBody: body } } } });
    const place = 'http.auth.token.refreshBody';
    const [wanted, raw] = [normalise('connections', at('user=erp&password=tulip')).doc, at('user=erp&password=crocus')];
    const live = read(CONNECTIONS, raw, OPTIONS);
    expect(fillSecrets(CONNECTIONS, wanted, new Map(), live)).toEqual({ doc: raw, missing: [], kept: [place] });

    const other = normalise('connections', at('user=shop&password=tulip')).doc;
    expect(fillSecrets(CONNECTIONS, other, new Map(), live).missing).toEqual([place]);
    const supplied = at('user=shop&password=tulip');
    expect(fillSecrets(CONNECTIONS, other, new Map([[place, 'user=shop&password=tulip']]), live).doc).toEqual(supplied);
  });

  it('is not taken from a longer text that has the same credential', () => {
    const wanted = normalise('exports', { settings: { apiKey: 'k7Qz93hLmN20xWp4' } }).doc;
    const raw = { http: { relativeURI: '/x?api_key=k7Qz93hLmN20xWp4' } };
    const live = read(EXPORTS, raw, OPTIONS);
    expect(fillSecrets(EXPORTS, wanted, new Map(), live).missing).toEqual(['settings.apiKey']);
  });
});

describe('the search', () => {
  it.each([
    '{{',
    '"a":"',
    '<a>',
    '<a b="c" ',
    'a=b&',
    'a: b\n',
    ' ',
    'a',
    '{"a":"{{x}}"},',
    '"password":"tulip",',
    'a:',
    '"\\',
  ])('is not slow in a text of many %j', (part) => {
    const text = part.repeat(100_000 / part.length);
    const started = process.cpuUsage();
    normalise('connections', {
      http: { auth: { token: { refreshBody: text, refreshHeaders: text } }, headers: [{ name: 'X-Key', value: text }] },
      note: `{"password":"tulip-bulb"}${text}`,
    });
    // Time of the processor, in µs: other work on the machine does not count.
    expect(process.cpuUsage(started).user).toBeLessThan(5_000_000);
  });
});

describe('a credential that no answer shows', () => {
  it('is missing from a creation, unless it is handed in', () => {
    const type = findType('iclients');
    if (!type) throw new Error('no iClients');
    const wanted = { provider: 'googleserviceaccount', googleserviceaccount: { clientEmail: 'a@b.example' } };
    const create = (supplied: ReadonlyMap<string, Json>) =>
      createBody({ type, wanted, ids: new Map(), supplied, late: [] });
    const place = 'googleserviceaccount.serviceAccountJSON';
    expect(create(new Map()).missing).toEqual([place]);
    expect(create(new Map([[place, '{}']])).missing).toEqual([]);
  });
});
