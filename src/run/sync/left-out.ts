import { findType } from '../../catalogue/index.ts';
import type { AccountConfig } from '../../config/schema.ts';
import type { TreeDifference } from '../../mirror/tree-diff.ts';
import { selectTypes } from './collect/all.ts';

/** The types among some names of folders that the configuration of an account leaves out. */
export function leftOutTypes(account: AccountConfig, folders: Iterable<string>): string[] {
  const mirrored = new Set(selectTypes(account).map(({ name }) => name));
  return [...new Set(folders)].filter((name) => findType(name) && !mirrored.has(name)).sort();
}

/**
 * Leaves out of what people changed the files that they removed of types that the configuration leaves out: that
 * cleans up, it edits nothing.
 */
export function withoutCleaned(
  account: AccountConfig,
  changed: ReadonlyMap<string, TreeDifference>,
): { readonly files: ReadonlyMap<string, TreeDifference>; readonly cleaned: readonly string[] } {
  const typeOf = (path: string): string => path.slice(0, Math.max(0, path.indexOf('/')));
  const removed = [...changed].flatMap(([path, { after }]) => (after === undefined ? [typeOf(path)] : []));
  const cleaned = leftOutTypes(account, removed);
  const stays = ([path, { after }]: readonly [string, TreeDifference]): boolean =>
    after !== undefined || !cleaned.includes(typeOf(path));
  return { files: new Map([...changed].filter(stays)), cleaned };
}
