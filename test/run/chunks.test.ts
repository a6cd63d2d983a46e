import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { splitRecords } from '../../src/core/records.ts';
import type { Chunk, KnownChunk } from '../../src/run/sync/cached-resources.ts';
import { chunkFinder, chunksOf, plainChunks } from '../../src/run/sync/collect/chunks.ts';
import { cases } from '../support/fuzz.ts';

interface Doc {
  readonly _id: string;
  readonly text: string;
}

const bodyOf = (docs: readonly Doc[], blank = ''): Buffer =>
  Buffer.from(`[${docs.map((doc) => JSON.stringify(doc)).join(`,${blank}`)}]`);

/** A chunk as the cache has it. */
const cached = (chunk: Chunk): KnownChunk => ({
  ...chunk,
  ...{ mirrored: chunk.ids, resource: () => undefined, line: Buffer.alloc(0) },
});

type ChunkAt = (id: string) => KnownChunk | undefined;

/** What a page shows of its records, and what the cache keeps of it. */
function read(body: Buffer, docs: readonly Doc[], chunkAt: ChunkAt = () => undefined) {
  const parts = splitRecords(body, chunkFinder(body, chunkAt)) ?? [];
  const ids = docs.map(({ _id }) => _id);
  return { parts, chunks: chunksOf(body, parts, ids) };
}

/** Finds chunks by their first records. */
function finder(chunks: readonly Chunk[]): ChunkAt {
  const byFirst = new Map(chunks.map((chunk) => [chunk.ids[0], cached(chunk)]));
  return (id) => byFirst.get(id);
}

const plain = (chunks: readonly Chunk[]) => chunks.map(({ ids, length, digest }) => ({ ids, length, digest }));

const idOf = (n: number): string => `6605a0b0c0d0e0f0${n.toString(16).padStart(8, '0')}`;
const docsOf = (count: number, first = 0): Doc[] =>
  Array.from({ length: count }, (_, i) => ({ _id: idOf(first + i), text: `Ünï ${first + i}` }));
const edited = (docs: readonly Doc[], at: number): Doc[] => docs.with(at, { _id: docs[at]?._id ?? '', text: 'new' });

describe('chunks of a page', () => {
  it('are those of its ids', () => {
    const { chunks } = read(bodyOf(docsOf(40)), docsOf(40));
    expect(chunks.map(({ ids }) => ids.length)).toEqual([16, 16, 8]);
    const ids = docsOf(40).map(({ _id }) => _id);
    expect(plainChunks(ids)).toEqual(chunks.map((chunk) => ({ ids: chunk.ids, length: 0, digest: '' })));
    expect(plainChunks([])).toEqual([]);
  });

  it.each<[string, Doc[], number]>([
    ['one is edited', edited(docsOf(160), 20), 16],
    ['the first of a chunk is edited', edited(docsOf(160), 32), 16],
    ['the last one is edited', edited(docsOf(160), 159), 16],
    ['one goes', docsOf(160).toSpliced(20, 1), 15],
    ['one comes', docsOf(160).toSpliced(20, 0, { _id: 'f'.repeat(24), text: 'x' }), 17],
    ['the first one goes to the page before', docsOf(160).slice(1), 15],
    ['nothing changes but the order of chunks', [...docsOf(80, 80), ...docsOf(80)], 0],
  ])('where %s, only the records of its chunk are read', (_, docs, alone) => {
    const before = read(bodyOf(docsOf(160)), docsOf(160));
    const { parts } = read(bodyOf(docs), docs, finder(before.chunks));
    expect(parts.filter(({ known }) => !known)).toHaveLength(alone);
  });

  it('cut a page into its records, and mark it, whatever was there before', () => {
    const doc = fc.record({
      _id: fc.constantFrom('a', 'b', 'c0', 'd0', 'e', 'f0', 'g'),
      text: fc.constantFrom('', 'x', '"},{"_id":"a', '}'),
    });
    const page = fc.tuple(fc.array(doc, { maxLength: 12 }), fc.constantFrom('', ' ', '\n'));
    fc.assert(
      fc.property(fc.array(page, { maxLength: 3 }), page, (pages, [docs, blank]) => {
        const before = pages.flatMap(([held, space]) => read(bodyOf(held, space), held).chunks);
        const body = bodyOf(docs, blank);
        const { parts, chunks } = read(body, docs, finder(before));
        const found = parts.flatMap(({ bytes, known }) => {
          const records: Doc[] = JSON.parse(`[${bytes}]`);
          if (known) expect(records.map(({ _id }) => _id)).toEqual(known.ids);
          return records;
        });
        expect(found).toEqual(docs);
        // What is known of other pages changes nothing about what is noted of this one.
        expect(plain(chunks)).toEqual(read(body, docs).chunks);
        expect(chunks.flatMap(({ ids }) => ids)).toEqual(docs.map(({ _id }) => _id));
      }),
      cases(500),
    );
  });

  it('are each read once, however often a record is repeated', () => {
    const [chunk] = read(bodyOf(docsOf(16)), docsOf(16)).chunks;
    let asked = 0;
    const counted = Object.defineProperty(cached(chunk as Chunk), 'digest', {
      get() {
        asked += 1;
        return chunk?.digest;
      },
    });
    const docs = Array.from({ length: 500 }, () => ({ _id: idOf(0), text: 'other' }));

    expect(read(bodyOf(docs), docs, () => counted).parts).toHaveLength(500);
    expect(asked).toBe(1);
  });

  it('are not read where records begin as much larger ones did', () => {
    const size = 100_000;
    const long = Array.from({ length: 50 }, (_, i): Doc => ({ _id: `${i}-0`, text: 'x'.repeat(size) }));
    const { chunks } = read(bodyOf(long), long);
    let bytes = 0;
    const chunkAt = (id: string): KnownChunk | undefined => {
      const found = finder(chunks)(id);
      return (
        found &&
        Object.defineProperty(found, 'digest', {
          get: () => {
            bytes += found.length;
            return 'other';
          },
        })
      );
    };
    const docs = [...long.map(({ _id }) => ({ _id, text: '' })), { _id: 'last', text: 'x'.repeat(2 * size) }];
    expect(read(bodyOf(docs), docs, chunkAt).parts).toHaveLength(docs.length);
    expect(bytes).toBeGreaterThan(size);
    expect(bytes).toBeLessThan(5 * size);
  });
});
