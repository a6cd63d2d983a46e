import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { plainConfig, plainRepository } from '../../src/config/plain.ts';
import type { Config } from '../../src/config/schema.ts';
import { AppError } from '../../src/core/errors.ts';
import { runDaemon } from '../../src/daemon/daemon.ts';
import type { Drilled } from '../../src/daemon/drills.ts';
import type { DaemonDeps } from '../../src/daemon/parts.ts';
import { readStoredState } from '../../src/daemon/state-store.ts';
import { emptyReport } from '../../src/run/failures.ts';
import type { SyncReport } from '../../src/run/report.ts';
import { tempDir } from '../support/workspace.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** What a run of the simulated account does. */
type Behaviour = 'good' | 'failed' | 'hangs' | { readonly takesMs: number };

interface Begun {
  readonly account: string;
  readonly at: string;
  readonly full: boolean;
}

function reportOf(account: string, verdict: 'unchanged' | 'failed'): SyncReport {
  const empty = emptyReport(account);
  if (verdict === 'unchanged') return empty;
  return { ...empty, verdict, exitCode: 1, error: { code: 'API', message: 'no answer' } };
}

/** A daemon in simulated time, with runs that only pretend. */
class Simulation {
  readonly begun: Begun[] = [];
  readonly lines: string[] = [];
  behaviour: (account: string, at: Date) => Behaviour = () => 'good';
  config: Config;
  /** When drills started. */
  readonly drills: string[] = [];
  drill: 'passed' | 'failed' | 'hangs' | { readonly takesMs: number } = 'passed';
  stateDir: string | undefined;
  /** Runs of one account, or of two, under way at the same moment. */
  mostAtOnce = 0;
  reloaded: () => Promise<Config> = async () => this.config;
  private under = 0;
  private hangup: () => void = () => undefined;
  private readonly stop = new AbortController();
  private done: ReturnType<typeof runDaemon> | undefined;

  constructor(
    change: Partial<Config> = {},
    accounts: readonly { name: string; schedule?: string }[] = [{ name: 'prod' }],
  ) {
    const [first, ...more] = accounts.map((account) => ({
      ...account,
      baseUrl: 'http://127.0.0.1:9',
      token: 'not-a-token',
      include: ['*'],
      exclude: [],
      ignore: {},
      lookupCacheData: false,
      credentials: { fields: 'redact', code: 'warn' } as const,
      auditFeed: false,
      overview: false,
      sampleData: false,
      rateLimit: { perSecond: 40, burst: 300 },
      concurrency: 6,
      requestTimeoutMs: 60_000,
      maxResponseBytes: 2 ** 28,
      drill: false,
      maxPauseMs: 300_000,
      retries: 5,
    }));
    if (!first) throw new Error('no account');
    const plain = plainConfig('test', plainRepository('/nonexistent'), first);
    this.config = {
      ...plain,
      accounts: [first, ...more],
      daemon: { ...plain.daemon, listen: 'off', jitterMs: 0 },
      ...change,
    };
  }

  start(): void {
    const deps: DaemonDeps = {
      config: this.config,
      reload: () => this.reloaded(),
      listen: 'off',
      sync: (_config, { name }, { full, signal }) => this.run(name, full, signal),
      tokenExpiries: async () => [],
      drill: (config, signal) => this.rehearse(config, signal),
      stateDir: async () => this.stateDir,
      now: () => new Date(),
      random: () => 0,
      log: {
        info: (_fields, message) => this.lines.push(message),
        warn: (_fields, message) => this.lines.push(message),
        error: (_fields, message) => this.lines.push(message),
      },
      logFailure: () => undefined,
      report: () => undefined,
      onConfig: () => undefined,
      version: '0',
      userAgent: 'test',
      proxies: undefined,
      onHangup: (listener) => {
        this.hangup = listener;
        return () => undefined;
      },
      signal: this.stop.signal,
      onListening: () => undefined,
    };
    this.done = runDaemon(deps);
  }

