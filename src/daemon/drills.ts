import type { Config } from '../config/schema.ts';
import { AppError, messageOf } from '../core/errors.ts';
import { within } from '../core/within.ts';
import type { DrillSummary } from '../run/drill-summary.ts';

/** What a drill showed of one account. */
export interface Drilled extends Omit<DrillSummary, 'endedAt' | 'durationMs' | 'lastSuccess'> {
  readonly account: string;
}

/**
 * Drills every account of the mirror, in a process of its own, which ends with the signal. @throws AppError where it
 * came to no result
 */
export type DrillAll = (config: Config, signal: AbortSignal) => Promise<readonly Drilled[]>;

/** A finished drill. Of one that came to no result, every account has failed. */
export interface DrillEnded {
  readonly drilled: readonly Drilled[];
  readonly endedAt: Date;
  readonly durationMs: number;
}

interface DrillsOptions {
  readonly drill: DrillAll;
  readonly config: () => Config;
  readonly now: () => Date;
  readonly onStarted: () => void;
  readonly onEnded: (ended: DrillEnded) => void;
}

/** Drills, one at a time, beside the runs. */
export interface Drills {
  /** Begins one; `overlap`: the one before is still in progress. */
  request(): 'started' | 'overlap' | 'stopping';
  isRunning(): boolean;
  /** Ends the one in progress. @returns whether nothing runs any more, within `limitMs` */
  stop(limitMs: number): Promise<boolean>;
}

async function resultOf(
  { drill }: DrillsOptions,
  config: Config,
  stop: AbortController,
): Promise<DrillEnded['drilled']> {
  const { timeoutMs } = config.drill;
  const late = new AppError('TIMEOUT', `the drill took longer than ${Math.round(timeoutMs / 1000)} s and was ended`, {
    hint: 'Raise drill.timeout',
  });
  const timer = setTimeout(() => stop.abort(late), timeoutMs);
  try {
    return await drill(config, stop.signal);
  } catch (error) {
    const hint = error instanceof AppError && error.hint !== undefined ? `. ${error.hint}` : '';
    const problem = `${messageOf(error)}${hint}`;
    return config.accounts.map(({ name }) => ({ account: name, result: 'failed', problem }));
  } finally {
    clearTimeout(timer);
  }
}

export function createDrills(options: DrillsOptions): Drills {
  let current: { readonly stop: AbortController; readonly done: Promise<void> } | undefined;
  let stopping = false;

  async function run(stop: AbortController): Promise<void> {
    const config = options.config();
    const startedAt = options.now();
    options.onStarted();
    const drilled = await resultOf(options, config, stop);
    const endedAt = options.now();
    current = undefined;
    // One that was cut off says nothing about the mirror; the next start makes up for it.
    if (stopping) return;
    options.onEnded({ drilled, endedAt, durationMs: endedAt.getTime() - startedAt.getTime() });
  }

  return {
    request() {
      if (stopping) return 'stopping';
      if (current) return 'overlap';
      const stop = new AbortController();
      current = { stop, done: Promise.resolve().then(() => run(stop)) };
      return 'started';
    },
    isRunning: () => current !== undefined,
    async stop(limitMs) {
      stopping = true;
      if (!current) return true;
      const { stop, done } = current;
      stop.abort(new AppError('ABORTED', 'stopped by a signal'));
      return within(done, limitMs);
    },
  };
}
