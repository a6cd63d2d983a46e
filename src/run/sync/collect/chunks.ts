import { digestOf } from '../../../core/digest.ts';
import { idAt, type Part } from '../../../core/records.ts';
import type { CachedPage, ChunkMark } from '../cache.ts';

/** Records one after the other on a page of the last run. One digest tells that they are all as they were. */
export interface Chunk {
  readonly ids: readonly string[];
  /** Of their bytes in the page, with what is between them. */
  readonly length: number;
  readonly digest: string;
}

/**
 * Whether a chunk begins with a record. The ids decide, not their places: one that comes or goes changes its own chunk
 * alone. Of ids in hexadecimal, one in sixteen ends so.
 */
function beginsChunk(id: string): boolean {
  return id.endsWith('0');
}

/** The chunks of a page, as it was cached; none where they do not fit its ids. */
export function chunksOf({ ids, chunks }: CachedPage): Chunk[] {
  const starts = ids.flatMap((id, i) => (i === 0 || beginsChunk(id) ? [i] : []));
  if (starts.length !== chunks.length) return [];
  return chunks.map(([length, digest], i) => ({ ids: ids.slice(starts[i], starts[i + 1]), length, digest }));
}

/**
 * Finds, in a page, the chunk that begins at an index, if these very bytes were there in the last run.
 * @param chunkAt the chunk that began with a record, by its id in the mirror @param idOf that id, by the one in the API
 */
export function chunkFinder(
  body: Buffer,
  chunkAt: (id: string) => Chunk | undefined,
  idOf: (own: string) => string = (own) => own,
): (at: number) => Chunk | undefined {
  const tried = new Set<Chunk>();
  return (at) => {
    const own = idAt(body, at);
    const chunk = own === undefined ? undefined : chunkAt(idOf(own));
    // A page may begin thousands of records with the same id: each chunk is read once.
    if (!chunk || tried.has(chunk)) return undefined;
    tried.add(chunk);
    return digestOf(body.subarray(at, at + chunk.length)) === chunk.digest ? chunk : undefined;
  };
}

/** What the cache notes of the chunks of a page. @param ids of all its records @param parts views of `body` */
export function chunkMarks(body: Buffer, parts: readonly Part<Chunk>[], ids: readonly string[]): ChunkMark[] {
  const groups: Part<Chunk>[][] = [];
  let count = 0;
  for (const part of parts) {
    if (count === 0 || beginsChunk(ids[count] ?? '')) groups.push([]);
    groups.at(-1)?.push(part);
    count += part.known?.ids.length ?? 1;
  }
  return groups.map((group): ChunkMark => {
    const [first, last] = [group[0], group.at(-1)];
    if (first?.known && first === last) return [first.known.length, first.known.digest];
    const start = (first?.bytes.byteOffset ?? 0) - body.byteOffset;
    const end = (last?.bytes.byteOffset ?? 0) - body.byteOffset + (last?.bytes.length ?? 0);
    return [end - start, digestOf(body.subarray(start, end))];
  });
}
