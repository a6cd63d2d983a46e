import { type Dirent, existsSync, lstatSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '../core/errors.ts';

/** How long a git process of a run that died may continue before it is taken for someone else's. */
const PATIENCE_MS = 20_000;
/** Where the system does not show its processes, a lock of this age has lost its holder. */
const OLD_MS = 60_000;

/** Lock files that a git killed half-way leaves behind; a folder of such a name is none, and git refuses it by name. */
function findLocks(gitDir: string): string[] {
  const isLock = (entry: Dirent): boolean =>
    !entry.isDirectory() && entry.name.endsWith('.lock') && entry.name !== 'celigo-mirror.lock';
  const refs = join(gitDir, 'refs');
  return [
    ...readdirSync(gitDir, { withFileTypes: true }),
    ...(existsSync(refs) ? readdirSync(refs, { recursive: true, withFileTypes: true }) : []),
  ]
    .filter(isLock)
    .map((entry) => join(entry.parentPath, entry.name));
}

/** Process ids of git commands at work in `dir`, or `undefined` where the system does not show processes. */
function gitProcesses(dir: string): number[] | undefined {
  if (!existsSync('/proc/self/cwd')) return undefined;
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const cwd = readlinkSync(`/proc/${pid}/cwd`);
        return (
          (cwd === dir || cwd.startsWith(`${dir}/`)) && readFileSync(`/proc/${pid}/comm`, 'utf8').startsWith('git')
        );
      } catch {
        return false;
      }
    });
}

/**
 * Removes lock files left by dead git processes. Runs under our own lock, so a git that still works here is either the
 * orphan of a killed run, which is waited for, or a person's, which is respected.
 * @returns the locks removed
 * @throws AppError `LOCKED` while a living git holds the clone
 */
export async function removeStaleGitLocks(
  gitDir: string,
  workTree: string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const locks = findLocks(gitDir);
    if (locks.length === 0) return [];
    const holders = gitProcesses(workTree);
    const abandoned =
      holders === undefined
        ? locks.every((path) => Date.now() - (lstatSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0) > OLD_MS)
        : holders.length === 0;
    if (abandoned) {
      for (const path of locks) rmSync(path, { force: true });
      return locks;
    }
    if (performance.now() > deadline) {
      throw new AppError('LOCKED', `git${holders?.length ? ` (pid ${holders.join(', ')})` : ''} holds ${locks[0]}`, {
        hint: 'Wait until that git command has finished; if none is running, delete the file',
      });
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
    signal.throwIfAborted();
  }
}
