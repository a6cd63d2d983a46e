import { type ChangeQuery, selecting } from '../../audit/choose.ts';
import { type FeedFile, readFeed } from '../../audit/feed.ts';
import type { Selecting } from '../../audit/query.ts';
import { type Entry, readTrail } from '../../audit/trail.ts';
import { FEED_DIR } from '../../core/layout.ts';
import { type HistoryCut, readCut, readHistory } from '../../history/commits.ts';
import { headCommit } from '../../history/state.ts';
import type { GlobalOptions, Io } from '../ui/io.ts';
import { minute } from '../ui/style.ts';
import { openMirror, type ReadOnlyMirror } from './mirror.ts';
import { anyAscii } from './transliterate.ts';

/** The history of one account, and the resources in it that were asked for. */
export interface OpenTrail extends ReadOnlyMirror {
  /** Oldest first. */
  readonly trail: readonly Entry[];
  /** The changes that were asked for. */
  readonly chosen: Selecting;
  /** Where the history of a shallow clone begins. */
  readonly cut: CutJson | null;
}

/** The cut, as `--json` prints it. */
interface CutJson {
  readonly commit: string;
  /** ISO 8601. */
  readonly time: string;
}

/**
 * Opens the mirror and reads its history; warns on standard error if that is not complete.
 * @throws AppError `USAGE` for a word that means nothing in the history
 * @throws NoSuchState in a repository without commits
 */
export async function openTrail(
  io: Io,
  globals: GlobalOptions,
  query: ChangeQuery,
  options: { readonly mirror?: string; readonly account?: string },
): Promise<OpenTrail> {
  const mirror = await openMirror(io, globals, query.words, options);
  await headCommit(mirror.git);
  const commits = await readHistory(mirror.git, mirror.account);
  const cut = await readCut(mirror.git);
  const trail = readTrail(commits, mirror.account, cut?.commit);
  if (cut) {
    const { committed, commit, remedy } = cut;
    io.err(
      `The history is incomplete: this clone is shallow and has nothing before ${minute(committed)} UTC, ` +
        `commit ${commit.slice(0, 10)}.\n→ To fetch the rest: ${remedy}\n`,
    );
  }
  const chosen = await selecting(mirror.git, mirror.account, trail, { ...query, words: mirror.what }, anyAscii);
  return { ...mirror, trail, chosen, cut: cutJson(cut) };
}

/** The history with what the audit feed has from before the mirror began, where that is known. */
export async function withFeed(opened: OpenTrail): Promise<readonly Entry[]> {
  return [...(opened.cut ? [] : readFeed(await feedOf(opened), opened.trail)), ...opened.trail];
}

/** The files of the audit feed: path inside the account's folder, text; none where there is no feed. */
export async function feedOf({ git, account }: Pick<OpenTrail, 'git' | 'account'>): Promise<FeedFile[]> {
  const folder = `${account}/${FEED_DIR}`;
  const listed = await git.ask(['ls-tree', '-z', '--name-only', `HEAD:${folder}`]);
  const names = (listed ?? '').split('\0').filter((name) => /^\d{4}-\d\d\.ndjson$/.test(name));
  const objects = await git.find(names.map((name) => `HEAD:${folder}/${name}`));
  return names.map((name, i) => [`${FEED_DIR}/${name}`, objects[i]?.bytes.toString('utf8') ?? '']);
}

export function cutJson(cut: HistoryCut | undefined | null): CutJson | null {
  return cut ? { commit: cut.commit, time: cut.committed.toISOString() } : null;
}
