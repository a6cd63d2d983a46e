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

  it('are paired by their id before anything else, whatever their position', () => {
    const [a, b, c] = [id('a', 1), id('a', 2), id('b', 1)];
    expect(pairInnerIds(type('integrations'), groups(a, b), groups(b, a)).size).toBe(0);
    expect([...pairInnerIds(type('integrations'), groups(a, b), groups(a, c))]).toEqual([[b, c]]);
  });

  it.each([
    ['name', [id('a', 1), id('b', 1)]],
    ['_fileId', [id('a', 1), id('b', 1)]],
    ['title', undefined],
  ])('are paired by %s where a list has other elements', (field, pair) => {
    const [ours, theirs] = [{ [field]: 'one' }, { [field]: 'two' }];
    const wanted = {
      prompts: [
        { _id: id('a', 2), ...theirs },
        { _id: id('a', 1), ...ours },
      ],
    };
    const live = { prompts: [{ _id: id('b', 1), ...ours }] };
    expect([...pairInnerIds(type('mcpservers'), wanted, live)]).toEqual(pair ? [pair] : []);
  });

  it('are not paired by position where the position says nothing', () => {
    const [wanted, live] = [
      { prompts: [{ _id: id('a', 1), name: 'old' }] },
      { prompts: [{ _id: id('b', 1), name: 'new' }] },
    ];
    expect(pairInnerIds(type('mcpservers'), wanted, live, false).size).toBe(0);
    expect(pairInnerIds(type('mcpservers'), wanted, live, true).size).toBe(1);
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
