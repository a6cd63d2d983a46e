import { describe, expect, it, vi } from 'vitest';
import { type AccountState, accountStateAfter, pauseMs, UNKNOWN } from '../../src/daemon/account-state.ts';
import { openAccountStates } from '../../src/daemon/account-states.ts';
import { readinessOf } from '../../src/daemon/readiness.ts';
import type { RunSummary } from '../../src/run/summary.ts';
import { tempDir } from '../support/workspace.ts';

const POLICY = { after: 3, intervalMs: 60_000, longestMs: 600_000 };

function run(verdict: RunSummary['verdict'], endedAt: string): RunSummary {
  return {
    runId: 'r',
    verdict,
    exitCode: 0,
    startedAt: endedAt,
    endedAt,
    durationMs: 0,
    changes: 0,
    commits: [],
    incomplete: [],
    remote: { state: 'none' },
  };
}

function standingOf(verdicts: readonly RunSummary['verdict'][]): AccountState {
  return verdicts.reduce<AccountState>(
    (standing, verdict, i) => accountStateAfter(standing, run(verdict, `2026-11-24T10:0${i}:00.000Z`), POLICY),
    UNKNOWN,
  );
}

describe('back-off', () => {
  it('pauses for one interval after three failures, then two, four, up to the longest', () => {
    expect([1, 2, 3, 4, 5, 6, 7, 50].map((n) => pauseMs(n, POLICY) / 60_000)).toEqual([0, 0, 1, 2, 4, 8, 10, 10]);
  });

  it('counts failures and refusals, and forgets them with a good or partial run', () => {
    expect(standingOf(['failed', 'refused', 'failed']).failures).toBe(3);
    expect(standingOf(['failed', 'failed', 'unchanged']).failures).toBe(0);
    expect(standingOf(['failed', 'failed', 'failed', 'partial']).pausedUntil).toBeUndefined();
  });

  it('counts the pause from the end of the run', () => {
    expect(standingOf(['failed', 'failed', 'failed']).pausedUntil).toBe('2026-11-24T10:03:00.000Z');
  });
});

describe('a standing', () => {
  it('keeps the last good run and since when the state is as it is', () => {
    const standing = standingOf(['changed', 'unchanged', 'failed', 'failed']);

    expect(standing).toMatchObject({
      health: 'failed',
      since: '2026-11-24T10:02:00.000Z',
      lastSuccess: '2026-11-24T10:01:00.000Z',
    });
  });
});

describe('readiness', () => {
  const timetable = { name: 'prod', schedule: '*/15 * * * *', timezone: 'UTC' };
  const good: AccountState = { health: 'ok', failures: 0, lastSuccess: '2026-11-24T10:01:00.000Z' };

  it('lasts until a third scheduled time goes by without a good run', () => {
    expect(readinessOf(good, timetable, undefined, new Date('2026-11-24T10:44:59Z')).ready).toBe(true);
    expect(readinessOf(good, timetable, undefined, new Date('2026-11-24T10:45:00Z')).ready).toBe(false);
  });

  it('follows the schedule over a weekend without runs', () => {
    const weekdays = { ...timetable, schedule: '0 9 * * Mon-Fri' };
    const friday: AccountState = { ...good, lastSuccess: '2026-11-20T09:01:00.000Z' };

    expect(readinessOf(friday, weekdays, undefined, new Date('2026-11-23T08:00Z')).ready).toBe(true);
  });

  it('lasts as long as readyWithin says, where given', () => {
    expect(readinessOf(good, timetable, 60_000, new Date('2026-11-24T10:01:59Z')).ready).toBe(true);
    expect(readinessOf(good, timetable, 60_000, new Date('2026-11-24T10:02:00Z')).ready).toBe(false);
  });

  it('is not there before the first good run', () => {
    expect(readinessOf(UNKNOWN, timetable, undefined, new Date()).ready).toBe(false);
  });
});

describe('the saved state', () => {
  it('is what was reported last, whichever request for it is served last', async () => {
    const dir = tempDir();
    const log = { info: vi.fn(), warn: vi.fn(), error: vi.fn() };
    const states = openAccountStates(undefined, log);
    let head = 'first';
    const reported = () => ({ states: {}, watched: { hook: { prod: head } } });
    let found: (dir: string) => void = () => undefined;
    const late = new Promise<string>((resolve) => {
      found = resolve;
    });

    const slow = states.save(() => late, reported);
    head = 'second';
    await states.save(async () => dir, reported);
    found(dir);
    await slow;

    expect(openAccountStates(dir, log).reported.watched).toEqual({ hook: { prod: 'second' } });
    expect(log.warn).not.toHaveBeenCalled();
  });
});
