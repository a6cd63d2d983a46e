import type { MirrorDocument } from '../core/documents.ts';
import { isAppPart } from '../core/documents.ts';
import type { JsonObject } from '../core/json.ts';
import { type Key, keyOf } from '../core/keys.ts';
import type { Made } from './converged.ts';
import type { Supplied } from './secrets.ts';
import type { Contested, IdMap, Live, LiveDocument, Plan, Precedent, Step, Wanted } from './types.ts';

export interface PlanInput extends Pick<Plan, 'account' | 'from' | 'target' | 'state' | 'undone' | 'applied'> {
  readonly wanted: readonly Wanted[];
  /** What would be wanted, but meets changes of others. */
  readonly contested: readonly Contested[];
  readonly live: ReadonlyMap<Key, Live>;
  /** Ids that are known to be different in the target. */
  readonly ids: IdMap;
  /** Whether the target has this resource (by the target's id); `undefined`: not known. */
  readonly exists: (type: string, id: string) => boolean | undefined;
  /** Whether the state holds this resource, wanted or not. */
  readonly inState: (type: string, id: string) => boolean;
  readonly supplied: (document: MirrorDocument) => Supplied;
  /** What the server made of earlier writes of a resource of the target. */
  readonly made: (type: string, id: string) => Made;
  readonly enableFlows: boolean;
  readonly sampleData: boolean;
  /** Live resources that the state does not have and that are to be deleted. */
  readonly deletions: readonly LiveDocument[];
  /** Live resources that may use what is to be deleted. */
  readonly users: readonly LiveDocument[];
  /** Ids of the target that earlier restores replaced: old → new. The old ones are gone, the new ones exist. */
  readonly replaced: IdMap;
  /** Live resources that may refer to something that gets, or got, a new id. */
  readonly dependents: readonly LiveDocument[];
  /** Whether something in the target lends others credentials that were there before this restore. */
  readonly lends: (key: Key) => boolean;
  /** Whether what a URI adds to that of something in the target stays on its host: it ends in a path. */
  readonly endsInPath: (key: Key) => boolean;
  /**
   * What the account has or had of the type: where these documents send credentials, a new resource may, too. Live
   * ones, and of the same resource those that the mirror recorded.
   */
  readonly precedents: (document: MirrorDocument) => readonly Precedent[];
  /** Fingerprint of a live document. */
  readonly versionOf: (doc: JsonObject) => string;
}

/** A step before the order of the plan is known. */
export type Draft = Omit<Step, 'level' | 'late' | 'absent' | 'targets'>;

export function draft(
  document: Pick<MirrorDocument, 'type' | 'id' | 'title' | 'path'>,
  rest: Partial<Draft> & Pick<Draft, 'action' | 'reason'>,
): Draft {
  return {
    key: keyOf(document.type.name, document.id),
    type: document.type.name,
    id: document.id,
    title: document.title,
    path: document.path,
    changes: [],
    credentials: [],
    conflict: false,
    enable: false,
    ...rest,
  };
}

/** Why a resource can never be created by a restore, and what to do; `undefined` for one that can. */
export function neverMade({ type, doc }: MirrorDocument): string | undefined {
  if (isAppPart(doc)) return 'part of an Integration App: install the app again, it creates its own parts';
  if (type.ownOnly && doc.published === true) return 'published by Celigo, not by the account';
  if (type.restore.mode === 'manual') return type.restore.note ?? 'must be created manually';
  return undefined;
}

/** Up to five names, and how many more there are. */
export function list(places: readonly string[]): string {
  return places.slice(0, 5).join(', ') + (places.length > 5 ? ` and ${places.length - 5} more` : '');
}
