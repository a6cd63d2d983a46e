import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import type { Json, JsonObject } from '../../src/core/json.ts';

/** A comment of a pull request, or a note of a merge request. */
export interface Comment {
  readonly id: number;
  readonly by: string;
  body: string;
}

/** The part of a forge's API that the workflows use, with the comments of one pull or merge request. */
export interface Forge {
  readonly url: string;
  readonly comments: Comment[];
  /** The requests that wrote something: method and path. */
  readonly writes: string[];
}

/** What a handler answers; `undefined`: 404. */
type Handle = (
  method: string,
  url: URL,
  body: JsonObject,
) => { readonly value: Json; readonly next?: string } | undefined;

async function read(request: IncomingMessage): Promise<JsonObject> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString();
  return text === '' ? {} : (JSON.parse(text) as JsonObject);
}

/** Serves an API; who does not send this header is refused. */
async function serve(header: string, secret: string, handle: Handle): Promise<string> {
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const found =
      request.headers[header] === secret
        ? handle(request.method ?? '', new URL(request.url ?? '/', 'http://x'), await read(request))
        : undefined;
    response.writeHead(found ? 200 : 404, found?.next === undefined ? {} : { 'x-next-page': found.next });
    response.end(JSON.stringify(found?.value ?? { message: 'Not Found' }));
  };
  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Comments that are there before: one that poses as the plan among them. */
function before(): Comment[] {
  const posing = `<!-- celigo-mirror: plan of production -->\nPlan \`${'0'.repeat(32)}\`\n`;
  return [
    { id: 1, by: 'mallory', body: posing },
    { id: 2, by: 'ann', body: 'Please have a look.' },
  ];
}

/** GitHub, with pull request 7 of acme/mirror. */
export async function github(token: string): Promise<Forge> {
  const comments = before();
  const writes: string[] = [];
  const list = '/repos/acme/mirror/issues/7/comments';
  const url = await serve('authorization', `Bearer ${token}`, (method, { pathname }, { body }) => {
    const shown = ({ id, by, body: text }: Comment): Json => ({ id, user: { login: by }, body: text });
    if (method === 'GET' && pathname === list) return { value: comments.map(shown) };
    writes.push(`${method} ${pathname}`);
    const own = comments.find(({ id }) => pathname === `/repos/acme/mirror/issues/comments/${id}`);
    if (method === 'PATCH' && own) own.body = String(body);
    else if (method === 'POST' && pathname === list)
      comments.push({ id: comments.length + 1, by: 'github-actions[bot]', body: String(body) });
    else return undefined;
    return { value: {} };
  });
  return { url, comments, writes };
}

/** GitLab, with merge request 7 of project 5. One note a page. @param merged what was merged, once it is */
export async function gitlab(
  token: string,
  merged: () => { readonly commit: string; readonly head: string } | undefined,
): Promise<Forge> {
  const comments = before();
  const writes: string[] = [];
  const ids: Readonly<Record<string, number>> = { 'celigo-notes': 40, ann: 41, mallory: 42 };
  const notes = '/projects/5/merge_requests/7/notes';
  const url = await serve('private-token', token, (method, { pathname, searchParams }, { body }) => {
    const shown = ({ id, by, body: text }: Comment): Json => ({ id, author: { id: ids[by] ?? 0 }, body: text });
    if (method === 'GET' && pathname === '/user') return { value: { id: 40 } };
    if (method === 'GET' && pathname === notes) {
      const page = Number(searchParams.get('page'));
      const next = page < comments.length ? { next: String(page + 1) } : { next: '' };
      return { value: comments.slice(page - 1, page).map(shown), ...next };
    }
    const now = merged();
    if (method === 'GET' && now && pathname === `/projects/5/repository/commits/${now.commit}/merge_requests`)
      return { value: [{ iid: 7, state: 'merged', source_project_id: 5, sha: now.head }] };
    if (method === 'GET' && pathname.endsWith('/merge_requests')) return { value: [] };
    writes.push(`${method} ${pathname}`);
    const own = comments.find(({ id }) => pathname === `${notes}/${id}`);
    if (method === 'PUT' && own) own.body = String(body);
    else if (method === 'POST' && pathname === notes)
      comments.push({ id: comments.length + 1, by: 'celigo-notes', body: String(body) });
    else return undefined;
    return { value: {} };
  });
  return { url, comments, writes };
}
