import stableStringify from 'fast-json-stable-stringify';
import { catalogueWith, RESOURCE_TYPES } from '../../catalogue/index.ts';
import type { ResourceType } from '../../catalogue/types.ts';
import type { AccountConfig } from '../../config/schema.ts';
import { digestOf } from '../../core/digest.ts';
import type { MirrorDocument } from '../../core/documents.ts';
import type { JsonObject } from '../../core/json.ts';
import { idIn, type Key, keyOf, typeIn } from '../../core/keys.ts';
import { basePath, titleOf } from '../../core/layout.ts';
import { withKey } from '../../core/paths.ts';
import { type DocumentEntry, filesState, type MirrorState, readDocuments, readState } from '../../history/state.ts';
import type { Repository } from '../../mirror/repository.ts';
import { writtenApart } from '../../plan/left-out.ts';
import type { SyncReport } from '../report.ts';
import { runAccount } from '../sync/sync-account.ts';
import { type Applying, identified, type RestoreCommit, type SyncDeps } from '../sync/sync-deps.ts';

/** The account as it is now: the mirror before the run, and what the run found to be different. */
export interface LiveAccount {
  /** The mirror before the run; absent for an account that was never mirrored. */
  readonly base: MirrorState | undefined;
  readonly report: SyncReport;
  /** Resources that exist. */
  readonly keys: () => readonly Key[];
  /** The type of the resource that has this id. */
  readonly typeOf: (id: string) => string | undefined;
  /** `undefined`: the type could not be listed completely, or is not mirrored. */
  readonly has: (key: Key) => boolean | undefined;
  /** Whether it changed since the mirror's last sync. */
  readonly isChanged: (key: Key) => boolean;
  /** What changed since then, and what is no longer there. */
  readonly moved: readonly Key[];
  readonly isComplete: (type: string) => boolean;
  /** The documents of these resources, as far as they exist. */
  readonly documents: (keys: readonly Key[]) => Promise<ReadonlyMap<Key, MirrorDocument>>;
}

/** Members with entries, whatever the type. */
const ENTRIES: readonly string[] = RESOURCE_TYPES.flatMap(({ entries = [] }) => entries);

function withoutMembers(doc: JsonObject, keys: readonly string[]): JsonObject {
  return keys.reduce((held, key) => withKey(held, key, undefined), doc);
}

/** Fingerprint of a document in the mirror's form, without entries: they are compared on their own. */
export function versionOf(doc: JsonObject): string {
  return digestOf(stableStringify(withoutMembers(doc, ENTRIES)));
}

/** As {@link versionOf}, without what calls of its own write: a journal identifies our own writes by it. */
export function coreVersionOf(type: ResourceType, doc: JsonObject): string {
  return versionOf(withoutMembers(doc, writtenApart(type)));
}

/** A resource of the target that the mirror need not hold. */
export function documentOf(deps: SyncDeps, type: ResourceType, id: string, doc: JsonObject): MirrorDocument {
  const title = titleOf(type, doc);
  return { type, id, title, path: `${basePath(type, id, title, deps.transliterate)}.yaml`, doc };
}

/** The account's folder in HEAD before the account is mirrored. @throws GitFailure */
async function readBase(
  repository: Repository,
  account: string,
  reading: Promise<MirrorState> | undefined,
): Promise<MirrorState | undefined> {
  const [[tip, folder], known] = await Promise.all([repository.git.find(['HEAD', `HEAD:${account}`]), reading]);
  if (!tip || !folder) return undefined;
  const isKnown = known?.account === account && known.tree === folder.id;
  return isKnown ? known : readState(repository.git, account, { commit: tip.id, date: new Date(0) });
}

/** The account as a run found it. @param fresh the documents that the run read */
function accountOf(
  report: SyncReport,
  base: MirrorState | undefined,
  fresh: ReadonlyMap<Key, MirrorDocument>,
): LiveAccount {
  const gone = new Set<Key>(report.held);
  const changed = new Set<Key>();
  for (const { type: typeName, id, kind, baseline } of report.changes) {
    if (kind === 'deleted') gone.add(keyOf(typeName, id));
    else if (!baseline) changed.add(keyOf(typeName, id));
  }
  const documents = base?.documents ?? new Map<Key, DocumentEntry>();
  const complete = new Set(report.types.filter(({ state }) => state === 'complete').map(({ type }) => type));
  const exists = (key: Key): boolean => !gone.has(key) && (documents.has(key) || fresh.has(key));
  let keys: readonly Key[] | undefined;
  let types: ReadonlyMap<string, string> | undefined;
  const existing = (): readonly Key[] => {
    keys ??= [...new Set([...documents.keys(), ...fresh.keys()])].filter(exists);
    return keys;
  };
  return {
    base,
    report,
    keys: existing,
    typeOf: (id) => {
      types ??= new Map(existing().map((key) => [idIn(key), typeIn(key)]));
      return types.get(id);
    },
    has: (key) => (exists(key) ? true : complete.has(typeIn(key)) || gone.has(key) ? false : undefined),
    isChanged: (key) => changed.has(key),
    moved: [...changed, ...gone],
    isComplete: (typeName) => complete.has(typeName),
    async documents(keys) {
      const found = new Map<Key, MirrorDocument>();
      const stored: string[] = [];
      for (const key of keys) {
        const document = fresh.get(key);
        const path = documents.get(key)?.path;
        if (!exists(key)) continue;
        if (document) found.set(key, document);
        else if (path) stored.push(path);
      }
      if (base)
        for (const document of await readDocuments(base, stored))
          found.set(keyOf(document.type.name, document.id), document);
      return found;
    },
  };
}

/**
 * Mirrors the account (with `dryRun` only fetches it) and returns what it holds. More deletions than the guards allow
 * are held back rather than refused: the restore may be about to undo them.
 * @throws AppError, ApiError, GitFailure as `sync` does
 */
export async function observe(
  deps: SyncDeps,
  account: AccountConfig,
  repository: Repository,
  options: {
    readonly dryRun: boolean;
    readonly restore?: RestoreCommit;
    readonly applying?: Applying;
    /** A state that was read already, in case it is this one. */
    readonly known?: Promise<MirrorState>;
  },
): Promise<LiveAccount> {
  const { find } = catalogueWith(account.ignore);
  const reading = readBase(repository, account.name, options.known);
  reading.catch(() => undefined);
  const fresh = new Map<Key, MirrorDocument>();
  let unedited: MirrorState | undefined;
  const report = await runAccount(
    identified(deps),
    account,
    {
      full: false,
      dryRun: options.dryRun,
      push: false,
      allowDeletions: false,
      beyondGuards: 'hold',
      seen: (typeName, id, doc) => {
        const type = find(typeName);
        if (type) fresh.set(keyOf(typeName, id), documentOf(deps, type, id, doc));
      },
      unedited: (files) => {
        unedited = filesState(repository.git, account.name, files);
      },
      ...(options.restore ? { restore: options.restore } : {}),
      ...(options.applying ? { applying: options.applying } : {}),
    },
    Promise.resolve(repository),
  );
  const held = unedited ?? (await reading);
  return accountOf(report, held && { ...held, find }, fresh);
}
