import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/core/json.ts';
import { keyOf } from '../../src/core/keys.ts';
import { usedInBin } from '../../src/run/restore/used-in-bin.ts';
import { id } from '../plan/support.ts';
import { cases } from '../support/fuzz.ts';

const KINDS = { integrations: 'i', flows: 'f', exports: 'e', imports: 'd', scripts: 'a', connections: 'c' } as const;
type Kind = keyof typeof KINDS;

function key(kind: Kind, n: number): string {
  return keyOf(kind, id(KINDS[kind], n));
}

/** Keys that come along with `wanted` out of a bin of these documents. */
async function along(bin: ReadonlyMap<string, JsonObject>, wanted: readonly string[]) {
  const returning = new Map(
    wanted.flatMap((one) => (bin.has(one) ? [[one, bin.get(one) as JsonObject] as const] : [])),
  );
  return usedInBin(returning, async (type, one) => bin.get(keyOf(type, one)));
}

function binOf(docs: readonly (readonly [Kind, number, JsonObject])[]): Map<string, JsonObject> {
  return new Map(docs.map(([kind, n, doc]) => [key(kind, n), { _id: id(KINDS[kind], n), ...doc }]));
}

const SHOP = binOf([
  ['integrations', 1, { _registeredConnectionIds: [id('c', 2)], settings: { flow: { _flowId: id('f', 2) } } }],
  ['flows', 1, { _integrationId: id('i', 1), pageGenerators: [{ _exportId: id('e', 1) }] }],
  ['flows', 2, { _integrationId: id('i', 1), _runNextFlowIds: [id('f', 1)] }],
  ['exports', 1, { _connectionId: id('c', 1), hooks: { preSavePage: { _scriptId: id('a', 1) } } }],
  ['connections', 1, {}],
  ['connections', 2, {}],
  ['scripts', 1, {}],
]);

describe('what the recycle bin gives back besides', () => {
  it.each([
    [
      'a flow',
      [key('flows', 1)],
      [key('integrations', 1), key('exports', 1), key('connections', 1), key('scripts', 1)],
    ],
    ['an export', [key('exports', 1)], [key('connections', 1), key('scripts', 1)]],
    ['a script', [key('scripts', 1)], []],
    // Neither what is filed in it, nor what is registered with it, nor what its settings name.
    ['an integration', [key('integrations', 1)], []],
    ['what is not there', [key('imports', 1)], []],
    ['all of it', [...SHOP.keys()], []],
  ])('with %s is what that uses', async (_, wanted, expected) => {
    expect((await along(SHOP, wanted)).map((one) => one.key).sort()).toEqual([...expected].sort());
  });

  it('says what each is used by', async () => {
    const by = new Map((await along(SHOP, [key('flows', 2)])).map((one) => [one.key, one.by]));
    expect(by.get(key('flows', 1))).toBe(key('flows', 2));
    expect(by.get(key('connections', 1))).toBe(key('exports', 1));
  });

  it('is closed, without anything that nothing uses, and never what is wanted anyway', async () => {
    const pair = fc.tuple(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0, max: 9 }));
    await fc.assert(
      fc.asyncProperty(
        fc.array(pair, { maxLength: 25 }),
        fc.uniqueArray(fc.integer({ min: 0, max: 9 })),
        fc.uniqueArray(fc.integer({ min: 0, max: 9 })),
        async (pairs, purged, asked) => {
          const uses = (n: number) => pairs.flatMap(([from, to]) => (from === n && to !== n ? [to] : []));
          const bin = binOf(
            Array.from({ length: 10 }, (_, n) => n)
              .filter((n) => !purged.includes(n))
              .map((n) => ['flows', n, { _runNextFlowIds: uses(n).map((to) => id('f', to)) }] as const),
          );
          const wanted = asked.map((n) => key('flows', n));
          const found = (await along(bin, wanted)).map((one) => one.key);

          const all = new Set([...wanted.filter((one) => bin.has(one)), ...found]);
          const used = new Set(
            [...all].flatMap((one) =>
              Array.from({ length: 10 }, (_, n) => n)
                .filter((n) => key('flows', n) === one)
                .flatMap((n) => uses(n).map((to) => key('flows', to))),
            ),
          );
          expect([...used].filter((one) => bin.has(one) && !all.has(one))).toEqual([]);
          expect(found.filter((one) => !used.has(one) || !bin.has(one) || wanted.includes(one))).toEqual([]);
          expect(new Set(found).size).toBe(found.length);
        },
      ),
      cases(200),
    );
  });
});
