import type { ChildProcess } from 'node:child_process';
import { subscribe } from 'node:diagnostics_channel';
import type { MessagePort, Worker } from 'node:worker_threads';
import type { Config } from '../../config/schema.ts';
import { AppError, type Code, messageOf } from '../../core/errors.ts';
import { within } from '../../core/within.ts';
import { endProcesses } from '../../git/end-processes.ts';
import type { RunEvent, SyncReport } from '../../run/report.ts';
import type { SyncOne } from './daemon-run.ts';

/**
 * The runs of a daemon in a thread of their own: however long one answer or file keeps a run busy, the daemon answers,
 * keeps its time limits and stops.
 */

/** A failure on its way between threads, where errors lose what is theirs. */
interface FailureSent {
  readonly code?: Code | undefined;
  readonly message: string;
  readonly hint?: string | undefined;
  readonly stack?: string | undefined;
}

type ToThread =
  | { readonly kind: 'sync'; readonly config: Config; readonly account: string; readonly full: boolean }
  | { readonly kind: 'stop'; readonly reason: FailureSent }
  /** The daemon is stopping. */
  | { readonly kind: 'leave' };

type FromThread =
  /** A child process of the thread has started, or ended. */
  | { readonly kind: 'child'; readonly pid: number; readonly runs: boolean }
  | { readonly kind: 'event'; readonly event: RunEvent }
  | { readonly kind: 'done'; readonly report: SyncReport }
  | { readonly kind: 'failed'; readonly failure: FailureSent };

function sent(error: unknown): FailureSent {
  const message = messageOf(error);
  if (error instanceof AppError) return { code: error.code, message, hint: error.hint };
  return { message, stack: error instanceof Error ? error.stack : undefined };
}

function received({ code, message, hint, stack }: FailureSent): Error {
  if (code !== undefined) return new AppError(code, message, hint === undefined ? {} : { hint });
  return Object.assign(new Error(message), stack === undefined ? {} : { stack });
}

export interface RunThread {
  /** Runs one account after the other in a thread, which starts with the first and is replaced when it failed. */
  readonly sync: SyncOne;
  /**
   * Ends the thread in the middle of whatever it does, and its child processes, git, which remove what they have
   * started to write.
   * @returns whether it has ended within `limitMs`
   */
  readonly end: (limitMs: number) => Promise<boolean>;
}

export function openRunThread(start: () => Worker, leaving: AbortSignal): RunThread {
  let thread: Worker | undefined;
  const children = new Set<number>();

  function endChildren(): void {
    endProcesses(children);
    children.clear();
  }

  function running(): Worker {
    if (thread) return thread;
    const started = start();
    const say = (message: ToThread): void => started.postMessage(message);
    const leave = (): void => say({ kind: 'leave' });
    leaving.addEventListener('abort', leave, { once: true });
    // A run that waits for it hears of its end; what else it does, such as upkeep, may fail.
    started.on('error', () => undefined);
    started.on('message', (message: FromThread) => {
      if (message.kind !== 'child') return;
      if (message.runs) children.add(message.pid);
      else children.delete(message.pid);
    });
    started.once('exit', () => {
      leaving.removeEventListener('abort', leave);
      endChildren();
      thread = undefined;
    });
    // Its messages keep the daemon alive while a run is in progress, and the daemon itself otherwise.
    started.unref();
    thread = started;
    return started;
  }

  const sync: SyncOne = (config, account, { full, report, signal }) =>
    new Promise<SyncReport>((resolve, reject) => {
      signal.throwIfAborted();
      const worker = running();
      const say = (message: ToThread): void => worker.postMessage(message);
      const stop = (): void => say({ kind: 'stop', reason: sent(signal.reason) });
      const end = (): void => {
        signal.removeEventListener('abort', stop);
        worker.off('message', hear).off('error', fail).off('exit', exited);
      };
      const fail = (error: unknown): void => {
        end();
        reject(error);
      };
      const exited = (): void => fail(new Error('the thread of the run ended'));
      const hear = (message: FromThread): void => {
        if (message.kind === 'event') report(message.event);
        else if (message.kind === 'failed') fail(received(message.failure));
        else if (message.kind === 'done') {
          end();
          resolve(message.report);
        }
      };
      worker.on('message', hear).once('error', fail).once('exit', exited);
      signal.addEventListener('abort', stop, { once: true });
      say({ kind: 'sync', config, account: account.name, full });
    });

  return {
    sync,
    async end(limitMs) {
      const hasEnded = !thread || (await within(thread.terminate(), limitMs));
      endChildren();
      return hasEnded;
    },
  };
}

/** Informs the other end of the child processes of this thread: they must not outlive it. */
function reportChildren(port: MessagePort): void {
  subscribe('child_process', (message) => {
    const { process: child } = message as { process: ChildProcess };
    const say = (pid: number, runs: boolean): void =>
      port.postMessage({ kind: 'child', pid, runs } satisfies FromThread);
    child.once('spawn', () => {
      const { pid } = child;
      if (pid === undefined) return;
      say(pid, true);
      child.once('exit', () => say(pid, false));
    });
  });
}

/**
 * The other end, in the thread. @param createSync makes what mirrors one account; its signal: the daemon is stopping
 */
export function serveRuns(port: MessagePort, createSync: (leaving: AbortSignal) => SyncOne): void {
  const leaving = new AbortController();
  reportChildren(port);
  const sync = createSync(leaving.signal);
  let current: AbortController | undefined;
  const say = (message: FromThread): void => port.postMessage(message);

  async function run({ config, account, full }: Extract<ToThread, { kind: 'sync' }>): Promise<void> {
    const stop = new AbortController();
    current = stop;
    try {
      const settings = config.accounts.find(({ name }) => name === account);
      if (!settings) throw new AppError('USAGE', `${account} is no longer configured`);
      const report = (event: RunEvent): void => say({ kind: 'event', event });
      say({ kind: 'done', report: await sync(config, settings, { full, report, signal: stop.signal }) });
    } catch (error) {
      say({ kind: 'failed', failure: sent(error) });
    } finally {
      current = undefined;
    }
  }

  port.on('message', (message: ToThread) => {
    if (message.kind === 'sync') void run(message);
    else if (message.kind === 'stop') current?.abort(received(message.reason));
    else leaving.abort(new AppError('ABORTED', 'stopped by a signal'));
  });
}
