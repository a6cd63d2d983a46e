import type { Json, JsonObject } from '../core/json.ts';

/**
 * A place in a document: keys joined by dots, `[]` = every element of an array, `*` = any key.
 * Example: `routers[].branches[].pageProcessors[]._importId`.
 */
export type FieldPath = string;

/** How the collection is read. */
export interface ListRule {
  /** Path below the base URL, with its official spelling. The API ignores case (api-notes#path-case). */
  readonly path: string;
  /** Other spelling of the collection, tried when `path` answers 404. */
  readonly alternative?: string;
  /** Query parameters the listing needs to be complete. */
  readonly query?: Readonly<Record<string, string>>;
  /** For people: what the listing leaves out without them. */
  readonly hidden?: string;
  /** `false`: documented to ignore paging, so no `limit` is sent. */
  readonly paged?: false;
  /**
   * Shape of the answer other than the usual array: `keys` = `{keys: [name, …]}` whose values are read one by
   * one; `folders` = `{items: […]}`, walked folder by folder with `_parentId`.
   */
  readonly shape?: 'keys' | 'folders';
  /**
   * There is a collection below each record of other types: `{type}` and `{id}` of `path` are those of that record. The
   * member that names it → its type: the member is added to the documents, and both are part of their ids
   * (api-notes#below). Documents are written by a PUT of a list to the collection, keys by one of their own.
   */
  readonly below?: Readonly<Record<string, string>>;
  /**
   * The records are shown in a member of the records of another type, read by `GET /{id}` (api-notes#connector-parts).
   * Each has a path of its own all the same.
   */
  readonly inside?: { readonly type: string; readonly member: string };
}

/** What a listing leaves out and how to fetch it. */
interface HydrateRule {
  /** Fields absent from the list's records. Shown by `celigo-mirror types`. */
  readonly fields: readonly string[];
  /** Query parameters of `GET /{id}` that bring them. */
  readonly query?: Readonly<Record<string, string>>;
}

/** A long text that is kept in its own file next to the document. */
export interface SideFileRule {
  readonly extension: string;
  /** `always`, or only a text of several lines (a one-line query reads better in place). */
  readonly when: 'always' | 'multiline';
}

/**
 * A list of ids that has calls of its own: `PUT <item>/<path>/register` adds some, `DELETE <item>/<path>/<id>/register`
 * one.
 */
export interface RegisterRule {
  readonly field: FieldPath;
  readonly path: string;
  /** Type of what is registered. */
  readonly type: string;
}

/**
 * A subscription: who (an e-mail address) is notified of what (one of the fields), sent to the collection as a list.
 */
export interface SubscriptionRule {
  /** Of these fields, exactly one is set. */
  readonly targets: readonly string[];
  readonly email: FieldPath;
  /** Member of the request in which the address is sent. */
  readonly sentAs: string;
}

/** Fields that decide where a resource sends credentials: its own, or those of what it refers to. */
interface TargetRules {
  /** Hosts, ports, URIs and what else names the other side: any change counts. */
  readonly fields?: readonly FieldPath[];
  /** Where a connection has the URI that relative ones are added to. */
  readonly bases?: readonly FieldPath[];
  /** URIs below that of the connection: what counts is a change by which they lead to another host. */
  readonly relative?: readonly FieldPath[];
  /** Lists of headers, of which `Host` counts. */
  readonly headers?: readonly FieldPath[];
  /**
   * Of a type that holds credentials: where it names what lends it others. Types without credentials of their own
   * borrow from whatever they refer to.
   */
  readonly lenders?: readonly FieldPath[];
}

/** Something to know of a plan that changes a field. */
interface ChangedNote {
  readonly field: FieldPath;
  /** A sentence without a full stop; the resource is named before it. */
  readonly says: string;
}

/** Something to know of a plan that creates a resource. */
export interface CreatedNote {
  /** Only for documents that have this field, and not as an empty list; absent: for all of the type. */
  readonly field?: FieldPath;
  /** Only for documents that lack this field. */
  readonly lacking?: FieldPath;
  /** Only where the field has this value. */
  readonly value?: Json;
  /** A sentence without a full stop; the resource is named before it. */
  readonly says: string;
}

