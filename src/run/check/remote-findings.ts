import type { Config } from '../../config/schema.ts';
import { counted } from '../../core/counted.ts';
import type { Git } from '../../git/git.ts';
import { PUSHED, refusalOf, remoteTip, resolve } from '../../mirror/remote.ts';
import { reasonOf } from '../../mirror/said.ts';
import type { Finding } from './finding.ts';

const AREA = 'remote';

/** Whether the remote can be reached, and whether what it holds goes together with the clone. */
export async function examineRemote(git: Git, { repository }: Config, cloned: boolean): Promise<Finding[]> {
  const { remote, branch } = repository;
  if (!remote) {
    const detail = 'no remote: the mirror exists on this machine only';
    return [{ area: AREA, check: 'configured', verdict: 'note', detail }];
  }
  try {
    const theirs = await remoteTip(git, remote, branch);
    const detail = `reachable, ${theirs ? `branch ${branch} found` : `it has no branch ${branch} yet`}`;
    const found: Finding = { area: AREA, check: 'reachable', verdict: 'ok', detail };
    return [found, ...(cloned ? await compare(git, repository, remote, theirs) : [])];
  } catch (error) {
    return [
      {
        area: AREA,
        check: 'reachable',
        verdict: 'fault',
        detail: reasonOf(error),
        remedy: 'Check repository.remote and its credentials (sshKeyFile, or username with tokenFile)',
      },
    ];
  }
}

/** How the clone and the remote's branch, at `theirs`, go together. @throws GitFailure */
async function compare(
  git: Git,
  { branch, path }: Config['repository'],
  remote: string,
  theirs: string | undefined,
): Promise<Finding[]> {
  const found = { area: AREA, check: 'history' } as const;
  const ours = await resolve({ git }, `refs/heads/${branch}`);
  if (!ours) return [];
  if (!theirs) {
    if (!(await resolve({ git }, PUSHED))) return [];
    const detail = `the branch ${branch} is gone from the remote`;
    return [{ ...found, verdict: 'note', detail, remedy: 'The next sync pushes its complete history again' }];
  }
  // Objects only: no branch moves, and the next run needs them anyway.
  if (!(await resolve({ git }, theirs)))
    await git.run(['fetch', '--quiet', '--no-tags', '--no-write-fetch-head', remote, `refs/heads/${branch}`]);
  const refusal = await refusalOf({ git, branch, path }, theirs);
  if (refusal) return [{ ...found, verdict: 'fault', detail: refusal.message, remedy: refusal.hint }];
  const waiting = Number(await git.run(['rev-list', '--count', `${theirs}..${ours}`]));
  if (waiting === 0) return [{ ...found, verdict: 'ok', detail: 'has every commit of the clone' }];
  const detail = `${counted(waiting, 'commit')} of the clone ${waiting === 1 ? 'is' : 'are'} not pushed yet`;
  return [{ ...found, verdict: 'note', detail, remedy: 'The next sync pushes them, or reports why it cannot' }];
}
