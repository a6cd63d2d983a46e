import { parseDocumentFile } from '../core/documents.ts';
import { AppError } from '../core/errors.ts';
import type { JsonObject } from '../core/json.ts';
import { type Key, keyOf } from '../core/keys.ts';
import { readPath } from '../core/layout.ts';
import { readMessage } from '../core/message.ts';
import type { Git } from '../git/git.ts';
import { mirrorsIn, readHistory } from './commits.ts';

/** Most states of a resource that are read, the newest ones. */
const MOST_STATES = 100;

/** A document as a commit left it: path in the repository, object id. */
interface Recorded {
  readonly path: string;
  readonly object: string;
}

/**
 * Resources as the mirror recorded them, newest first, without side files: what others committed does not count.
 * @throws GitFailure
 */
export async function recordedDocuments(
  git: Git,
  account: string,
  keys: ReadonlySet<Key>,
): Promise<ReadonlyMap<Key, readonly JsonObject[]>> {
  const commits = (await readHistory(git, account)).map((commit) => ({ commit, facts: readMessage(commit.message) }));
  const mirrors = mirrorsIn(commits);
  const found = new Map<Key, Recorded[]>();
  for (const { commit, facts } of commits.reverse()) {
    if (facts.account === undefined || !mirrors.has(commit.committer)) continue;
    for (const { path, after } of commit.files) {
      const parts = readPath(path.slice(account.length + 1));
      if (after === undefined || !parts?.isDocument) continue;
      const key = keyOf(parts.type, parts.id);
      const states = found.get(key) ?? [];
      if (!keys.has(key) || states.length === MOST_STATES) continue;
      found.set(key, [...states, { path, object: after }]);
    }
  }
  const documents = new Map<Key, readonly JsonObject[]>();
  for (const [key, states] of found) {
    const texts = await git.objects(states.map(({ object }) => object));
    documents.set(
      key,
      states.flatMap(({ path }, i) => readable(path.slice(account.length + 1), (texts[i] ?? '').toString())),
    );
  }
  return documents;
}

function readable(path: string, text: string): JsonObject[] {
  try {
    return [parseDocumentFile(path, text, path)];
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return [];
  }
}
