import type { ResourceType } from '../../../catalogue/types.ts';
import type { ApiClient } from '../../../celigo/client.ts';
import type { Change } from '../../../core/changes.ts';
import type { ObjectFormat } from '../../../core/digest.ts';
import type { Json, JsonObject } from '../../../core/json.ts';
import type { Transliterate } from '../../../core/layout.ts';
import type { ClearCredential, Normalised, NormaliseOptions } from '../../../core/normalise.ts';
import type { Fetched } from '../../fetch-document.ts';
import type { CachedType } from '../cache.ts';

/** What collecting one type needs of the world and of the configuration. */
export interface CollectContext {
  readonly client: ApiClient;
  /** The token's `_userId`. */
  readonly userId: string;
  readonly normalise: NormaliseOptions;
  readonly lookupCacheData: boolean;
  /** The name of a page in the cache, for the token in use. */
  readonly pageKey: (url: URL) => string;
  /** Fetch again what would be fetched only when changed. */
  readonly full: boolean;
  readonly transliterate: Transliterate;
  readonly format: ObjectFormat;
  /** A document of HEAD by its object id, as its file has it. @throws GitFailure, YamlError */
  readonly inHead: (oid: string) => Promise<Json>;
  /** Called with the new document of a resource that HEAD has, as its file has it, and its file. */
  readonly edited?: (oid: string, doc: Json, text: string) => void;
  /** Writes the content of a file for the commits that the run decides to make. */
  readonly put: (text: string) => void;
  /** Ends when there is room for more files: those that Git has not taken in are held in memory. */
  readonly drained: () => Promise<void>;
  /** Called with every resource that is new or changed. */
  readonly seen?: (type: string, id: string, doc: JsonObject) => void;
  /** Called with every change other than what the first listing of a type finds. */
  readonly changed?: () => void;
  /** Called with plain-text credentials that a new or changed resource holds outside of credential fields. */
  readonly clear?: (path: string, found: readonly ClearCredential[]) => void;
  /** Called with what the user should know although nothing failed. */
  readonly notice?: (message: string) => void;
  readonly signal: AbortSignal;
}

/** Whether a type could be read, and why not. */
export type Coverage =
  | { readonly state: 'complete' }
  | { readonly state: 'incomplete'; readonly reason: string }
  | { readonly state: 'unavailable'; readonly reason: string };

/** One type after its listing. */
export interface Collected {
  readonly type: ResourceType;
  readonly coverage: Coverage;
  /** Records in the listing. */
  readonly count: number;
  readonly changes: readonly Change[];
  /** Known ids that the listing did not show: suspected to be deleted. Empty unless the type is complete. */
  readonly missing: readonly string[];
  /** The type for the cache of the next run, if the changes are applied. */
  readonly next: CachedType;
  /** Takes one more document in, found outside the listing; its changes come on top. @throws ApiError */
  readonly takeIn: (id: string, fetched: Fetched) => Promise<void>;
  /** Takes a form of a changed document in place of the one that the listing led to. */
  readonly renew: (id: string, normalised: Normalised) => void;
  /** Keeps a missing resource as it is. */
  readonly keep: (id: string) => void;
  /** Spelling of the collection that the server answers to. */
  readonly collection: string;
}
