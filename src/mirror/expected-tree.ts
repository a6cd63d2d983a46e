import { hash } from 'node:crypto';
import { type ObjectFormat, oidBytes } from '../core/digest.ts';
import type { NewCommit } from './object-writer.ts';
import type { Repository } from './repository.ts';

/** With more changes, comparing all files takes no longer. */
const MOST_CHANGES = 100;

/** What a folder is to hold: the ids of files and folders, each by its mode and name as a tree has them. */
type Folder = Map<string, string>;

/** The folders in which something changes, each before those above it; `undefined` where not only contents do. */
function foldersOf(requests: readonly Pick<NewCommit, 'changes'>[]): Map<string, Folder> | undefined {
  const folders = new Map<string, Folder>([['', new Map()]]);
  let count = 0;
  for (const { changes } of requests) {
    for (const { path, oid, folder, mode = '100644' } of changes) {
      count += 1;
      if (count > MOST_CHANGES || oid === undefined || folder) return undefined;
      const steps = path.split('/');
      const name = steps.pop() ?? '';
      let place = '';
      for (const step of steps) {
        place = place === '' ? step : `${place}/${step}`;
        if (!folders.has(place)) folders.set(place, new Map());
      }
      folders.get(place)?.set(`${mode} ${name}`, oid);
    }
  }
  return new Map([...folders].sort(([a], [b]) => b.length - a.length));
}

/**
 * Object id of the tree that commits on `from` are to end with, where they change the contents of some files alone:
 * it says as much as comparing all files, and is known while git still makes that tree. `undefined` otherwise, where a
 * change changes nothing. @throws GitFailure
 */
export async function expectedTree(
  { git, format }: Pick<Repository, 'git' | 'format'>,
  from: string,
  requests: readonly Pick<NewCommit, 'changes'>[],
): Promise<string | undefined> {
  const folders = foldersOf(requests);
  if (!folders) return undefined;
  const paths = [...folders.keys()];
  const trees = await git.find(paths.map((path) => `${from}:${path}`));
  let id: string | undefined;
  for (const [i, path] of paths.entries()) {
    const tree = trees[i]?.bytes;
    id = tree && idAfter(tree, folders.get(path) ?? new Map(), format);
    if (id === undefined) return undefined;
    const at = path.lastIndexOf('/');
    if (path !== '') folders.get(path.slice(0, Math.max(0, at)))?.set(`40000 ${path.slice(at + 1)}`, id);
  }
  return id;
}

/** Object id of a tree once it holds something else in some places; `undefined` where one of them has nothing else. */
function idAfter(tree: Buffer, folder: Folder, format: ObjectFormat): string | undefined {
  const object = Buffer.concat([Buffer.from(`tree ${tree.length}\0`), tree]);
  for (const [entry, oid] of folder) {
    const start = Buffer.from(`${entry}\0`);
    // Something else that reads like it leads to a tree that git does not make, and all files are compared.
    const at = object.indexOf(start);
    const place = at + start.length;
    if (at < 0 || object.toString('hex', place, place + oidBytes(format)) === oid) return undefined;
    object.write(oid, place, 'hex');
  }
  return hash(format, object);
}
