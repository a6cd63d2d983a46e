import { hash } from 'node:crypto';
import type { ObjectFormat } from '../../src/core/digest.ts';

/**
 * Writes the trees of some files (path → object id) as git stores them.
 * @param objects the trees by their ids
 * @param order that of git, or any: a program of someone else need not know it
 * @returns the id of the uppermost
 */
export function writeTrees(
  files: ReadonlyMap<string, string>,
  objects: Map<string, Buffer>,
  format: ObjectFormat = 'sha1',
  order: 'git' | 'any' = 'git',
): string {
  const below = new Map<string, Map<string, string>>();
  const entries: [name: string, mode: string, oid: string][] = [];
  for (const [path, oid] of files) {
    const [name = '', ...rest] = path.split('/');
    if (rest.length === 0) entries.push([name, '100644', oid]);
    else below.set(name, (below.get(name) ?? new Map()).set(rest.join('/'), oid));
  }
  for (const [name, held] of below) entries.push([name, '40000', writeTrees(held, objects, format, order)]);
  const sortName = ([name, mode]: (typeof entries)[number]) => Buffer.from(mode === '40000' ? `${name}/` : name);
  if (order === 'git') entries.sort((a, b) => Buffer.compare(sortName(a), sortName(b)));
  const parts = entries.flatMap(([name, mode, oid]) => [Buffer.from(`${mode} ${name}\0`), Buffer.from(oid, 'hex')]);
  const tree = Buffer.concat(parts);
  const id = hash(format, Buffer.concat([Buffer.from(`tree ${tree.length}\0`), tree]));
  objects.set(id, tree);
  return id;
}
