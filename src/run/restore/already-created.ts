import { diffFields } from '../../core/field-diff.ts';
import { idIn, type Key, keyOf, typeIn } from '../../core/keys.ts';
import { titleOf } from '../../core/layout.ts';
import { bothRestorable, withLiveSwitches } from '../../plan/body.ts';
import { rewriteIds } from '../../plan/ids.ts';
import type { EditedDocument, Edits } from './edits.ts';
import type { LiveAccount } from './live.ts';

/** Whether a live resource is what an addition asks for; what the server completes does not matter. */
function isThere({ type, after }: EditedDocument, held: EditedDocument['after'], ids: ReadonlyMap<string, string>) {
  if (!after || !held || titleOf(type, after) !== titleOf(type, held)) return false;
  const asked = withLiveSwitches(type, rewriteIds(after, ids), held);
  const { wanted, live } = bothRestorable(type, asked, held, new Map());
  return diffFields(live, wanted).every((change) => change.after === undefined);
}

/**
 * Finds the additions that the account holds already, made since the commit that the changes are based on: an apply
 * that was killed, and whose journal is lost, created them. Their ids go into `ids`.
 * @returns what to say of each, in sentences
 */
export async function findAlreadyCreated(
  { before: { account, documents: known } }: Edits,
  documents: readonly EditedDocument[],
  live: LiveAccount,
  ids: Map<string, string>,
): Promise<string[]> {
  const exists = ({ type, id }: EditedDocument): boolean => live.has(keyOf(type.name, ids.get(id) ?? id)) === true;
  let open = documents.filter((one) => !one.before && one.after && !exists(one));
  const types = new Set(open.map(({ type }) => type.name));
  const claimed = new Set(ids.values());
  const isNew = (key: Key): boolean => types.has(typeIn(key)) && !known.has(key) && !claimed.has(idIn(key));
  const made = new Map(open.length === 0 ? [] : await live.documents(live.keys().filter(isNew)));
  const said: string[] = [];
  // One that refers to another one is found after that.
  for (let left = -1; left !== open.length; ) {
    left = open.length;
    open = open.filter((one) => {
      const found = [...made.values()].find(({ type, doc }) => type.name === one.type.name && isThere(one, doc, ids));
      if (!found) return true;
      const key = keyOf(found.type.name, found.id);
      made.delete(key);
      ids.set(one.id, found.id);
      const [path] = one.paths;
      said.push(`${account}/${path}: the account holds it already (${key}): it is not created again`);
      return false;
    });
  }
  return said;
}
