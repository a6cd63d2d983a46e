import { readFileSync, readlinkSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
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
  /** Start of the machine and namespace in which the process id means this process. */
  readonly system: string;
  /** Inode and birth of the lock directory that this owner made. */
  readonly lock: string;
}

function readOr<T>(read: () => T, otherwise: T): T {
  try {
    return read();
  } catch {
    return otherwise;
  }
}

function thisSystem(): string {
  const boot = readOr(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(), '');
  return `${boot} ${readOr(() => readlinkSync('/proc/self/ns/pid'), '')}`;
}

function identityOf(path: string): string {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat ? `${stat.ino}:${stat.birthtimeMs}` : '';
}

function readOwner(path: string): Owner | undefined {
  return readOr(() => JSON.parse(readFileSync(path, 'utf8')) as Owner, undefined);
}

/**
 * Whether the owner is certainly dead. In doubt, also when its id was given to another process, its lock expires.
 */
function isDead(owner: Owner): boolean {
  if (owner.host !== hostname() || owner.system !== thisSystem()) return false;
  try {
    process.kill(owner.pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}

interface LockOptions {
  /** Existing folder that the lock protects; the lock is made inside. */
  readonly dir: string;
  /** How long to wait for another holder, in milliseconds. */
  readonly waitMs: number;
  /** Called once when another process holds the lock and waiting begins. */
  readonly onWait: (pid: number | undefined) => void;
  /** Called when the lock was lost although this process lives (a clock jump, a folder that was removed). */
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
  let reported = false;
  for (;;) {
    try {
      const release = await lockfile.lock(options.dir, {
        ...base,
        lockfilePath: lockPath,
        onCompromised: options.onLost,
      });
      const me: Owner = { pid: process.pid, host: hostname(), system: thisSystem(), lock: identityOf(lockPath) };
      try {
        writeFileSync(ownerPath, JSON.stringify(me));
      } catch (error) {
        // On a full disk. Held on to, the lock would keep out every later run of this process.
        await release().catch(() => undefined);
        throw error;
      }
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
        `another process${owner ? ` (pid ${owner.pid} on ${owner.host})` : ''} is using ${options.dir}`,
        { hint: 'Wait until it has finished; the lock of a killed process expires within seconds' },
      );
    } else if (!reported) {
      reported = true;
      options.onWait(owner?.pid);
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    options.signal.throwIfAborted();
  }
}

/** Gives back the lock that a thread of this process holds, after that was cut off. */
export function removeOwnLock(dir: string): void {
  const lockPath = join(dir, 'celigo-mirror.lock');
  const owner = readOwner(join(dir, 'celigo-mirror.owner.json'));
  if (owner?.pid !== process.pid || owner.host !== hostname() || owner.system !== thisSystem()) return;
  // A lock that cannot be removed expires.
  if (owner.lock === identityOf(lockPath)) readOr(() => rmdirSync(lockPath), undefined);
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
