import { BINDING_FILE } from '../core/layout.ts';
import type { Git } from '../git/git.ts';

/** A commit in which a person gave the folder of an account another name, as `git mv prod production` does. */
export interface RenamedFolder {
  readonly commit: string;
  /** The name that it had before. */
  readonly former: string;
}

/**
 * The newest commit that renamed the folder as it was: what the mirror recorded before it has the old name. One that
 * also changes a file in the folder is not recognised: what git thinks is similar need not be the same account.
 * @param commits those that touch the folder's binding, the newest first; hardly any commit does
 */
export async function renamedFolder(
  git: Git,
  folder: string,
  commits: readonly string[],
): Promise<RenamedFolder | undefined> {
  for (const commit of commits) {
    const [now, before] = await Promise.all([foldersOf(git, commit), foldersOf(git, `${commit}^`)]);
    const former = [...before].find(([name, tree]) => !now.has(name) && tree === now.get(folder));
    if (former) return { commit, former: former[0] };
  }
  return undefined;
}

/** The folders at the root of a commit: name → tree; none where the clone lacks it, as at the end of a shallow one. */
async function foldersOf(git: Git, commit: string): Promise<ReadonlyMap<string, string>> {
  const listed = await git.ask(['ls-tree', '-d', '-z', '--full-tree', commit]);
  return new Map(
    (listed ?? '').split('\0').flatMap((entry) => {
      const [, tree, name] = /^040000 tree (\w+)\t(.+)$/s.exec(entry) ?? [];
      return tree && name ? [[name, tree]] : [];
    }),
  );
}

/** The names that an account's folder had before, the newest first. */
export async function formerNames(git: Git, folder: string): Promise<readonly string[]> {
  const names: string[] = [];
  for (let [name, end] = [folder, 'HEAD']; ; ) {
    const flags = ['--full-history', '--format=%H', '--no-show-signature'];
    const found = await git.ask(['log', ...flags, end, '--', `${name}/${BINDING_FILE}`]);
    const renamed = await renamedFolder(git, name, (found ?? '').split('\n').filter(Boolean));
    if (!renamed || renamed.former === folder || names.includes(renamed.former)) return names;
    [name, end] = [renamed.former, `${renamed.commit}^`];
    names.push(name);
  }
}
