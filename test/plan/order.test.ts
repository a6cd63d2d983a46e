import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keyOf } from '../../src/core/keys.ts';
import { withoutPaths } from '../../src/core/paths.ts';
import { covers, placeOf } from '../../src/core/places.ts';
import { referencesOf, usesOf } from '../../src/core/references.ts';
import { type Node, orderByNeed, orderOfDeletion } from '../../src/plan/order.ts';
import { cases } from '../support/fuzz.ts';
import { id, type } from './support.ts';

function node(dir: string, n: number, doc: object, arrives = true): Node {
  return {
    key: keyOf(dir, id(dir[0] ?? 'x', n)),
    type: type(dir),
    doc: { _id: id(dir[0] ?? 'x', n), ...doc },
    arrives,
  };
}

describe('the order of steps', () => {
  it('puts everything after what it refers to', () => {
    const order = orderByNeed([
      node('flows', 1, { _integrationId: id('i', 1), pageGenerators: [{ _exportId: id('e', 1) }] }),
      node('exports', 1, { _connectionId: id('c', 1) }),
      node('connections', 1, { _agentId: id('a', 1) }),
      node('agents', 1, {}),
      node('integrations', 1, { aliases: [{ alias: 'x', _flowId: id('f', 1) }] }),
    ]);
    expect(
      Object.fromEntries([...order.levels].map(([key, level]) => [key.slice(0, key.indexOf('/')), level])),
    ).toEqual({ agents: 0, integrations: 0, connections: 1, exports: 2, flows: 3 });
    expect([...order.late]).toEqual([]);
  });

  it('opens a circle of flows at the field that may follow later', () => {
    const order = orderByNeed([
      node('flows', 1, { _runNextFlowIds: [id('f', 2)] }),
      node('flows', 2, { _runNextFlowIds: [id('f', 1)] }),
    ]);
    expect([...order.late.values()]).toEqual([['_runNextFlowIds'], ['_runNextFlowIds']]);
    const helped = orderByNeed([
      node('exports', 1, { http: { _asyncHelperId: id('a', 1) } }),
      node('asynchelpers', 1, { http: { status: { _exportId: id('e', 1) } } }),
    ]);
    expect([...helped.late]).toEqual([[keyOf('exports', id('e', 1)), ['http._asyncHelperId']]]);
  });

  it('makes a tool without its routers where its import is a tool import of itself', () => {
    const order = orderByNeed([
      node('tools', 1, { routers: [{ branches: [{ pageProcessors: [{ _importId: id('i', 1) }] }] }] }),
      node('imports', 1, { tool: { _toolId: id('t', 1) } }),
    ]);
    expect([...order.late]).toEqual([[keyOf('tools', id('t', 1)), ['routers']]]);
    expect(order.levels.get(keyOf('imports', id('i', 1)))).toBe(1);
  });

  it('does not wait for what is there already', () => {
    const order = orderByNeed([
      node('flows', 1, { _runNextFlowIds: [id('f', 2)] }, false),
      node('flows', 2, { _runNextFlowIds: [id('f', 1)] }, true),
    ]);
    expect([...order.late]).toEqual([]);
    expect(order.levels.get(keyOf('flows', id('f', 1)))).toBe(1);
  });

  const graph = fc
    .uniqueArray(fc.tuple(fc.integer({ min: 0, max: 11 }), fc.integer({ min: 0, max: 11 })), {
      maxLength: 30,
      selector: String,
    })
    .map((pairs) =>
      Array.from({ length: 12 }, (_, n) =>
        node(
          'flows',
          n,
          { _runNextFlowIds: pairs.flatMap(([from, to]) => (from === n ? [id('f', to)] : [])) },
          n % 5 !== 0,
        ),
      ),
    );

  it('is complete, and every creation can name what it does not leave out', () => {
    fc.assert(
      fc.property(graph, (nodes) => {
        const { levels, late } = orderByNeed(nodes);
        expect(levels.size).toBe(nodes.length);
        for (const { key, type: kind, doc, arrives } of nodes) {
          for (const { type: dir, id: target, place } of referencesOf(kind, doc)) {
            const other = nodes.find((candidate) => candidate.key === keyOf(dir ?? '', target));
            if (!arrives || !other?.arrives) continue;
            const left = late.get(key)?.some((path) => covers(path, placeOf(place))) ?? false;
            expect(left || (levels.get(other.key) ?? 0) < (levels.get(key) ?? 0)).toBe(true);
          }
        }
      }),
      cases(100),
    );
  });

  it('depends on nothing but its input', () => {
    fc.assert(
      fc.property(graph, fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })), (nodes, dice) => {
        const shuffled = [...nodes].map((entry) => ({ entry, at: dice.next().value })).sort((a, b) => a.at - b.at);
        const [one, two] = [orderByNeed(nodes), orderByNeed(shuffled.map(({ entry }) => entry))];
        const sorted = (map: ReadonlyMap<string, unknown>) => [...map].sort(([a], [b]) => (a < b ? -1 : 1));
        expect(sorted(two.levels)).toEqual(sorted(one.levels));
        expect(sorted(two.late)).toEqual(sorted(one.late));
      }),
      cases(100),
    );
  });
});

