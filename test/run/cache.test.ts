import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  type Cache,
  CacheDamaged,
  type CachedResource,
  cachedType,
  readCache,
  writeCache,
} from '../../src/run/sync/cache.ts';
import { tempDir } from '../support/workspace.ts';

const raw = (n: number): string => String(n).padStart(22, 'r');
const RESOURCES: [string, CachedResource][] = [
  [
    '6783a068c3a91b7e41200002',
    { raw: raw(1), modified: '2026-01-01T00:00:00.000Z', files: [['flows/a.6783a068c3a91b7e41200002.yaml', 'abc']] },
  ],
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
];
const PAGES = new Map([
  ['page-1', { ids: ['6783a068c3a91b7e41200002', 'b'], chunks: [[99, 'd'] as const], next: '/v1/flows?skip=2' }],
  ['page-2', { ids: ['c-d_e'], chunks: [] }],
]);

function cacheOf(resources: readonly [string, CachedResource][]): Cache {
  const types = new Map([
    ['flows', cachedType({ pages: PAGES, resources: new Map(resources) }, false)],
    ['tags', cachedType({ pages: new Map(), resources: new Map() }, undefined)],
  ]);
  return { rules: 'r', tree: 't', lastRun: undefined, lastFull: undefined, known: undefined, types };
}

/** A folder with a cache, and the path of the file of flows in it. */
function written(): { dir: string; file: () => string } {
  const dir = tempDir();
  writeCache(dir, 'prod', cacheOf(RESOURCES));
  const folder = join(dir, 'prod.cache');
  return { dir, file: () => join(folder, readdirSync(folder).find((name) => name.startsWith('flows-')) ?? '') };
}

function plain(cache: Cache | undefined): unknown {
  const details = cache?.types.get('flows')?.details();
  return [...(details?.resources ?? [])].map(([id, { raw: digest, modified, files }]) => [id, digest, modified, files]);
}

describe('the cache', () => {
  it('is read as it was written', () => {
    const { dir } = written();

    const cache = readCache(dir, 'prod');

    expect(plain(cache)).toEqual(
      RESOURCES.map(([id, { raw: digest, modified, files }]) => [id, digest, modified, files]),
    );
    expect(cache?.types.get('flows')?.details().pages).toEqual(PAGES);
    expect(cache?.types.get('tags')?.details()).toEqual({ pages: new Map(), resources: new Map() });
    expect(cache?.types.get('flows')?.pageMarks.get('page-1')).toEqual({ count: 2, next: '/v1/flows?skip=2' });
  });

  it('keeps what it holds of other resources when one is changed, and nothing else of the one', () => {
    const { dir, file } = written();
    const before = readFileSync(file(), 'utf8').split('\n');
    const { resources } = readCache(dir, 'prod')?.types.get('flows')?.details() ?? { resources: new Map() };
    const changed: CachedResource = { raw: raw(9), modified: '', files: [] };

    writeCache(dir, 'prod', cacheOf([...new Map([...resources, ['b', changed] as const])]));

    const after = readFileSync(file(), 'utf8').split('\n');
    const [, places = ''] = after;
    expect(places).toContain(`"b","${raw(9)}",5,`);
    expect(after.map((line, i) => (line === before[i] ? '=' : line))).toEqual(['=', places, '=', '[""]', '=', '=']);
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
