import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { JsonObject } from '../../src/core/json.ts';
import { parseYaml, renderYaml } from '../../src/core/yaml.ts';
import { sample } from '../support/account.ts';
import { copyAccount } from '../support/copied-account.ts';
import { git, Workspace } from '../support/workspace.ts';

export function commit(dir: string, message = 'as it is'): void {
  git(dir, 'add', '--all');
  git(dir, '-c', 'user.name=Ann', '-c', 'user.email=ann@x.test', 'commit', '--quiet', '--message', message);
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
