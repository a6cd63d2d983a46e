import { describe, expect, it } from 'vitest';
import { embeddedIds, pairInnerIds, rewriteIds, withoutInnerIds } from '../../src/plan/ids.ts';
import { id, type } from './support.ts';

const [OLD, NEW] = [id('a', 1), id('b', 1)];
const IDS = new Map([[OLD, NEW]]);

describe('rewriting ids', () => {
  it('replaces complete values and complete keys at any depth, and nothing within a longer text', () => {
    const doc = { _exportId: OLD, settings: { [OLD]: [OLD, `see ${OLD}`, `/v1/exports/${OLD}`] } };
    expect(rewriteIds(doc, IDS)).toEqual({
      _exportId: NEW,
      settings: { [NEW]: [NEW, `see ${OLD}`, `/v1/exports/${OLD}`] },
    });
  });

  it('leaves records of other systems alone', () => {
    const doc = { sampleData: { customer: OLD }, mockOutput: [OLD], name: OLD };
    expect(rewriteIds(doc, IDS)).toEqual({ ...doc, name: NEW });
  });

  it('reports ids inside texts, with their places, once each', () => {
    const doc = { content: `a('${OLD}'); b('${OLD}');`, other: OLD, hash: `${OLD}00` };
    expect(embeddedIds(doc, (found) => found === OLD)).toEqual([{ place: 'content', id: OLD }]);
  });
});

describe('ids of parts', () => {
  const groups = (first: string, second: string) => ({
    flowGroupings: [
      { _id: first, name: 'Orders' },
      { _id: second, name: 'Stock' },
    ],
  });

  it('are paired by position where the server gave new ones', () => {
    const pairs = pairInnerIds(type('integrations'), groups(id('a', 1), id('a', 2)), groups(id('b', 1), id('b', 2)));
    expect([...pairs]).toEqual([
      [id('a', 1), id('b', 1)],
      [id('a', 2), id('b', 2)],
    ]);
  });

  it('are not paired where a list has other elements', () => {
    const other = { flowGroupings: [{ _id: id('b', 1), name: 'Orders' }] };
    expect(pairInnerIds(type('integrations'), groups(id('a', 1), id('a', 2)), other).size).toBe(0);
  });

  it('are taken out of a body unless the live document knows them; references to others stay', () => {
    const flow = {
      _id: OLD,
      overrides: { exports: [{ _id: id('c', 1), _abstractId: id('c', 2) }] },
      parts: [{ _id: id('d', 1) }, { _id: id('d', 2) }],
    };
    expect(withoutInnerIds(type('flows'), flow, new Set([id('d', 2)]))).toEqual({
      ...flow,
      parts: [{}, { _id: id('d', 2) }],
    });
  });
});
