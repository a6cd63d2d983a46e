import { describe, expect, it } from 'vitest';
import { AppError } from '../../src/core/errors.ts';
import { accountInSelectors, parseSelector, selectorFits, selectorPatterns } from '../../src/core/selectors.ts';

const ID = '64f0c0ffee64f0c0ffee64f0';
const asIs = (text: string): string => text;

/** A selector without the entry of the catalogue, which is long. */
function parsed(text: string): Record<string, unknown> {
  const selector = parseSelector(text, 'prod');
  return 'type' in selector ? { ...selector, type: selector.type.name } : { ...selector };
}

describe('a selector', () => {
  it.each<[string, Record<string, unknown>]>([
    ['all', { kind: 'all' }],
    ['prod', { kind: 'all' }],
    ['./prod/', { kind: 'all' }],
    ['flow', { kind: 'type', type: 'flows' }],
    ['lookupcache/x', { kind: 'one', type: 'lookupcaches', id: 'x', name: 'x', parts: false }],
    ['user', { kind: 'type', type: 'ashares' }],
    ['flows', { kind: 'type', type: 'flows' }],
    ['Flows', { kind: 'type', type: 'flows' }],
    ['prod/flows', { kind: 'type', type: 'flows' }],
    [ID, { kind: 'id', id: ID }],
    [ID.toUpperCase(), { kind: 'id', id: ID }],
    [`flows/${ID}`, { kind: 'one', type: 'flows', id: ID, name: ID, parts: false }],
    ['flows/Ship notices', { kind: 'one', type: 'flows', id: 'Ship notices', name: 'Ship notices', parts: false }],
    ['flows/a/b', { kind: 'one', type: 'flows', id: 'a/b', name: 'a/b', parts: false }],
    [`prod/flows/ship-notices.${ID}.yaml`, { kind: 'one', type: 'flows', id: ID, name: ID, parts: false }],
    [`./prod/flows/ship-notices.${ID}.yaml`, { kind: 'one', type: 'flows', id: ID, name: ID, parts: false }],
    ['integration/Shop', { kind: 'one', type: 'integrations', id: 'Shop', name: 'Shop', parts: true }],
    ['integrations/Shop', { kind: 'one', type: 'integrations', id: 'Shop', name: 'Shop', parts: false }],
    [`integration/${ID}`, { kind: 'one', type: 'integrations', id: ID, name: ID, parts: true }],
  ])('%s is read', (text, expected) => {
    expect(parsed(text)).toEqual(expected);
  });

  it.each([
    ['flwos', 'flows'],
    ['conections/x', 'connections'],
    ['al', 'all'],
    ['../../etc/passwd', undefined],
    ['/etc/passwd', undefined],
    ['test/flows', undefined],
    ['--upload-pack=x', undefined],
  ])('%s is refused, with the nearest type where one is near', (text, near) => {
    const error = (() => {
      try {
        return parseSelector(text, 'prod');
      } catch (caught) {
        return caught;
      }
    })();
    expect(error).toBeInstanceOf(AppError);
    expect(error).toMatchObject({ code: 'USAGE', message: expect.stringContaining(text) });
    if (near) expect(String(error)).toContain(near);
  });

  it.each(['', ' '])('%j is empty, and so named', (text) => {
    expect(() => parseSelector(text, 'prod')).toThrow('a selector is empty');
  });

  it.each([
    [
      'Order sync',
      'Order sync: no resource type is called Order sync',
      /^To name a resource, .* flows\/"Order sync"\. A/,
    ],
    ['Flwos/x', 'Flwos/x: no resource type is called Flwos (did you mean flows?)', /^A selector is all/],
    ['/etc/passwd', '/etc/passwd is not a path in the mirror', /^A selector is all/],
  ])('says what is wrong as it was written, and what to write: %s', (text, message, hint) => {
    expect(() => parseSelector(text, 'prod')).toThrow(
      expect.objectContaining({ message, hint: expect.stringMatching(hint) }),
    );
  });

  it.each<[string, { type: string; id: string; slug: string }, boolean]>([
    ['all', { type: 'flows', id: ID, slug: 'x' }, true],
    ['flows', { type: 'flows', id: ID, slug: 'x' }, true],
    ['flows', { type: 'imports', id: ID, slug: 'x' }, false],
    [ID, { type: 'imports', id: ID, slug: 'x' }, true],
    [ID, { type: 'imports', id: ID.replace('6', '7'), slug: 'x' }, false],
    [`flows/${ID}`, { type: 'flows', id: ID, slug: 'x' }, true],
    [`flows/${ID}`, { type: 'imports', id: ID, slug: 'x' }, false],
    ['flows/Ship notices 856', { type: 'flows', id: ID, slug: 'ship-notices-856' }, true],
    ['flows/Ship notices 856', { type: 'flows', id: ID, slug: 'ship-notices' }, false],
    ['flows/ship-notices-856', { type: 'flows', id: ID, slug: 'ship-notices-856' }, true],
  ])('%s fits %j: %s', (text, resource, fits) => {
    expect(selectorFits(parseSelector(text, 'prod'), asIs)(resource)).toBe(fits);
  });

  it.each<[string, string[]]>([
    ['all', ['*/*.yaml']],
    ['flows', ['flows/*.yaml']],
    [ID, [`*/*.${ID}.yaml`]],
    ['flows/Ship notices', ['flows/*.Ship notices.yaml', 'flows/ship-notices.*.yaml']],
  ])('%s is found by git', (text, patterns) => {
    expect(selectorPatterns(parseSelector(text, 'prod'), asIs)).toEqual(patterns);
  });

  it.each<[string[], string | undefined]>([
    [['flows', 'test/flows/x'], 'test'],
    [['./prod/flows/x'], 'prod'],
    [['production/flows/x'], undefined],
    [['flows', 'all'], undefined],
    [[], undefined],
  ])('%j is a path in the folder of %s', (texts, account) => {
    expect(accountInSelectors(texts, ['prod', 'test'])).toBe(account);
  });
});
