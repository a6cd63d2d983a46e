import { hash } from 'node:crypto';
import { type ObjectFormat, oidBytes } from '../core/digest.ts';
import { endOfEntry, readEntry, sortName, type TreeEntry } from '../git/tree-entries.ts';
import type { NewCommit } from './object-writer.ts';
import type { Repository } from './repository.ts';

/** What becomes of a folder, by name: the object id of a file, `undefined` for one that goes, changes of a folder. */
type Changes = Map<string, string | undefined | Changes>;

/** With more changes, as a first run has, the trees would be its peak of memory. */
const MOST_CHANGES = 1_000;

/** `undefined` for more than {@link MOST_CHANGES}, and for what is not a plain file. */
function changesOf(requests: readonly Pick<NewCommit, 'changes'>[]): Changes | undefined {
  const root: Changes = new Map();
  let count = 0;
  for (const { changes } of requests) {
    for (const { path, oid, folder, mode } of changes) {
      count += 1;
      if (count > MOST_CHANGES || folder || mode !== undefined) return undefined;
      const steps = path.split('/');
      const name = steps.pop() ?? '';
      let place = root;
      for (const step of steps) {
        const held = place.get(step);
        const below: Changes = held instanceof Map ? held : new Map();
        place.set(step, below);
        place = below;
      }
      place.set(name, oid);
    }
  }
  return root;
}

function entryBytes({ name, oid, isFolder }: TreeEntry): Buffer {
  return Buffer.concat([Buffer.from(`${isFolder ? '40000' : '100644'} ${name}\0`), Buffer.from(oid, 'hex')]);
}

function idOf(tree: Buffer, format: ObjectFormat): string {
  return hash(format, Buffer.concat([Buffer.from(`tree ${tree.length}\0`), tree]));
}

/** A new entry, or one that goes. */
type Change = Omit<TreeEntry, 'oid'> & { readonly oid: string | undefined };

/** A tree with some entries changed, the others copied as they are; `undefined` where a change changes nothing. */
function withChanges(tree: Buffer, changes: readonly Change[], idBytes: number): Buffer | undefined {
  const sorted = changes.map((change) => ({ ...change, key: sortName(change) }));
  sorted.sort((a, b) => Buffer.compare(a.key, b.key));
  const parts: Buffer[] = [];
  let [at, copied] = [0, 0];
  for (const { key, name, oid, isFolder } of sorted) {
    let order = -1;
    let end = at;
    for (; at < tree.length; at = end) {
      end = endOfEntry(tree, at, idBytes);
      order = compareEntry(tree, at, end, idBytes, key);
      if (order >= 0) break;
    }
    parts.push(tree.subarray(copied, at));
    const held = order === 0 ? tree.subarray(at, end) : Buffer.alloc(0);
    const now = oid === undefined ? Buffer.alloc(0) : entryBytes({ name, oid, isFolder });
    if (held.equals(now)) return undefined;
    parts.push(now);
    copied = at + held.length;
    at = copied;
  }
  return Buffer.concat([...parts, tree.subarray(copied)]);
}

/** Where an entry is sorted against a name: before it (-1), in its place (0), after it (1). */
function compareEntry(tree: Buffer, start: number, end: number, idBytes: number, key: Buffer): number {
  const name = tree.indexOf(0x20, start) + 1;
  const isFolder = tree[start] === 0x34;
  if (isFolder) return Buffer.compare(sortName(readEntry(tree, start, end, idBytes)), key);
  return tree.compare(key, 0, key.length, name, end - idBytes - 1);
}

function folderIn(tree: Buffer, name: string, idBytes: number): string | undefined {
  for (let at = 0; at < tree.length; ) {
    const end = endOfEntry(tree, at, idBytes);
    const entry = readEntry(tree, at, end, idBytes);
    if (entry.name === name && entry.isFolder) return entry.oid;
    at = end;
  }
  return undefined;
}

/**
 * Object id of the tree that commits on `from` are to end with. It says as much as comparing all files, and is known
 * while git still makes that tree. `undefined` where a change changes nothing, and where it is not that easy to tell.
 * @throws GitFailure
 */
export async function expectedTree(
  { git, format }: Pick<Repository, 'git' | 'format'>,
  from: string | undefined,
  requests: readonly Pick<NewCommit, 'changes'>[],
): Promise<string | undefined> {
  const idBytes = oidBytes(format);
  const read = async (name: string | undefined): Promise<Buffer> =>
    (name === undefined ? undefined : (await git.objects([name]))[0]) ?? Buffer.alloc(0);
  async function after(tree: Buffer, changes: Changes): Promise<Buffer | undefined> {
    const list: Change[] = [];
    for (const [name, what] of changes) {
      if (!(what instanceof Map)) {
        list.push({ name, oid: what, isFolder: false });
        continue;
      }
      const below = await after(await read(folderIn(tree, name, idBytes)), what);
      if (!below) return undefined;
      list.push({ name, oid: below.length === 0 ? undefined : idOf(below, format), isFolder: true });
    }
    return withChanges(tree, list, idBytes);
  }
  const changes = from === undefined ? undefined : changesOf(requests);
  const tree = changes && (await after(await read(`${from}^{tree}`), changes));
  return tree && idOf(tree, format);
}