  private async run(account: string, full: boolean, signal: AbortSignal): Promise<SyncReport> {
    const at = new Date();
    this.begun.push({ account, at: at.toISOString(), full });
    this.under += 1;
    this.mostAtOnce = Math.max(this.mostAtOnce, this.under);
    const behaviour = this.behaviour(account, at);
    try {
      if (behaviour === 'hangs') {
        await new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason));
        });
      }
      if (typeof behaviour === 'object') await new Promise((resolve) => setTimeout(resolve, behaviour.takesMs));
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      return { ...reportOf(account, 'failed'), error: { code: error.code, message: error.message } };
    } finally {
      this.under -= 1;
    }
    return reportOf(account, behaviour === 'failed' ? 'failed' : 'unchanged');
  }

  private async rehearse(config: Config, signal: AbortSignal): Promise<readonly Drilled[]> {
    this.drills.push(new Date().toISOString().slice(5, 16));
    const { drill } = this;
    if (drill === 'hangs')
      await new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason));
      });
    if (typeof drill === 'object') await new Promise((resolve) => setTimeout(resolve, drill.takesMs));
    const result = drill === 'failed' ? 'failed' : 'passed';
    return config.accounts.map(({ name }) => ({ account: name, result, documents: 4, restored: 3 }));
  }

  pass(ms: number): Promise<unknown> {
    return vi.advanceTimersByTimeAsync(ms);
  }

  sighup(): void {
    this.hangup();
  }

  async end(): Promise<Awaited<ReturnType<typeof runDaemon>>> {
    this.stop.abort();
    await this.pass(MINUTE);
    if (!this.done) throw new Error('not started');
    return this.done;
  }

  timesOf(account: string): string[] {
    return this.begun.filter((run) => run.account === account).map(({ at }) => at.slice(11, 16));
  }
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date'] });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('a day of the daemon', () => {
  it('runs every quarter of an hour, once at the start, never two at once', async () => {
    vi.setSystemTime('2026-11-24T00:07:00Z');
    const day = new Simulation();
    day.start();

    await day.pass(24 * HOUR);

    expect(day.begun.length).toBe(1 + 96);
    expect(day.timesOf('prod').slice(0, 4)).toEqual(['00:07', '00:15', '00:30', '00:45']);
    expect(day.mostAtOnce).toBe(1);
    expect(await day.end()).toBe(0);
  });

  it('runs accounts on their own schedules, one after the other where they meet', async () => {
    vi.setSystemTime('2026-11-24T10:00:30Z');
    const day = new Simulation({}, [{ name: 'prod' }, { name: 'test', schedule: '0 * * * *' }]);
    day.behaviour = () => ({ takesMs: 20_000 });
    day.start();

    await day.pass(2 * HOUR);

    expect(day.timesOf('test')).toEqual(['10:00', '11:00', '12:00']);
    expect(day.timesOf('prod')).toEqual([
      ...['10:00', '10:15', '10:30', '10:45', '11:00', '11:15', '11:30', '11:45', '12:00'],
    ]);
    expect(day.mostAtOnce).toBe(1);
    await day.end();
  });

  it('keeps its pace on the night when the clock goes back', async () => {
    vi.setSystemTime('2026-10-24T22:01:00Z');
    const night = new Simulation({ timezone: 'Europe/Berlin', schedule: '*/30 * * * *' });
    night.start();

    await night.pass(6 * HOUR);

    expect(night.timesOf('prod')).toEqual([
      ...['22:01', '22:30', '23:00', '23:30', '00:00', '00:30', '01:00', '01:30'],
      ...['02:00', '02:30', '03:00', '03:30', '04:00'],
    ]);
    await night.end();
  });

  it('skips the times that a long run takes', async () => {
    vi.setSystemTime('2026-11-24T10:00:00Z');
    const day = new Simulation();
    day.behaviour = (_account, at) => (at.getUTCMinutes() === 15 ? { takesMs: 40 * MINUTE } : 'good');
    day.start();

    await day.pass(75 * MINUTE);

    expect(day.timesOf('prod')).toEqual(['10:00', '10:15', '11:00', '11:15']);
    expect(day.mostAtOnce).toBe(1);
    expect(day.lines.filter((line) => line.includes('the previous run is still in progress')).length).toBe(2);
    await day.end();
  });

  it('tries an account that fails less and less often, and as before once it is well', async () => {
    vi.setSystemTime('2026-11-24T10:00:00Z');
    const day = new Simulation();
    day.behaviour = (_account, at) => (at < new Date('2026-11-24T14:00:00Z') ? 'failed' : 'good');
    day.start();

    await day.pass(7 * HOUR);

    // Three failures in a row, then a pause of one interval, two, four, eight.
    expect(day.timesOf('prod')).toEqual([
      ...['10:00', '10:15', '10:30', '10:45', '11:15', '12:15', '14:15'],
      ...['14:30', '14:45', '15:00', '15:15', '15:30', '15:45', '16:00', '16:15', '16:30', '16:45', '17:00'],
    ]);
    await day.end();
  });

  it('abandons a run at its time limit and continues', async () => {
    vi.setSystemTime('2026-11-24T10:00:00Z');
    const day = new Simulation();
    day.behaviour = (_account, at) => (at.getUTCHours() === 10 && at.getUTCMinutes() === 0 ? 'hangs' : 'good');
    day.start();

    await day.pass(90 * MINUTE);

    expect(day.timesOf('prod')).toEqual(['10:00', '11:00', '11:15', '11:30']);
    await day.end();
  });

  it('makes up for the times that went by while the machine slept, by one run', async () => {
    vi.setSystemTime('2026-11-24T10:00:00Z');
    const day = new Simulation();
    day.start();
    await day.pass(20 * MINUTE);

    // Timers stand still during sleep; the clock does not.
    vi.setSystemTime('2026-11-24T18:03:00Z');
    await day.pass(15 * MINUTE);

    expect(day.timesOf('prod')).toEqual(['10:00', '10:15', '18:03', '18:15']);
    await day.end();
  });

  it('continues at once when the clock is set back by a week', async () => {
    vi.setSystemTime('2026-11-24T10:00:00Z');
    const day = new Simulation();
    day.start();
    await day.pass(20 * MINUTE);

    vi.setSystemTime('2026-11-17T10:03:00Z');
    await day.pass(30 * MINUTE);

    expect(day.timesOf('prod')).toEqual(['10:00', '10:15', '10:15', '10:30']);
    await day.end();
  });

  it('follows a new configuration, and keeps the old one when the new one is wrong', async () => {
    vi.setSystemTime('2026-11-24T10:00:30Z');
    const day = new Simulation();
    day.start();
    await day.pass(16 * MINUTE);

    day.reloaded = async () => {
      throw new AppError('USAGE', 'wrong');
    };
    day.sighup();
    await day.pass(15 * MINUTE);
    day.reloaded = async () => ({ ...day.config, schedule: '0 * * * *' });
    day.sighup();
    await day.pass(90 * MINUTE);

    expect(day.timesOf('prod')).toEqual(['10:00', '10:15', '10:30', '11:00', '12:00']);
    expect(day.lines).toContain('invalid configuration: keeping the previous one');
    await day.end();
  });

  it('starts without a run where that is not wanted', async () => {
    vi.setSystemTime('2026-11-24T10:00:30Z');
    const day = new Simulation();
    day.config = { ...day.config, daemon: { ...day.config.daemon, runAtStart: false } };
    day.start();

    await day.pass(20 * MINUTE);

    expect(day.timesOf('prod')).toEqual(['10:15']);
    await day.end();
  });

  it('survives a fault of the program in a run', async () => {
    vi.setSystemTime('2026-11-24T10:00:00Z');
    const day = new Simulation();
    day.behaviour = (_account, at) => {
      if (at.getUTCMinutes() === 0) throw new TypeError('undefined is not a function');
      return 'good';
    };
    day.start();

    await day.pass(20 * MINUTE);

    expect(day.timesOf('prod')).toEqual(['10:00', '10:15']);
    expect(day.lines).toContain('internal error');
    await day.end();
  });
});

