import { oneLine } from '../core/unseen.ts';
import type { Entry } from './trail.ts';

/**
 * How a restore came to make a change, in words: an undo of which commits, or from which commits in Git and applied by
 * whom; `undefined` for any other.
 */
export function madeBy({ undone, applied }: Pick<Entry, 'undone' | 'applied'>): string | undefined {
  const named = (commits: readonly string[]): string => commits.map((commit) => commit.slice(0, 10)).join(', ');
  if (undone) return `undo of ${named(undone)}`;
  if (!applied) return undefined;
  const by = applied.operator ? `, applied by ${oneLine(applied.operator.name)}` : '';
  return `from Git ${named(applied.commits)}${by}`;
}
