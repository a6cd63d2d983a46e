import { counted } from '../../core/counted.ts';
import { readEnvelope } from '../../core/dsse.ts';
import { messageOf } from '../../core/errors.ts';
import { RECEIPTS } from '../../core/layout.ts';
import { createObjectWriter } from '../../mirror/object-writer.ts';
import { pushRemote } from '../../mirror/push.ts';
import type { RemoteState } from '../../mirror/remote.ts';
import { follow } from '../../mirror/work-tree.ts';
import { commitFolder, writeFiles } from '../sync/commit-folder.ts';
import { ownFolders } from '../sync/sync.ts';
import { type CloneDeps, withClone } from './clone.ts';
import { readStatement, type Statement, targetText } from './receipt.ts';

/** What became of a receipt that was to be kept in the repository. */
export type Kept =
  | { readonly state: 'kept'; readonly path: string; readonly commit: string; readonly remote: RemoteState }
  /** The repository holds one of the same day that says the same. */
  | { readonly state: 'there'; readonly path: string };

/**
 * File of the receipt of a day, from the root of the repository: one for drills in the emulator, one for each account
 * that is restored into a real one. The day is that of UTC.
 */
function receiptPath({ predicate }: Statement): string {
  const into = predicate.accounts.flatMap(({ account, target }) =>
    target.kind === 'account' ? [`-${account}-into-${target.name}`] : [],
  );
  return `${RECEIPTS}/${predicate.finishedAt.slice(0, 10)}${into.join('')}.json`;
}

/** What two receipts of one day must have in common for one to be enough: their keys, too. */
function gistOf(text: string): string | undefined {
  const envelope = readEnvelope(text);
  const statement = envelope && readStatement(envelope);
  if (!statement) return undefined;
  const { accounts } = statement.predicate;
  return JSON.stringify([
    accounts.map(({ account, target, result }) => [account, target, result]),
    envelope.signatures.map(({ keyid }) => keyid),
  ]);
}

function messageOfReceipt({ subject, predicate }: Statement): string {
  const { accounts, result } = predicate;
  const lines = accounts.map(
    ({ account, target, restored, documents, unexplained }, i) =>
      `- ${account}: ${restored} of ${documents} resources came back in ${targetText(target)} ` +
      `(commit ${subject[i]?.digest.gitCommit.slice(0, 12)})` +
      (unexplained.length > 0 ? `, ${counted(unexplained.length, 'resource')} did not` : ''),
  );
  const names = accounts.map(({ account }) => account).join(', ');
  return `drill of ${names} ${result}\n\n${lines.join('\n')}\n`;
}

/**
 * Commits a receipt: at most one a day, unless a later one of the day says something else, which takes its place.
 * @param pushing whether to exchange with the remote; otherwise the next run pushes
 * @throws AppError, GitFailure
 */
export async function keepReceipt(
  deps: CloneDeps,
  statement: Statement,
  text: string,
  pushing: boolean,
): Promise<Kept> {
  const { config, notice } = deps;
  const { remote } = config.repository;
  const path = receiptPath(statement);
  return withClone(deps, pushing, async (repository, pulled) => {
    const [held] = await repository.git.find([`HEAD:${path}`]);
    if (held && gistOf(held.bytes.toString('utf8')) === gistOf(text)) return { state: 'there', path };
    const objects = createObjectWriter(repository);
    const now = deps.now();
    const message = messageOfReceipt(statement);
    const changes = writeFiles(repository, objects, [{ path, text }]);
    const request = { message, author: repository.committer, authorDate: now, changes };
    const made = await commitFolder(repository, objects, [request], now).finally(objects.discard);
    const commit = made.to?.commit ?? '';
    await follow(repository, RECEIPTS, { from: made.from?.commit, to: commit }).catch((error: unknown) =>
      notice(`the files of ${RECEIPTS}/ are older than the last commit: ${messageOf(error)}`),
    );
    if (!pushing || pulled.state === 'behind') return { state: 'kept', path, commit, remote: pulled };
    const pushed = await pushRemote(repository, remote, { folders: ownFolders(config), now, notice });
    return { state: 'kept', path, commit, remote: pushed };
  });
}
