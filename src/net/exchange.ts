import { pipeline, Readable, type Transform } from 'node:stream';
import type { Dispatcher } from 'undici';

/** Where one request and its answer end, whatever the other side does. */
export interface Limits {
  /** From the first connection, that to a proxy included, to the last byte of the answer. Milliseconds. */
  readonly timeMs: number;
  /** Of the answer's body as it comes over the wire, and unpacked. */
  readonly bytes: number;
  readonly signal: AbortSignal;
}

/** What takes the content coding off a body, and what a request is called when that fails. */
export type Unpacker = (head: AnswerHead, first: Buffer) => readonly Transform[];

type AnswerHead = Pick<Dispatcher.ResponseData, 'headers'> & { readonly status: number };

/** What one request does beside the limits that all have. */
export interface Reading {
  /** Called with the first bytes of a body. @throws what the exchange fails with */
  readonly unpack?: Unpacker;
  /** Large answers wait here for each other, so that no two of them are in memory at once. */
  readonly turns?: Turns;
}

/** A complete answer. */
export interface Answer extends AnswerHead {
  readonly body: Body;
  /** Bytes of the body as they came over the wire. */
  readonly received: number;
  /** What was wrong with its content coding; the body is then what could be read of it. */
  readonly damage?: Error | undefined;
  /** Ends the turn of a large answer: its body is no longer needed. */
  readonly release: () => void;
}

/** One at a time. */
export interface Turns {
  /** Waits for its turn. @returns what ends it */
  readonly take: () => Promise<() => void>;
}

export function createTurns(): Turns {
  let last: Promise<void> = Promise.resolve();
  return {
    async take() {
      const before = last;
      let release = (): void => undefined;
      last = new Promise((resolve) => {
        release = resolve;
      });
      await before;
      return release;
    },
  };
}

/** What is read of a refusal: its beginning says why. Bytes. */
export const LONGEST_REFUSAL = 2 ** 20;

/** An answer that is longer than it may be: the same request would get it again. */
export class TooLong extends Error {}

/**
 * Sends one request and reads its answer to the end, within one limit of time and bytes. Limits between two bytes are
 * not enough: an answer that drips never ends.
 * @throws TooLong, the reason of an aborted signal, or what failed on the network
 */
export async function exchange(
  dispatcher: Dispatcher,
  request: Dispatcher.RequestOptions,
  { timeMs, bytes, signal }: Limits,
  reading: Reading = {},
): Promise<Answer> {
  // Not AbortSignal.any, which Node 20 keeps in memory as long as the signal of the run.
  const limit = new AbortController();
  const follow = (): void => limit.abort(signal.reason);
  if (signal.aborted) follow();
  signal.addEventListener('abort', follow);
  const late = (): void => limit.abort(new Error(`no complete answer within ${timeMs / 1000} s`));
  let timer = setTimeout(late, timeMs);
  let release = (): void => undefined;
  /** Its time does not run meanwhile: the turns before it have limits of their own. */
  async function turn(): Promise<void> {
    clearTimeout(timer);
    const end = await (reading.turns?.take() ?? release);
    if (limit.signal.aborted) return end();
    release = end;
    timer = setTimeout(late, timeMs);
  }
  try {
    const answer = receive(dispatcher, request, bytes, { signal: limit.signal, turn, ...reading });
    // undici itself looks at a signal only once a request has its connection.
    return { ...(await Promise.race([answer, rejection(limit.signal)])), release };
  } catch (error) {
    release();
    throw error;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', follow);
  }
}

