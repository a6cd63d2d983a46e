import { readFileSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import { rmdir } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import lockfile from 'proper-lockfile';
import { AppError } from '../core/errors.ts';

/** A holder that has not renewed its lock for so long is gone, wherever it ran. */
const STALE_MS = 15_000;
const RENEW_MS = 5_000;
const POLL_MS = 100;

/** Who holds the lock: enough to know for certain, on the same system, that it died. */
interface Owner {
  readonly pid: number;
  readonly host: string;
  readonly boot: string;
  readonly pidNamespace: string;
  readonly started: string;
  /** Inode and birth of the lock directory that this owner made. */
  readonly lock: string;
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return '';
  }
}

function pidNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return '';
  }
}

/** When a process started, in clock ticks since boot; empty when it does not run or the system does not say. */
function startOf(pid: number): string {
  const stat = read(`/proc/${pid}/stat`);
  // The command name may hold blanks and parentheses: count from the last one.
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}

function identityOf(path: string): string {
  try {
    const { ino, birthtimeMs } = statSync(path);
    return `${ino}:${birthtimeMs}`;
  } catch {
    return '';
  }
}

function readOwner(path: string): Owner | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Owner;
  } catch {
    return undefined;
  }
}

/** Whether the owner is dead beyond doubt. In doubt it lives, and its lock expires by itself. */
function isDead(owner: Owner): boolean {
  if (owner.host !== hostname() || owner.boot !== read('/proc/sys/kernel/random/boot_id')) return false;
  if (owner.pidNamespace !== pidNamespace()) return false;
  if (owner.boot !== '') return startOf(owner.pid) !== owner.started;
  try {
    process.kill(owner.pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}

export interface LockOptions {
  /** Existing folder that the lock protects; the lock is made inside. */
  readonly dir: string;
  /** How long to wait for another holder, in milliseconds. */
  readonly waitMs: number;
  /** Called once when another process holds the lock and waiting begins. */
  readonly onWait: (pid: number | undefined) => void;
  /** Called when the lock was lost although this process lives (a clock jump, a folder removed by hand). */
  readonly onLost: (error: Error) => void;
  readonly signal: AbortSignal;
}

/**
 * Makes this process the only one that works on a clone. The lock of a process that was killed is taken over at
 * once on the same system, and after some seconds elsewhere.
 * @returns the function that gives the lock back
 * @throws AppError `LOCKED` when another process still holds it after `waitMs`
 */
export async function acquireLock(options: LockOptions): Promise<() => Promise<void>> {
  const lockPath = join(options.dir, 'celigo-mirror.lock');
  const ownerPath = join(options.dir, 'celigo-mirror.owner.json');
  const base = { realpath: false, stale: STALE_MS, update: RENEW_MS } as const;
  const deadline = performance.now() + options.waitMs;
  let told = false;
  for (;;) {
    try {
      const release = await lockfile.lock(options.dir, {
        ...base,
        lockfilePath: lockPath,
        onCompromised: options.onLost,
      });
      const me: Owner = {
        pid: process.pid,
        host: hostname(),
        boot: read('/proc/sys/kernel/random/boot_id'),
        pidNamespace: pidNamespace(),
        started: startOf(process.pid),
        lock: identityOf(lockPath),
      };
      writeFileSync(ownerPath, JSON.stringify(me));
      return release;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ELOCKED') throw error;
    }
    const owner = readOwner(ownerPath);
    if (owner && isDead(owner)) {
      await removeDeadLock(options.dir, lockPath, ownerPath);
    } else if (performance.now() > deadline) {
      throw new AppError(
        'LOCKED',
        `another process${owner ? ` (pid ${owner.pid} on ${owner.host})` : ''} works on ${options.dir}`,
        {
          hint: 'Wait until it has finished; a lock left by a killed process expires by itself within seconds',
        },
      );
    } else if (!told) {
      told = true;
      options.onWait(owner?.pid);
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    options.signal.throwIfAborted();
  }
}

/** Removes a dead owner's lock; a second lock keeps two rescuers from removing a living successor's. */
async function removeDeadLock(dir: string, lockPath: string, ownerPath: string): Promise<void> {
  const release = await lockfile.lock(dir, {
    realpath: false,
    stale: 5_000,
    lockfilePath: `${lockPath}.takeover`,
    retries: { retries: 60, minTimeout: 100, maxTimeout: 200 },
  });
  try {
    const owner = readOwner(ownerPath);
    if (owner && isDead(owner) && owner.lock === identityOf(lockPath)) await rmdir(lockPath);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  } finally {
    await release();
  }
}
