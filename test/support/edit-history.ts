// Random edits of an account by several people, and which commit of its mirror holds each.
import type { Emulator } from '../../src/emulator/http/server.ts';
import type { Person } from '../../src/emulator/model/seed.ts';
import { isPlain } from './documents.ts';
import type { Dice } from './random.ts';
import { type Change, changesBetween, type State, stateOf } from './undo-model.ts';

/** So many resources of each type are edited: few, so that people meet. */
const EDITED = { flows: 2, scripts: 2, imports: 1, integrations: 1 };
/** Lines of code, of which every third one is edited: changes of neighbouring lines would be one change. */
const CODE = Array.from({ length: 10 }, (_, i) => `// ${i}: as it was`);

/** Where a history is made. */
export interface Place {
  readonly emulator: Emulator;
  readonly people: readonly Pick<Person, 'email'>[];
  /** The person whose token an undo writes with: what it did is theirs. */
  readonly owner: Pick<Person, 'email'>;
  /** Git in the mirror. */
  git(...args: string[]): string;
}

/** The resources that are edited, by `<type>/<id>`, with their names in the beginning. */
export type Edited = ReadonlyMap<string, string>;

/** A history that is being made. */
export interface Draft {
  /** What people did, oldest first. */
  readonly changes: Change[];
  /** The account as it was mirrored last, and the commit of that. */
  known: State;
  head: string;
  /** Who edited a resource since: one person each, since one commit holds all of it. */
  readonly editors: Map<string, string>;
  /** What undos took back. */
  readonly reverts: Map<string, ReadonlySet<string>>;
}

/** Chooses resources that are edited, and prepares them: before the mirror is made. */
export function chooseEdited({ emulator, people }: Pick<Place, 'emulator' | 'people'>): Edited {
  const [first] = people;
  const docs = Object.entries(EDITED).flatMap(([type, most]) =>
    emulator.state
      .all(type)
      .filter((doc) => isPlain(type, doc))
      .slice(0, most)
      .map(({ _id, name }) => ({ type, id: String(_id), name: String(name) })),
  );
  for (const { type, id } of docs)
    if (type === 'scripts' && first) emulator.act(first.email).set(type, id, { content: CODE.join('\n') });
  return new Map(docs.map(({ type, id, name }) => [`${type}/${id}`, name]));
}

/** A history that begins with the account as it is mirrored now. */
export function beginHistory({ emulator, git }: Place): Draft {
  return {
    changes: [],
    known: stateOf(emulator),
    head: git('rev-parse', 'HEAD').trim(),
    editors: new Map(),
    reverts: new Map(),
  };
}

function partsOf(key: string): [type: string, id: string] {
  const at = key.indexOf('/');
  return [key.slice(0, at), key.slice(at + 1)];
}

/** One edit of one person: few fields and values, so that some are edited twice and some values come back. */
export function editOnce({ emulator, people }: Place, edited: Edited, { editors }: Draft, dice: Dice): void {
  const made = emulator.state.all('scripts').filter(({ name }) => /^New /.test(String(name)));
  const key = dice.pick([...edited.keys(), ...made.map(({ _id }) => `scripts/${String(_id)}`)]);
  const by = editors.get(key) ?? dice.pick(people).email;
  const who = emulator.act(by);
  const [type, id] = partsOf(key);
  if (dice.chance(0.08)) {
    const { _id } = who.create('scripts', { name: `New ${dice.between(1, 9)}`, content: CODE.join('\n') });
    editors.set(`scripts/${String(_id)}`, by);
    return;
  }
  editors.set(key, by);
  if (!edited.has(key) && dice.chance(0.4)) {
    who.remove(type, id);
    return;
  }
  const value = dice.between(1, 3);
  const field = dice.pick(['name', 'description', 'settings', 'settings', ...(type === 'scripts' ? ['content'] : [])]);
  if (field === 'name') who.set(type, id, { name: `${edited.get(key) ?? 'New one'} ${value}` });
  else if (field === 'content') {
    const lines = String(emulator.state.get(type, id)?.content).split('\n');
    const at = dice.between(0, 3) * 3;
    who.set(type, id, { content: lines.map((line, i) => (i === at ? `// ${at}: ${value}` : line)).join('\n') });
  } else {
    const place = field === 'settings' ? `settings.${dice.pick(['a', 'b'])}` : field;
    who.set(type, id, { [place]: dice.chance(0.3) ? undefined : `value ${value}` });
  }
}

/** Commits since the last one that is known: which one holds a resource, by id. The undo's own are told apart. */
function commitsSince(
  { git }: Place,
  draft: Draft,
): { readonly edits: Map<string, string>; readonly undo: Map<string, string> } {
  const [edits, undo] = [new Map<string, string>(), new Map<string, string>()];
  const format = '--format=%x00%H %(trailers:key=Celigo-Undo,valueonly,separator=%x2C)';
  // Newest first: each commit with the files that it changed.
  const log = git('log', '--name-only', format, `${draft.head}..HEAD`);
  for (const text of log.split('\0').slice(1).reverse()) {
    const [head = '', ...paths] = text.split('\n');
    const [commit = '', undone = ''] = head.split(' ');
    for (const id of paths.flatMap((path) => /[0-9a-f]{24}/.exec(path) ?? []))
      (undone === '' ? edits : undo).set(id, commit);
    draft.head = commit;
  }
  return { edits, undo };
}

/** Notes what people did, and that nothing mirrors it yet. */
export function noteEdits({ emulator }: Place, draft: Draft): void {
  const state = stateOf(emulator);
  const about = (key: string) => ({ commit: '', by: draft.editors.get(key) ?? '' });
  draft.changes.push(...changesBetween(draft.known, state, about));
  draft.known = state;
}

/**
 * Notes the commits of a sync or an undo: those that hold what people did, and what the undo changed itself.
 * @param isTaken what the undo took back, conflicts aside
 * @returns the commits of the undo
 * @throws Error for an edit that no commit holds
 */
export function noteCommits(
  place: Place,
  draft: Draft,
  isTaken: (change: Change) => boolean = () => false,
): readonly string[] {
  const { edits, undo } = commitsSince(place, draft);
  const holding = (key: string, commits: ReadonlyMap<string, string>): string => {
    const commit = commits.get(partsOf(key)[1]);
    if (commit === undefined) throw new Error(`${key} was changed, and no commit holds it`);
    return commit;
  };
  const taken = draft.changes.filter(isTaken);
  for (const [i, change] of draft.changes.entries())
    if (change.commit === '') draft.changes[i] = { ...change, commit: holding(change.key, edits) };
  const state = stateOf(place.emulator);
  const own = changesBetween(draft.known, state, (key) => ({ commit: holding(key, undo), by: place.owner.email }));
  for (const { commit, key } of own)
    draft.reverts.set(`${commit} ${key}`, new Set(taken.filter((one) => one.key === key).map((one) => one.commit)));
  draft.changes.push(...own);
  draft.editors.clear();
  draft.known = state;
  return [...new Set(undo.values())];
}