/** Whether and how a resource can be put back. */
export interface RestoreRule {
  /**
   * `create`: update, undelete or create; `map`: update or undelete, in another account matched to an
   * existing one by type and name; `bulk`: written through one call for the complete collection; `manual`:
   * mirrored for the record, put back by a person.
   */
  readonly mode: 'create' | 'map' | 'bulk' | 'manual';
  /** For `manual` and special cases: what a person has to know or do. */
  readonly note?: string;
  /** Warnings of a plan that creates one. */
  readonly created?: readonly CreatedNote[];
  /** Warnings of a plan that updates one. */
  readonly changed?: readonly ChangedNote[];
  /** Members that a PUT keeps when it leaves them out: `null` removes them (api-notes#put). */
  readonly clearedByNull?: readonly FieldPath[];
  /** Credentials that a PUT leaves as they are if it sends their mask back (api-notes#mask-writes). */
  readonly maskKeeps?: readonly FieldPath[];
  /** Steps that must have the mark while they have none of the resources (api-notes#unfinished-steps). */
  readonly unfinished?: {
    readonly steps: readonly FieldPath[];
    readonly resources: readonly string[];
    readonly mark: string;
  };
  /** Members that only a call of its own turns over, `PUT <item>/<call>` without a body: field → call. */
  readonly toggles?: Readonly<Record<FieldPath, string>>;
  /** Position in the order of creation (api-notes#create-order); lower comes first. */
  readonly tier: number;
  /** Fields that `PATCH` accepts. */
  readonly patch?: readonly FieldPath[];
  /** Fixed when created; a change means delete and create. */
  readonly immutable?: readonly FieldPath[];
  /**
   * Sent by a creation only, since an update that carries them does something else besides: a difference is left as it
   * is, and reported. The server keeps them where a PUT leaves them out.
   */
  readonly onlyOnCreate?: readonly FieldPath[];
  /** Ignored by a PUT, at least where it changes nothing else: a difference is left as it is, and reported. */
  readonly ignoredOnPut?: readonly FieldPath[];
  /** Fields set by the server, left out of a write, besides `SERVER_MANAGED` of `common.ts`. */
  readonly strip?: readonly FieldPath[];
  /**
   * What starts to work as soon as it is created: these fields are sent as `true`, and turned off in a step of its own
   * (api-notes#switched-off). One inside a block counts only where the document has the block.
   */
  readonly switches?: readonly FieldPath[];
  /** Left out of the creation always, and added when everything else is there. */
  readonly bare?: readonly FieldPath[];
  /** Left out of the creation where they refer to something that is not there yet (api-notes#circles). */
  readonly late?: readonly FieldPath[];
  /** Those of `late` that are nothing without any of what they refer to: they are added as a whole, or not at all. */
  readonly whole?: readonly FieldPath[];
  /** Read-only fields that a PUT must not send back, though other types ignore them (api-notes#put). */
  readonly refusedOnPut?: readonly FieldPath[];
  /**
   * Fields by which an existing resource of another account is taken for the same one; always for `map`, otherwise
   * where the name must be unique.
   */
  readonly matchBy?: readonly FieldPath[];
  /** Position in the order of switching on (api-notes#switched-off): what is called comes before what calls. */
  readonly switchOrder?: number;
  /** Ids registered with the resource, besides its document. */
  readonly registers?: RegisterRule;
  /** How one of a `bulk` collection is written. */
  readonly subscription?: SubscriptionRule;
  /** Not part of `all`: runtime data, put back only when named. */
  readonly onlyWhenNamed?: true;
  /** Why no call deletes one. */
  readonly undeletable?: string;
}

