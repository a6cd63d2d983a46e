import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Git } from './git.ts';
import type { Repository } from './repository.ts';

/** Name under which a stateless clone knows its remote: git fetches what is missing from a remote with a name only. */
export const STATELESS_REMOTE = 'celigo-mirror';
/** From this version on git notices files in the work tree that its sparse checkout excludes. */
const OLDEST_SPARSE_GIT = [2, 37] as const;

/**
 * Prepares an empty clone for a run that throws it away afterwards. A run compares object ids and writes only what
 * differs, so the newest commit and its trees are enough: no history, no contents, no files.
 * @returns the options of the first fetch; a server that cannot do one of them sends more
 */
export async function prepareStateless({ git, gitDir }: Repository, remote: string): Promise<readonly string[]> {
  await git.run(['config', `remote.${STATELESS_REMOTE}.url`, remote]);
  if (!(await isSparse(git))) return ['--depth=1'];
  await git.run(['config', 'core.sparseCheckout', 'true']);
  mkdirSync(join(gitDir, 'info'), { recursive: true });
  // Nothing but the two small files that are about the folder itself.
  writeFileSync(join(gitDir, 'info', 'sparse-checkout'), '/*/mirror.yaml\n/*/.gitattributes\n');
  return ['--depth=1', '--filter=blob:none'];
}

async function isSparse(git: Git): Promise<boolean> {
  const version = /(\d+)\.(\d+)/.exec((await git.ask(['--version'])) ?? '') ?? [];
  const [major = 0, minor = 0] = version.slice(1).map(Number);
  return major > OLDEST_SPARSE_GIT[0] || (major === OLDEST_SPARSE_GIT[0] && minor >= OLDEST_SPARSE_GIT[1]);
}

/**
 * Fetches up to `count` commits more behind those that a clone which is not kept begins with: what they say, not what
 * they hold. A server that cannot leave that out sends more.
 * @throws GitFailure
 */
export async function deepen({ git, branch }: Repository, count: number): Promise<void> {
  const less = (await isSparse(git)) ? ['--filter=tree:0'] : [];
  const options = ['--quiet', '--no-tags', '--no-write-fetch-head', `--deepen=${count}`, ...less];
  await git.run(['fetch', ...options, STATELESS_REMOTE, `refs/heads/${branch}`], { stoppable: true });
}
