import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Key } from '../../core/keys.ts';

/** By resource: what the server made of the last write of it, as digests. */
export type ServerMade = ReadonlyMap<Key, readonly string[]>;

function fileOf(stateDir: string, account: string): string {
  return join(stateDir, `${account}.server-made.json`);
}

/** What earlier restores noted. Nothing from a missing or damaged file: it saves writes, nothing depends on it. */
export function readServerMade(stateDir: string, account: string): Map<Key, readonly string[]> {
  const known = new Map<Key, readonly string[]>();
  try {
    const stored = JSON.parse(readFileSync(fileOf(stateDir, account), 'utf8')) as Record<string, unknown>;
    for (const [key, notes] of Object.entries(stored))
      if (Array.isArray(notes))
        known.set(
          key,
          notes.filter((note): note is string => typeof note === 'string'),
        );
  } catch {
    known.clear();
  }
  return known;
}

/** Replaces the file as a whole. A folder that cannot be written loses the notes, and nothing else. */
export function writeServerMade(stateDir: string, account: string, made: ServerMade): void {
  const path = fileOf(stateDir, account);
  const noted = Object.fromEntries([...made].filter(([, notes]) => notes.length > 0));
  try {
    writeFileSync(`${path}.new`, `${JSON.stringify(noted)}\n`, { mode: 0o600 });
    renameSync(`${path}.new`, path);
  } catch {
    // The next restore writes once more, and notes it then.
  }
}
