import type { Repository } from './repository.ts';

/** Name under which a stateless clone knows its remote: git fetches what is missing from a remote with a name only. */
export const STATELESS_REMOTE = 'celigo-mirror';

/**
 * Prepares an empty clone for a run that throws it away afterwards. A run compares object ids and writes only what
 * differs, so the newest commit and its trees are enough: no history, no contents.
 * @returns the options of the first fetch; a server that cannot do one of them sends more
 */
export async function prepareStateless({ git }: Repository, remote: string): Promise<readonly string[]> {
  await git.run(['config', `remote.${STATELESS_REMOTE}.url`, remote]);
  return ['--depth=1', '--filter=blob:none'];
}

/**
 * Fetches up to `count` commits more behind those that a clone which is not kept begins with: what they say, not what
 * they hold. A server that cannot leave that out sends more.
 * @throws GitFailure
 */
export async function deepen({ git, branch }: Repository, count: number): Promise<void> {
  const options = ['--quiet', '--no-tags', '--no-write-fetch-head', `--deepen=${count}`, '--filter=tree:0'];
  await git.run(['fetch', ...options, STATELESS_REMOTE, `refs/heads/${branch}`]);
}