describe('the order of deletions', () => {
  it('deletes an integration after its parts, and what is registered with it after that', () => {
    const { levels, late } = orderOfDeletion([
      node('connections', 1, {}),
      node('exports', 1, { _connectionId: id('c', 1) }),
      node('flows', 1, { _integrationId: id('i', 1), pageGenerators: [{ _exportId: id('e', 1) }] }),
      node('integrations', 1, { _registeredConnectionIds: [id('c', 1)] }),
    ]);
    const last = (dir: string): number => levels.get(keyOf(dir, id(dir[0] ?? '', 1))) ?? -1;

    expect([...late]).toEqual([]);
    expect(last('connections')).toBeLessThan(last('integrations'));
    expect(last('integrations')).toBeLessThan(last('flows'));
    expect(last('exports')).toBeLessThan(last('flows'));
  });

  it('empties no field for a mere registration', () => {
    const { levels, late } = orderOfDeletion([
      node('integrations', 1, { _registeredConnectionIds: [id('c', 1)] }),
      node('connections', 1, { _integrationId: id('i', 1) }),
    ]);

    expect([...late]).toEqual([]);
    expect(levels.get(keyOf('connections', id('c', 1)))).toBe(1);
  });

  it('opens a circle of an integration and a flow at its alias, and one of export and helper at the export', () => {
    const { late } = orderOfDeletion([
      node('integrations', 1, { aliases: [{ alias: 'x', _flowId: id('f', 1) }] }),
      node('flows', 1, { _integrationId: id('i', 1) }),
      node('exports', 1, { http: { _asyncHelperId: id('a', 1) } }),
      node('asynchelpers', 1, { http: { status: { _exportId: id('e', 1) } } }),
    ]);

    expect(Object.fromEntries(late)).toEqual({
      [keyOf('integrations', id('i', 1))]: ['aliases'],
      [keyOf('exports', id('e', 1))]: ['http._asyncHelperId'],
    });
  });

  it('never deletes what is still used, once the circles are open', () => {
    const pair = fc.tuple(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0, max: 9 }));
    fc.assert(
      fc.property(fc.array(pair, { maxLength: 25 }), (pairs) => {
        const nodes = Array.from({ length: 10 }, (_, n) =>
          node('flows', n, { _runNextFlowIds: pairs.flatMap(([from, to]) => (from === n ? [id('f', to)] : [])) }),
        );
        const { levels, late } = orderOfDeletion(nodes);
        for (const { key, type: of, doc } of nodes) {
          for (const used of usesOf(of, withoutPaths(doc, late.get(key) ?? [])))
            expect(levels.get(keyOf('flows', used.id))).toBeLessThan(levels.get(key) ?? -1);
        }
      }),
      cases(200),
    );
  });
});
