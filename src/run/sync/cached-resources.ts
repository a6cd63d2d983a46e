import type { FileEntry } from '../../core/changes.ts';

/** What is known of one mirrored resource. Empty digests mean "not known". */
export interface CachedResource {
  /** Digest of the bytes of its record in the listing. */
  readonly raw: string;
  /** `lastModified` of its record, where it has one. */
  readonly modified: string;
  readonly files: readonly FileEntry[];
}

/** Records one after the other on a page of a listing. One digest is enough to see that they are as they were. */
export interface Chunk {
  readonly ids: readonly string[];
  /** Of their bytes in the page, with what is between them; 0 where it is not known. */
  readonly length: number;
  readonly digest: string;
}

/** A chunk of the last run, with what is known of its resources. */
export interface KnownChunk extends Chunk {
  /** Ids of the records that are mirrored. */
  readonly mirrored: readonly string[];
  /** Reads the chunk at the first call. @throws CacheDamaged */
  readonly resource: (id: string) => CachedResource | undefined;
  /** The line that holds it in the file it was read from. */
  readonly line: Buffer;
}

/** Whether a chunk was read from the cache. */
export function isKnown(chunk: Chunk): chunk is KnownChunk {
  return 'line' in chunk;
}

/**
 * What is known of the resources of a type, by their ids. Most of thousands are taken over from one run to the next by
 * the chunk, and never looked at.
 */
export class CachedResources {
  /** Noted one by one: each counts before its chunk. */
  readonly #own = new Map<string, CachedResource>();
  /** Taken out of their chunks. */
  readonly #gone = new Set<string>();
  readonly #chunks: Set<KnownChunk>;
  #byId: Map<string, KnownChunk> | undefined;

  constructor(chunks: Iterable<KnownChunk> = []) {
    this.#chunks = new Set(chunks);
  }

  #chunksById(): Map<string, KnownChunk> {
    if (this.#byId) return this.#byId;
    const byId = new Map<string, KnownChunk>();
    for (const chunk of this.#chunks) for (const id of chunk.mirrored) byId.set(id, chunk);
    this.#byId = byId;
    return byId;
  }

  get(id: string): CachedResource | undefined {
    return this.#own.get(id) ?? (this.#gone.has(id) ? undefined : this.#chunksById().get(id)?.resource(id));
  }

  has(id: string): boolean {
    return this.#own.has(id) || (!this.#gone.has(id) && this.#chunksById().has(id));
  }

  set(id: string, resource: CachedResource): void {
    this.#own.set(id, resource);
    this.#gone.delete(id);
  }

  delete(id: string): void {
    this.#own.delete(id);
    if (this.#chunksById().has(id)) this.#gone.add(id);
  }

  clear(): void {
    for (const held of [this.#own, this.#gone, this.#chunks]) held.clear();
    this.#byId = undefined;
  }

  /** Takes over what is known of the resources of a chunk, other than those noted one by one. */
  keep(chunk: KnownChunk): void {
    this.#chunks.add(chunk);
    for (const id of chunk.mirrored) {
      this.#gone.delete(id);
      this.#byId?.set(id, chunk);
    }
  }

  *keys(): Generator<string> {
    for (const id of this.#chunksById().keys()) if (!this.#gone.has(id) && !this.#own.has(id)) yield id;
    yield* this.#own.keys();
  }

  get size(): number {
    const byId = this.#chunksById();
    let size = byId.size - this.#gone.size;
    for (const id of this.#own.keys()) if (!byId.has(id)) size += 1;
    return size;
  }

  /** The chunks that were kept, and whether all of what each says still holds. */
  *chunks(): Generator<readonly [chunk: KnownChunk, whole: boolean]> {
    const isOther = (id: string): boolean => this.#own.has(id) || this.#gone.has(id);
    const isAny = this.#own.size + this.#gone.size > 0;
    for (const chunk of this.#chunks) yield [chunk, !isAny || !chunk.mirrored.some(isOther)];
  }

  /** Whether what was noted one by one comes from the records that the chunks have of them. */
  agree(): boolean {
    for (const [chunk, isWhole] of this.chunks())
      if (!isWhole && chunk.mirrored.some((id) => this.get(id)?.raw !== chunk.resource(id)?.raw)) return false;
    return true;
  }

  /** Ids of those noted one by one. */
  own(): Iterable<string> {
    return this.#own.keys();
  }
}
