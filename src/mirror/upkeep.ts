import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Git } from '../git/git.ts';
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

/** Reads size and push lag of the clone. @throws GitFailure */
export async function measure({ git }: Repository, remote: boolean): Promise<RepositoryMeasures> {
  const seen = remote ? await git.ask(['rev-parse', '--verify', '--quiet', SEEN]) : undefined;
  const [count, waiting] = await Promise.all([
    git.run(['count-objects', '-v']),
    // A remote that was never reached has nothing.
    remote ? git.ask(['log', '--format=%ct', 'HEAD', ...(seen ? [`^${seen.trim()}`] : [])]) : undefined,
  ]);
  const value = (key: string): number => Number(new RegExp(`^${key}: (\\d+)$`, 'm').exec(count)?.[1] ?? 0);
  const times = (waiting ?? '').split('\n').filter(Boolean).map(Number);
  return {
    unpushed: times.length,
    unpushedSince: times.length === 0 ? undefined : new Date(Math.min(...times) * 1000),
    bytes: (value('size') + value('size-pack') + value('size-garbage')) * 1024,
    looseObjects: value('count'),
  };
}

/**
 * More packs or loose objects than this are worth the work. A run leaves one small pack or some loose objects; a git
 * process that looks for a new object opens the index of every pack: 50 (git's own limit) cost it 0.7 ms, 500 cost 10.
 */
const MOST_PACKS = 50;
const MOST_LOOSE = 6_700;

/** A pack as a git process writes it before it renames it; of this age, it belonged to one that was killed. */
const TEMPORARY = /^(?:\.tmp-|tmp_)/;
const LEFT_MS = 24 * 60 * 60_000;

/** Whether a folder of objects holds so many. As git does, it counts the loose ones of one folder in 256. */
export function isUntidy(objects: string): boolean {
  const names = (folder: string): string[] =>
    existsSync(join(objects, folder)) ? readdirSync(join(objects, folder)) : [];
  const packs = names('pack');
  // Those with a mark are kept by git, so they stay as many as they are.
  const counted = packs.filter((name) => name.endsWith('.pack') && !packs.includes(name.replace(/pack$/, 'keep')));
  return counted.length > MOST_PACKS || names('17').length * 256 > MOST_LOOSE;
}

/** The folder of objects: asked of git only where a clone is not an ordinary one, since that takes a process. */
async function objectsOf(git: Git, path: string): Promise<string> {
  const usual = join(path, '.git', 'objects');
  return existsSync(usual) ? usual : resolve(path, (await git.run(['rev-parse', '--git-path', 'objects'])).trim());
}

/**
 * Puts what many runs left into one pack, when that is worth the while. Needs no lock: it removes only packs whose
 * objects it has copied, those that no commit names included, so another run may read and write meanwhile. `git gc`
 * could remove an object that such a run is about to use again, takes the locks of branches, and refuses to work for a
 * day after a failure. Killed at any moment, it leaves the packs as they were, and a file that the next one removes.
 * @throws GitFailure
 */
export async function tidyUp(git: Git, path: string, now: Date): Promise<void> {
  const objects = await objectsOf(git, path);
  if (!isUntidy(objects)) return;
  removeLeftovers(join(objects, 'pack'), now);
  // Slower than with every core, which is better than slowing others down.
  const gently = ['--threads=1', '--quiet'];
  await git.run(['repack', '-a', '-d', '-l', '-n', '--keep-unreachable', ...gently], { stoppable: true });
}

function removeLeftovers(packs: string, now: Date): void {
  for (const name of readdirSync(packs).filter((each) => TEMPORARY.test(each))) {
    const path = join(packs, name);
    const written = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? now.getTime();
    if (now.getTime() - written > LEFT_MS) rmSync(path, { force: true });
  }
}
