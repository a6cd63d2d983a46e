import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAccount } from './account.ts';
import { type Acting, actAs } from './acting.ts';
import type { Actor } from './actors.ts';
import { ApiFault, unauthorized } from './api-fault.ts';
import { type Behaviour, DEFAULT_BEHAVIOUR } from './behaviour.ts';
import { control } from './control.ts';
import { createFaults, type Fault, type Faults, replacement, spoil } from './faults.ts';
import { createBucket, DOCUMENTED_RATE, type RateLimit } from './rate-limit.ts';
import { json, type Reply } from './reply.ts';
import { type Call, parseBody, unknownPath } from './request.ts';
import { createRequestLog, type RequestRecord } from './request-log.ts';
import { route } from './router.ts';
import type { AccountSeed } from './seed.ts';
import { createStateView, type StateView } from './state-view.ts';

/** A write that is about to take effect. */
export interface PendingWrite {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly dir: string;
  /** Absent when something is created. */
  readonly id: string | undefined;
}

export interface EmulatorOptions extends Partial<Behaviour> {
  readonly seed: AccountSeed;
  /** 0 or absent: any free port. */
  readonly port?: number;
  /** The documented bucket unless given; `false` for none. */
  readonly rateLimit?: RateLimit | false;
  readonly now?: () => Date;
  /** Types outside the licence, by folder, with the status that their endpoints answer. */
  readonly unlicensed?: Readonly<Record<string, 402 | 403 | 404>>;
  /** How many requests the log keeps; 10,000 unless given. */
  readonly requestLog?: number;
}

/** A running API with one account behind it. */
export interface Emulator {
  /** Base URL without a trailing slash. */
  readonly url: string;
  readonly state: StateView;
  readonly faults: Faults;
  /** The latest requests, oldest first; control endpoints do not count. */
  readonly requests: () => readonly RequestRecord[];
  readonly clearRequests: () => void;
  /** Somebody in the user interface, named by token, id or e-mail address. @throws Error when nobody is */
  readonly act: (who: string) => Acting;
  readonly revokeToken: (token: string) => void;
  /** Changes the licence while the emulator runs; `undefined` takes a type back in. */
  readonly setUnlicensed: (dir: string, status: 402 | 403 | 404 | undefined) => void;
  /** Called before every write over HTTP takes effect, to slip in an edit of somebody else. */
  beforeWrite: ((write: PendingWrite) => void | Promise<void>) | undefined;
  /** Stops listening and cuts all connections, stalled ones included. */
  readonly close: () => Promise<void>;
}

