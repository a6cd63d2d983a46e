import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { getOwn, isArray, isObject, type Json, type JsonObject, type MutableJsonObject } from '../../src/core/json.ts';

/**
 * A store behind the paths of the API that knows no rules: it keeps what it is sent. It shows what the program itself
 * does to a document, without the emulator's understanding of the API.
 */
export interface PlainServer {
  readonly url: string;
  /** Type → id → document. */
  readonly store: ReadonlyMap<string, Map<string, MutableJsonObject>>;
  /** Method and path of every request that is no GET. */
  readonly writes: string[];
}

interface Answer {
  readonly status: number;
  readonly body?: Json;
}

type Store = Map<string, Map<string, MutableJsonObject>>;

const UNKNOWN: Answer = { status: 404, body: { errors: [{ code: 'invalid_ref', message: 'not found' }] } };

function collection(store: Store, type: string): Map<string, MutableJsonObject> {
  let documents = store.get(type);
  if (!documents) {
    documents = new Map();
    store.set(type, documents);
  }
  return documents;
}

/** The number of documents, as an id: none is deleted before one is made. */
function newId(store: Store): string {
  const count = [...store.values()].reduce((sum, { size }) => sum + size, 0);
  return `66c0${count.toString(16).padStart(20, '0')}`;
}

function read(store: Store, type: string, path: readonly string[]): Answer {
  if (type === 'tokeninfo') return { status: 200, body: { _userId: '64f000000000000000000001', scope: 'full' } };
  if (type === 'recyclebinttl') return path.length === 0 ? { status: 204 } : UNKNOWN;
  const [id, below] = path;
  if (below !== undefined) return below === 'audit' ? { status: 200, body: [] } : UNKNOWN;
  const documents = collection(store, type);
  if (id !== undefined) return documents.has(id) ? { status: 200, body: documents.get(id) as JsonObject } : UNKNOWN;
  // Lists of scripts leave out their content (api-notes#abridged-lists).
  return { status: 200, body: [...documents.values()].map(({ content, ...rest }) => (content ? rest : { ...rest })) };
}

function write(store: Store, method: string, type: string, path: readonly string[], sent: Json): Answer {
  const [id, ...below] = path;
  const documents = collection(store, type);
  const lastModified = new Date().toISOString();
  if (method === 'POST' && id === undefined && isObject(sent)) {
    const made = { ...sent, _id: newId(store), lastModified };
    documents.set(made._id, made);
    return { status: 201, body: made };
  }
  const stored = documents.get(id ?? '');
  if (id === undefined || !stored) return UNKNOWN;
  if (below.at(-1) === 'register' && isArray(sent)) {
    const registered = getOwn(stored, '_registeredConnectionIds');
    stored._registeredConnectionIds = [...new Set([...(isArray(registered) ? registered : []), ...sent])];
    return { status: 200, body: stored };
  }
  if (below.length > 0) return method === 'POST' ? UNKNOWN : { status: 204 };
  if (method === 'DELETE') documents.delete(id);
  else if (isObject(sent)) documents.set(id, { ...keptOf(stored), ...sent, _id: id, lastModified });
  return method === 'DELETE' ? { status: 204 } : { status: 200, body: documents.get(id) as JsonObject };
}

/** What a PUT need not carry: when it was made, where it belongs, and what is registered by calls of its own. */
function keptOf({ createdAt, _integrationId, _registeredConnectionIds }: JsonObject): JsonObject {
  const kept = { createdAt, _integrationId, _registeredConnectionIds };
  return Object.fromEntries(Object.entries(kept).filter(([, value]) => value !== undefined)) as JsonObject;
}

/** Starts a server that holds these documents; it stops with the test. */
export async function plainServer(documents: readonly { type: string; doc: JsonObject }[]): Promise<PlainServer> {
  const store: Store = new Map();
  for (const { type, doc } of documents) collection(store, type).set(String(doc._id), structuredClone(doc));
  const writes: string[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = 'GET', url = '/' } = request;
      const { pathname } = new URL(url, 'http://127.0.0.1');
      const [, , type = '', ...path] = pathname.split('/');
      const text = Buffer.concat(chunks).toString();
      if (method !== 'GET') writes.push(`${method} ${pathname}`);
      const answer =
        method === 'GET'
          ? read(store, type.toLowerCase(), path)
          : write(store, method, type.toLowerCase(), path, text === '' ? null : (JSON.parse(text) as Json));
      response.writeHead(answer.status, { 'content-type': 'application/json' });
      response.end(answer.body === undefined ? undefined : JSON.stringify(answer.body));
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  onTestFinished(() => void server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, store, writes };
}
