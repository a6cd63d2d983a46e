import type { Socket } from 'node:net';

/** A head longer than this is refused by the parser anyway. */
const LONGEST_HEAD = 64 * 1024;

/**
 * Makes a connection give its first HTTP head with folded header lines joined (RFC 9112, 5.2). The documents of the API
 * say that `Link` may be folded; undici's parser refuses it, and offers no way to have it less strict. Nothing else is
 * let through that the parser would refuse. One answer a connection: heads after the first are left as they are.
 */
export function unfoldHead(socket: Socket): void {
  const read = socket.read.bind(socket);
  let head: Buffer | undefined = Buffer.alloc(0);
  socket.read = (size?: number): unknown => {
    const chunk: unknown = read(size);
    if (head === undefined || !Buffer.isBuffer(chunk)) return chunk;
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf('\r\n\r\n');
    // Held back until the head is whole; undici reads on when more arrives.
    if (end < 0 && head.length < LONGEST_HEAD) return null;
    const lines = head.toString('latin1', 0, Math.max(end, 0)).replace(/[ \t]*\r\n[ \t]+/g, ' ');
    const whole = Buffer.concat([Buffer.from(lines, 'latin1'), head.subarray(Math.max(end, 0))]);
    head = undefined;
    return whole;
  };
}
