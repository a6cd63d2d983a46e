import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Acting, actAs } from '../calls/acting.ts';
import { createAccount, type Refusal } from '../model/account.ts';
import { type Behaviour, DEFAULT_BEHAVIOUR } from '../model/behaviour.ts';
import type { AccountSeed } from '../model/seed.ts';
import { createStateView, type StateView } from '../model/state-view.ts';
import { createAnswering, type PendingWrite } from './answering.ts';
import { createFaults, type Faults } from './faults.ts';
import { createHandler, createTimers } from './handling.ts';
import { createBucket, DOCUMENTED_RATE, type RateLimit } from './rate-limit.ts';
import { createRequestLog, type RequestRecord } from './request-log.ts';

export type { Acting } from '../calls/acting.ts';
export type { Refusal } from '../model/account.ts';
export { ApiFault } from '../model/api-fault.ts';
export type { Behaviour } from '../model/behaviour.ts';
export { emptyAccount } from '../model/seed.ts';
export type { Dump, StateView } from '../model/state-view.ts';
export type { PendingWrite } from './answering.ts';
export type { Fault, FaultMatch, FaultRule, Faults } from './faults.ts';
export type { RequestRecord } from './request-log.ts';

export interface EmulatorOptions extends Partial<Behaviour> {
  readonly seed: AccountSeed;
  /** 0 or absent: any free port. */
  readonly port?: number;
  /** The documented bucket unless given; `false` for none. */
  readonly rateLimit?: RateLimit | false;
  readonly now?: () => Date;
  /** Types outside the licence, by name, with the status that their endpoints answer. */
  readonly unlicensed?: Readonly<Record<string, 402 | 403 | 404>>;
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
  /** Writes that were carried out although the API may refuse them; see `validation`. */
  readonly refusals: () => readonly Refusal[];
  /** A person in the user interface, by token, id or e-mail address. @throws Error for an unknown one */
  readonly act: (who: string) => Acting;
  readonly revokeToken: (token: string) => void;
  /** Changes the licence while the emulator runs; `undefined` takes a type back in. */
  readonly setUnlicensed: (type: string, status: 402 | 403 | 404 | undefined) => void;
  /** Called before every write over HTTP takes effect, so that tests can make a concurrent edit. */
  beforeWrite: ((write: PendingWrite) => void | Promise<void>) | undefined;
  /** Stops listening and cuts all connections, stalled ones included. */
  readonly close: () => Promise<void>;
}

/** The behaviour that options choose: the default for what they leave out. */
function behaviourOf(options: EmulatorOptions): Behaviour {
  const chosen = Object.keys(DEFAULT_BEHAVIOUR).flatMap((key) => {
    const value = options[key as keyof Behaviour];
    return value === undefined ? [] : [[key, value] as const];
  });
  return { ...DEFAULT_BEHAVIOUR, ...Object.fromEntries(chosen) };
}

/** Listens on the loopback interface and gives the base URL. */
async function listen(server: Server, port: number): Promise<string> {
  // Idle connections of a client stay open between its requests.
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/**
 * Starts a local stand-in for the Celigo REST API, listening on 127.0.0.1 only. It behaves as the API's documents
 * say; where they are undecided, {@link Behaviour} chooses.
 *
 * Not emulated, and answered with 404: cloning, revisions, templates and installation, running flows and everything
 * about jobs and errors, `replaceConnection`, `distributed`, connection pings and OAuth, writes
 * to storage items, file downloads, single sign-on set-up, licences, transfers, processors, metadata, event reports
 * and EDI transactions. `settings` forms and `preSave` hooks are stored, never run.
 */
export async function startEmulator(options: EmulatorOptions): Promise<Emulator> {
  const now = options.now ?? (() => new Date());
  const behaviour = behaviourOf(options);
  const account = createAccount(options.seed, { behaviour, now, unlicensed: options.unlicensed ?? {} });
  const faults = createFaults();
  const requests = createRequestLog();
  const state = createStateView(account);
  const timers = createTimers();
  const answer = createAnswering(account, {
    takeToken: options.rateLimit === false ? () => {} : createBucket(options.rateLimit ?? DOCUMENTED_RATE, now),
    beforeWrite: async (write) => emulator.beforeWrite?.(write),
  });
  const handle = createHandler({ controlled: { account, faults, requests, state }, answer, wait: timers.wait });
  const server = createServer((request, response) => {
    handle(request, response).catch(() => response.destroy());
  });
  const emulator: Emulator = {
    url: await listen(server, options.port ?? 0),
    state,
    faults,
    get requests() {
      return requests.list();
    },
    clearRequests: requests.clear,
    refusals: () => [...account.refusals.values()],
    act(who) {
      const actor = account.actors.inBrowser(who);
      if (!actor) throw new Error(`no person of the account has the token, id or e-mail address ${who}`);
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
        timers.clear();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return emulator;
}
