import { blobOid } from '../../core/digest.ts';
import { joinDirectives } from '../../core/directives.ts';
import { identityOf } from '../../core/identity.ts';
import type { MirrorFile } from '../../core/layout.ts';
import type { Tip } from '../../git/commits.ts';
import { type Committed, commitOnHead, type CommitRequest as NewRequest } from '../../mirror/commit.ts';
import type { ObjectWriter, TreeChange } from '../../mirror/object-writer.ts';
import type { Repository } from '../../mirror/repository.ts';
import type { CommitReport, ResourceReport } from '../report.ts';

/** A commit of the mirror to make. */
export interface CommitRequest extends NewRequest {
  /** For its report. */
  readonly resources?: readonly ResourceReport[];
}

/** Files for a commit, written now. `path` is the one from the root. */
export function writeFiles(
  { format }: Repository,
  objects: ObjectWriter,
  files: readonly MirrorFile[],
): readonly TreeChange[] {
  return files.map(({ path, text }) => {
    objects.blob(text);
    return { path, oid: blobOid(text, format) };
  });
}

/** Commits that were made, and how the branch moved. */
export interface FolderCommits extends Pick<Committed, 'from' | 'replaced'> {
  readonly commits: readonly CommitReport[];
  readonly to: Tip | undefined;
  /** Object id of the account's folder now, where it changed. */
  readonly folder: string | undefined;
}

/**
 * Makes commits, all or none, and reports those that changed something.
 * @param now by the server's clock @throws GitFailure, FolderMoved
 */
export async function commitFolder(
  repository: Repository,
  objects: ObjectWriter,
  requests: readonly CommitRequest[],
  now: Date,
  options: Parameters<typeof commitOnHead>[4] = {},
): Promise<FolderCommits> {
  const { ids, tip, ...made } = await commitOnHead(repository, objects, requests, now, options);
  const commits = requests.flatMap(({ message, author, authorDate, resources }, i): CommitReport[] => {
    const id = ids[i];
    if (id === undefined) return [];
    const subject = joinDirectives(message.slice(0, message.indexOf('\n')));
    const { name, email } = identityOf(author);
    const by = { author: `${name} <${email}>`, date: authorDate.toISOString() };
    return [{ id, subject, ...by, ...(resources ? { resources } : {}) }];
  });
  return { ...made, commits, to: tip };
}
