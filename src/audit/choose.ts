import type { Key } from '../core/keys.ts';
import type { Transliterate } from '../core/layout.ts';
import { parseSelector } from '../core/selectors.ts';
import { commitOf } from '../history/state.ts';
import type { Git } from '../mirror/git.ts';
import { selectInHistory } from './parts.ts';
import type { Selecting } from './query.ts';
import type { Entry } from './trail.ts';

/** How a person chooses changes, in every command that reads the history: words and options. They combine. */
export interface ChangeQuery {
  /** Commits of the mirror, by any name that git knows, and selectors of resources. */
  readonly words: readonly string[];
  readonly since: Date | undefined;
  readonly until: Date | undefined;
  /** Part of a person's name or e-mail address. */
  readonly by: string | undefined;
  /** Id of a run. */
  readonly run: string | undefined;
}

/**
 * Separates the commits among words from the selectors of resources. What can be a selector is one.
 * @throws AppError `USAGE` for a word that is neither
 */
export async function readWords(
  git: Git,
  account: string,
  words: readonly string[],
): Promise<{ readonly commits: readonly string[]; readonly what: readonly string[] }> {
  const commits: string[] = [];
  const what: string[] = [];
  for (const word of words) {
    try {
      parseSelector(word, account);
      what.push(word);
    } catch (error) {
      const named = word === '' || word.startsWith('-') ? undefined : await commitOf(git, `${word}^{commit}`);
      if (!named) throw error;
      commits.push(named.commit);
    }
  }
  return { commits, what };
}

/**
 * What words and options mean in a history.
 * @throws AppError `USAGE` for a word that means nothing in it
 */
export async function selecting(
  git: Git,
  account: string,
  trail: readonly Entry[],
  { words, since, until, by, run }: ChangeQuery,
  transliterate: Transliterate,
): Promise<Selecting> {
  const { commits, what } = await readWords(git, account, words);
  let keys: Set<Key> | undefined;
  for (const text of what) {
    const some = await selectInHistory(git, trail, text, account, transliterate);
    // One of them is "all".
    if (some === undefined) {
      keys = undefined;
      break;
    }
    keys = new Set([...(keys ?? []), ...some]);
  }
  return { keys, commits: commits.length > 0 ? new Set(commits) : undefined, since, until, by, run };
}
