import { findType } from '../../catalogue/index.ts';
import { isGeneratedFile, isGeneratedPage, isOverview } from '../../core/layout.ts';
import type { Git } from '../../mirror/git.ts';
import { differing, type EditedFile } from '../../mirror/manual-edits.ts';
import type { Repository } from '../../mirror/repository.ts';
import { newestOwn } from './newest.ts';

/** What people committed or merged in an account's folder since the mirror's newest commit of the account. */
export interface ManualEdits {
  /** That commit. */
  readonly since: string;
  /** Object id of the folder in it. */
  readonly tree: string;
  /** By path inside the folder. Files that would not be the mirror's are not among them. */
  readonly files: ReadonlyMap<string, EditedFile>;
}

/** Whether a file in an account's folder is the mirror's, or is where its files are. */
function isOurs(path: string): boolean {
  // No name of ours is anything but UTF-8, and git cannot be given such a one again.
  if (path.includes('\ufffd')) return false;
  return isGeneratedFile(path) || findType(path.slice(0, path.indexOf('/'))) !== undefined;
}

/** Paths of pages that a person wrote in place of a generated one: they are theirs. */
async function foreignPages(git: Git, files: ReadonlyMap<string, EditedFile>): Promise<string[]> {
  const pages = [...files].flatMap(([path, { headEntry }]) =>
    isOverview(path) && headEntry ? [{ path, oid: headEntry.slice(headEntry.indexOf(' ') + 1) }] : [],
  );
  const texts = await git.objects(pages.map(({ oid }) => oid));
  return pages.filter((_, i) => !isGeneratedPage(texts[i]?.toString('utf8') ?? '')).map(({ path }) => path);
}

/**
 * Compares an account's folder in HEAD with what the mirror's newest commit of the account left there; `undefined`
 * where nothing differs, or no such commit is within reach.
 * @param head object id of the folder in HEAD; `undefined` where it is gone
 * @throws GitFailure
 */
export async function readManualEdits(
  repository: Repository,
  account: string,
  head: string | undefined,
): Promise<ManualEdits | undefined> {
  const { git } = repository;
  const since = await newestOwn(repository, account);
  const tree = since && (await git.ask(['rev-parse', '--verify', '--quiet', `${since}:${account}`]))?.trim();
  if (!since || !tree || tree === head) return undefined;
  const files = await differing(repository, tree, head);
  for (const path of [...files.keys()]) if (!isOurs(path)) files.delete(path);
  for (const path of await foreignPages(git, files)) files.delete(path);
  return files.size > 0 ? { since, tree, files } : undefined;
}

/** The files of a folder with what people changed as the mirror left it: path inside the folder → object id. */
export function withoutEdits(
  head: ReadonlyMap<string, string>,
  edits: ManualEdits | undefined,
): ReadonlyMap<string, string> {
  if (!edits) return head;
  const files = new Map(head);
  for (const [path, { own }] of edits.files) {
    if (own === undefined) files.delete(path);
    else files.set(path, own);
  }
  return files;
}
