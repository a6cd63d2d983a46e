import { RemoteRefusal } from '../git/failure.ts';
import { GitFailure } from '../git/git.ts';
import {
  type Behind,
  behind,
  fetch,
  followRemote,
  isAncestor,
  moveTo,
  PUSHED,
  type RemoteState,
  remoteTip,
  resolve,
  SEEN,
} from './remote.ts';
import type { Repository } from './repository.ts';

/** What git prints when someone else pushed first. */
const LOST_RACE = /\[rejected\]|fetch first|non-fast-forward|cannot lock ref|failed to update ref|incorrect old value/i;
/** What git prints when the server takes no such push: a hook of it, a rule, a setting, or a branch in the way. */
const REFUSED = [
  /\[remote rejected\].{0,400}(?:hook|declin|rule|protect|checked out|policy|secret|denied|prohibited)/i,
  /' exists; cannot create '/,
];
const REFUSED_REMEDY = 'The server refuses them for this reason, and will again: settle it there, or ask who runs it';
/** How often a push is tried again on top of what others pushed meanwhile. */
const PUSH_TRIES = 8;

/** What became of a push. `overtaken`: another process mirrored one of the same accounts meanwhile. */
type PushOutcome = RemoteState | { readonly state: 'overtaken' };

/** Folders at the top that differ between two commits. */
async function foldersBetween({ git }: Repository, from: string, to: string): Promise<Set<string>> {
  const out = await git.run(['diff-tree', '--no-commit-id', '--name-only', '-z', from, to]);
  return new Set(out.split('\0').filter(Boolean));
}

/**
 * Whether the remote's new commits and ours, made since `since`, change the same folder: then ours may be of an older
 * state than theirs. A remote whose history was rewritten, or that has nothing in common with the clone, does not
 * count.
 */
async function overtaken(repository: Repository, since: string | undefined): Promise<boolean> {
  const theirs = await resolve(repository, SEEN);
  const ours = await repository.head();
  if (!theirs || !ours || theirs === ours) return false;
  const pushed = await resolve(repository, PUSHED);
  if (pushed && !(await isAncestor(repository, pushed, theirs))) return false;
  // Both made a first commit: one of them begins on the other's.
  if (since === undefined) return true;
  const base = (await repository.git.ask(['merge-base', ours, theirs]))?.trim();
  if (!base) return false;
  const [mine, others] = await Promise.all([
    foldersBetween(repository, since, ours),
    foldersBetween(repository, base, theirs),
  ]);
  return [...mine].some((name) => others.has(name));
}

/**
 * Drops the commits made since `since` and takes over what the remote has instead; earlier commits of ours that it does
 * not have go on top. For a run that lost the race and reads the account again.
 * @throws AppError `REPOSITORY` when the remote cannot be followed
 */
export async function startOver(
  repository: Repository,
  since: string | undefined,
  folders: readonly string[],
  now: Date,
): Promise<void> {
  const ours = await repository.head();
  const theirs = (await resolve(repository, SEEN)) as string;
  const direct = since === undefined || (await isAncestor(repository, since, theirs));
  const target = direct ? theirs : since;
  await moveTo(repository, ours, target);
  await followRemote(repository, folders, now);
}

/** What became of a push that failed. */
function refused(error: GitFailure): Behind {
  const state = behind(error);
  return REFUSED.some((words) => words.test(error.stderr)) ? { ...state, remedy: REFUSED_REMEDY } : state;
}

/** What the pushes of all commands have in common. */
interface Pushing {
  /** Names at the top of the repository that are the mirror's. */
  readonly folders: readonly string[];
  readonly now: Date;
  /** Reports what the user should know although nothing failed. */
  readonly notice: (message: string) => void;
}

interface PushOptions extends Pushing {
  /** Called when someone else pushed first: whether to stop there. */
  readonly stopsAt: () => Promise<boolean>;
}

/** Pushes a commit, then asks what the branch names. @returns why it is another commit. @throws GitFailure */
async function pushCommit(repository: Repository, remote: string, commit: string): Promise<string | undefined> {
  const { git, branch } = repository;
  await git.run(['push', '--quiet', '--no-verify', remote, `${commit}:refs/heads/${branch}`]);
  const there = await remoteTip(git, remote, branch);
  if (there === commit) return undefined;
  // Others may have pushed in this very moment.
  if (there && (await fetch(repository, remote)) && (await isAncestor(repository, commit, SEEN))) return undefined;
  const state = there ? `its branch ${branch} is at ${there.slice(0, 12)}` : `it has no branch ${branch}`;
  return `the remote accepted commit ${commit.slice(0, 12)}, but ${state}`;
}

/** Pushes `head` unless the remote has it. @returns why it has not afterwards. @throws GitFailure */
async function bringUpToDate(
  repository: Repository,
  remote: string,
  head: string,
  notice: Pushing['notice'],
): Promise<string | undefined> {
  const { git, branch } = repository;
  const [seen, pushed] = await Promise.all([resolve(repository, SEEN), resolve(repository, PUSHED)]);
  if (seen !== head) {
    const reason = await pushCommit(repository, remote, head);
    if (reason !== undefined) return reason;
    if (seen === undefined && pushed !== undefined)
      notice(`the branch ${branch} was missing on the remote: its complete history was pushed again`);
  }
  if (seen !== head || pushed !== head) {
    const input = [SEEN, PUSHED].map((ref) => `update ${ref} ${head}\n`).join('');
    await git.run(['update-ref', '--stdin'], { input });
  }
  return undefined;
}

async function push(
  repository: Repository,
  remote: string,
  { folders, now, notice, stopsAt }: PushOptions,
): Promise<PushOutcome> {
  let failed: Behind = { state: 'behind', reason: '' };
  for (let attempt = 0; attempt < PUSH_TRIES; attempt++) {
    const head = await repository.head();
    if (!head) return { state: 'current' };
    try {
      const lost = await bringUpToDate(repository, remote, head, notice);
      return lost === undefined ? { state: 'current' } : { state: 'behind', reason: lost };
    } catch (error) {
      if (!(error instanceof GitFailure)) throw error;
      failed = refused(error);
      if (failed.remedy !== undefined || !LOST_RACE.test(error.stderr)) break;
    }
    try {
      if (await fetch(repository, remote)) {
        if (await stopsAt()) return { state: 'overtaken' };
        await followRemote(repository, folders, now);
      }
    } catch (error) {
      if (!(error instanceof GitFailure) && !(error instanceof RemoteRefusal)) throw error;
      return behind(error);
    }
  }
  return failed;
}

/** Pushes what the remote does not have, on top of what others pushed meanwhile. Never by force. */
export async function pushRemote(
  repository: Repository,
  remote: string | undefined,
  pushing: Pushing,
): Promise<RemoteState> {
  if (!remote) return { state: 'none' };
  const outcome = await push(repository, remote, { ...pushing, stopsAt: async () => false });
  return outcome.state === 'overtaken' ? { state: 'behind', reason: 'others pushed first' } : outcome;
}

/**
 * As {@link pushRemote}, but stops as `overtaken` when others changed an account that commits made since `since`
 * change too: what this run read may be older than what they committed.
 */
export async function pushRun(
  repository: Repository,
  remote: string,
  since: string | undefined,
  pushing: Pushing,
): Promise<PushOutcome> {
  return push(repository, remote, { ...pushing, stopsAt: () => overtaken(repository, since) });
}
