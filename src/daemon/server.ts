import { createHash, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import { type ServerType, serve } from '@hono/node-server';
import { Hono } from 'hono';
import { bearerAuth } from 'hono/bearer-auth';
import { HTTPException } from 'hono/http-exception';
import { AppError, messageOf } from '../core/errors.ts';
import { type Json, type JsonObject, mapTexts } from '../core/json.ts';
import { jsonText } from '../core/unseen.ts';
import type { AccountView } from './account-view.ts';
import { addPages, PAGES } from './page-routes.ts';
import type { Pages } from './pages.ts';
import type { Answer } from './runs.ts';

/** What the daemon shows and takes over HTTP. */
export interface Served {
  /** Why the process does not work any more; `undefined` while it does. */
  readonly unhealthy: () => string | undefined;
  readonly accounts: () => readonly AccountView[];
  readonly metrics: () => Promise<{ readonly contentType: string; readonly text: string }>;
  readonly status: () => Json;
  /** The pages for people; `undefined`: they are off. */
  readonly pages: () => Pages | undefined;
  /** Names under which it may be asked, besides addresses and `localhost`. */
  readonly hosts: () => readonly string[];
  /** Bearer token of `POST /sync`; `undefined`: the call is off. */
  readonly triggerToken: () => string | undefined;
  /** Requests a run of one account, or of all. `undefined` for an unknown account. */
  readonly trigger: (account: string | undefined, full: boolean) => Readonly<Record<string, Answer>> | undefined;
  /** Removes the secrets from a text. */
  readonly scrub: (text: string) => string;
}

/** A server that listens. */
export interface Listening {
  /** `http://host:port` as bound. */
  readonly url: string;
  close(): Promise<void>;
}

function readinessOfAll(accounts: readonly AccountView[]): { readonly ready: boolean; readonly accounts: JsonObject } {
  return {
    ready: accounts.every(({ notReady }) => notReady === undefined),
    accounts: Object.fromEntries(
      accounts.map(({ timetable: { name }, notReady: reason }) => [
        name,
        reason === undefined ? { ready: true } : { ready: false, reason },
      ]),
    ),
  };
}

/** Paths that are only read. */
const READ: readonly string[] = ['/healthz', '/readyz', '/metrics', '/status'];

const LOOPBACK = /^(?:localhost|127\.\d+\.\d+\.\d+|::1)$/;

/**
 * Whether a request may be for this server. A page in a browser of this machine can have a name of its own lead here
 * (DNS rebinding), but never an address. Where the daemon listens for others too, and `hosts` names none, any name will
 * do.
 */
function isOurs(header: string | undefined, listening: string, hosts: readonly string[]): boolean {
  const name = (header ?? '')
    .replace(/:\d+$/, '')
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '')
    .toLowerCase();
  const isOpen = !LOOPBACK.test(listening) && hosts.length === 0;
  return isOpen || isIP(name) !== 0 || /^(?:.+\.)?localhost$/.test(name) || [listening, ...hosts].includes(name);
}

/** @param listening the host of the address that it listens on */
function createApp(served: Served, listening: string): Hono {
  const app = new Hono();
  /** Every answer is scrubbed: an error message of the server may contain anything. */
  const json = (body: Json, status = 200, more: Record<string, string> = {}): Response =>
    new Response(jsonText(mapTexts(body, served.scrub)), {
      status,
      headers: { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store', ...more },
    });

  app.use(async (context, next) => {
    if (isOurs(context.req.header('host'), listening, served.hosts())) return next();
    return json({ error: 'the Host of the request is not one of this daemon; daemon.hosts names further ones' }, 421);
  });
  app.use(async ({ req: { path, method } }, next) => {
    if (!READ.includes(path) || ['GET', 'HEAD'].includes(method)) return next();
    return json({ error: 'use GET' }, 405, { allow: 'GET, HEAD' });
  });
  app.get('/healthz', () => {
    const reason = served.unhealthy();
    return reason === undefined ? json({ healthy: true }) : json({ healthy: false, reason }, 503);
  });
  app.get('/readyz', () => {
    const readiness = readinessOfAll(served.accounts());
    return json(readiness, readiness.ready ? 200 : 503);
  });
  app.get('/metrics', async () => {
    const { contentType, text } = await served.metrics();
    return new Response(served.scrub(text), { headers: { 'content-type': contentType } });
  });
  app.get('/status', () => json(served.status()));
  addPages(app, served);

  app.use('/sync', async (context, next) => {
    if (context.req.method !== 'POST') return json({ error: 'use POST' }, 405, { allow: 'POST' });
    const token = served.triggerToken();
    if (token === undefined) {
      return json({ error: 'runs cannot be started over HTTP: daemon.triggerToken is not configured' }, 403);
    }
    const refused = { message: { error: 'the bearer token of daemon.triggerToken is required' } };
    // Answers 401 with WWW-Authenticate.
    return bearerAuth({
      verifyToken: (given) => sameText(given, token),
      noAuthenticationHeader: refused,
      invalidAuthenticationHeader: refused,
      invalidToken: refused,
    })(context, next);
  });
  app.post('/sync', (context) => {
    const account = context.req.query('account');
    const full = ['true', '1', ''].includes(context.req.query('full') ?? 'false');
    const answers = served.trigger(account, full);
    if (!answers) return json({ error: `no account is called ${account ?? ''}` }, 404);
    const stopping = Object.values(answers).includes('stopping');
    return json({ accounts: answers }, stopping ? 503 : 202);
  });
  app.notFound(() => {
    const pages = served.pages() ? PAGES : [];
    return json({ error: 'not found', paths: [...READ, 'POST /sync', ...pages] }, 404);
  });
  app.onError((error) =>
    error instanceof HTTPException ? error.getResponse() : json({ error: messageOf(error) }, 500),
  );
  return app;
}

/** Compares in constant time. */
function sameText(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}

/** Host and port of `host:port`. */
function addressOf(text: string): { hostname: string; port: number } {
  const colon = text.lastIndexOf(':');
  return { hostname: text.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(text.slice(colon + 1)) };
}

/** Serves on `address` (`host:port`). @throws AppError `USAGE` when that cannot be listened on */
export async function listen(address: string, served: Served): Promise<Listening> {
  const { hostname, port } = addressOf(address);
  let server: ServerType | undefined;
  try {
    const bound = await new Promise<{ address: string; port: number; family: string }>((resolve, reject) => {
      server = serve({ fetch: createApp(served, hostname.toLowerCase()).fetch, hostname, port }, resolve);
      server.once('error', reject);
    });
    const host = bound.address.includes(':') ? `[${bound.address}]` : bound.address;
    return {
      url: `http://${host}:${bound.port}`,
      close: () =>
        new Promise((resolve) => {
          server?.close(() => resolve());
          if (server && 'closeAllConnections' in server) server.closeAllConnections();
        }),
    };
  } catch (cause) {
    throw new AppError('USAGE', `cannot listen on ${address}: ${messageOf(cause)}`, {
      hint: 'Choose another address with --listen or daemon.listen, or --listen off',
      cause,
    });
  }
}
