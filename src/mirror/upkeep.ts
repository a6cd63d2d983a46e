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

/** Packs what many runs left loose, when git finds it worth the while. The clone must be locked. @throws GitFailure */
export async function tidyUp({ git }: Repository): Promise<void> {
  // Tidying would run it, and no option takes it back.
  if ((await git.ask(['config', '--get-all', 'gc.recentObjectsHook'])) !== undefined) return;
  await git.run(['-c', 'gc.auto=6700', '-c', 'gc.autoDetach=false', 'gc', '--auto', '--quiet']);
}
