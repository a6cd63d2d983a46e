import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ApiError } from '../../celigo/errors.ts';
import type { Change } from '../../core/changes.ts';
import { blobOid } from '../../core/digest.ts';
import { AppError, messageOf } from '../../core/errors.ts';
import {
  FEED_DIR,
  isGeneratedPage,
  isOverview,
  type MirrorFile,
  OVERVIEW_FILE,
  OVERVIEW_MARK,
} from '../../core/layout.ts';
import { documentPaths, documentsAmong, type MirrorState, readDocuments } from '../../mirror/state.ts';
import type { AccountRun } from './account-run.ts';
import { growFeed } from './audit-feed.ts';
import type { StartingPoint } from './starting-point.ts';

/** Files of our own next to the documents that this run changes. */
interface GeneratedFiles {
  readonly put: readonly MirrorFile[];
  readonly remove: readonly string[];
  /** What could not be read, by the names that commits and reports use. */
  readonly incomplete: readonly string[];
}

/** A run whose changes are known. */
interface Changed {
  readonly run: AccountRun;
  readonly start: StartingPoint;
  readonly changes: readonly Change[];
  /** Start of the run by the server's clock. */
  readonly serverTime: Date;
}

/** The audit feed and the pages, as far as they are asked for. @throws GitFailure */
export async function renderGeneratedFiles(changed: Changed): Promise<GeneratedFiles> {
  const feed = await feedFiles(changed);
  const pages = await pageFiles(changed);
  return {
    put: [...(feed ?? []), ...pages.put],
    remove: pages.remove,
    incomplete: feed === undefined ? [FEED_DIR] : [],
  };
}

/** `undefined` when the log cannot be read: what HEAD holds stays, and the next run continues from there. */
async function feedFiles({ run, start, serverTime }: Changed): Promise<readonly MirrorFile[] | undefined> {
  if (!run.account.auditFeed) return [];
  try {
    return await growFeed({
      client: run.client,
      repository: start.repository,
      account: run.account.name,
      fingerprint: start.context.normalise.fingerprint,
      serverTime,
      full: start.full,
      signal: run.deps.signal,
    });
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    run.notice(`the audit feed could not be extended (${messageOf(error)}); the next run continues where it ends`);
    return undefined;
  }
}

/** The account as this run leaves it. */
async function stateAfter(
  { run, start: { repository, objects }, changes }: Changed,
  before: ReadonlyMap<string, string>,
): Promise<MirrorState> {
  const files = new Map(before);
  for (const path of changes.flatMap(({ remove }) => remove)) files.delete(path);
  for (const [path, oid] of changes.flatMap(({ put }) => put)) files.set(path, oid);
  await objects.flush();
  return {
    label: 'this run',
    account: run.account.name,
    tree: '',
    files,
    documents: documentsAmong(files.keys()),
    texts: async (paths) => {
      const found = await repository.git.objects(paths.map((path) => files.get(path) ?? ''));
      return found.map((bytes) => bytes.toString('utf8'));
    },
  };
}

async function pageFiles(changed: Changed): Promise<Pick<GeneratedFiles, 'put' | 'remove'>> {
  const { changes } = changed;
  const { account, notice } = changed.run;
  const { repository, full } = changed.start;
  const folder = join(repository.path, account.name);
  const nothing = { put: [], remove: [] };
  const due = changes.length > 0 || full;
  if (!due && !account.overview) return nothing;
  if (!account.overview && !changed.start.headState.hasPages) return nothing;
  const before = await repository.folderFiles(account.name);
  if (account.overview && !due && before.has(OVERVIEW_FILE)) return nothing;
  const state = await stateAfter(changed, before);
  const [front] = await repository.git.objects([before.get(OVERVIEW_FILE) ?? ''].filter((oid) => oid !== ''));
  const isForeign = (path: string): boolean => {
    // Without a work tree, what HEAD has of the account's own page counts.
    const file = join(folder, path);
    if (!repository.bare && existsSync(file)) return !isGeneratedPage(readFileSync(file, 'utf8'));
    return path === OVERVIEW_FILE && front !== undefined && !isGeneratedPage(front.toString('utf8'));
  };
  const held = [...state.files.keys()].filter(isOverview);
  if (!account.overview) return { put: [], remove: held.filter((path) => !isForeign(path)) };
  const { overviewPages } = await import('../../overview/pages.ts');
  let pages: MirrorFile[];
  try {
    pages = await overviewPages(account.name, await readDocuments(state, documentPaths(state)));
  } catch (error) {
    // A damaged document: verify names it, and the pages wait until it is repaired.
    if (!(error instanceof AppError)) throw error;
    notice(`the overview pages were left as they are: ${error.message}`);
    return nothing;
  }
  const foreign = pages.filter(({ path }) => isForeign(path));
  for (const { path } of foreign) {
    notice(`${account.name}/${path} is not generated by celigo-mirror: it is left alone, and the page is not written`);
  }
  const own = pages
    .filter((page) => !foreign.includes(page))
    .map(({ path, text }) => ({ path, text: `${OVERVIEW_MARK}\n\n${text}` }));
  const made = new Set(own.map(({ path }) => path));
  return {
    put: own.filter(({ path, text }) => state.files.get(path) !== blobOid(text, repository.format)),
    remove: held.filter((path) => !made.has(path) && !isForeign(path)),
  };
}

/** What a commit of such files alone is called. */
export function wordsFor(paths: readonly string[]): string {
  const words = new Set(
    paths.map((path) =>
      path.startsWith(`${FEED_DIR}/`) ? 'audit log' : isOverview(path) ? 'overview' : 'mirror settings',
    ),
  );
  return [...words].sort().join(', ');
}
