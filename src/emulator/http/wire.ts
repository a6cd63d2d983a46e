import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { digestOf } from '../../core/digest.ts';
import type { Reply } from '../calls/reply.ts';
import type { Behaviour } from '../model/behaviour.ts';

/** A request that has arrived completely. */
export interface Incoming {
  readonly method: string;
  readonly url: URL;
  readonly body: Buffer;
  readonly authorization: string | undefined;
  readonly contentType: string | undefined;
  readonly ifNoneMatch: string | undefined;
}

/** Waits until a request has arrived completely. Its URL is as the client addressed it. */
export async function receive(request: IncomingMessage): Promise<Incoming> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return {
    method: request.method ?? 'GET',
    url: new URL(request.url ?? '/', `http://${request.headers.host ?? '127.0.0.1'}`),
    body: Buffer.concat(chunks),
    authorization: request.headers.authorization,
    contentType: request.headers['content-type'],
    ifNoneMatch: request.headers['if-none-match'],
  };
}

/** The answer with its `ETag`; 304 without a body for who has it already. */
export function withETag(reply: Reply, { method, ifNoneMatch }: Incoming, etags: Behaviour['etags']): Reply {
  if (etags === 'none' || method !== 'GET' || reply.status !== 200) return reply;
  const etag = `W/"${digestOf(reply.body)}"`;
  if (etag !== ifNoneMatch) return { ...reply, headers: { ...reply.headers, etag } };
  const { link } = reply.headers;
  return { status: 304, body: '', headers: { etag, ...(link !== undefined && etags === 'link' ? { link } : {}) } };
}

/** Decoded words of a path. A broken escape is kept as it is. */
export function wordsOf(pathname: string): string[] {
  return pathname
    .split('/')
    .filter((word) => word !== '')
    .map((word) => {
      try {
        return decodeURIComponent(word);
      } catch {
        return word;
      }
    });
}

const ENCODERS = { gzip: gzipSync, deflate: deflateSync, br: brotliCompressSync } as const;

/** An answer whose header lines go out as they are: Node refuses to write a folded one. */
function sendRaw(response: ServerResponse, status: number, headers: Reply['headers'], body: Buffer): void {
  const lines = Object.entries({ ...headers, connection: 'close' }).map(([name, value]) => `${name}: ${value}`);
  const reason = STATUS_CODES[status] ?? '';
  response.socket?.end(
    Buffer.concat([Buffer.from(`HTTP/1.1 ${status} ${reason}\r\n${lines.join('\r\n')}\r\n\r\n`, 'latin1'), body]),
  );
}

/** How an answer is sent. */
export interface SendOptions {
  readonly coding?: Behaviour['coding'];
  /** The connection is cut after so many. */
  readonly bytes?: number | 'half';
  /** The body goes byte by byte, with this after each. */
  readonly drop?: () => Promise<void>;
}

/** Sends an answer dated `time`, as the options say; whole and at once without them. */
export async function send(
  response: ServerResponse,
  reply: Reply,
  time: Date,
  { coding = 'identity', bytes, drop }: SendOptions = {},
): Promise<void> {
  const hasBody = reply.status !== 204 && reply.status !== 304;
  const text = Buffer.from(reply.body, 'utf8');
  const body = coding === 'identity' ? text : ENCODERS[coding](text);
  const headers = {
    date: time.toUTCString(),
    ...reply.headers,
    ...(hasBody && coding !== 'identity' ? { 'content-encoding': coding } : {}),
    ...(hasBody ? { 'content-length': String(body.length) } : {}),
  };
  if (bytes === undefined && /[\r\n]/.test(reply.headers.link ?? '')) {
    sendRaw(response, reply.status, headers, hasBody ? body : Buffer.alloc(0));
    return;
  }
  response.writeHead(reply.status, headers);
  if (bytes !== undefined) {
    const end = bytes === 'half' ? Math.floor(body.length / 2) : bytes;
    response.write(body.subarray(0, end), () => response.destroy());
    return;
  }
  for (let at = 0; drop && hasBody && at < body.length && !response.destroyed; at++) {
    response.write(body.subarray(at, at + 1));
    await drop();
  }
  response.end(drop || !hasBody ? undefined : body);
}
