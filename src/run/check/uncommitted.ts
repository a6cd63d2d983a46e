import { join } from 'node:path';
import { blobOid } from '../../core/digest.ts';
import type { Git } from '../../git/git.ts';
import { headCommit, readState } from '../../history/state.ts';
import { accountsInHead, hasWorkTree, readFolder } from '../../mirror/folder.ts';

/** A file that is not as the last commit has it. */
export interface Difference {
  readonly path: string;
  readonly how: 'gone' | 'new' | 'changed';
}

/**
 * How files differ from those of a commit. Their bytes decide: what git says of a file depends on flags of the index
 * (`assume-unchanged`, `skip-worktree`) and on its lists of what to ignore.
 * @param head path → object id
 */
export function differencesFrom(
  head: ReadonlyMap<string, string>,
  files: ReadonlyMap<string, Buffer>,
): readonly Difference[] {
  const gone = [...head.keys()].filter((path) => !files.has(path));
  const others = [...files].flatMap(([path, bytes]): Difference[] => {
    const oid = head.get(path);
    if (oid === undefined) return [{ path, how: 'new' }];
    const same = oid === blobOid(bytes, oid.length === 64 ? 'sha256' : 'sha1');
    return same ? [] : [{ path, how: 'changed' }];
  });
  return [...gone.map((path): Difference => ({ path, how: 'gone' })), ...others];
}

/** Files of the accounts' folders that are not as the last commit has them, by their paths from the root. */
export async function uncommittedIn(git: Git, root: string, accounts: readonly string[]): Promise<string[]> {
  if (!(await hasWorkTree(git))) return [];
  const paths: string[] = [];
  for (const account of (await accountsInHead(git, root)).filter((name) => accounts.includes(name))) {
    const { files } = await readState(git, account, await headCommit(git));
    const differences = differencesFrom(files, readFolder(join(root, account)));
    paths.push(...differences.map(({ path }) => `${account}/${path}`));
  }
  return paths.sort();
}
