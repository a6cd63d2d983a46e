import type { Dispatcher } from 'undici';

/** Where one request and its answer end, whatever the other side does. */
export interface Limits {
  /** From the first connection, that to a proxy included, to the last byte of the answer. Milliseconds. */
  readonly timeMs: number;
  /** Of the answer's body as it comes over the wire. */
  readonly bytes: number;
  readonly signal: AbortSignal;
}

/** A complete answer as it came: its body still has its content coding. */
export interface RawAnswer {
  readonly status: number;
  readonly headers: Dispatcher.ResponseData['headers'];
  readonly coded: Buffer;
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
): Promise<RawAnswer> {
  // Not AbortSignal.any, which Node 20 keeps in memory as long as the signal of the run.
  const limit = new AbortController();
  const follow = (): void => limit.abort(signal.reason);
  if (signal.aborted) follow();
  signal.addEventListener('abort', follow);
  const timer = setTimeout(() => limit.abort(new Error(`no complete answer within ${timeMs / 1000} s`)), timeMs);
  try {
    // undici itself looks at a signal only once a request has its connection.
    return await Promise.race([receive(dispatcher, request, bytes, limit.signal), rejection(limit.signal)]);
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

async function receive(
  dispatcher: Dispatcher,
  request: Dispatcher.RequestOptions,
  most: number,
  signal: AbortSignal,
): Promise<RawAnswer> {
  const { statusCode: status, headers, body } = await dispatcher.request({ ...request, signal });
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    length += chunk.length;
    chunks.push(chunk);
    // Leaving the loop closes the connection.
    if (status >= 300 && length > LONGEST_REFUSAL) break;
    if (length > most) throw new TooLong(`the answer is longer than ${sizeText(most)}`);
  }
  return { status, headers, coded: Buffer.concat(chunks, length) };
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
