import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

const ID = /(?<![0-9a-f])[0-9a-f]{24}(?![0-9a-f])/g;

/** Another id for each id, the same one every time. */
export function otherId(id: string): string {
  return `6b${createHash('sha256').update(id).digest('hex').slice(0, 22)}`;
}

/** The files of an account as a second account has them, with other ids everywhere that the account itself gave. */
export function copyAccount(mirror: string, from: string, to: string): void {
  const root = join(mirror, from);
  const paths = readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)));
  const own = new Set(paths.flatMap((path) => path.match(ID) ?? []));
  const renamed = (text: string): string => text.replace(ID, (id) => (own.has(id) ? otherId(id) : id));
  for (const path of paths) {
    const target = join(mirror, to, renamed(path));
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, renamed(readFileSync(join(root, path), 'utf8')));
  }
}
