import { describe, expect, it } from 'vitest';
import { createFingerprint } from '../../src/core/digest.ts';
import type { Json, JsonObject } from '../../src/core/json.ts';
import { createNormaliser } from '../../src/core/normalise.ts';
import { type } from '../plan/support.ts';

/** Words that no format gives away. */
const VALUE = 'tulip7bulb';

/** Values that only what is next to them gives away, in their documents. */
const GIVEN_AWAY: readonly (readonly [what: string, dir: string, doc: JsonObject])[] = [
  ['a password field of a form', 'integrations', { settingsForm: { form: { fields: [field('password', 'x')] } } }],
  [
    'a field of a form that is called so',
    'integrations',
    { settingsForm: { form: { fields: [field('text', 'apiKey')] } } },
  ],
  ['a form as a map', 'exports', { settingsForm: { form: { fieldMap: { pw: field('password', 'a') } } } }],
  ['a property of a schema', 'tools', { inputSchema: { properties: { a: { format: 'password', default: VALUE } } } }],
  ['a mapping', 'imports', { mappings: [{ generate: 'password', hardCodedValue: VALUE }] }],
  ['a mapping to a path', 'imports', { mappings: [{ generate: 'auth.apiKey', hardCodedValue: VALUE }] }],
  ['a mapping of old', 'imports', { mapping: { fields: [{ generate: 'password', hardCodedValue: VALUE }] } }],
  ['a constant', 'imports', { mapping: { fields: [{ generate: 'clientSecret', extract: `"${VALUE}"` }] } }],
  ['a constant in other quotes', 'imports', { mappings: [{ generate: 'password', extract: `'${VALUE}'` }] }],
  ['the default of a lookup', 'imports', { lookups: [{ name: 'password', default: VALUE }] }],
  ['a short name', 'connections', { settings: { pw: VALUE } }],
  ['a short name in parts', 'connections', { settings: { ftp_pw: VALUE } }],
  ['a name and a value', 'exports', { settings: { list: [{ name: 'x-api-key', value: VALUE }] } }],
  ['a key and a value', 'exports', { settings: { list: [{ key: 'x-api-key', value: VALUE }] } }],
  ['an id and a default', 'flows', { settings: { list: [{ id: 'apiKey', defaultValue: VALUE }] } }],
  ['a label and a value', 'flows', { settings: { list: [{ label: 'API key', value: VALUE }] } }],
  ['a field and a value', 'flows', { settings: { list: [{ field: 'password', value: VALUE }] } }],
];

function field(input: string, id: string): JsonObject {
  return { id, name: id, type: input, label: 'Key', defaultValue: VALUE };
}

/** What looks similar and is configuration. */
const PLAIN: readonly (readonly [what: string, doc: JsonObject])[] = [
  ['a field of the record', { mappings: [{ generate: 'password', extract: 'record.pass' }] }],
  ['a mapping to something else', { mappings: [{ generate: 'name', hardCodedValue: VALUE }] }],
  ['a constant for something else', { mapping: { fields: [{ generate: 'country', extract: '"NO"' }] } }],
  ['a mask', { settings: { list: [{ name: 'password', value: '******' }] } }],
  ['an expression', { mappings: [{ generate: 'password', hardCodedValue: '{{settings.p}}' }] }],
  ['an empty default', { settingsForm: { form: { fields: [{ id: 'a', type: 'password', defaultValue: '' }] } } }],
  ['the name of a field', { settings: { list: [{ id: 'apiKey', value: 'api_key' }] } }],
  ['a text field', { settingsForm: { form: { fields: [{ id: 'city', type: 'text', defaultValue: 'Oslo 0150' }] } } }],
];

function normalise(dir: string, doc: JsonObject): Json {
  return createNormaliser(type(dir), {
    sampleData: false,
    fingerprint: createFingerprint('k'),
    credentials: { fields: 'redact', code: 'warn' },
  })(doc).doc;
}

describe('a credential that what is next to it gives away', () => {
  it.each(GIVEN_AWAY)('in %s is replaced', (_, dir, doc) => {
    const text = JSON.stringify(normalise(dir, doc));
    expect(text).not.toContain(VALUE);
    expect(text).toContain('$secret');
  });

  it.each(PLAIN)('%s stays', (_, doc) => {
    expect(normalise('imports', doc)).toEqual(doc);
  });
});
