import { createServer, type IncomingMessage, type ServerResponse, request as send } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

/** What stands before an account and answers some requests itself. */
export interface Gateway {
  readonly url: string;
  /** Method and URL of every request, in order. */
  readonly seen: string[];
}

/**
 * A server before another one, closed when the test ends.
 * @param meets answers a request itself and returns `true`; all others are passed on
 */
export async function gateway(
  behind: string,
  meets: (request: IncomingMessage & { url: string }, response: ServerResponse) => boolean,
): Promise<Gateway> {
  const seen: string[] = [];
  const server = createServer((request, response) => {
    const { url = '/', method = 'GET', headers } = request;
    seen.push(`${method} ${url}`);
    if (meets(Object.assign(request, { url }), response)) return;
    const target = new URL(behind);
    const passed = send({ host: target.hostname, port: target.port, path: url, method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    passed.on('error', () => response.destroy());
    request.pipe(passed);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen };
}
