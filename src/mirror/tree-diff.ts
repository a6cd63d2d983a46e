import type { ObjectFormat } from '../core/digest.ts';
import type { Repository } from './repository.ts';

/** A place in which two trees differ: of each, `<mode> <object id>`, or nothing. */
export interface TreeDifference {
  readonly before: string | undefined;
  readonly after: string | undefined;
}

/** Beginning of a record of `diff-tree --raw -z`; the path is the next one. */
const RAW = /^:(\d+) (\d+) ([0-9a-f]+) ([0-9a-f]+) [A-Z]\d*$/;

/** Object id of the tree without files, which git knows without having it. */
const EMPTY_TREE: Readonly<Record<ObjectFormat, string>> = {
  sha1: '4b825dc642cb6eb9a060e54bf8d69288fbee4904',
  sha256: '6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321',
};

function entryOf(mode: string, oid: string): string | undefined {
  return /^0+$/.test(oid) ? undefined : `${mode} ${oid}`;
}

/** Object id of an entry. */
export function oidOf(entry: string): string {
  return entry.slice(entry.indexOf(' ') + 1);
}

/** What `git diff-tree` finds, by path. @throws GitFailure */
async function diffTree({ git }: Repository, words: readonly string[]): Promise<Map<string, TreeDifference>> {
  const shown = ['--raw', '-z', '--no-renames', '--no-abbrev', '--ignore-submodules=none'];
  const records = (await git.run(['diff-tree', ...shown, ...words])).split('\0');
  const found = new Map<string, TreeDifference>();
  for (let i = 0; i + 1 < records.length; i += 2) {
    const [, oldMode = '', mode = '', oldOid = '', oid = ''] = RAW.exec(records[i] ?? '') ?? [];
    found.set(records[i + 1] ?? '', { before: entryOf(oldMode, oldOid), after: entryOf(mode, oid) });
  }
  return found;
}

/** The files that differ between two trees, or commits; `undefined`: one without files. @throws GitFailure */
export async function differing(
  repository: Repository,
  before: string | undefined,
  after: string | undefined,
): Promise<Map<string, TreeDifference>> {
  const empty = EMPTY_TREE[repository.format];
  return diffTree(repository, ['-r', before ?? empty, after ?? empty]);
}

/** What a commit changed, against its first parent. @param words `-r` for files, or nothing for what is at the top */
export async function changedIn(
  repository: Repository,
  commit: string,
  ...words: readonly string[]
): Promise<Map<string, TreeDifference>> {
  return diffTree(repository, ['--root', '--no-commit-id', '-m', '--first-parent', ...words, commit]);
}
