import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findType } from '../../src/catalogue/index.ts';
import type { MirrorDocument } from '../../src/core/documents.ts';
import type { JsonObject } from '../../src/core/json.ts';
import { buildGraph } from '../../src/graph/account-graph.ts';
import { impactOf } from '../../src/graph/impact.ts';
import { impactDot, impactMermaid, impactTree } from '../../src/graph/impact-view.ts';
import { cases } from '../support/fuzz.ts';

const id = (n: number): string => `6900000000000000000000${n.toString(16).padStart(2, '0')}`;

function doc(dir: string, n: number, fields: JsonObject = {}, title = `${dir} ${n}`): MirrorDocument {
  const type = findType(dir);
  if (!type) throw new Error(dir);
  return { type, id: id(n), title, path: `${dir}/x.${id(n)}.yaml`, doc: { _id: id(n), name: title, ...fields } };
}

const flow = (n: number, exportId: number, more: JsonObject = {}): MirrorDocument =>
  doc('flows', n, { pageGenerators: [{ _exportId: id(exportId) }], ...more });

/** Flows 1 → 2 → 3 in a chain, each with an export of its own on connection 20 (1, 2) or 21 (3); 4 starts 2 as well. */
const CHAIN = [
  flow(1, 11, { _runNextFlowIds: [id(2)], _integrationId: id(30) }),
  flow(2, 12, { _runNextFlowIds: [id(3)], _integrationId: id(30) }),
  flow(3, 13, { _integrationId: id(30) }),
  flow(4, 14, { _runNextFlowIds: [id(2)] }),
  doc('exports', 11, { _connectionId: id(20) }),
  doc('exports', 12, { _connectionId: id(20) }),
  doc('exports', 13, { _connectionId: id(21) }),
  doc('exports', 14, { _connectionId: id(22) }),
  doc('connections', 20),
  doc('connections', 21),
  doc('connections', 22),
  doc('integrations', 30, { _registeredConnectionIds: [id(20), id(21)] }),
  doc('scripts', 40, { content: `exports.run({ _id: '${id(14)}' });` }),
];

function reached(start: string): { dependants: string[]; needs: string[] } {
  const { dependants, needs } = impactOf(buildGraph(CHAIN), start);
  const short = (key: string): string => `${key.slice(0, key.indexOf('/'))} ${Number.parseInt(key.slice(-2), 16)}`;
  return {
    dependants: dependants.map(({ key }) => short(key)).sort(),
    needs: needs.map(({ key }) => short(key)).sort(),
  };
}

