import { hash } from 'node:crypto';
import { type ObjectFormat, oidBytes } from '../core/digest.ts';
import type { NewCommit } from './object-writer.ts';
import type { Repository } from './repository.ts';

/** With more changes, comparing all files takes no longer. */
const MOST_CHANGES = 100;

/** How a tree marks a folder. */
const FOLDER = '40000';

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

/** What commits are to end with that change the contents of some files alone. */
export interface ExpectedTree {
  /** Object id: it says as much as comparing all files, and is known while git still makes that tree. */
  readonly tree: string;
  /** Paths of those files → object ids of what they held before. */
  readonly replaced: ReadonlyMap<string, string>;
}

/**
 * The tree that commits on `from` are to end with; `undefined` where they do more than replace the contents of some
 * files, or a change changes nothing. @throws GitFailure
 */
export async function expectedTree(
  { git, format }: Pick<Repository, 'git' | 'format'>,
  from: string,
  requests: readonly Pick<NewCommit, 'changes'>[],
): Promise<ExpectedTree | undefined> {
  const folders = foldersOf(requests);
  if (!folders) return undefined;
  const paths = [...folders.keys()];
  const trees = await git.find(paths.map((path) => `${from}:${path}`));
  const replaced = new Map<string, string>();
  let tree = '';
  for (const [i, path] of paths.entries()) {
    const before = trees[i]?.bytes;
    const after = before && replace(before, folders.get(path) ?? new Map(), format);
    if (!after) return undefined;
    tree = after.id;
    const at = path.lastIndexOf('/');
    if (path !== '') folders.get(path.slice(0, Math.max(0, at)))?.set(`${FOLDER} ${path.slice(at + 1)}`, tree);
    for (const [name, oid] of after.files) replaced.set(path === '' ? name : `${path}/${name}`, oid);
  }
  return { tree, replaced };
}

/** A tree once it holds something else in some places. */
interface Replaced {
  readonly id: string;
  /** Names of the files among these places, and the object ids of what they held before. */
  readonly files: readonly (readonly [name: string, oid: string])[];
}

/** `undefined` where one of the places has nothing else, or is not there. */
function replace(tree: Buffer, folder: Folder, format: ObjectFormat): Replaced | undefined {
  const object = Buffer.concat([Buffer.from(`tree ${tree.length}\0`), tree]);
  const files: [name: string, oid: string][] = [];
  for (const [entry, oid] of folder) {
    const start = Buffer.from(`${entry}\0`);
    // Something else that reads like it leads to a tree that git does not make, and all files are compared.
    const at = object.indexOf(start);
    const place = at + start.length;
    const before = object.toString('hex', place, place + oidBytes(format));
    if (at < 0 || before === oid) return undefined;
    object.write(oid, place, 'hex');
    const [mode = '', name = ''] = entry.split(/ (.*)/s);
    if (mode !== FOLDER) files.push([name, before]);
  }
  return { id: hash(format, object), files };
}
