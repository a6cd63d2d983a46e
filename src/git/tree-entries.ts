/** Something in a tree. */
export interface TreeEntry {
  readonly name: string;
  readonly oid: string;
  readonly isFolder: boolean;
}

/** Where the entry of a tree as git stores it ends: mode, a space, name, NUL and the bytes of the id. */
export function endOfEntry(tree: Buffer, start: number, idBytes: number): number {
  return start < tree.length ? tree.indexOf(0, start) + 1 + idBytes : start;
}

export function readEntry(tree: Buffer, start: number, end: number, idBytes: number): TreeEntry {
  const space = tree.indexOf(' ', start);
  return {
    name: tree.toString('utf8', space + 1, end - idBytes - 1),
    oid: tree.toString('hex', end - idBytes, end),
    isFolder: tree.toString('latin1', start, space) === '40000',
  };
}

/** The name of an entry by which git sorts: that of a folder ends with a slash. */
export function sortName({ name, isFolder }: Pick<TreeEntry, 'name' | 'isFolder'>): Buffer {
  return Buffer.from(isFolder ? `${name}/` : name);
}
