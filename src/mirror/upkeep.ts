import { readdirSync, rmSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Git } from './git.ts';
import { SEEN } from './remote.ts';
import type { Repository } from './repository.ts';

/** How the clone is doing. */
export interface RepositoryMeasures {
  /** Commits that the remote does not have; 0 without a remote. */
  readonly unpushed: number;
  /** When the oldest of them was made. */
  readonly unpushedSince: Date | undefined;
  /** Size of all objects on the disk. */
  readonly bytes: number;
  readonly looseObjects: number;
}

function countIn(counted: string, key: string): number {
  return Number(new RegExp(`^${key}: (\\d+)$`, 'm').exec(counted)?.[1] ?? 0);
}

/** Reads size and push lag of the clone. @throws GitFailure */
export async function measure({ git }: Repository, remote: boolean): Promise<RepositoryMeasures> {
  const seen = remote ? await git.ask(['rev-parse', '--verify', '--quiet', SEEN]) : undefined;
  const [count, waiting] = await Promise.all([
    git.run(['count-objects', '-v']),
    // A remote that was never reached has nothing.
    remote ? git.ask(['log', '--format=%ct', 'HEAD', ...(seen ? [`^${seen.trim()}`] : [])]) : undefined,
  ]);
  const value = (key: string): number => countIn(count, key);
  const times = (waiting ?? '').split('\n').filter(Boolean).map(Number);
  return {
    unpushed: times.length,
    unpushedSince: times.length === 0 ? undefined : new Date(Math.min(...times) * 1000),
    bytes: (value('size') + value('size-pack') + value('size-garbage')) * 1024,
    looseObjects: value('count'),
  };
}

/**
 * More packs or loose objects than this are worth the work. A run leaves one small pack or some loose objects; each git
 * process opens the index of every pack, and 50 of them (git's own limit) cost it less than a millisecond.
 */
const MOST_PACKS = 50;
const MOST_LOOSE = 6_700;

/** What a git process writes to before it renames; of this age, it belonged to one that was killed. */
const TEMPORARY = /^(?:\.tmp-|tmp_)/;
const LEFT_MS = 24 * 60 * 60_000;

/** @param counted what `git count-objects -v` prints */
export function isUntidy(counted: string): boolean {
  return countIn(counted, 'packs') > MOST_PACKS || countIn(counted, 'count') > MOST_LOOSE;
}

/**
 * Puts what many runs left into one pack, when that is worth the while. Needs no lock: it removes only packs whose
 * objects it has copied, those that no commit names included, so another run may read and write meanwhile. `git gc`
 * could remove an object that such a run is about to use again, takes the locks of branches, and refuses to work for a
 * day after a failure. Killed at any moment, it leaves the packs as they were, and a file that the next one removes.
 * @throws GitFailure
 */
export async function tidyUp(git: Git, path: string, now: Date): Promise<void> {
  if (!isUntidy(await git.run(['count-objects', '-v']))) return;
  const objects = resolve(path, (await git.run(['rev-parse', '--git-path', 'objects'])).trim());
  removeLeftovers(objects, now);
  // Slower than with every core, which is better than slowing others down.
  const gently = ['--threads=1', '--quiet'];
  await git.run(['repack', '-a', '-d', '-l', '-n', '--keep-unreachable', ...gently], { stoppable: true });
}

function removeLeftovers(objects: string, now: Date): void {
  for (const name of readdirSync(objects)) {
    if (!/^(?:pack|[0-9a-f]{2})$/.test(name)) continue;
    for (const file of readdirSync(join(objects, name)).filter((each) => TEMPORARY.test(each))) {
      const path = join(objects, name, file);
      const written = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? now.getTime();
      if (now.getTime() - written > LEFT_MS) rmSync(path, { force: true });
    }
  }
}
