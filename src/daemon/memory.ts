import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { Told } from '../notify/notifier.ts';
import type { Standing } from './standing.ts';

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
  told: z.record(z.string(), z.record(z.string(), health)),
});

/** What outlives a restart of the daemon. */
export interface Memory {
  readonly accounts: Readonly<Record<string, Standing>>;
  /** By channel and account: the last state that was told. */
  readonly told: Told;
}

const NOTHING: Memory = { accounts: {}, told: {} };

/** Reads what an earlier daemon knew; a missing or damaged file is nothing known. */
export function readMemory(stateDir: string): Memory {
  try {
    const { accounts, told } = schema.parse(JSON.parse(readFileSync(join(stateDir, FILE), 'utf8')));
    // Absent keys stay absent: `undefined` would not survive the types.
    return { accounts: JSON.parse(JSON.stringify(accounts)) as Memory['accounts'], told };
  } catch {
    return NOTHING;
  }
}

/** Writes it down in one step. A folder that cannot be written costs the memory, not the run. */
export function writeMemory(stateDir: string, memory: Memory): void {
  const accounts = Object.fromEntries(
    Object.entries(memory.accounts).map(([name, { health, since, lastSuccess, failures }]) => [
      name,
      { health, since, lastSuccess, failures },
    ]),
  );
  const path = join(stateDir, FILE);
  try {
    writeFileSync(`${path}.new`, `${JSON.stringify({ version: 1, accounts, told: memory.told })}\n`);
    renameSync(`${path}.new`, path);
  } catch {
    // A read-only or full disk shows in the runs themselves.
  }
}
