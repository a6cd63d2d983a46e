import PQueue from 'p-queue';
import { AppError, EXIT, messageOf } from '../core/errors.ts';
import { within } from '../core/within.ts';
import { emptyReport, knownFailure } from '../run/failures.ts';
import type { SyncReport } from '../run/report.ts';

/** Why a run is requested. */
type Reason = 'start' | 'schedule' | 'trigger';

/** What became of a request for a run. */
export type Answer =
  /** It runs as soon as those before it have ended. */
  | 'queued'
  /** The same request is waiting already. */
  | 'waiting'
  /** It is running, and will run once more afterwards. */
  | 'again'
  /** It is running, and a scheduled time counts as served. */
  | 'overlap'
  /** The daemon is stopping: no run begins any more. */
  | 'stopping';

/** One finished run, as far as it came. */
export interface Ended {
  readonly account: string;
  readonly startedAt: Date;
  readonly endedAt: Date;
  readonly report: SyncReport;
  /** It was cut off because the daemon is stopping: says nothing about the account. */
  readonly abandoned: boolean;
  /** A fault of the program itself. */
  readonly crash?: unknown;
}

interface RunsOptions {
  /** Mirrors one account; rejects only when it could not even make a report. */
  readonly sync: (account: string, full: boolean, signal: AbortSignal) => Promise<SyncReport>;
  readonly now: () => Date;
  /** Time limit of a run, in milliseconds. */
  readonly timeLimitMs: () => number;
  readonly onStarted: (account: string, reason: Reason) => void;
  readonly onEnded: (ended: Ended) => void;
  /** A run that was aborted at its time limit did not end. */
  readonly onStuck: (account: string) => void;
}

/** One run after the other; no account twice at once, nor twice in the queue. */
export interface Runs {
  request(account: string, reason: Reason, full?: boolean): Answer;
  /** The account that is being mirrored. */
  running(): string | undefined;
  /**
   * Lets no further run begin; waits `finishMs` for the one in progress, then aborts it and waits `abandonMs` more.
   * @returns whether nothing runs any more
   */
  stop(finishMs: number, abandonMs: number): Promise<boolean>;
}

/** How long an aborted run may take to end before it counts as stuck, in milliseconds. */
const STUCK_MS = 60_000;

/** The report of a run that ended without one. */
function lostReport(account: string, error: unknown): SyncReport {
  const failure = knownFailure(error) ?? {
    code: 'INTERNAL',
    message: `internal error: ${messageOf(error)}`,
    hint: 'Please report it; celigo-mirror doctor --bundle collects what is needed',
  };
  return { ...emptyReport(account), verdict: 'failed', exitCode: EXIT.failed, error: failure };
}

/** Runs `sync`, and makes a report of whatever it throws. */
async function reportOf(account: string, sync: () => Promise<SyncReport>): Promise<Pick<Ended, 'report' | 'crash'>> {
  try {
    return { report: await sync() };
  } catch (error) {
    const report = lostReport(account, error);
    return report.error?.code === 'INTERNAL' ? { report, crash: error } : { report };
  }
}

/** Aborts a run at its time limit. Returns how to cancel that. */
function limitTime(stop: AbortController, limitMs: number): () => void {
  const timer = setTimeout(() => {
    stop.abort(
      new AppError('TIMEOUT', `the run took longer than ${Math.round(limitMs / 1000)} s and was abandoned`, {
        hint: 'Raise daemon.runTimeout, or find out what is slow: celigo-mirror sync --log-level debug',
      }),
    );
  }, limitMs);
  return () => clearTimeout(timer);
}

export function createRuns(options: RunsOptions): Runs {
  const queue = new PQueue({ concurrency: 1 });
  /** Requests for runs that have not started, and whether they are for everything. */
  const waiting = new Map<string, { full: boolean }>();
  const again = new Map<string, { full: boolean }>();
  let current: { readonly account: string; readonly stop: AbortController } | undefined;
  let stopping = false;

  async function run(account: string, reason: Reason): Promise<void> {
    const full = waiting.get(account)?.full ?? false;
    waiting.delete(account);
    if (stopping) return;
    const stop = new AbortController();
    current = { account, stop };
    const startedAt = options.now();
    let stuck: NodeJS.Timeout | undefined;
    stop.signal.addEventListener('abort', () => {
      if (!stopping) stuck = setTimeout(() => options.onStuck(account), STUCK_MS);
    });
    const unlimit = limitTime(stop, options.timeLimitMs());
    options.onStarted(account, reason);
    const result = await reportOf(account, () => options.sync(account, full, stop.signal));
    unlimit();
    clearTimeout(stuck);
    current = undefined;
    const abandoned = stopping && stop.signal.aborted;
    options.onEnded({ account, startedAt, endedAt: options.now(), ...result, abandoned });
    const more = again.get(account);
    again.delete(account);
    if (more) request(account, 'trigger', more.full);
  }

  function request(account: string, reason: Reason, full = false): Answer {
    if (stopping) return 'stopping';
    if (current?.account === account) {
      if (reason !== 'trigger') return 'overlap';
      again.set(account, { full: full || (again.get(account)?.full ?? false) });
      return 'again';
    }
    const earlier = waiting.get(account);
    if (earlier) {
      earlier.full ||= full;
      return 'waiting';
    }
    waiting.set(account, { full });
    void queue.add(() => run(account, reason));
    return 'queued';
  }

  return {
    request,
    running: () => current?.account,
    async stop(finishMs, abandonMs) {
      stopping = true;
      queue.clear();
      again.clear();
      const idle = queue.onIdle();
      if (await within(idle, finishMs)) return true;
      current?.stop.abort(new AppError('ABORTED', 'stopped by a signal'));
      return within(idle, abandonMs);
    },
  };
}
