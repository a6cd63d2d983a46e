import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { type Git, GitFailure } from '../../git/git.ts';

/** What `git fsck` prints of an object that is what its id says, but was written carelessly. */
const CARELESS = /^(?:error|warning) in \w+ [0-9a-f]+: |^notice: /;

/** Objects that are missing, damaged, or not what their id says: git itself checks that only where it is asked to. */
async function damagedObjects(git: Git): Promise<string[]> {
  try {
    await git.run(['fsck', '--full', '--no-dangling', '--no-progress']);
    return [];
  } catch (error) {
    if (!(error instanceof GitFailure)) throw error;
    const lines = error.stderr.split('\n').filter((line) => line.trim() !== '');
    return lines.length === 0 ? ['git fsck: objects are missing'] : lines.filter((line) => !CARELESS.test(line));
  }
}

/**
 * Whatever in a repository takes the place of its history: replaced objects, grafts, objects in another folder, and
 * objects that are not what their id says. Git would show each as the history itself; here they are never obeyed, only
 * named.
 * @param root folder of the repository
 * @throws GitFailure
 */
export async function findForged(git: Git, root: string): Promise<string[]> {
  const replaced = (await git.run(['for-each-ref', '--format=%(refname)', 'refs/replace/']))
    .split('\n')
    .filter(Boolean);
  // Git ignores grafts, and so would not name their file.
  const [info = '', objects = ''] = (await git.run(['rev-parse', '--git-path', 'info', '--git-path', 'objects'])).split(
    '\n',
  );
  const holds = (folder: string, name: string): boolean => {
    const path = resolve(root, folder, name);
    return existsSync(path) && readFileSync(path, 'utf8').trim() !== '';
  };
  return [
    ...replaced.map((name) => `${name}: another object is put in the place of this one; it was not believed`),
    ...(holds(info, 'grafts') ? ['info/grafts: other parents are given to commits; they were not believed'] : []),
    ...(holds(objects, 'info/alternates') ? ['objects/info/alternates: objects come from another folder'] : []),
    ...(await damagedObjects(git)),
  ];
}
