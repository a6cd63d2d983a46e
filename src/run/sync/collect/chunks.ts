import { digestOf } from '../../../core/digest.ts';
import { idAt, type Part } from '../../../core/records.ts';
import type { Chunk, KnownChunk } from '../cached-resources.ts';

/**
 * Whether a chunk begins with a record. The ids decide, not their places: one that comes or goes changes its own chunk
 * alone. Of ids in hexadecimal, one in sixteen ends so.
 */
function beginsChunk(id: string): boolean {
  return id.endsWith('0');
}

/** Ids in chunks of which nothing else is known. */
export function plainChunks(ids: readonly string[]): Chunk[] {
  const starts = ids.flatMap((id, i) => (i === 0 || beginsChunk(id) ? [i] : []));
  return starts.map((start, i) => ({ ids: ids.slice(start, starts[i + 1]), length: 0, digest: '' }));
}

/**
 * Finds, in a page, the chunk that begins at an index, if these very bytes were there in the last run.
 * @param chunkAt the chunk that began with a record, by its id in the mirror @param idOf that id, by the one in the API
 */
export function chunkFinder(
  body: Buffer,
  chunkAt: (id: string) => KnownChunk | undefined,
  idOf: (own: string) => string = (own) => own,
): (at: number) => KnownChunk | undefined {
  const tried = new Set<KnownChunk>();
  // Records may be small that begin as large chunks did.
  let most = 2 * body.length;
  return (at) => {
    const own = idAt(body, at);
    const chunk = own === undefined ? undefined : chunkAt(idOf(own));
    // A page may begin thousands of records with the same id: each chunk is read once.
    if (!chunk || tried.has(chunk) || chunk.length > most) return undefined;
    tried.add(chunk);
    most -= chunk.length;
    return digestOf(body.subarray(at, at + chunk.length)) === chunk.digest ? chunk : undefined;
  };
}

/** The chunks of a page. Known ones stay what they are. @param ids of all its records @param parts views of `body` */
export function chunksOf(body: Buffer, parts: readonly Part<KnownChunk>[], ids: readonly string[]): Chunk[] {
  const groups: Part<KnownChunk>[][] = [];
  const starts: number[] = [];
  let count = 0;
  for (const part of parts) {
    if (count === 0 || beginsChunk(ids[count] ?? '')) {
      groups.push([]);
      starts.push(count);
    }
    groups.at(-1)?.push(part);
    count += part.known?.ids.length ?? 1;
  }
  return groups.map((group, i): Chunk => {
    const [first, last] = [group[0], group.at(-1)];
    if (first?.known && first === last) return first.known;
    const start = (first?.bytes.byteOffset ?? 0) - body.byteOffset;
    const end = (last?.bytes.byteOffset ?? 0) - body.byteOffset + (last?.bytes.length ?? 0);
    const digest = digestOf(body.subarray(start, end));
    return { ids: ids.slice(starts[i], starts[i + 1]), length: end - start, digest };
  });
}
