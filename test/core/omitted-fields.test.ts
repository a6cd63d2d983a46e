import { expect, it } from 'vitest';
import { findType } from '../../src/catalogue/index.ts';
import { addFields, missingField, omission } from '../../src/core/omitted-fields.ts';
import { parsePattern } from '../../src/core/where.ts';

const typesOf = (names: string) => names.split(' ').flatMap((name) => findType(name) ?? []);
const asked = (field: string) => ({ about: '--where', pattern: parsePattern(field, '--where'), field });

it.each<[field: string, types: string, omitted: boolean]>([
  ['lastModified', 'flows', true],
  ['lastModified', 'flows connections', true],
  ['**.lastModified', 'flows', true],
  ['lastExecutedAt', 'flows', true],
  ['lastExecutedAt', 'flows scripts', false],
  ['offline', 'connections', true],
  ['disabled', 'flows', false],
  ['debugUntil', 'connections', true],
  // People choose these keys.
  ['settings.lastModified', 'flows', false],
  ['settings.debugUntil', 'flows', false],
  // Only in some objects.
  ['http.concurrencyLevel', 'connections', false],
  ['sampleData', 'exports', false],
  ['*', 'flows', false],
])('the field %s of %s is never in the mirror: %s', (field, types, omitted) => {
  const refused = omission(typesOf(types), asked(field));

  expect(refused !== undefined).toBe(omitted);
  if (refused)
    expect(refused.message).toBe(`--where: ${field} is not in the mirror, which leaves out what changes on its own`);
});

it.each<[field: string, types: string, said: string]>([
  ['schedul', 'flows', 'no resource here has the field schedul (did you mean schedule?)'],
  ['routers[0].nmae', 'flows', 'no resource here has the field routers[0].nmae (did you mean routers[].name?)'],
  ['settings["a.b"]', 'flows', 'no resource here has the field settings["a.b"] (did you mean settings["a.c"]?)'],
  ['unlike.anything', 'flows', 'no resource here has the field unlike.anything'],
  ['sampleData.x', 'exports', 'no resource here has the field sampleData.x: the mirror keeps what is captured'],
])('of the field %s of %s is said: %s', (field, types, said) => {
  const known = new Set<string>();
  addFields(known, { name: 'a', schedule: '?', routers: [{ name: 'b' }], settings: { 'a.c': 1 } });

  expect(missingField(typesOf(types), known, asked(field))).toContain(`--where: ${said}`);
});

it('refuses a field that all types leave out, and names those that do where others might have it', () => {
  expect(() => missingField(typesOf('flows'), [], asked('lastExecutedAt'))).toThrow('is not in the mirror');
  expect(missingField(typesOf('flows scripts'), [], asked('lastExecutedAt'))).toBe(
    '--where: no resource here has the field lastExecutedAt: ' +
      'it changes on its own, and the mirror leaves it out of flows',
  );
});
