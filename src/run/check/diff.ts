import { findType } from '../../catalogue/index.ts';
import type { MirrorDocument } from '../../core/documents.ts';
import { diffFields, type FieldChange } from '../../core/field-diff.ts';
import { type Key, keyOf } from '../../core/keys.ts';
import { readPath, type Transliterate } from '../../core/layout.ts';
import { NotInState, select } from '../../history/selection.ts';
import { documentPaths, type MirrorState, readDocuments } from '../../history/state.ts';
import type { LiveAccount } from '../restore/live.ts';
import { groupFiles, sameFiles } from '../sync/known-types.ts';

/** One resource that is not the same in two states. */
export interface Difference {
  readonly type: string;
  readonly id: string;
  readonly title: string;
  readonly path: string;
  readonly what: 'added' | 'changed' | 'renamed' | 'deleted';
  readonly changes: readonly FieldChange[];
}

function difference(before: MirrorDocument | undefined, after: MirrorDocument | undefined): Difference | undefined {
  const shown = after ?? before;
  if (!shown) return undefined;
  const common = { type: shown.type.name, id: shown.id, title: shown.title, path: shown.path };
  if (!before) return { ...common, what: 'added', changes: [] };
  if (!after) return { ...common, what: 'deleted', changes: [] };
  const changes = diffFields(before.doc, after.doc);
  if (changes.length === 0) return undefined;
  return { ...common, what: before.path === after.path ? 'changed' : 'renamed', changes };
}

function byPath(a: Difference, b: Difference): number {
  return a.path < b.path ? -1 : a.path > b.path ? 1 : 0;
}

/** The named resources in either of two states; `undefined`: all. @throws NotInState for what neither holds */
async function chosen(
  states: readonly (MirrorState | undefined)[],
  what: readonly string[],
  transliterate: Transliterate,
): Promise<ReadonlySet<Key> | undefined> {
  if (what.length === 0) return undefined;
  const keys = new Set<Key>();
  for (const selector of what) {
    let missing: unknown;
    let found = false;
    for (const state of states) {
      if (!state) continue;
      try {
        for (const key of (await select(state, [selector], { transliterate })).selected) keys.add(key);
        found = true;
      } catch (error) {
        if (!(error instanceof NotInState)) throw error;
        missing ??= error;
      }
    }
    if (!found && missing) throw missing;
  }
  return keys;
}

function keyOfPath(path: string): Key | undefined {
  const parts = readPath(path);
  return parts?.isDocument && findType(parts.type) ? keyOf(parts.type, parts.id) : undefined;
}

/** What differs between two states of one account's mirror. Only files that differ are read. */
export async function diffStates(
  from: MirrorState,
  to: MirrorState,
  what: readonly string[],
  transliterate: Transliterate,
): Promise<Difference[]> {
  const keys = await chosen([to, from], what, transliterate);
  const [old, now] = [groupFiles(from.files), groupFiles(to.files)];
  const differs = (path: string): boolean => {
    const parts = readPath(path);
    const key = keyOfPath(path);
    if (!parts || !key || (keys && !keys.has(key))) return false;
    const [a, b] = [old.get(parts.type)?.get(parts.id), now.get(parts.type)?.get(parts.id)];
    return !a || !b || !sameFiles(a, b);
  };
  const table = async (state: MirrorState): Promise<Map<Key, MirrorDocument>> =>
    new Map(
      (await readDocuments(state, documentPaths(state).filter(differs))).map((document) => [
        keyOf(document.type.name, document.id),
        document,
      ]),
    );
  const [before, after] = [await table(from), await table(to)];
  return [...new Set([...before.keys(), ...after.keys()])]
    .flatMap((key) => difference(before.get(key), after.get(key)) ?? [])
    .sort(byPath);
}

/** What differs between the mirror and the account as it was just fetched. */
export async function diffLive(
  live: LiveAccount,
  what: readonly string[],
  transliterate: Transliterate,
): Promise<Difference[]> {
  const changed = [
    ...live.report.changes.map(({ type: typeName, id }) => keyOf(typeName, id)),
    ...(live.report.held ?? []),
  ];
  const after = await live.documents(changed);
  let keys: ReadonlySet<Key> | undefined;
  try {
    keys = await chosen([live.base], what, transliterate);
  } catch (error) {
    // It may be new in the account.
    if (!(error instanceof NotInState)) throw error;
    keys = new Set(
      [...after]
        .filter(([key, { type, title }]) => what.includes(key) || what.includes(`${type.name}/${title}`))
        .map(([key]) => key),
    );
    if (keys.size === 0) throw error;
  }
  const wanted = new Set(changed);
  const { base } = live;
  const paths = base ? documentPaths(base).filter((path) => wanted.has(keyOfPath(path) ?? '')) : [];
  const before = new Map(
    (base ? await readDocuments(base, paths) : []).map((document) => [
      keyOf(document.type.name, document.id),
      document,
    ]),
  );
  return [...wanted]
    .filter((key) => !keys || keys.has(key))
    .flatMap((key) => difference(before.get(key), after.get(key)) ?? [])
    .sort(byPath);
}
