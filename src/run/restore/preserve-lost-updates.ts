import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { basePath, readPath, renderResource, titleOf } from '../../core/layout.ts';
import { oneLine } from '../../core/message.ts';
import { sideTextsOf } from '../../core/normalise.ts';
import { commitFiles } from '../../mirror/commit.ts';
import type { Journal } from '../../mirror/journal.ts';
import { writeAlongside } from '../../mirror/staging.ts';
import type { CommitReport } from '../report.ts';
import type { LostUpdate, LostUpdates } from './lost-updates.ts';
import type { Prepared } from './prepared.ts';

/**
 * Keeps edits that the restore overwrote as commits of those who made them, so that the history holds them and they can
 * be restored. The sync that follows commits what the account holds now on top.
 * @throws AppError, GitFailure
 */
export async function preserveLostUpdates(
  { repository, deps, plan: { account } }: Prepared,
  journal: Journal,
  { found }: LostUpdates,
): Promise<Map<LostUpdate, CommitReport>> {
  const preserved = new Map<LostUpdate, CommitReport>();
  const marker = join(repository.stateDir, `${account}.applying`);
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
    writeFileSync(marker, '');
    writeAlongside(
      repository.path,
      files.map(({ path, text }) => ({ path: `${account}/${path}`, text })),
    );
    for (const path of gone) rmSync(join(repository.path, account, path), { force: true });
    const subject = `${account}: ${type.noun} edited while it was restored`;
    const message = [
      subject,
      `- changed: ${files[0]?.path}: ${oneLine(title)}`,
      `The restore overwrote this edit (${edit.fields.map(oneLine).join(', ')}); this commit keeps it.`,
      `Celigo-Account: ${account}\nCeligo-Overwritten-By: ${journal.head.id}\n`,
    ].join('\n\n');
    const paths = [...files.map(({ path }) => path), ...gone];
    const change = { message, author: edit.by, authorDate: edit.time, paths };
    const commit = await commitFiles(repository, account, [], change, deps.now());
    rmSync(marker, { force: true });
    if (!commit) continue;
    const author = `${edit.by.name} <${edit.by.email}>`;
    preserved.set(edit, { id: commit, subject, author, date: edit.time.toISOString() });
  }
  return preserved;
}
