import { AppError } from '../core/errors.ts';
import type { Key } from '../core/keys.ts';
import type { Transliterate } from '../core/layout.ts';
import { parseSelector } from '../core/selectors.ts';
import { oneLine } from '../core/unseen.ts';
import type { Git } from '../git/git.ts';
import { commitOf } from '../history/state.ts';
import { selectInHistory } from './parts.ts';
import type { Selecting } from './query.ts';
import type { Entry } from './trail.ts';

/** How a person chooses changes, in every command that reads the history: words and options. They combine. */
export interface ChangeQuery {
  /** Commits of the mirror, by any name that git knows, ranges of them, and selectors of resources. */
  readonly words: readonly string[];
  readonly since: Date | undefined;
  readonly until: Date | undefined;
  /** Part of a person's name or e-mail address. */
  readonly by: string | undefined;
  /** Id of a run. */
  readonly run: string | undefined;
}

/** Words by their meaning. */
interface ReadWords {
  /** Commits that are named, full ids. */
  readonly named: readonly string[];
  /** Those and what is in the ranges, merges and what people committed among it; `undefined` where none is meant. */
  readonly meant: ReadonlySet<string> | undefined;
  /** Selectors of resources. */
  readonly what: readonly string[];
}

/** The commit that a word names, or, as git counts them, those of a range `<from>..<to>`; `undefined` for neither. */
async function commitsIn(git: Git, word: string): Promise<{ named: string[]; ranged: string[] } | undefined> {
  const ends = word.split('..');
  const isRange = ends.length === 2;
  const found = await Promise.all(
    ends.map((end) => {
      const name = isRange && end === '' ? 'HEAD' : end;
      return name === '' || name.startsWith('-') ? undefined : commitOf(git, `${name}^{commit}`);
    }),
  );
  const [from, to] = found;
  // `..` alone is the folder above.
  if (!from || ends.length > 2 || word === '..') return undefined;
  if (!isRange) return { named: [from.commit], ranged: [] };
  if (!to) return undefined;
  const listed = await git.run(['rev-list', '--end-of-options', `${from.commit}..${to.commit}`, '--']);
  return { named: [], ranged: listed.split('\n').filter((id) => id !== '') };
}

/**
 * Separates the commits among words from the selectors of resources. What can be a selector is one.
 * @throws AppError `USAGE` for a word that is neither
 */
async function readWords(git: Git, account: string, words: readonly string[]): Promise<ReadWords> {
  const named: string[] = [];
  const meant = new Set<string>();
  const what: string[] = [];
  for (const word of words) {
    try {
      parseSelector(word, account);
      what.push(word);
    } catch (error) {
      const found = await commitsIn(git, word);
      if (!found && word.includes('..') && !word.includes('/'))
        throw new AppError('USAGE', `${oneLine(word)}: not both ends of this range are commits of the mirror`, {
          hint: 'A range is <commit>..<commit>: what is in the second and not in the first. To list: celigo-mirror log',
        });
      if (!found) throw error;
      named.push(...found.named);
      for (const id of [...found.named, ...found.ranged]) meant.add(id);
    }
  }
  return { named, meant: what.length < words.length ? meant : undefined, what };
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
  const { named, meant, what } = await readWords(git, account, words);
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
  return { keys, commits: meant, named, since, until, by, run };
}
