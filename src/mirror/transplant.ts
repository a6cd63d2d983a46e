import { findType } from '../catalogue/index.ts';
import { putBackMessage, readMessage } from '../core/message.ts';
import { readTip } from '../git/commits.ts';
import { RemoteRefusal } from '../git/failure.ts';
import { type CommitRequest, commitOnto } from './commit.ts';
import { manualCommits, putBackNotice } from './manual-edits.ts';
import { createObjectWriter, type TreeChange } from './object-writer.ts';
import type { Repository } from './repository.ts';
import { changedIn, differing, type TreeDifference } from './tree-diff.ts';

/** What makes of each place what it is after. */
function changesOf(differences: ReadonlyMap<string, TreeDifference>): TreeChange[] {
  return [...differences].map(([path, { after }]) => {
    const [mode, oid] = after?.split(' ') ?? [];
    return { path, oid, ...(mode === undefined ? {} : { mode }) };
  });
}

/**
 * A commit of the clone as one to be made again: one of the mirror with its account folders as it had them, one of a
 * person with the files that it changed.
 * @throws RemoteRefusal, GitFailure
 */
async function readAgain(repository: Repository, accounts: readonly string[], commit: string): Promise<CommitRequest> {
  const touched = await changedIn(repository, commit);
  const foreign = [...touched.keys()].find((path) => !accounts.includes(path));
  if (foreign !== undefined) {
    throw new RemoteRefusal(
      `commit ${commit.slice(0, 12)} of the clone changes ${foreign}, which is not part of the mirror`,
      'Put it on top of the remote yourself, with: git pull --rebase',
    );
  }
  // The first line names the commit.
  const format = '--format=%an%n%ae%n%at%n%ct%n%B';
  const said = await repository.git.run(['rev-list', '--no-walk', '--encoding=UTF-8', format, commit]);
  const [, name = '', email = '', time = '0', committed = '0', ...lines] = said.split('\n');
  const message = `${lines.join('\n').trimEnd()}\n`;
  return {
    message,
    author: { name, email },
    authorDate: new Date(Number(time) * 1000),
    committed: new Date(Number(committed) * 1000),
    changes:
      readMessage(message).account === undefined
        ? changesOf(await changedIn(repository, commit, '-r'))
        : changesOf(touched).map((change) => ({ ...change, folder: true })),
  };
}

/**
 * The commit with which a folder of commits that are made again begins: what people pushed into it since the two
 * histories parted is put back. `undefined` where they pushed nothing into it.
 * @param first of the commits of the folder @param base where the histories part
 * @param onto the commit that is pushed to
 */
async function putBackPushed(
  repository: Repository,
  folder: string,
  first: CommitRequest,
  base: string,
  onto: string,
): Promise<CommitRequest | undefined> {
  const { committed } = first;
  const { account, run: runId = '' } = readMessage(first.message);
  if (!committed || account !== folder) return undefined;
  const [own, theirs] = [await repository.folderTree(folder, base), await repository.folderTree(folder, onto)];
  if (own === undefined || own === theirs) return undefined;
  const paths = new Set((await differing(repository, own, theirs)).keys());
  const commits = await manualCommits(repository, folder, `${base}..${onto}`, paths);
  if (commits.length === 0) return undefined;
  repository.notice(putBackNotice(folder, paths.size, commits));
  const message = putBackMessage({
    account: folder,
    runId,
    paths: [...paths].sort(),
    commits: commits.map(({ id }) => id),
    alsoLive: false,
    nounsOf: (name) => findType(name) ?? { noun: name, plural: name },
  });
  const changes = [{ path: folder, oid: own, folder: true }];
  return { message, author: repository.committer, authorDate: committed, committed, changes };
}

/** The commits that put back what people pushed into the folders of the commits that are made again. */
async function putBackBefore(
  repository: Repository,
  again: readonly CommitRequest[],
  base: string,
  onto: string,
): Promise<CommitRequest[]> {
  const before: CommitRequest[] = [];
  const firsts = new Map<string, CommitRequest>();
  for (const request of [...again].reverse()) for (const { path } of request.changes) firsts.set(path, request);
  for (const [folder, first] of firsts) {
    const request = await putBackPushed(repository, folder, first, base, onto);
    if (request) before.push(request);
  }
  return before;
}

/**
 * Makes the commits that lead to `ours` again on top of the remote's: each with the account folders as it had them,
 * everything else as the remote has it. Free of conflicts, since the folders are ours alone; a commit that changes
 * nothing any more is dropped. One that a person made in the clone changes the same files again, and nothing that
 * others pushed. Author, date and message stay. What people pushed into such a folder meanwhile is put back first, so
 * that our commits change what they say alone. No branch moves.
 * @returns the newest commit @throws RemoteRefusal, GitFailure
 */
export async function transplant(
  repository: Repository,
  accounts: readonly string[],
  ours: string,
  onto: string,
  now: Date,
): Promise<string> {
  const commits = (await repository.git.run(['rev-list', '--reverse', '--first-parent', `${onto}..${ours}`]))
    .split('\n')
    .filter(Boolean);
  const again: CommitRequest[] = [];
  for (const commit of commits) again.push(await readAgain(repository, accounts, commit));
  const base = (await repository.git.run(['merge-base', ours, onto])).trim();
  const requests = [...(await putBackBefore(repository, again, base, onto)), ...again];
  const from = await readTip(repository, onto);
  if (!from) {
    const remedy = 'Check the repository with: celigo-mirror doctor';
    throw new RemoteRefusal(`commit ${onto.slice(0, 12)} cannot be read`, remedy);
  }
  const objects = createObjectWriter(repository);
  const { tip } = await commitOnto(repository, objects, from, requests, now).finally(objects.discard);
  return tip?.commit ?? onto;
}
