import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Cache, cachedType, readCache, writeCache } from '../../src/run/sync/cache.ts';
import { CacheDamaged, type CachedPage, type TypeDetails } from '../../src/run/sync/cache-file.ts';
import { type CachedResource, CachedResources, type Chunk, isKnown } from '../../src/run/sync/cached-resources.ts';
import { cases } from '../support/fuzz.ts';
import { tempDir } from '../support/workspace.ts';

const ID = '6783a068c3a91b7e41200002';
const raw = (n: number): string => String(n).padStart(22, 'r');
const RESOURCES: [string, CachedResource][] = [
  [ID, { raw: raw(1), modified: '2026-01-01T00:00:00.000Z', files: [[`flows/a.${ID}.yaml`, 'abc']] }],
  // Nothing is known of it but its files, and of the next not even these.
  [
    'b',
    {
      raw: '',
      modified: '',
      files: [
        ['flows/groesse.b.yaml', 'd1'],
        ['flows/groesse.b.js', 'd2'],
      ],
    },
  ],
  ['c-d_e', { raw: raw(3), modified: 'a "strange"\n\ttime \\ größe', files: [] }],
  ['on-no-page', { raw: raw(4), modified: '', files: [] }],
];
const chunk = (digest: string, ...ids: string[]): Chunk => ({ ids, length: 99, digest });
const PAGES = new Map<string, CachedPage>([
  ['page-1', { chunks: [chunk('d1', ID, 'not-mirrored', 'b')], next: '/v1/flows?skip=2' }],
  ['page-2', { chunks: [chunk('d2', 'c-d_e'), chunk('d3', 'neither')] }],
]);

function resourcesOf(entries: Iterable<[string, CachedResource]>): CachedResources {
  const resources = new CachedResources();
  for (const [id, resource] of entries) resources.set(id, resource);
  return resources;
}

function cacheOf(details: TypeDetails): Cache {
  const types = new Map([
    ['flows', cachedType(details, false)],
    ['tags', cachedType({ pages: new Map(), resources: new CachedResources() }, undefined)],
  ]);
  return { rules: 'r', tree: 't', lastRun: undefined, lastFull: undefined, known: undefined, types };
}

/** A folder with a cache, and the path of the file of flows in it. */
function written(details: TypeDetails = { pages: PAGES, resources: resourcesOf(RESOURCES) }) {
  const dir = tempDir();
  writeCache(dir, 'prod', cacheOf(details));
  const folder = join(dir, 'prod.cache');
  return { dir, file: () => join(folder, readdirSync(folder).find((name) => name.startsWith('flows-')) ?? '') };
}

function read(dir: string): TypeDetails {
  const details = readCache(dir, 'prod')?.types.get('flows')?.details();
  if (!details) throw new Error('no cache');
  return details;
}

const plain = (resources: CachedResources): Map<string, CachedResource | undefined> =>
  new Map([...resources.keys()].map((id) => [id, resources.get(id)]));
const plainPages = (pages: ReadonlyMap<string, CachedPage>): unknown =>
  [...pages].map(([page, { chunks, next }]) => [
    page,
    next,
    chunks.map(({ ids, length, digest }) => ({ ids, length, digest })),
  ]);

