import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { AppError } from '../../core/errors.ts';
import type { DrillReport } from './drill-report.ts';

const finding = z.object({ what: z.string(), title: z.string(), why: z.string() });
const RECORD = z.object({
  version: z.literal(1),
  account: z.string(),
  label: z.string(),
  commit: z.string(),
  target: z.object({ baseUrl: z.string(), userId: z.string() }),
  startedAt: z.string(),
  keep: z.boolean(),
  phase: z.enum(['restoring', 'deleting', 'kept', 'left']),
  faults: z.array(z.tuple([z.string(), z.string()])),
  leftOut: z.array(finding),
  /** Commit of the target as the drill kept it. */
  kept: z.string().optional(),
});

/** What is to be known of a drill into a real account to go on with it. Holds no credential. */
export type DrillRecord = z.output<typeof RECORD> & {
  /** What the rehearsal found, once it is at its end. */
  readonly report?: DrillReport;
};

/** Where one account's drills keep what they need: beside the clone, never in the mirror. */
export interface DrillFolder {
  readonly root: string;
  /** The repository of the drill: a copy of the mirror, and what became of the target. */
  readonly repository: string;
}

export function drillFolder(stateDir: string, target: string): DrillFolder {
  const root = join(stateDir, 'drills', target);
  return { root, repository: join(root, 'repository') };
}

function recordPath({ root }: DrillFolder): string {
  return join(root, 'record.json');
}

/** The drill that is not at its end, or whose resources were kept. @throws AppError `USAGE` for a damaged record */
export function readRecord(folder: DrillFolder): DrillRecord | undefined {
  const path = recordPath(folder);
  if (!existsSync(path)) return undefined;
  let held: unknown;
  try {
    held = JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    held = undefined;
  }
  const parsed = RECORD.loose().safeParse(held);
  if (parsed.success) return parsed.data as DrillRecord;
  throw new AppError('USAGE', `${path} is damaged, or was written by another version of celigo-mirror`, {
    hint: `Delete what the drill made in the account manually, then remove ${folder.root}`,
  });
}

/** Writes the record, whole or not at all. */
export function writeRecord(folder: DrillFolder, record: DrillRecord): void {
  const path = recordPath(folder);
  mkdirSync(folder.root, { recursive: true, mode: 0o700 });
  writeFileSync(`${path}.tmp`, JSON.stringify(record), { mode: 0o600, flush: true });
  renameSync(`${path}.tmp`, path);
}

/** Forgets a drill. The record goes first: without it there is nothing to go on with. */
export function removeRecord(folder: DrillFolder): void {
  rmSync(recordPath(folder), { force: true });
  rmSync(folder.repository, { recursive: true, force: true });
}