describe('the end of the daemon', () => {
  it('waits for the run in progress', async () => {
    vi.setSystemTime('2026-11-24T10:00:00Z');
    const day = new Simulation();
    day.behaviour = () => ({ takesMs: 10_000 });
    day.start();
    await day.pass(1_000);

    expect(await day.end()).toBe(0);
    expect(day.lines).not.toContain('run abandoned: the daemon is stopping');
  });

  it('abandons a run that takes longer than the grace period allows', async () => {
    vi.setSystemTime('2026-11-24T10:00:00Z');
    const day = new Simulation();
    day.behaviour = () => 'hangs';
    day.start();
    await day.pass(1_000);

    expect(await day.end()).toBe(0);
    expect(day.lines).toContain('run abandoned: the daemon is stopping');
  });

  it('leaves behind what cannot be stopped at all', async () => {
    vi.setSystemTime('2026-11-24T10:00:00Z');
    const day = new Simulation();
    day.behaviour = () => ({ takesMs: 24 * HOUR });
    day.start();
    await day.pass(1_000);

    expect(await day.end()).toBe(0);
  });

  it('ends with 1 when a run does not even end after its time limit', async () => {
    vi.setSystemTime('2026-11-24T10:00:00Z');
    const day = new Simulation();
    day.behaviour = () => ({ takesMs: 24 * HOUR });
    day.start();

    await day.pass(HOUR + 2 * MINUTE);

    expect(await day.end()).toBe(1);
    expect(day.lines).toContain('run does not end: the daemon exits');
  });
});

