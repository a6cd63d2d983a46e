import { idIn, type Key, keyOf, typeIn } from '../../core/keys.ts';
import type { MirrorFile } from '../../core/layout.ts';
import { idMapPath, readIdMaps, renderIdMaps } from '../idmaps.ts';
import type { GitAuthor } from '../sync/sync-deps.ts';
import type { Applied } from './apply.ts';
import type { Journal } from './journal.ts';
import { type LiveAccount, observe } from './live.ts';
import type { Prepared } from './prepared.ts';
import { touchedKeys, undeletedKeys } from './resume.ts';
import type { Undone } from './undo.ts';

/** Mirrors the account as the restore left it: one commit with the operator as author, and the new ids. */
export async function mirrorResult(prepared: Prepared, journal: Journal, applied: Applied): Promise<LiveAccount> {
  const { deps, request, repository, undone, edits, ids } = prepared;
  const touched = new Set<Key>([...touchedKeys(journal), ...applied.written.keys()]);
  return observe(deps, request.target, repository, {
    dryRun: false,
    restore: {
      id: journal.head.id,
      operator: journal.head.operator,
      // By the ids in the target, and what was replaced by its old ones.
      touched,
      undeleted: undeletedKeys(journal),
      ...(undone ? { undone: writtenOf(undone, touched, ids) } : {}),
      ...(edits ? { authors: authorsIn(prepared) } : {}),
      files: await nextIdMaps(prepared, applied),
    },
    ...(edits ? { applying: { paths: appliedPaths(prepared, applied), pending: false } } : {}),
  });
}

/** Who made in Git what was brought to the account. */
function authorsIn({ wants, ids }: Prepared): ReadonlyMap<Key, GitAuthor> {
  return wants.edited?.authors(ids) ?? new Map();
}

/** Files of people whose contents the account has now, as far as it can: no notice says that they are put back. */
function appliedPaths({ wants, wanted, ids, plan }: Prepared, { outcomes }: Applied): Set<string> {
  const meant = [...plan.steps.map(({ key }) => key), ...wanted.map(({ type, id }) => keyOf(type.name, id))];
  const left = new Set(meant.filter((key) => outcomes.get(key)?.result !== 'done'));
  return new Set(
    (wants.edited?.documents ?? []).flatMap(({ type, id, paths }) =>
      [id, ids.get(id) ?? id].some((one) => left.has(keyOf(type.name, one))) ? [] : [...paths],
    ),
  );
}

/** The commits that something was taken back of. */
function writtenOf({ commits }: Undone, touched: ReadonlySet<Key>, ids: ReadonlyMap<string, string>): string[] {
  const isTouched = (key: Key): boolean =>
    touched.has(key) || touched.has(keyOf(typeIn(key), ids.get(idIn(key)) ?? ''));
  return commits.filter(({ keys }) => keys.some(isTouched)).map(({ commit }) => commit);
}

/** The file of new ids, where it changed. */
async function nextIdMaps(prepared: Prepared, { outcomes }: Applied): Promise<MirrorFile[]> {
  const { plan, ids, repository, wanted } = prepared;
  const path = idMapPath(plan.from, plan.account);
  const maps = await readIdMaps(repository.git, path);
  const before = renderIdMaps(maps);
  const put = (type: string, old: string, id: string): void => {
    const map = maps.get(type) ?? new Map<string, string>();
    maps.set(type, map.set(old, id));
  };
  const aliases = new Map<string, string[]>();
  for (const [old, id] of ids) aliases.set(id, [...(aliases.get(id) ?? []), old]);
  for (const step of plan.steps) {
    const id = outcomes.get(step.key)?.id ?? step.targetId;
    if (step.action === 'delete' || id === undefined || id === step.id) continue;
    put(step.type, step.id, id);
    if (step.action === 'create') for (const old of aliases.get(id) ?? []) put(step.type, old, id);
  }
  for (const document of wanted) {
    const id = ids.get(document.id);
    if (id !== undefined && id !== document.id) put(document.type.name, document.id, id);
  }
  const known = new Set([...maps.values()].flatMap((map) => [...map.keys()]));
  // Parts of documents (groups, versions) have ids too. An id that leads to one that was not created is not a new id.
  const asked = new Set(wanted.map(({ id }) => id));
  for (const [old, id] of ids) if (!known.has(old) && old !== id && !asked.has(id)) put('parts', old, id);
  const text = renderIdMaps(maps);
  return text === before ? [] : [{ path, text }];
}
