import type { Json, JsonObject } from '../../core/json.ts';
import type { StateView } from '../model/state-view.ts';

/** What people need of an emulator to work in its account. */
interface Workplace {
  readonly state: Pick<StateView, 'all'>;
  readonly act: (who: string) => { readonly set: (type: string, id: string, changes: JsonObject) => unknown };
}

/** One edit by a person; `round` makes it another one each time. */
interface Edit {
  readonly type: string;
  /** Which of the type's resources, counted round and round. */
  readonly nth: number;
  readonly change: (doc: JsonObject, round: number) => JsonObject;
}

const EDITS: readonly Edit[] = [
  { type: 'flows', nth: 0, change: (_doc, round) => ({ description: `Checked in week ${round + 1}` }) },
  { type: 'flows', nth: 3, change: (_doc, round) => ({ schedule: `? ${(round * 5) % 60} * ? * *` }) },
  { type: 'scripts', nth: 0, change: ({ content }, round) => ({ content: `${String(content)}// note ${round}\n` }) },
  { type: 'connections', nth: 1, change: ({ name }, round) => ({ name: `${withoutMark(name)} (${round})` }) },
  { type: 'flows', nth: 5, change: ({ name }, round) => ({ name: `${withoutMark(name)} (${round})` }) },
];

function withoutMark(name: Json | undefined): string {
  return String(name).replace(/ \(\d+\)$/, '');
}

/**
 * Makes the given people edit the account in turn, one edit every `everyMs` milliseconds: for a demonstration.
 * @returns a function that stops it
 */
export function keepBusy(emulator: Workplace, people: readonly string[], everyMs: number): () => void {
  let count = 0;
  const timer = setInterval(() => {
    const edit = EDITS[count % EDITS.length];
    const round = Math.floor(count / EDITS.length);
    const who = people[count % people.length];
    count += 1;
    if (!edit || who === undefined) return;
    const documents = emulator.state.all(edit.type);
    const target = documents[edit.nth % documents.length];
    if (target) emulator.act(who).set(edit.type, String(target._id), edit.change(target, round));
  }, everyMs);
  return () => clearInterval(timer);
}
