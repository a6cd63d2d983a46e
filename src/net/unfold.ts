import type { Socket } from 'node:net';

/** The parser refuses a longer head anyway. Bytes. */
const LONGEST_HEAD = 64 * 1024;

/**
 * Joins folded header lines (RFC 9112, 5.2) in the first HTTP head of a connection; later heads are left as they are.
 * The API's documents show a folded `Link`, which undici's parser refuses ("a folded Link" in the tests of the client).
 * Nothing else that the parser refuses gets through.
 */
export function unfoldHead(socket: Socket): void {
  const read = socket.read.bind(socket);
  let head: Buffer | undefined = Buffer.alloc(0);
  socket.read = (size?: number): unknown => {
    const chunk: unknown = read(size);
    if (head === undefined || !Buffer.isBuffer(chunk)) return chunk;
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf('\r\n\r\n');
    // Held back until the head is complete; undici reads on when more arrives.
    if (end < 0 && head.length < LONGEST_HEAD) return null;
    const lines = head.toString('latin1', 0, Math.max(end, 0)).replace(/(?:(?<![ \t])[ \t]+)?\r\n[ \t]+/g, ' ');
    const unfolded = Buffer.concat([Buffer.from(lines, 'latin1'), head.subarray(Math.max(end, 0))]);
    head = undefined;
    return unfolded;
  };
}
