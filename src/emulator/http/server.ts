import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAccount } from '../model/account.ts';
import { type Acting, actAs } from '../model/acting.ts';
import type { AccountSeed } from '../model/seed.ts';
import { createStateView, type StateView } from '../model/state-view.ts';
import { type Behaviour, DEFAULT_BEHAVIOUR } from '../rules/behaviour.ts';
import { createAnswering, type PendingWrite, refusal } from './answering.ts';
import { control } from './control.ts';
import { createFaults, type Faults, replacement, spoil } from './faults.ts';
import { createBucket, DOCUMENTED_RATE, type RateLimit } from './rate-limit.ts';
import type { Reply } from './reply.ts';
import { parseBody } from './request.ts';
import { createRequestLog, type RequestRecord } from './request-log.ts';
import { type Incoming, receive, send, wordsOf } from './wire.ts';

export type { Acting } from '../model/acting.ts';
export type { Dump, StateView } from '../model/state-view.ts';
export type { Behaviour } from '../rules/behaviour.ts';
export type { PendingWrite } from './answering.ts';
export { ApiFault } from './api-fault.ts';
export type { Fault, FaultMatch, FaultRule, Faults } from './faults.ts';
export type { RequestRecord } from './request-log.ts';

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
  readonly requests: readonly RequestRecord[];
  readonly clearRequests: () => void;
  /** Somebody in the user interface, named by token, id or e-mail address. @throws Error when nobody is */
  readonly act: (who: string) => Acting;
  readonly revokeToken: (token: string) => void;
  /** Changes the licence while the emulator runs; `undefined` takes a type back in. */
  readonly setUnlicensed: (type: string, status: 402 | 403 | 404 | undefined) => void;
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
  const { coding } = behaviour;
  const account = createAccount(options.seed, { behaviour, now, unlicensed: options.unlicensed ?? {} });
  const faults = createFaults();
  const requests = createRequestLog(options.requestLog ?? 10_000);
  const state = createStateView(account);
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

  const answer = createAnswering(account, {
    takeToken: options.rateLimit === false ? () => {} : createBucket(options.rateLimit ?? DOCUMENTED_RATE, now),
    beforeWrite: async (write) => emulator.beforeWrite?.(write),
  });

  function answerControl({ method, url, body }: Incoming): Reply {
    try {
      const path = wordsOf(url.pathname).slice(1).join('/');
      return control({ account, faults, requests, state }, method, path, parseBody(body, 'application/json'));
    } catch (error) {
      return refusal(error);
    }
  }

  /** Answers one request, or meets it with the fault that is due. */
  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const incoming = await receive(request);
    const { method, url } = incoming;
    if (url.pathname.startsWith('/_emulator/')) {
      send(response, answerControl(incoming), now());
      return;
    }
    const fault = faults.next(method, url.pathname, url.searchParams);
    const note = (status: number, by?: string): void =>
      requests.add({
        method,
        path: url.pathname,
        query: url.search,
        status,
        ...(by === undefined ? {} : { by }),
        ...(fault ? { fault: fault.kind } : {}),
      });

    if (fault?.kind === 'reset') {
      note(0);
      request.socket.resetAndDestroy();
      return;
    }
    if (fault?.kind === 'stall' && fault.ms === undefined) {
      note(0);
      return;
    }
    if (fault?.kind === 'stall' || fault?.kind === 'delay') await wait(fault.ms ?? 0);
    const instead = fault && fault.kind !== 'applyThenStatus' ? replacement(fault) : undefined;
    if (instead) {
      note(instead.status);
      send(response, instead, now(), { coding });
      return;
    }
    const { by, reply } = await answer(incoming);
    if (fault?.kind === 'applyThenReset') {
      note(0, by);
      request.socket.resetAndDestroy();
      return;
    }
    const final = fault ? spoil(fault, reply, url.href) : reply;
    note(final.status, by);
    const cut = fault?.kind === 'truncate' ? { bytes: fault.bytes ?? ('half' as const) } : {};
    send(response, final, now(), { coding, ...cut });
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
    get requests() {
      return requests.list();
    },
    clearRequests: requests.clear,
    act(who) {
      const actor = account.actors.inBrowser(who);
      if (!actor) throw new Error(`the account has nobody called ${who}`);
      return actAs(account, actor);
    },
    revokeToken: account.actors.revoke,
    setUnlicensed(type, status) {
      if (status === undefined) account.unlicensed.delete(type);
      else account.unlicensed.set(type, status);
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
