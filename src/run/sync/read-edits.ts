import { findType } from '../../catalogue/index.ts';
import { isGeneratedFile, isGeneratedPage, isOverview } from '../../core/layout.ts';
import type { Git } from '../../git/git.ts';
import type { Repository } from '../../mirror/repository.ts';
import { differing, oidOf, type TreeDifference } from '../../mirror/tree-diff.ts';
import { type BareCommit, newestOwn, type OwnCommits } from './newest.ts';

/** What people committed or merged in an account's folder since the mirror's newest commits of the account. */
export interface ManualEdits {
  /** The commits that made them are among those between this one and HEAD. */
  readonly since: string;
  /** Commits of the mirror among those, which a person made again as they were. */
  readonly again: ReadonlySet<string>;
  /** Object id of the folder that the mirror left, where it is that of a commit. */
  readonly tree: string | undefined;
  /**
   * By path inside the folder, from what the mirror left to what is in HEAD. Files that would not be the mirror's are
   * not among them.
   */
  readonly files: ReadonlyMap<string, TreeDifference>;
}

/** Whether a file in an account's folder is the mirror's, or is where its files are. */
function isOurs(path: string): boolean {
  // No name of ours is anything but UTF-8, and git cannot be given such a one again.
  if (path.includes('\ufffd')) return false;
  return isGeneratedFile(path) || findType(path.slice(0, path.indexOf('/'))) !== undefined;
}

/** Paths of pages that a person wrote in place of a generated one: they are theirs. */
async function foreignPages(git: Git, files: ReadonlyMap<string, TreeDifference>): Promise<string[]> {
  const pages = [...files].flatMap(([path, { after }]) =>
    isOverview(path) && after ? [{ path, oid: oidOf(after) }] : [],
  );
  const texts = await git.objects(pages.map(({ oid }) => oid));
  return pages.filter((_, i) => !isGeneratedPage(texts[i]?.toString('utf8') ?? '')).map(({ path }) => path);
}

/**
 * Compares an account's folder in HEAD with what the mirror's newest commits of the account left there; `undefined`
 * where nothing differs, or no such commit is within reach.
 * @param head object id of the folder in HEAD; `undefined` where it is gone
 * @throws GitFailure
 */
export async function readManualEdits(
  repository: Repository,
  account: string,
  head: string | undefined,
): Promise<ManualEdits | undefined> {
  const own = await newestOwn(repository, account);
  const tree = own && (await repository.folderTree(account, own.base.id));
  if (!own || !tree) return undefined;
  const { base, again } = own;
  if (again.length === 0 && tree === head) return undefined;
  const files =
    again.length === 0 ? await differing(repository, tree, head) : await differingAgain(repository, account, own, head);
  for (const path of [...files.keys()]) if (!isOurs(path)) files.delete(path);
  for (const path of await foreignPages(repository.git, files)) files.delete(path);
  if (files.size === 0) return undefined;
  const isSame = await Promise.all(again.map((commit) => isMadeAsItWas(repository, account, commit)));
  const same = again.filter((_, i) => isSame[i]).map(({ id }) => id);
  return { since: base.id, again: new Set(same), tree: again.length === 0 ? tree : undefined, files };
}

/** What a commit changed in a folder. */
async function changedBy(
  repository: Repository,
  folder: string,
  { id }: BareCommit,
): Promise<Map<string, TreeDifference>> {
  return differing(repository, await repository.folderTree(folder, `${id}^`), await repository.folderTree(folder, id));
}

/**
 * As {@link differing}, where a person made commits of the mirror again: each changed what it did when the mirror made
 * it.
 */
async function differingAgain(
  repository: Repository,
  account: string,
  { base, again }: OwnCommits,
  head: string | undefined,
): Promise<Map<string, TreeDifference>> {
  const own = await differing(repository, undefined, await repository.folderTree(account, base.id));
  // Several of them may be of one run.
  const originals = new Map(again.flatMap((commit) => commit.originals.map((one) => [one.id, one] as const)));
  for (const original of originals.values())
    for (const [path, file] of await changedBy(repository, account, original)) own.set(path, file);
  const now = await differing(repository, undefined, head);
  const files = new Map<string, TreeDifference>();
  for (const path of new Set([...own.keys(), ...now.keys()])) {
    const [before, after] = [own.get(path)?.after, now.get(path)?.after];
    if (before !== after) files.set(path, { before, after });
  }
  return files;
}

/** Whether a commit that a person made again changes what it changed when the mirror made it, and no more. */
async function isMadeAsItWas(
  repository: Repository,
  account: string,
  commit: OwnCommits['again'][number],
): Promise<boolean> {
  const former = commit.originals.find(({ author, message }) => author === commit.author && message === commit.message);
  if (!former) return false;
  const [now, was] = [await changedBy(repository, account, commit), await changedBy(repository, account, former)];
  return [...now].every(([path, { after }]) => was.has(path) && was.get(path)?.after === after);
}

/** The files of a folder with what people changed as the mirror left it: path inside the folder → object id. */
export function withoutEdits(
  head: ReadonlyMap<string, string>,
  edits: ManualEdits | undefined,
): ReadonlyMap<string, string> {
  if (!edits) return head;
  const files = new Map(head);
  for (const [path, { before }] of edits.files) {
    if (before === undefined) files.delete(path);
    else files.set(path, oidOf(before));
  }
  return files;
}