describe('impact', () => {
  it('follows flows that start each other: what runs after, and who starts it', () => {
    expect(reached(`exports/${id(11)}`).dependants).toEqual(['flows 1', 'flows 2', 'flows 3']);
    expect(reached(`flows/${id(3)}`).dependants).toEqual(['flows 1', 'flows 2', 'flows 4']);
    expect(reached(`flows/${id(1)}`).needs).toEqual([
      'connections 20',
      'connections 21',
      'exports 11',
      'exports 12',
      'exports 13',
      'flows 2',
      'flows 3',
      'integrations 30',
    ]);
  });

  it('does not take one starter of a flow for a dependant of another', () => {
    expect(reached(`exports/${id(11)}`).dependants).not.toContain('flows 4');
    expect(reached(`flows/${id(4)}`).dependants).toEqual(['flows 2', 'flows 3']);
  });

  it('names the place of an id in a text as that of any other field', () => {
    const settings = { hooks: [{ text: `see ${id(12)}` }], 'a.b': id(13) };
    const { edges } = buildGraph([...CHAIN, doc('integrations', 31, { settings })]);
    const places = edges.filter(({ from }) => from === `integrations/${id(31)}`).map(({ place }) => place);
    expect(places.sort()).toEqual(['settings.hooks[0].text', 'settings["a.b"]']);
  });

  it('of a group with its parts is what depends on any of them, or is needed by any, and is none of them', () => {
    const graph = buildGraph(CHAIN);
    const own = [`flows/${id(1)}`, `flows/${id(2)}`, `flows/${id(3)}`, `exports/${id(11)}`, `connections/${id(20)}`];
    const impact = impactOf(graph, `integrations/${id(30)}`, own);

    expect(impact.dependants.map(({ key }) => key).sort()).toEqual([`exports/${id(12)}`, `flows/${id(4)}`]);
    expect(impact.needs.map(({ key }) => key).sort()).toEqual([
      `connections/${id(21)}`,
      `exports/${id(12)}`,
      `exports/${id(13)}`,
    ]);
    const tree = impactTree(graph, impact);
    expect(tree).toContain('with 5 resources that make it up');
    for (const { key } of [...impact.dependants, ...impact.needs]) expect(tree).toContain(key);
    expect(tree).not.toContain(`─ flows/${id(1)}`);
    for (const key of own) expect(impactDot(graph, impact)).toContain(`"${key}"`);
  });

  it('reports membership without following it, unless the integration is asked about', () => {
    expect(reached(`connections/${id(21)}`).dependants).toEqual([
      'exports 13',
      'flows 1',
      'flows 2',
      'flows 3',
      'flows 4',
      'integrations 30',
    ]);
    expect(reached(`integrations/${id(30)}`).dependants).toEqual(['flows 1', 'flows 2', 'flows 3', 'flows 4']);
    expect(reached(`integrations/${id(30)}`).needs).toEqual(['connections 20', 'connections 21']);
  });

  it('counts ids in code', () => {
    expect(reached(`exports/${id(14)}`).dependants).toEqual(['flows 2', 'flows 3', 'flows 4', 'scripts 40']);
  });

  it('does not take the export that a starter names for a flow of the chain', () => {
    const next = [{ _flowId: id(3), _exportId: id(13) }];
    const graph = buildGraph([...CHAIN, doc('flows', 5, { _runNextExportIds: next })]);
    const { dependants } = impactOf(graph, `flows/${id(5)}`);
    expect(dependants.map(({ key }) => key)).toEqual([`flows/${id(3)}`]);
  });

  it('names the nearest path', () => {
    const { dependants } = impactOf(buildGraph(CHAIN), `connections/${id(20)}`);
    expect(dependants.find(({ key }) => key === `flows/${id(1)}`)).toMatchObject({
      distance: 2,
      from: `exports/${id(11)}`,
      edge: { place: 'pageGenerators[0]._exportId', kind: 'uses' },
    });
  });

  it('writes names that no reader of Mermaid or DOT takes for markup', () => {
    const evil = 'x"] --> y; <script>alert(1)</script> `%%{init: 1}%%` \\N #quot; end\n  style n0 fill:red';
    const graph = buildGraph([doc('connections', 1, {}, evil), doc('exports', 2, { _connectionId: id(1) })]);
    const impact = impactOf(graph, `connections/${id(1)}`);

    const mermaid = impactMermaid(graph, impact).split('\n');
    expect(mermaid).toHaveLength(6);
    expect(mermaid[1]).toMatch(/^ {2}n0\[\("[^"<>`%{}[\]\\]*"\)\]$/);
    const dot = impactDot(graph, impact);
    expect(dot.split('\n').filter((line) => line.includes('->'))).toHaveLength(2);
    expect(dot).toContain('\\"');
    expect(dot).toContain('\\\\N');
    expect(impactTree(graph, impact).split('\n')).toHaveLength(7);
  });

  it('follows a flow that starts something also as one that refers to it', () => {
    // Flow 1 and tool 5 use export 11; flow 2 uses the tool, and starts flows 1 and 3.
    const graph = buildGraph([
      flow(1, 11),
      flow(2, 12, { pageProcessors: [{ type: 'tool', _toolId: id(5) }], _runNextFlowIds: [id(1), id(3)] }),
      flow(3, 13),
      doc('tools', 5, { pageProcessors: [{ _exportId: id(11) }] }),
      ...[11, 12, 13].map((n) => doc('exports', n)),
    ]);
    const { dependants } = impactOf(graph, `exports/${id(11)}`);
    expect(dependants.map(({ key }) => key).sort()).toEqual(
      [`flows/${id(1)}`, `flows/${id(2)}`, `flows/${id(3)}`, `tools/${id(5)}`].sort(),
    );
  });

  it('finds in any graph what an oracle finds that tries every path, and draws every reference once', () => {
    const DIRS = ['flows', 'exports', 'tools', 'integrations'] as const;
    const nodes = fc.array(fc.constantFrom(...DIRS), { minLength: 2, maxLength: 9 });
    const links = fc.array(fc.tuple(fc.nat(8), fc.nat(8)), { maxLength: 24 });
    fc.assert(
      fc.property(nodes, links, fc.nat(8), (dirs, pairs, from) => {
        const documents = dirs.map((dir, n) => {
          const targets = pairs.filter(([a]) => a % dirs.length === n).map(([, b]) => b % dirs.length);
          const of = (wanted: string): string[] => targets.filter((t) => dirs[t] === wanted).map(id);
          return doc(dir, n, {
            ...(dir === 'flows' && of('flows').length > 0 ? { _runNextFlowIds: of('flows') } : {}),
            ...(dir === 'integrations' || of('integrations').length === 0
              ? {}
              : { _integrationId: of('integrations')[0] ?? '' }),
            pageGenerators: of('exports').map((_exportId) => ({ _exportId })),
            pageProcessors: of('tools').map((_toolId) => ({ _toolId })),
          });
        });
        const graph = buildGraph(documents);
        const start = `${dirs[from % dirs.length]}/${id(from % dirs.length)}`;
        const impact = impactOf(graph, start);

        // A dependant is reached backwards over references, and either backwards over starts or forwards over them.
        const closure = (step: (key: string) => string[]): Set<string> => {
          const all = new Set([start]);
          for (let size = 0; size !== all.size; ) {
            size = all.size;
            for (const key of [...all]) {
              if (key !== start && key.startsWith('integrations/')) continue;
              for (const next of step(key)) all.add(next);
            }
          }
          all.delete(start);
          return all;
        };
        const backwards = (key: string, starts: boolean): string[] =>
          graph.edges.filter((e) => e.to === key && (starts || e.kind !== 'starts')).map((e) => e.from);
        const forwards = (key: string, kinds: (kind: string) => boolean): string[] =>
          graph.edges.filter((e) => e.from === key && kinds(e.kind)).map((e) => e.to);
        const dependants = new Set([
          ...closure((key) => backwards(key, true)),
          ...closure((key) => [...backwards(key, false), ...forwards(key, (kind) => kind === 'starts')]),
        ]);
        expect(impact.dependants.map(({ key }) => key).sort()).toEqual([...dependants].sort());
        expect(impact.needs.map(({ key }) => key).sort()).toEqual(
          [...closure((key) => forwards(key, () => true))].sort(),
        );
        for (const half of [impact.dependants, impact.needs]) {
          const tree = new Map(half.map((one) => [one.key, one]));
          for (const one of half) expect(one.from === start || tree.has(one.from)).toBe(true);
        }
        const shown = new Set(
          [start, ...impact.dependants, ...impact.needs].map((one) => (typeof one === 'string' ? one : one.key)),
        );
        const among = graph.edges.filter((e) => shown.has(e.from) && shown.has(e.to));
        const arrows = [...new Set(among.map((e) => `"${e.from}" -> "${e.to}"`))].sort();
        const dot = [...impactDot(graph, impact).matchAll(/^ {2}("[^"]*" -> "[^"]*") \[/gm)].map(([, arrow]) => arrow);
        expect([...new Set(dot)].sort()).toEqual(arrows);
        expect(dot.length).toBe(new Set(among.map((e) => `${e.from} ${e.to} ${e.kind}`)).size);
        expect(impactMermaid(graph, impact).match(/-->|==>|-\.->/g)?.length ?? 0).toBe(dot.length);
        expect(
          impactTree(graph, impact)
            .split('\n')
            .filter((line) => /[├└]─/.test(line)),
        ).toHaveLength(impact.dependants.length + impact.needs.length);
      }),
      cases(500),
    );
  });
});