/** How one kind of resource is listed, cleaned, filed and put back. Data, not code. */
export interface ResourceType {
  /** Folder in the mirror and `<type>` of every selector and option: the collection's path in lower case. */
  readonly name: string;
  /** For people, singular: `flow`, `file definition`. */
  readonly noun: string;
  readonly plural: string;
  /** Field that names a resource to people and gives the file its slug; default `name`. */
  readonly title?: FieldPath;
  /** The recycle bin's `model`, PascalCase. */
  readonly model: string;
  /** Last part of its path in the recycle bin, where that is not the name (api-notes#recycle-bin-names). */
  readonly binName?: string;
  /** Fields that its document lacks while it is in the recycle bin, and has again when it is back. */
  readonly binOmits?: readonly string[];
  /** The audit log's `resourceType`; absent where the log is not known to cover the type. */
  readonly auditType?: string;
  /**
   * `core`: always readable, a refusal makes the run incomplete. `standard`: may be missing from a licence.
   * `optIn`: mirrored only when `include` names it.
   */
  readonly presence: 'core' | 'standard' | 'optIn';
  /** Its purpose is to hold credentials: one in a header or a setting of it is where it should be. */
  readonly holdsCredentials?: true;
  /** Of no use unless something refers to it. Absent: a caller, a person or a schedule uses it. */
  readonly servesOthers?: true;
  readonly list: ListRule;
  /** Always set where the API's documents say that lists are abridged; other types are probed. */
  readonly hydrate?: HydrateRule;
  /** Part of Celigo's public catalogue is in the same listing: keep the account's own records only. */
  readonly ownOnly?: true;
  /** The account may also refer to some that others provide and that no listing shows (api-notes#unlisted). */
  readonly hasPublic?: true;
  /** Kinds that share the collection, distinguished by one field. For display. */
  readonly variants?: Readonly<Record<string, { readonly field: string; readonly value: string }>>;
  /** Changed by the platform itself, or of no meaning to a reader; besides `ALWAYS_VOLATILE` of `common.ts`. */
  readonly volatile?: readonly FieldPath[];
  /** As `volatile`, but only for members of an Integration App (`_connectorId` present). */
  readonly volatileInApps?: readonly FieldPath[];
  /** Values that the server treats like an absent field. */
  readonly defaults?: Readonly<Record<FieldPath, Json>>;
  /** Enumerations the server stores in lower (upper) case whatever was sent. */
  readonly lowerCase?: readonly FieldPath[];
  readonly upperCase?: readonly FieldPath[];
  /**
   * Values of which each write fills in one where the field is absent. Of types that may not be writable for their
   * credentials: of others a restore finds that out (api-notes#defaults).
   */
  readonly fills?: Readonly<Record<FieldPath, readonly Json[]>>;
  /** Fields of which the server stores one of these values, whatever was sent. */
  readonly settles?: Readonly<Record<FieldPath, readonly Json[]>>;
  /** Strings that come back padded with blanks. */
  readonly padded?: readonly FieldPath[];
  /** Objects in which `rules` and `version` repeat those of their `expression`. */
  readonly expressions?: readonly FieldPath[];
  /** Fields that may stand at other places as well, with the same value: they are merged as one (api-notes#echoes). */
  readonly copies?: Readonly<Record<FieldPath, readonly FieldPath[]>>;
  /**
   * Members that an answer repeats from deeper in the document, if that has the member `when`: no write sends them
   * then. Otherwise they are the configuration itself (api-notes#api-legacy).
   */
  readonly echoes?: { readonly fields: readonly FieldPath[]; readonly when: string };
  /** Objects of hooks, where a hook without values means no hook. */
  readonly hooks?: readonly FieldPath[];
  /** Credentials. Masked ones stay `******`; one in plain text becomes a `$secret` placeholder. */
  readonly secrets?: readonly FieldPath[];
  /**
   * Texts made to hold credentials, such as bodies of token requests: whatever is one in them is replaced, expressions
   * and everything else stay (api-notes#plain-text-secrets).
   */
  readonly credentialTexts?: readonly FieldPath[];
  /** Credentials among `secrets` that no answer shows, with the block that has them: a creation lacks them always. */
  readonly unshown?: Readonly<Record<FieldPath, FieldPath>>;
  readonly signIn?: readonly SignInRule[];
  /** Lists of parameters, `{name or key, value}` or `{name: value}`; those of headers are known by their names. */
  readonly parameters?: readonly FieldPath[];
  readonly targets?: TargetRules;
  /** Arrays whose order means nothing, with the element's field to sort by (`''` = the element itself). */
  readonly sets?: Readonly<Record<FieldPath, string>>;
  readonly sideFiles?: Readonly<Record<FieldPath, SideFileRule>>;
  /** Names of fields that refer to this type wherever they are in a document (api-notes#references). */
  readonly referredBy?: readonly string[];
  /** As `referredBy`, for fields that may also refer to a record of Celigo's catalogue: not expected to resolve. */
  readonly perhapsReferredBy?: readonly string[];
  /** References besides those found by field name: path → name of the type. */
  readonly refs?: Readonly<Record<FieldPath, string>>;
  /** Where it names what is registered with it, or what it is registered with: neither depends on the other. */
  readonly registrations?: readonly string[];
  /** Members that name the resource it is part of: with `integration/<name>` the parts are selected, and theirs. */
  readonly partOf?: readonly string[];
  /**
   * How far what refers to such a resource depends on it. `group`: it is only filed there, and works without; `runs`:
   * the resource runs by a switch of its own. Absent: what refers to it needs it to work.
   */
  readonly dependence?: 'group' | 'runs';
  /** The field that is `true` while the resource cannot be reached: what needs it is not switched on then. */
  readonly offline?: FieldPath;
  /** The field with the person (`_id`, `email`, `name`) who has a share of the account: such a resource is a user. */
  readonly person?: FieldPath;
  /** The field in which the mirror holds entries that have calls of their own, `<item>/getData` and `<item>/data`. */
  readonly entries?: FieldPath;
  /** Most characters of a text, more than which the API refuses (api-notes#validation). */
  readonly maxLength?: Readonly<Record<FieldPath, number>>;
  readonly restore: RestoreRule;
}

/** Credentials that a person gets by signing in in a browser (api-notes#sign-in). */
export interface SignInRule {
  readonly credentials: readonly FieldPath[];
  /** The fields that show it, with the values by which each does; `null`: it is absent. */
  readonly when: Readonly<Record<FieldPath, readonly (string | null)[]>>;
}

/** What the ownership rule needs to know of the account. */
export interface Owner {
  /** The token's `_userId`. */
  readonly userId: string;
}

/**
 * Whether a record of an `ownOnly` collection belongs to the account. No source documents the mark; records of
 * Celigo's catalogue are `published` and do not carry the account's `_userId` (api-notes#own-records).
 */
export function isOwn(doc: JsonObject, owner: Owner): boolean {
  return doc.published !== true || doc._userId === owner.userId;
}
