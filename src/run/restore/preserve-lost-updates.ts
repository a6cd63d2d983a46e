import { breakDirectives } from '../../core/directives.ts';
import { basePath, readPath, renderResource, titleOf } from '../../core/layout.ts';
import { sideTextsOf } from '../../core/normalise.ts';
import { oneLine } from '../../core/unseen.ts';
import { createObjectWriter, type TreeChange } from '../../mirror/object-writer.ts';
import { follow } from '../../mirror/work-tree.ts';
import type { CommitReport } from '../report.ts';
import { commitFolder, writeFiles } from '../sync/commit-folder.ts';
import type { Journal } from './journal.ts';
import type { LostUpdate, LostUpdates } from './lost-updates.ts';
import type { Prepared } from './prepared.ts';

/**
 * Keeps edits that the restore overwrote as commits of those who made them, so that the history holds them and they can
 * be restored. The sync that follows commits what the account holds now on top.
 * @param now by the server's clock @throws AppError, GitFailure
 */
export async function preserveLostUpdates(
  { repository, deps, plan: { account } }: Prepared,
  journal: Journal,
  { found }: LostUpdates,
  now: Date,
): Promise<Map<LostUpdate, CommitReport>> {
  const preserved = new Map<LostUpdate, CommitReport>();
  const objects = createObjectWriter(repository);
  const inFolder = (path: string): string => `${account}/${path}`;
  for (const edit of found) {
    if (!edit.doc) continue;
    const { type, id, doc } = edit;
    const title = titleOf(type, doc);
    const files = renderResource(basePath(type, id, title, deps.transliterate), { doc, texts: sideTextsOf(type, doc) });
    const held = [...(await repository.folderFiles(account)).keys()].filter((path) => {
      const parts = readPath(path);
      return parts?.type === type.name && parts.id === id;
    });
    const gone = held.filter((path) => !files.some((file) => file.path === path));
    const subject = `${account}: ${type.noun} edited while it was restored`;
    const message = [
      subject,
      breakDirectives(`- changed: ${files[0]?.path}: ${oneLine(title)}`),
      breakDirectives(
        `The restore overwrote this edit (${edit.fields.map(oneLine).join(', ')}); this commit keeps it.`,
      ),
      `Celigo-Account: ${account}\nCeligo-Overwritten-By: ${journal.head.id}\n`,
    ].join('\n\n');
    const changes: TreeChange[] = [
      ...gone.map((path) => ({ path: inFolder(path), oid: undefined })),
      ...writeFiles(
        repository,
        objects,
        files.map(({ path, text }) => ({ path: inFolder(path), text })),
      ),
    ];
    const request = { message, author: edit.by, authorDate: edit.time, changes };
    const { commits, from, to, replaced } = await commitFolder(repository, objects, [request], now);
    const [commit] = commits;
    if (!commit || !to) continue;
    await follow(repository, account, { from: from?.commit, to: to.commit, replaced });
    preserved.set(edit, commit);
  }
  return preserved;
}
