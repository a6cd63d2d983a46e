import { AppError } from '../core/errors.ts';
import { idIn, type Key, typeIn } from '../core/keys.ts';
import type { Transliterate } from '../core/layout.ts';
import { readMessage } from '../core/message.ts';
import { oneLine } from '../core/unseen.ts';
import type { Git } from '../git/git.ts';
import { type HistoryCommit, readCut } from '../history/commits.ts';
import { type ChangeQuery, selecting } from './choose.ts';
import { preselect } from './query.ts';
import type { Entry } from './trail.ts';

/** A commit whose changes are taken back, of these resources: by the ids that they have in it. */
export interface UndoneCommit {
  /** Full id. */
  readonly commit: string;
  readonly keys: readonly Key[];
}

/** The history of an account, twice: as commits, and as what they changed. */
export interface History {
  readonly commits: readonly HistoryCommit[];
  /** Oldest first. */
  readonly trail: readonly Entry[];
  /** What a resource of the trail is called now. */
  readonly today: (key: Key) => Key;
}

function short(commit: string): string {
  return commit.slice(0, 10);
}

function refused(message: string, hint: string): AppError {
  return new AppError('USAGE', message, { hint });
}

const TO_LIST = 'To list the changes of the account with their commits: celigo-mirror log';

/** Why a commit cannot be taken back. @throws AppError `USAGE` that names it, and what helps */
async function checkCommit(git: Git, account: string, commit: string, { commits, trail }: History): Promise<void> {
  const mine = trail.filter((entry) => entry.commit === commit);
  if (mine.some((entry) => isChange(entry))) return;
  const name = `commit ${short(commit)}`;
  const held = commits.find(({ id }) => id === commit);
  const facts = held && readMessage(held.message);
  if (mine.some(({ cut }) => cut)) {
    const cut = await readCut(git);
    throw refused(
      `${name} is where the history of this clone begins`,
      `To fetch the rest: ${cut?.remedy ?? 'git fetch'}`,
    );
  }
  if (facts?.first) {
    throw refused(`${name} is the first mirror of ${account}: it changed nothing`, TO_LIST);
  }
  if (facts?.account !== undefined && facts.renewed) {
    const what = mine.length > 0 ? 'brings documents up to date' : 'puts back what people changed in Git';
    throw refused(`${name} ${what}: it changed nothing in the account`, TO_LIST);
  }
  if (held && facts?.account === undefined) {
    throw refused(
      `${name} was made by ${oneLine(held.author.name)} in Git, not by the mirror: it changed nothing in the account`,
      `To take it back in Git: git revert ${short(commit)}; celigo-mirror apply then brings that into the account`,
    );
  }
  const parents = (await git.run(['rev-list', '--parents', '-1', '--end-of-options', commit, '--'])).trim().split(' ');
  if (parents.length > 2) throw refused(`${name} is a merge: it changed nothing in the account`, TO_LIST);
  const isOlder = (await git.ask(['merge-base', '--is-ancestor', commit, 'HEAD'])) !== undefined;
  const why = isOlder ? `changed no resource of ${account}` : 'is not in the history of this branch';
  throw refused(`${name} ${why}`, TO_LIST);
}

/** Whether an entry is an edit of the account: neither found there at first, nor made by other rules of the mirror. */
function isChange({ baseline, cut, renewed }: Entry): boolean {
  return !baseline && !cut && !renewed;
}

/** A change that two people made in one run: nothing says who changed what. */
function isShared(entry: Entry, by: string): boolean {
  const person = by.toLowerCase();
  return [entry.by, ...entry.also].some(({ name, email }) => !`${name} <${email}>`.toLowerCase().includes(person));
}

/** The changes that are to be taken back. */
export interface ChosenChanges {
  readonly commits: readonly UndoneCommit[];
  /** What is left out of what was asked for, in sentences. */
  readonly leftOut: readonly string[];
}

/**
 * The changes that are to be taken back.
 * @throws AppError `USAGE` for a commit that cannot be taken back, and where no change is meant
 */
export async function chooseUndone(
  git: Git,
  account: string,
  history: History,
  query: ChangeQuery,
  transliterate: Transliterate,
): Promise<ChosenChanges> {
  const { trail, today } = history;
  const chosen = await selecting(git, account, trail, query, transliterate);
  for (const commit of chosen.named) await checkCommit(git, account, commit, history);
  const meant = chosen.keys && new Set([...chosen.keys].map(today));
  const fitting = preselect(trail, { ...chosen, keys: undefined }).filter(({ key }) => meant?.has(today(key)) ?? true);
  const changes = fitting.filter(isChange);
  const others = new Set(fitting.filter((entry) => !isChange(entry) && !entry.cut).map(({ commit }) => commit));
  const leftOut: string[] = [];
  for (const commit of others) {
    const what = fitting.some((entry) => entry.commit === commit && entry.baseline)
      ? 'is the first mirror'
      : 'brings documents up to date';
    leftOut.push(`commit ${short(commit)} ${what}: it is left out, since it changed nothing in the account`);
  }
  const { by } = query;
  const undone = new Map<string, Key[]>();
  for (const entry of changes) {
    if (by !== undefined && isShared(entry, by)) {
      const names = [entry.by, ...entry.also].map(({ name }) => oneLine(name)).join(' and ');
      leftOut.push(
        `commit ${short(entry.commit)}: ${typeIn(entry.key)}/${idIn(entry.key)} was edited by ${names} in one run: ` +
          'it is left out; to take back all of it, name the commit without --by',
      );
      continue;
    }
    undone.set(entry.commit, [...(undone.get(entry.commit) ?? []), entry.key]);
  }
  if (undone.size === 0) {
    const why = leftOut.length > 0 ? `: ${leftOut.join('; ')}` : '';
    throw refused(`no change of ${account} is meant${why}`, TO_LIST);
  }
  return { commits: [...undone].map(([commit, keys]) => ({ commit, keys })), leftOut };
}
