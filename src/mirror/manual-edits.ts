import type { Person } from '../core/changes.ts';
import { readPath } from '../core/layout.ts';
import { readMessage } from '../core/message.ts';
import { oneLine } from '../core/unseen.ts';
import { logFormat, logRecords } from '../git/log-records.ts';
import type { Repository } from './repository.ts';

/** A commit of a person. */
export interface ManualCommit {
  readonly id: string;
  readonly author: string;
  /** E-mail address of the author. */
  readonly email: string;
  /** Who else wrote it, as its message says: a pull request of several people may be merged as one commit. */
  readonly coAuthors: readonly Person[];
  /** Files that it changed, inside the account's folder; of a merge those that are as in none of its parents. */
  readonly files: readonly string[];
  readonly isMerge: boolean;
}

/** Commits that a notice names. */
const MOST_COMMITS = 5;

const FIELDS = ['%H', '%P', '%an', '%ae', '%ce', '%B'] as const;

/** Whether a file is one of these, or of the same resource: with its name, its files were others. */
export function ofSameResources(paths: Iterable<string>): (path: string) => boolean {
  const resourceOf = (path: string): string => {
    const parts = readPath(path);
    return parts ? `${parts.type}/${parts.id}` : path;
  };
  const known = new Set([...paths].map(resourceOf));
  return (path) => known.has(resourceOf(path));
}

/**
 * The commits of people that changed some of these files, oldest first, also under earlier names of their resources.
 * @param range such as `<commit>..HEAD` @param paths inside the folder @param without ids of others
 */
export async function manualCommits(
  { git, committer }: Repository,
  account: string,
  range: string,
  paths: ReadonlySet<string>,
  without: ReadonlySet<string> = new Set(),
): Promise<readonly ManualCommit[]> {
  const isMeant = ofSameResources(paths);
  // -c: of a merge the files that are as in none of its parents.
  const shown = ['--full-history', '--topo-order', '--reverse', '-c', '--name-only', '-z', '--no-renames'];
  const out = await git.run(['log', ...shown, '--no-show-signature', logFormat(FIELDS), range, '--', `${account}/`]);
  return logRecords(out, FIELDS.length).flatMap(({ values, files }): ManualCommit[] => {
    const [id = '', parents = '', author = '', email = '', by = '', message = ''] = values;
    const { account: mirrored, coAuthors } = readMessage(message);
    const isOwn = by === committer.email && mirrored !== undefined;
    const inside = files.map((name) => name.replace(/^\n/, '').slice(account.length + 1));
    const found = { id, author, email, coAuthors, files: inside, isMerge: parents.includes(' ') };
    return !isOwn && inside.some(isMeant) && !without.has(id) ? [found] : [];
  });
}

/** What is said of files that were put back. @param dryRun they would be */
export function putBackNotice(
  account: string,
  files: number,
  commits: readonly ManualCommit[],
  dryRun = false,
): string {
  const named = commits.slice(-MOST_COMMITS).map(({ id, author }) => `${id.slice(0, 12)} (${oneLine(author)})`);
  const more = commits.length > MOST_COMMITS ? ` and ${commits.length - MOST_COMMITS} more` : '';
  const [only] = commits.length === 1 ? commits : [];
  const counted = files === 1 ? '1 file' : `${files} files`;
  return (
    `${counted} that people changed in ${account}/ ${dryRun ? 'would be' : files === 1 ? 'was' : 'were'} put back: ` +
    `commits in Git do not change the account (${named.join(', ')}${more}). To make the same changes there: ` +
    `celigo-mirror apply ${only ? only.id.slice(0, 12) : '<commit>'}`
  );
}
