import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import type { JsonObject } from '../../src/core/json.ts';
import { parseYaml, renderYaml } from '../../src/core/yaml.ts';
import { sample } from '../support/account.ts';
import { git, Workspace } from '../support/workspace.ts';

const ID = /(?<![0-9a-f])[0-9a-f]{24}(?![0-9a-f])/g;

/** Another id for each id, the same one every time. */
export function otherId(id: string): string {
  return `6b${createHash('sha256').update(id).digest('hex').slice(0, 22)}`;
}

export function commit(dir: string, message = 'as it is'): void {
  git(dir, 'add', '--all');
  git(dir, '-c', 'user.name=Ann', '-c', 'user.email=ann@x.test', 'commit', '--quiet', '--message', message);
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

/** A mirror with the sample account as `sandbox`, and the same account with other ids as `production`. */
export async function twoAccounts(): Promise<Workspace> {
  const account = await sample();
  const [baseUrl, token] = [account.url, account.owner.token];
  const space = new Workspace({ sandbox: { baseUrl, token } });
  await space.mirrored();
  copyAccount(space.mirror, 'sandbox', 'production');
  commit(space.mirror);
  space.configure({ sandbox: { baseUrl, token }, production: { baseUrl, token } });
  return space;
}

/** Path of the one document of a type with a name. */
export function fileOf(space: Workspace, account: string, type: string, name: string): string {
  const folder = join(space.mirror, account, type);
  const found = readdirSync(folder).filter(
    (file) => file.endsWith('.yaml') && parsed(join(folder, file)).name === name,
  );
  if (found.length !== 1) throw new Error(`${found.length} ${type} ${name}`);
  return join(folder, found[0] ?? '');
}

function parsed(path: string): JsonObject {
  return parseYaml(readFileSync(path, 'utf8')) as JsonObject;
}

/** Changes a document in its file. */
export function edit(path: string, change: (doc: JsonObject) => JsonObject): void {
  writeFileSync(path, renderYaml(change(parsed(path))));
}
