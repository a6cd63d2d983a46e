import type { MirrorDocument } from '../../core/documents.ts';
import { type Key, keyOf } from '../../core/keys.ts';
import { pathsOf, type Selection } from '../../history/selection.ts';
import { type MirrorState, readDocuments } from '../../history/state.ts';
import type { Contested, LiveDocument } from '../../plan/types.ts';
import type { IdMaps } from '../idmaps.ts';
import type { GitAuthor } from '../sync/sync-deps.ts';
import type { EditedDocument } from './edits.ts';
import type { LiveAccount } from './live.ts';
import { extraneousDocuments } from './out-of-scope.ts';
import type { Renew } from './reader.ts';
import { isSameAccount, type RestoreRequest } from './request.ts';
import { asWanted, differing } from './wanted.ts';

/** What the target should become. Where that comes from differs: a state of the mirror, or changes that are merged. */
export interface Wants {
  /** The documents that may have to be written, as the target should have them. */
  readonly documents: () => Promise<readonly MirrorDocument[]>;
  /** Of all that is wanted, the documents with these keys. */
  readonly among: (keys: ReadonlySet<Key>) => Promise<readonly MirrorDocument[]>;
  /** What is to be deleted. */
  readonly deletions: () => Promise<readonly LiveDocument[]>;
  /** What would be wanted, but meets changes of others. */
  readonly contested: readonly Contested[];
  /** What is left out of what people asked for, in sentences. */
  readonly warnings: readonly string[];
  /** What people changed in Git, where that is what is wanted. */
  readonly edited?: EditedInGit;
}

/** Resources that people changed in Git. */
export interface EditedInGit {
  readonly documents: readonly EditedDocument[];
  /** Who changed them, by `<type>/<id>` in the target. @param ids ids of the state → ids of the target */
  readonly authors: (ids: ReadonlyMap<string, string>) => ReadonlyMap<string, GitAuthor>;
}

/** What becomes of one resource that a change is merged into. */
export type Fate =
  | { readonly kind: 'wanted'; readonly document: MirrorDocument }
  | { readonly kind: 'deleted'; readonly document: LiveDocument }
  | { readonly kind: 'contested'; readonly document: Contested };

/** What is wanted where changes are merged into the live resources. */
export function wantsOfFates(fates: readonly Fate[]): Wants {
  const wanted = fates.flatMap((fate) => (fate.kind === 'wanted' ? [fate.document] : []));
  return {
    documents: async () => wanted,
    among: async (keys) => wanted.filter(({ type, id }) => keys.has(keyOf(type.name, id))),
    deletions: async () => fates.flatMap((fate) => (fate.kind === 'deleted' ? [fate.document] : [])),
    contested: fates.flatMap((fate) => (fate.kind === 'contested' ? [fate.document] : [])),
    warnings: [],
  };
}

/** The target, as far as what is wanted of it depends on it. */
export interface WantsInput {
  readonly live: LiveAccount;
  readonly renew: Renew;
  /** Ids of the state → ids of the target. Grows while the plan is made. */
  readonly ids: Map<string, string>;
  readonly idMaps: IdMaps;
}

/** The documents of a state of the mirror; with `prune`, nothing else. */
export function wantsOfState(
  request: RestoreRequest,
  { state, selection }: { readonly state: MirrorState; readonly selection: Selection },
  { live, renew, ids, idMaps }: WantsInput,
): Wants {
  const sameAccount = isSameAccount(request);
  const read = async (paths: readonly string[]): Promise<MirrorDocument[]> =>
    (await readDocuments(state, paths)).map((document) => asWanted(document, request, renew));
  return {
    documents: () =>
      read(sameAccount ? differing(state, live, selection.selected) : pathsOf(state, selection.selected)),
    among: (keys) => read(pathsOf(state, keys)),
    deletions: async () =>
      request.prune ? extraneousDocuments(live, new Set(state.documents.keys()), ids, sameAccount, idMaps) : [],
    contested: [],
    warnings: [],
  };
}