/** An account with an owner and nothing else. */
export function emptyAccount(): AccountSeed {
  const owner = {
    _id: '650000000000000000000001',
    name: 'Owner',
    email: 'owner@example.test',
    token: 'owner-token',
    role: 'owner',
  } as const;
  return { people: [owner], resources: {}, lookupData: {}, state: {}, audit: [] };
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** Words of a path in clear. A broken escape stands for itself. */
function wordsOf(pathname: string): string[] {
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

/** Sends an answer, or its first `bytes` before the connection is cut. */
function send(response: ServerResponse, reply: Reply, time: Date, bytes?: number): void {
  const body = Buffer.from(reply.body, 'utf8');
  const withBody = reply.status !== 204 && reply.status !== 304;
  response.writeHead(reply.status, {
    date: time.toUTCString(),
    ...reply.headers,
    ...(withBody ? { 'content-length': body.length } : {}),
  });
  if (bytes === undefined) response.end(withBody ? body : undefined);
  else response.write(body.subarray(0, bytes), () => response.destroy());
}

/**
 * Starts a local stand-in for the Celigo REST API, listening on 127.0.0.1 only. It behaves as the API's documents
 * say; where they are undecided, {@link Behaviour} chooses.
 *
 * Not emulated, and answered with 404: cloning, revisions, templates and installation, running flows and everything
 * about jobs and errors, `replaceConnection`, `distributed`, connection pings and OAuth, data sets of syncs, writes
 * to storage items, file downloads, single sign-on set-up, licences, transfers, processors, metadata, event reports
 * and EDI transactions. `settings` forms and `preSave` hooks are stored, never run.
 */
export async function startEmulator(options: EmulatorOptions): Promise<Emulator> {
  const now = options.now ?? (() => new Date());
  const behaviour: Behaviour = {
    ...DEFAULT_BEHAVIOUR,
    ...Object.fromEntries(
      Object.keys(DEFAULT_BEHAVIOUR).flatMap((key) => {
        const value = options[key as keyof Behaviour];
        return value === undefined ? [] : [[key, value]];
      }),
    ),
  };
  const account = createAccount(options.seed, { behaviour, now, unlicensed: options.unlicensed ?? {} });
  const faults = createFaults();
  const requests = createRequestLog(options.requestLog ?? 10_000);
  const state = createStateView(account);
  const takeToken =
    options.rateLimit === false ? () => {} : createBucket(options.rateLimit ?? DOCUMENTED_RATE, now);
  const timers = new Set<NodeJS.Timeout>();

  function wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        timers.delete(timer);
        resolve();
      }, ms);
      timers.add(timer);
    });
  }

  function authenticate(header: string | undefined): Actor {
    const token = /^bearer\s+(\S+)\s*$/i.exec(header ?? '')?.[1];
    if (header === undefined) throw unauthorized('Unauthorized');
    const actor = token === undefined ? undefined : account.actors.byToken(token);
    if (!actor) throw unauthorized('Bearer Authentication Failed');
    return actor;
  }

  /** What came of one request, for the log. */
  interface Outcome {
    by?: string;
    reply: Reply;
  }

  async function answer(request: IncomingMessage, url: URL, bytes: Buffer): Promise<Outcome> {
    const method = request.method ?? 'GET';
    let by: string | undefined;
    const named = (reply: Reply): Outcome => (by === undefined ? { reply } : { by, reply });
    try {
      const [version = '', ...path] = wordsOf(url.pathname);
      if (version === '_emulator') {
        const body = bytes.length === 0 ? undefined : parseBody(bytes, 'application/json');
        return named(control({ account, faults, requests, state }, method, path.join('/'), body));
      }
      const actor = authenticate(request.headers.authorization);
      by = actor.label;
      takeToken();
      if (version.toLowerCase() !== 'v1' || path.length === 0) throw unknownPath();
      const call: Call = {
        account,
        actor,
        method,
        path,
        query: url.searchParams,
        body: () => parseBody(bytes, request.headers['content-type']),
        address: `${url.origin}${url.pathname}`,
        async beforeWrite(dir, id) {
          await emulator.beforeWrite?.({ method, path: url.pathname, dir, id });
        },
      };
      return named(await route(call));
    } catch (error) {
      if (error instanceof ApiFault) return named(json(error.body, error.status, error.headers));
      // A mistake of the emulator itself; the client sees a server fault.
      const message = error instanceof Error ? error.message : String(error);
      return named(json({ errors: [{ code: 'internal_error', message }] }, 500));
    }
  }

  /** Answers one request, or meets it with the fault that is due. */
  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', `http://${request.headers.host ?? '127.0.0.1'}`);
    const method = request.method ?? 'GET';
    const bytes = await readBody(request);
    const isControl = url.pathname.startsWith('/_emulator/');
    const fault: Fault | undefined = isControl
      ? undefined
      : faults.next(method, url.pathname, url.searchParams);
    const note = (status: number, by?: string): void => {
      if (isControl) return;
      requests.add({
        method,
        path: url.pathname,
        query: url.search,
        status,
        ...(by === undefined ? {} : { by }),
        ...(fault ? { fault: fault.kind } : {}),
      });
    };

    if (fault?.kind === 'reset' || (fault?.kind === 'stall' && fault.ms === undefined)) {
      note(0);
      if (fault.kind === 'reset') request.socket.resetAndDestroy();
      return;
    }
    if (fault?.kind === 'stall' || fault?.kind === 'delay') await wait(fault.ms ?? 0);
    const instead = fault && fault.kind !== 'applyThenStatus' ? replacement(fault) : undefined;
    if (instead) {
      note(instead.status);
      send(response, instead, now());
      return;
    }
    const { by, reply } = await answer(request, url, bytes);
    if (fault?.kind === 'applyThenReset') {
      note(0, by);
      request.socket.resetAndDestroy();
      return;
    }
    const final = fault ? spoil(fault, reply, url.href) : reply;
    note(final.status, by);
    const cut =
      fault?.kind === 'truncate' ? (fault.bytes ?? Math.floor(Buffer.byteLength(final.body) / 2)) : undefined;
    send(response, final, now(), cut);
  }

  const server = createServer((request, response) => {
    handle(request, response).catch(() => response.destroy());
  });
  // Idle connections of a client stay open between its requests.
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, '127.0.0.1', resolve);
  });

  const emulator: Emulator = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    state,
    faults,
    requests: requests.list,
    clearRequests: requests.clear,
    act(who) {
      const actor = account.actors.inBrowser(who);
      if (!actor) throw new Error(`the account has nobody called ${who}`);
      return actAs(account, actor);
    },
    revokeToken: account.actors.revoke,
    setUnlicensed(dir, status) {
      if (status === undefined) account.unlicensed.delete(dir);
      else account.unlicensed.set(dir, status);
    },
    beforeWrite: undefined,
    close: () =>
      new Promise((resolve) => {
        for (const timer of timers) clearTimeout(timer);
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return emulator;
}
