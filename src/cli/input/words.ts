import { existsSync, realpathSync } from 'node:fs';
import { resolve } from 'node:path';
import { readPath } from '../../core/layout.ts';
import { typeNamed } from '../../core/selectors.ts';

/** A folder without links on the way; as it is where it does not exist. */
export function realOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

/** Path of `path` inside `root`, empty for `root` itself; `undefined` for one outside. */
export function insideOf(root: string, path: string): string | undefined {
  for (const [above, below] of [
    [root, path],
    [realOf(root), realOf(path)],
  ] as const) {
    if (below === above) return '';
    if (below.startsWith(`${above}/`)) return below.slice(above.length + 1);
  }
  return undefined;
}

/**
 * A selector as it is meant in the mirror: a path from the working directory, as a shell completes it, becomes one from
 * the mirror's root, even if the file no longer exists. Everything else stays.
 */
export function wordInside(text: string, cwd: string, root: string, accounts: readonly string[]): string {
  const path = resolve(cwd, text);
  const inside = text === '' ? undefined : insideOf(root, path);
  if (inside === undefined) return text;
  if (inside === '') return 'all';
  const [account = '', ...rest] = inside.split('/');
  if (!accounts.includes(account)) return text;
  const names = text.includes('/') && rest.length === 2 && typeNamed(rest[0] ?? '') !== undefined;
  return names || readPath(rest.join('/')) !== undefined || existsSync(path) ? inside : text;
}

/** The account in whose folder the working directory is. */
export function accountAround(cwd: string, root: string, accounts: readonly string[]): string | undefined {
  const [folder] = insideOf(root, cwd)?.split('/') ?? [];
  return accounts.find((account) => account === folder);
}