describe('drills of the daemon', () => {
  const NIGHTLY = { schedule: '0 3 * * *', receipts: false, timeoutMs: HOUR };

  it('begin on their schedule, and no run waits for one', { tags: 'slow' }, async () => {
    vi.setSystemTime('2026-11-24T00:07:00Z');
    const days = new Simulation({ drill: NIGHTLY });
    days.drill = { takesMs: 50 * MINUTE };
    days.start();

    await days.pass(28 * HOUR);

    expect(days.drills).toEqual(['11-24T03:00', '11-25T03:00']);
    expect(days.begun.length).toBe(1 + 28 * 4);
    expect(await days.end()).toBe(0);
  });

  it('are never two at once, and end at their time limit', async () => {
    vi.setSystemTime('2026-11-24T10:01:00Z');
    const day = new Simulation({ drill: { ...NIGHTLY, schedule: '*/10 * * * *', timeoutMs: 25 * MINUTE } });
    day.stateDir = tempDir();
    day.drill = 'hangs';
    day.start();

    await day.pass(64 * MINUTE);

    expect(day.drills).toEqual(['11-24T10:10', '11-24T10:40']);
    expect(day.lines.filter((line) => line.includes('scheduled drill skipped')).length).toBe(4);
    const { drills } = readStoredState(day.stateDir);
    expect(drills.prod).toMatchObject({
      result: 'failed',
      problem: expect.stringContaining('took longer than 1500 s'),
    });
    await day.end();
  });

  it('that were missed are made up for by the next daemon, also one that was cut off', async () => {
    vi.setSystemTime('2026-11-24T02:00:00Z');
    const stateDir = tempDir();
    const daemon = async (drill: Simulation['drill'], ms: number): Promise<readonly string[]> => {
      const simulation = new Simulation({ drill: NIGHTLY });
      simulation.stateDir = stateDir;
      simulation.drill = drill;
      simulation.start();
      await simulation.pass(ms);
      expect(await simulation.end()).toBe(0);
      return simulation.drills;
    };

    expect(await daemon('passed', 2 * HOUR)).toEqual(['11-24T03:00']);
    expect(await daemon('passed', HOUR)).toEqual([]);
    const passed = readStoredState(stateDir).drills.prod;
    expect(passed).toMatchObject({ result: 'passed', documents: 4, restored: 3, lastSuccess: passed?.endedAt });
    vi.setSystemTime('2026-11-25T09:00:00Z');
    expect(await daemon('hangs', 10 * MINUTE)).toEqual(['11-25T09:00']);
    expect(readStoredState(stateDir).drills.prod).toEqual(passed);
    expect(await daemon('failed', 10 * MINUTE)).toHaveLength(1);
    expect(readStoredState(stateDir).drills.prod).toMatchObject({ result: 'failed', lastSuccess: passed?.endedAt });
  });

  it('are not made without a schedule', async () => {
    const day = new Simulation();
    day.start();
    await day.pass(2 * HOUR);
    expect(day.drills).toEqual([]);
    await day.end();
  });
});
