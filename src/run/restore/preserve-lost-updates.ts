import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { basePath, readPath, renderResource, type Transliterate, titleOf } from '../../core/layout.ts';
import { oneLine } from '../../core/message.ts';
import { sideTextsOf } from '../../core/normalise.ts';
import { commitFiles } from '../../mirror/commit.ts';
import type { Repository } from '../../mirror/repository.ts';
import { writeAlongside } from '../../mirror/staging.ts';
import type { CommitReport } from '../report.ts';
import type { LostUpdate } from './lost-updates.ts';

/**
 * Keeps edits that the restore overwrote as commits of those who made them, so that the history holds them and they can be
 * brought back. The sync that follows commits what the account holds now on top.
 * @throws AppError, GitFailure
 */
export async function preserveLostUpdates(
  repository: Repository,
  account: string,
  slipped: readonly LostUpdate[],
  options: { readonly restoreId: string; readonly transliterate: Transliterate; readonly now: Date },
): Promise<Map<LostUpdate, CommitReport>> {
  const kept = new Map<LostUpdate, CommitReport>();
  const marker = join(repository.stateDir, `${account}.applying`);
  for (const edit of slipped) {
    if (!edit.doc) continue;
    const { type, id, doc } = edit;
    const title = titleOf(type, doc);
    const files = renderResource(basePath(type, id, title, options.transliterate), {
      doc,
      texts: sideTextsOf(type, doc),
    });
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
    const commit = await commitFiles(
      repository,
      account,
      [],
      {
        message: `${subject}\n\n- changed: ${files[0]?.path}: ${oneLine(title)}\n\nThe restore overwrote this edit (${edit.fields.map(oneLine).join(', ')}); this commit keeps it.\n\nCeligo-Account: ${account}\nCeligo-Overwritten-By: ${options.restoreId}\n`,
        author: edit.by,
        authorDate: edit.time,
        paths: [...files.map(({ path }) => path), ...gone],
      },
      options.now,
    );
    rmSync(marker, { force: true });
    if (commit) {
      kept.set(edit, {
        id: commit,
        subject,
        author: `${edit.by.name} <${edit.by.email}>`,
        date: edit.time.toISOString(),
      });
    }
  }
  return kept;
}
