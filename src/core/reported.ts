import type { ChangeLine } from './change-line.ts';
import type { AttributionStatus, Change, EditNote } from './changes.ts';
import { plainEmail } from './identity.ts';
import { type Key, keyOf } from './keys.ts';
import { readPath } from './layout.ts';
import { type CommitFacts, readMessage } from './message.ts';

/** One commit of an account as the mirror made it, reduced to what it reports of the audit log. */
export interface EarlierCommit {
  /** E-mail address of its author. */
  readonly author: string;
  /** The mirror itself committed it: what others copy or rebase is dated by their clocks. */
  readonly own: boolean;
  /** When it was made, by the server's clock, ms; at the latest. Infinite where a wrong clock dated it. */
  readonly committed: number;
  /** From when on the account was read for it, by the server's clock, ms. -Infinity where a wrong clock dated it. */
  readonly readAt: number;
  readonly facts: CommitFacts;
}

/** What lies further in the future was dated by a wrong clock, ms. */
const FUTURE_MS = 5 * 60_000;

/** @param skewMs the server's clock minus ours @param now by the server's clock, ms @param mirror its e-mail address */
export function earlierCommit(
  commit: { readonly message: string; readonly author: string; readonly committer: string; readonly committed: Date },
  skewMs: number,
  now: number,
  mirror: string,
): EarlierCommit {
  const facts = readMessage(commit.message);
  // By the server's clock, or by that of a machine: earlier versions dated their commits so.
  const dated = commit.committed.getTime();
  const committed = Math.max(dated, dated + skewMs);
  const isFuture = (time: number): boolean => time > now + FUTURE_MS;
  const started = facts.started === undefined ? undefined : facts.started + skewMs;
  const readAt = [facts.readAt, started, committed].find((time) => time !== undefined && !isFuture(time));
  return {
    author: plainEmail(commit.author),
    own: commit.committer === mirror,
    // Whoever copies or rebases a commit dates it again; it was not made before the account was read for it.
    committed: isFuture(committed) || committed < (readAt ?? 0) - FUTURE_MS ? Number.POSITIVE_INFINITY : committed,
    readAt: readAt ?? Number.NEGATIVE_INFINITY,
    facts: { ...facts, lines: new Map([...facts.lines].filter(([, { time }]) => !isFuture(Date.parse(time ?? '')))) },
  };
}

/** The same moment, to the precision that a line has. */
function second(ms: number): number {
  return Math.floor(ms / 1000);
}

/** A line about a resource, in its commit. */
interface ReportedLine {
  readonly commit: EarlierCommit;
  readonly line: ChangeLine;
}

function reports({ commit, line }: ReportedLine, time: number, email: string): boolean {
  const upTo = line.time === undefined ? undefined : Date.parse(line.time);
  const covered = upTo !== undefined && second(time) <= second(upTo);
  // What a restore wrote is its operator's, whoever owns the token.
  if (commit.facts.restore !== undefined) return covered || time < commit.readAt;
  if (covered && (commit.author === email || line.others.includes(email))) return true;
  // A resource seen for the first time, without a known author: earlier entries do not explain later changes.
  const unexplained = line.time === undefined || line.guessed;
  return line.word === 'added' && unexplained && time < commit.readAt;
}

/** Whether these commits report an entry about a change. `email` is that of its editor. */
export function attributionStatusBy(
  commits: readonly EarlierCommit[],
): (change: Change, note: EditNote, email: string) => AttributionStatus {
  const linesOf = new Map<Key, ReportedLine[]>();
  for (const commit of commits) {
    for (const line of commit.facts.lines.values()) {
      const parts = readPath(line.path);
      if (!parts) continue;
      const key = keyOf(parts.type, parts.id);
      linesOf.set(key, [...(linesOf.get(key) ?? []), { commit, line }]);
    }
  }
  const first = commits.find(({ facts }) => facts.first);
  return ({ type, id }, note, email) => {
    const time = Date.parse(note.time);
    if (first && time < first.readAt) return 'reported';
    const line = linesOf.get(keyOf(type, id))?.find((one) => reports(one, time, plainEmail(email)));
    if (!line) return 'fresh';
    return time >= line.commit.readAt ? 'again' : 'reported';
  };
}
