import type { Git } from '../../git/git.ts';

/** Clocks differ by so much without harm. */
const TOLERANCE_MS = 5 * 60_000;

/** A newest commit that is dated in the future. */
export interface FutureHead {
  readonly commit: string;
  readonly time: string;
  readonly detail: string;
  readonly remedy: string;
}

/** Whether the newest commit, whoever made it, is dated in the future. */
export async function futureHead(git: Git, now: Date): Promise<FutureHead | undefined> {
  const out = await git.ask(['log', '-1', '--no-show-signature', '--format=%H %ct', 'HEAD', '--']);
  const [commit = '', seconds] = (out ?? '').trim().split(' ');
  const time = new Date(Number(seconds) * 1000);
  if (commit === '' || !(time.getTime() > now.getTime() + TOLERANCE_MS)) return undefined;
  const said = time.toISOString().replace(/\.\d+Z$/, 'Z');
  return {
    commit,
    time: said,
    detail: `the newest commit (${commit.slice(0, 12)}) is dated in the future: ${said}`,
    remedy:
      'Set the clock of the machine that made it. Restores are not affected: --at uses the times at which the ' +
      'account was read. git log --since uses the dates of commits',
  };
}