function rejection(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

/** An answer that grows beyond this is a large one. Bytes. */
const LARGE = 8 * 2 ** 20;

/** Memory in which bodies are joined, one after the other: new memory for each costs more than reading them. */
export class Workspace {
  private memory = Buffer.alloc(0);

  /** So much of it. What was in it before is lost. */
  take(length: number): Buffer {
    if (length > this.memory.length) this.memory = Buffer.allocUnsafeSlow(2 ** Math.ceil(Math.log2(length)));
    return this.memory.subarray(0, length);
  }
}

/** The body of an answer, in the pieces in which it came. A large one is never held twice. */
export interface Body {
  readonly length: number;
  /** All of it, until the next one is joined in the same place. */
  readonly join: (place: Workspace) => Buffer;
}

class Pieces implements Body {
  private readonly most: number;
  private readonly large: () => Promise<void>;
  private chunks: Buffer[] = [];
  private whole: Buffer | undefined;
  length = 0;

  constructor(most: number, large: () => Promise<void>) {
    this.most = most;
    this.large = large;
  }

  /** @returns whether there was room for it */
  async add(chunk: Buffer): Promise<boolean> {
    if (this.length + chunk.length > this.most) return false;
    if (!this.whole && this.length + chunk.length > LARGE) {
      await this.large();
      // What is not written yet of it takes no memory.
      this.whole = Buffer.allocUnsafeSlow(this.most);
      for (let at = 0; this.chunks.length > 0; ) at += this.chunks.shift()?.copy(this.whole, at) ?? 0;
    }
    if (this.whole) chunk.copy(this.whole, this.length);
    else this.chunks.push(chunk);
    this.length += chunk.length;
    return true;
  }

  join(place: Workspace): Buffer {
    const [first = Buffer.alloc(0), ...others] = this.chunks;
    if (this.whole || others.length === 0) return this.whole?.subarray(0, this.length) ?? first;
    const joined = place.take(this.length);
    let at = 0;
    for (const chunk of this.chunks) at += chunk.copy(joined, at);
    return joined;
  }
}

/** What a server sends, piece by piece, and how much that was. */
interface Wire {
  received: number;
  failure?: unknown;
}

/** @throws TooLong, or what failed on the network */
async function* piecesOf(body: Readable, most: number, isRefusal: boolean, wire: Wire): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      wire.received += chunk.length;
      // Leaving the loop closes the connection.
      if (!isRefusal && wire.received > most) throw new TooLong(`the answer is longer than ${sizeText(most)}`);
      yield chunk;
      if (isRefusal && wire.received > LONGEST_REFUSAL) return;
    }
  } catch (error) {
    wire.failure = error;
    throw error;
  }
}

/** The pieces of a body without its content coding. */
async function unpacked(pieces: AsyncGenerator<Buffer>, head: AnswerHead, unpack: Unpacker | undefined) {
  const { value: first, done } = await pieces.next();
  if (done) return [];
  async function* all(): AsyncGenerator<Buffer> {
    yield first as Buffer;
    yield* pieces;
  }
  const codings = unpack?.(head, first as Buffer) ?? [];
  if (codings.length === 0) return all();
  return pipeline([Readable.from(all()), ...codings], () => undefined) as unknown as AsyncIterable<Buffer>;
}

async function receive(
  dispatcher: Dispatcher,
  request: Dispatcher.RequestOptions,
  most: number,
  { signal, turn, unpack }: Reading & { readonly signal: AbortSignal; readonly turn: () => Promise<void> },
): Promise<Omit<Answer, 'release'>> {
  const { statusCode: status, headers, body } = await dispatcher.request({ ...request, signal });
  const isRefusal = status >= 300;
  const head = { status, headers };
  const wire: Wire = { received: 0 };
  // Of a refusal the last piece that is read ends somewhere behind what is needed.
  const pieces = new Pieces(isRefusal ? 2 * LONGEST_REFUSAL : most, turn);
  let damage: Error | undefined;
  try {
    for await (const chunk of await unpacked(piecesOf(body, most, isRefusal, wire), head, unpack)) {
      if (await pieces.add(chunk)) continue;
      damage = new TooLong(`unpacks to more than ${sizeText(most)}`);
      break;
    }
  } catch (error) {
    if (wire.failure !== undefined || !(error instanceof Error)) throw wire.failure ?? error;
    damage = error;
  }
  // Nothing more of it is read.
  body.on('error', () => undefined).destroy();
  return { ...head, body: pieces, received: wire.received, damage };
}

/** A number of bytes in words: in the largest unit that it fills, as a configuration has it. */
export function sizeText(bytes: number): string {
  for (const [unit, size] of [
    ['GiB', 2 ** 30],
    ['MiB', 2 ** 20],
    ['KiB', 2 ** 10],
  ] as const)
    if (bytes >= size) return `${Number((bytes / size).toFixed(1))} ${unit}`;
  return `${bytes} bytes`;
}
