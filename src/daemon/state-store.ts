import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import type { Reported } from '../notify/notifier.ts';
import type { DrillSummary } from '../run/drill-summary.ts';
import type { AccountState } from './account-state.ts';

const FILE = 'daemon.json';

const health = z.enum(['unknown', 'ok', 'partial', 'refused', 'failed']);
const schema = z.object({
  version: z.literal(1),
  accounts: z.record(
    z.string(),
    z.object({
      health,
      since: z.string().optional(),
      lastSuccess: z.string().optional(),
      failures: z.number().int().min(0),
    }),
  ),
  /** Absent in files of earlier versions. */
  drills: z
    .record(
      z.string(),
      z.object({
        endedAt: z.string(),
        durationMs: z.number(),
        result: z.enum(['passed', 'failed']),
        documents: z.number().optional(),
        restored: z.number().optional(),
        commit: z.string().optional(),
        restoreMs: z.number().optional(),
        credentials: z.number().optional(),
        problem: z.string().optional(),
        lastSuccess: z.string().optional(),
      }),
    )
    .default({}),
  /** The keys of the file for {@link StoredState.reported}; the second is absent in files of earlier versions. */
  told: z.record(z.string(), z.record(z.string(), health)),
  watched: z.record(z.string(), z.record(z.string(), z.string())).default({}),
});

/** What outlives a restart of the daemon. */
interface StoredState {
  readonly accounts: Readonly<Record<string, AccountState>>;
  /** The last drill of each account. */
  readonly drills: Readonly<Record<string, DrillSummary>>;
  readonly reported: Reported;
}

const NOTHING: StoredState = { accounts: {}, drills: {}, reported: { states: {}, watched: {} } };

/** Reads what an earlier daemon saved; nothing from a missing or damaged file. */
export function readStoredState(stateDir: string): StoredState {
  try {
    const { told: states, watched, ...known } = schema.parse(JSON.parse(readFileSync(join(stateDir, FILE), 'utf8')));
    // Absent keys stay absent: `undefined` would not survive the types.
    return {
      ...(JSON.parse(JSON.stringify(known)) as Pick<StoredState, 'accounts' | 'drills'>),
      reported: { states, watched },
    };
  } catch {
    return NOTHING;
  }
}

/** Writes the file atomically. A folder that cannot be written loses the state, but never fails a run. */
export function writeStoredState(stateDir: string, state: StoredState): void {
  const accounts = Object.fromEntries(
    Object.entries(state.accounts).map(([name, { health, since, lastSuccess, failures }]) => [
      name,
      { health, since, lastSuccess, failures },
    ]),
  );
  const path = join(stateDir, FILE);
  const { states, watched } = state.reported;
  try {
    writeFileSync(
      `${path}.new`,
      `${JSON.stringify({ version: 1, accounts, drills: state.drills, told: states, watched })}\n`,
      { mode: 0o600 },
    );
    renameSync(`${path}.new`, path);
  } catch {
    // A read-only or full disk shows in the runs themselves.
  }
}
