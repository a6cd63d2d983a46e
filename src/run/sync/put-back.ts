import { findType } from '../../catalogue/index.ts';
import type { Change } from '../../core/changes.ts';
import { putBackMessage } from '../../core/message.ts';
import type { CommitRequest } from '../../mirror/commit.ts';
import { manualCommits, ofSameResources, putBackNotice } from '../../mirror/manual-edits.ts';
import { oidOf, type TreeDifference } from '../../mirror/tree-diff.ts';
import { type AccountRun, serverNow } from './account-run.ts';
import type { Decision } from './decide.ts';
import { withoutCleaned } from './left-out.ts';
import type { StartingPoint } from './starting-point.ts';

/** A commit that puts an account's folder back to what the mirror left there, and what the user is to know of it. */
export interface PutBack {
  readonly request: CommitRequest;
  /** Absent where the account has become what people made of the folder, or is about to. */
  readonly notice?: string;
}

/**
 * Puts back what people committed in the account's folder, so that the commits after it hold only what was done in the
 * account. `undefined` where they committed nothing there.
 * @param changes what differs in the account from what the mirror left; without them it is not known yet
 */
export async function readPutBack(
  run: AccountRun,
  { repository, headState: { edits } }: StartingPoint,
  changes: readonly Change[] = [],
): Promise<PutBack | undefined> {
  if (!edits) return undefined;
  const { account, deps, options } = run;
  const { applying } = options;
  const { files } = withoutCleaned(account, edits.files);
  if (files.size === 0) return undefined;
  const isApplied = (path: string): boolean => applying?.paths.has(path) ?? false;
  const gone = new Set(changes.flatMap(({ remove }) => remove));
  const put = new Map(changes.flatMap((change) => change.put));
  const isLive = ([path, { before, after }]: readonly [string, TreeDifference]): boolean => {
    const live = put.has(path) ? `100644 ${put.get(path)}` : gone.has(path) ? undefined : before;
    return live === after;
  };
  const paths = [...files.keys()].sort();
  const undone = [...files].filter((file) => !isLive(file)).map(([path]) => path);
  const noticed = undone.filter((path) => !isApplied(path));
  const alsoLive = (applying?.pending ? undone : noticed).length === 0;
  const commits = await manualCommits(
    repository,
    account.name,
    `${edits.since}..HEAD`,
    new Set(alsoLive ? paths : undone),
    edits.again,
  );
  const message = putBackMessage({
    account: account.name,
    runId: deps.runId,
    paths,
    commits: commits.map(({ id }) => id),
    alsoLive,
    nounsOf: (name) => findType(name) ?? { noun: name, plural: name },
  });
  const request = {
    message,
    author: deps.config.repository.author,
    authorDate: serverNow(run),
    changes: paths.map((path) => {
      const own = files.get(path)?.before;
      return { path: `${account.name}/${path}`, oid: own && oidOf(own) };
    }),
  };
  if (noticed.length === 0) return { request };
  const isNoticed = ofSameResources(noticed);
  const others = commits.filter((commit) => commit.files.some(isNoticed));
  return { request, notice: putBackNotice(account.name, noticed.length, others, options.dryRun) };
}

/**
 * Whether a run leaves the folder as people made it: it is about to be brought to the account, and nothing else
 * changed.
 */
export function staysAsEdited(
  { options }: AccountRun,
  { headState: { edits } }: StartingPoint,
  { changes, generated }: Pick<Decision, 'changes' | 'generated'>,
): boolean {
  if (!edits || !options.applying?.pending) return false;
  const { paths } = options.applying;
  const nothing = changes.length + generated.put.length + generated.remove.length === 0;
  return nothing && [...edits.files.keys()].every((path) => paths.has(path));
}
