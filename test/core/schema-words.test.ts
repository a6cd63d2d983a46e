import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { configJsonSchema, configSchema } from '../../src/config/schema.ts';
import { isObject, type Json, type JsonObject } from '../../src/core/json.ts';
import { schemaProblems, schemaWords } from '../../src/core/schema-words.ts';
import { readPolicy } from '../../src/lint/policy.ts';

async function problems(schema: z.ZodType, value: Json | undefined): Promise<string[]> {
  const { error } = await schema.safeParseAsync(value, { error: schemaWords });
  return error ? schemaProblems(error, () => ['known']) : [];
}

describe('schemaWords', () => {
  const text = z.string();
  const either = z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]);
  const kinds = z.discriminatedUnion('type', [
    z.strictObject({ type: z.literal('one') }),
    z.strictObject({ type: z.literal('two') }),
  ]);
  it.each<[z.ZodType, Json | undefined, string]>([
    [text, 5, 'expected a string, but it is a number'],
    [text, null, 'expected a string, but it is empty'],
    [text, undefined, 'expected a string, but it is missing'],
    [text, ['secret'], 'expected a string, but it is a list'],
    [text, { a: 'secret' }, 'expected a string, but it is a mapping'],
    [text, true, 'expected a string, but it is true or false'],
    [z.number(), 'secret', 'expected a number, but it is a string'],
    [z.int(), 1.5, 'expected a whole number, but it is not a whole number'],
    [z.boolean(), 'yes', 'expected true or false, but it is a string'],
    [z.array(text), 'x', 'expected a list, but it is a string'],
    [z.record(z.string(), text), [], 'expected a mapping of names, but it is a list'],
    [z.strictObject({}), 'x', 'expected a mapping of keys, but it is a string'],
    [z.number().min(1), 0, 'expected a number of at least 1'],
    [z.number().max(5), 9, 'expected a number of at most 5'],
    [z.number().gt(1), 1, 'expected a number of more than 1'],
    [text.min(1), '', 'it is empty'],
    [text.min(3), 'ab', 'expected at least 3 characters'],
    [text.max(1), 'ab', 'expected at most 1 character'],
    [z.array(text).min(1), [], 'it is empty'],
    [z.array(text).max(1), ['a', 'b'], 'expected at most 1 entry'],
    [z.enum(['us', 'eu']), 'secret', 'expected one of us, eu'],
    [z.enum(['us', 'eu']), undefined, 'expected one of us, eu, but it is missing'],
    [z.literal(1), 2, 'expected 1'],
    [either, 5, 'expected a string or a list, but it is a number'],
    [either, '', 'it is empty'],
    [either, ['a', 5], '[1]: expected a string, but it is a number'],
    [kinds, { type: 'secret' }, 'expected one of one, two'],
    [kinds, {}, 'expected one of one, two'],
    [kinds, 'x', 'expected a mapping of keys, but it is a string'],
    [text.regex(/^a$/), 'secret', 'it is not valid'],
    [text.regex(/^a$/, 'expected an a'), 'b', 'expected an a'],
    [z.record(text.regex(/^a$/, 'expected an a'), text), { secret: 'x' }, 'expected an a'],
    [z.strictObject({}), { knwn: 1 }, 'unknown key (did you mean known?)'],
  ])('%#: %j', async (schema, value, expected) => {
    const found = await problems(schema, value);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(/: /);
    expect(found[0]?.replace(/^\S+: /, '')).toBe(expected);
  });
});

/** Every place of the configuration, with a document that has `value` there. */
function places(schema: JsonObject, around: (value: Json) => Json, out: ((value: Json) => Json)[] = []) {
  out.push(around);
  for (const alternative of [schema.anyOf, schema.oneOf, schema.allOf]) {
    for (const one of Array.isArray(alternative) ? alternative : []) {
      if (!isObject(one)) continue;
      const type = isObject(one.properties) && isObject(one.properties.type) ? one.properties.type.const : undefined;
      // Below a channel, only its own type leads further.
      places(
        one,
        (value) => around(type && isObject(value) ? { type, url: 'http://x.example', ...value } : value),
        out,
      );
    }
  }
  for (const [key, inner] of Object.entries(isObject(schema.properties) ? schema.properties : {})) {
    if (isObject(inner)) places(inner, (value) => around({ [key]: value }), out);
  }
  if (isObject(schema.additionalProperties)) {
    places(schema.additionalProperties, (value) => around({ name: value }), out);
  }
  if (isObject(schema.items)) places(schema.items, (value) => around([value]), out);
  return out;
}

describe('a wrong configuration', () => {
  const LIBRARY =
    /Invalid|received|Expected|undefined|union|discriminator|\brecord|\bobject|\barray|regex|pattern|[<>]=|Too |zod/;
  const WRONG: Json[] = [
    null,
    true,
    0,
    -1,
    1.5,
    1e30,
    '',
    'x'.repeat(3),
    '-',
    [],
    [[]],
    [null],
    {},
    { zzz: {} },
    { '': 1 },
  ];

  it('is explained in plain words, whatever is wrong and wherever', async () => {
    const all = places(JSON.parse(configJsonSchema()) as JsonObject, (value) => value);
    expect(all.length).toBeGreaterThan(150);
    let explained = 0;
    for (const around of all) {
      for (const wrong of WRONG) {
        for (const problem of await problems(configSchema, around(wrong))) {
          explained += 1;
          expect(problem).toMatch(/^\S+( \S+)*: ./);
          expect(problem).not.toMatch(LIBRARY);
        }
      }
    }
    expect(explained).toBeGreaterThan(1_000);
  });
});

describe('a wrong policy of lint', () => {
  it.each([
    ['rules: { unused-script: never }', 'rules.unused-script: expected one of off, info, warning, error'],
    ['custom: [{ id: a }]', 'custom[0].type: expected a string, but it is missing'],
    ['custom: [{ id: a }]', 'custom[0].assert: expected a string or a list, but it is missing'],
    ['custm: []', 'custm: unknown key (did you mean custom?)'],
    ['allow: [{ rul: x, what: flows/*, rule: x, reason: y }]', 'allow[0].rul: unknown key (did you mean rule?)'],
    ['5', '(top): expected a mapping of keys, but it is a number'],
  ])('%s', (policy, expected) => {
    let message = '';
    try {
      readPolicy(policy, 'celigo-lint.yaml');
    } catch (error) {
      message = error instanceof Error ? error.message : '';
    }
    expect(message.split('\n')[0]).toBe('celigo-lint.yaml is not a valid policy:');
    expect(message.split('\n').slice(1)).toContain(`  ${expected}`);
  });
});