describe('the cache', () => {
  it('is read as it was written', () => {
    const { dir } = written();
    const cache = readCache(dir, 'prod');

    const { resources, pages } = read(dir);
    expect(plain(resources)).toEqual(new Map(RESOURCES));
    expect(resources.size).toBe(RESOURCES.length);
    expect(resources.has('not-mirrored')).toBe(false);
    expect(plainPages(pages)).toEqual(plainPages(PAGES));
    expect(cache?.types.get('tags')?.details().resources.size).toBe(0);
    expect(cache?.types.get('flows')?.pageMarks.get('page-1')).toEqual({ count: 3, next: '/v1/flows?skip=2' });
    expect(cache?.types.get('flows')?.size).toBe(RESOURCES.length);
  });

  it('takes chunks over as they were when a resource of another one changes', () => {
    const { dir, file } = written();
    const before = readFileSync(file(), 'utf8').split('\n');
    const details = read(dir);

    details.resources.set('b', { raw: raw(9), modified: '', files: [] });
    writeCache(dir, 'prod', cacheOf(details));

    const after = readFileSync(file(), 'utf8').split('\n');
    expect(after).toHaveLength(before.length);
    expect(after.map((line, i) => line === before[i])).toEqual([false, true, true, true, false, true]);
    expect(plain(read(dir).resources)).toEqual(new Map(RESOURCES).set('b', { raw: raw(9), modified: '', files: [] }));
  });

  const ids = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
  const id = fc.constantFrom(...ids);
  const resource = (of: string) =>
    fc
      .integer({ min: 1, max: 9 })
      .map((n): CachedResource => ({ raw: raw(n), modified: '', files: [[`flows/x.${of}.yaml`, `o${n}`]] }));
  const entry = id.chain((of) => fc.tuple(fc.constant(of), resource(of)));
  const chunks = fc.array(fc.array(id, { minLength: 1, maxLength: 4 }), { maxLength: 4 });
  const step = fc.oneof(
    fc.record({ keep: fc.nat({ max: 5 }) }),
    fc.record({ set: entry }),
    fc.record({ take: id }),
    fc.record({ one: id }),
  );

  it('holds what a map would, whatever is taken over by the chunk, and is read so', () => {
    fc.assert(
      fc.property(fc.array(entry), chunks, fc.array(step), chunks, (held, first, steps, second) => {
        const pagesOf = (all: readonly Chunk[]) => new Map([['page', { chunks: all }]]);
        const { dir } = written({ resources: resourcesOf(held), pages: pagesOf(first.map((of) => chunk('d', ...of))) });
        const known = read(dir);
        const kept = [...(known.pages.get('page')?.chunks ?? [])].filter(isKnown);

        const model = new Map<string, CachedResource | undefined>();
        const resources = new CachedResources();
        const keep = (one: string): void => {
          const before = known.resources.get(one);
          if (before && !model.has(one)) model.set(one, before);
        };
        for (const does of steps) {
          if ('keep' in does) {
            const part = kept[does.keep];
            if (!part) continue;
            resources.keep(part);
            for (const one of part.ids) keep(one);
          } else if ('set' in does) {
            resources.set(...does.set);
            model.set(...does.set);
          } else if ('take' in does) {
            resources.delete(does.take);
            model.delete(does.take);
          } else {
            const before = known.resources.get(does.one);
            if (before && !resources.has(does.one)) resources.set(does.one, before);
            keep(does.one);
          }
        }
        expect(plain(resources)).toEqual(model);
        expect(resources.size).toBe(model.size);
        expect(ids.filter((one) => resources.has(one))).toEqual(ids.filter((one) => model.has(one)));

        const pages = pagesOf([...kept.slice(0, 2), ...second.map((of) => chunk('e', ...of))]);
        const again = read(written({ resources, pages }).dir);
        expect(plain(again.resources)).toEqual(model);
        expect(plainPages(again.pages)).toEqual(plainPages(pages));
      }),
      cases(300),
    );
  });

  it.each<[string, (bytes: Buffer) => Buffer]>([
    ['cut off', (bytes) => bytes.subarray(0, bytes.lastIndexOf('\n'))],
    ['empty', () => Buffer.alloc(0)],
    ['full of zeros', (bytes) => Buffer.alloc(bytes.length)],
    ['different by one byte', (bytes) => Buffer.from(bytes.toString('latin1').replace('abc', 'abd'), 'latin1')],
  ])('is damaged when a file is %s', (_, damage) => {
    const { dir, file } = written();
    writeFileSync(file(), damage(readFileSync(file())));

    expect(() => readCache(dir, 'prod')?.types.get('flows')?.details()).toThrow(CacheDamaged);
  });
});
