import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Reply } from './reply.ts';

/** A request that has arrived completely. */
export interface Incoming {
  readonly method: string;
  readonly url: URL;
  readonly body: Buffer;
  readonly authorization: string | undefined;
  readonly contentType: string | undefined;
}

/** Waits for the whole of a request. Its URL is as the client addressed it. */
export async function receive(request: IncomingMessage): Promise<Incoming> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return {
    method: request.method ?? 'GET',
    url: new URL(request.url ?? '/', `http://${request.headers.host ?? '127.0.0.1'}`),
    body: Buffer.concat(chunks),
    authorization: request.headers.authorization,
    contentType: request.headers['content-type'],
  };
}

/** Words of a path in clear. A broken escape stands for itself. */
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

/** Sends an answer dated `time`, or its first `bytes` before the connection is cut. */
export function send(response: ServerResponse, reply: Reply, time: Date, bytes?: number): void {
  const body = Buffer.from(reply.body, 'utf8');
  const hasBody = reply.status !== 204 && reply.status !== 304;
  response.writeHead(reply.status, {
    date: time.toUTCString(),
    ...reply.headers,
    ...(hasBody ? { 'content-length': body.length } : {}),
  });
  if (bytes === undefined) response.end(hasBody ? body : undefined);
  else response.write(body.subarray(0, bytes), () => response.destroy());
}
