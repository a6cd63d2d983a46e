import type { EditNote } from './attribution.ts';
import type { Change } from './changes.ts';
import { readPath } from './layout.ts';
import { type ChangeLine, plainEmail, readMessage, type ToldMessage } from './message.ts';

/** One commit of an account as the mirror made it, reduced to what it tells of the audit log. */
export interface EarlierCommit {
  /** E-mail address of its author. */
  readonly author: string;
  /** When it was made, by the server's clock, ms. */
  readonly committed: number;
  /** From when on the account was read for it, by the server's clock, ms. */
  readonly readAt: number;
  readonly told: ToldMessage;
}

/** @param skewMs the server's clock minus ours */
export function earlierCommit(
  commit: { readonly message: string; readonly author: string; readonly committed: Date },
  skewMs: number,
): EarlierCommit {
  const told = readMessage(commit.message);
  const committed = commit.committed.getTime() + skewMs;
  const begun = told.begun === undefined ? committed : told.begun + skewMs;
  return { author: plainEmail(commit.author), committed, readAt: told.readAt ?? begun, told };
}

/**
 * How an entry of the audit log stands to what earlier commits tell. `fresh`: none tells it. `told`: one does, or it lies
 * before the first listing of its resource. `again`: one tells it, but it was made while that run read the account, so that
 * its effect may show only now.
 */
export type Standing = 'fresh' | 'told' | 'again';

/** The same moment, to the precision that a line has. */
function second(ms: number): number {
  return Math.floor(ms / 1000);
}

/** A line that tells of a resource, in its commit. */
interface Telling {
  readonly commit: EarlierCommit;
  readonly line: ChangeLine;
}

function tells({ commit, line }: Telling, time: number, email: string): boolean {
  const upTo = line.time === undefined ? undefined : Date.parse(line.time);
  const covered = upTo !== undefined && second(time) <= second(upTo);
  // What a restore wrote is its operator's, whoever the token belongs to.
  if (commit.told.restore !== undefined) return covered || time < commit.readAt;
  if (covered && (commit.author === email || line.others.includes(email))) return true;
  // Seen for the first time, and nobody known to have made it: what came before that is not about what comes after.
  const unexplained = line.time === undefined || line.guessed;
  return line.word === 'added' && unexplained && time < commit.readAt;
}

/** Judges entries by what these commits tell. */
export function readTold(
  commits: readonly EarlierCommit[],
): (change: Change, note: EditNote, email: string) => Standing {
  const tellings = new Map<string, Telling[]>();
  for (const commit of commits) {
    for (const line of commit.told.lines.values()) {
      const parts = readPath(line.path);
      if (!parts) continue;
      const key = `${parts.type}/${parts.id}`;
      tellings.set(key, [...(tellings.get(key) ?? []), { commit, line }]);
    }
  }
  const first = commits.find(({ told }) => told.first);
  return ({ type, id }, note, email) => {
    const time = Date.parse(note.time);
    if (first && time < first.readAt) return 'told';
    const telling = tellings.get(`${type}/${id}`)?.find((one) => tells(one, time, plainEmail(email)));
    if (!telling) return 'fresh';
    return time >= telling.commit.readAt ? 'again' : 'told';
  };
}
