import { randomBytes } from 'node:crypto';
import { catalogueWith } from '../../catalogue/index.ts';
import type { AccountConfig } from '../../config/schema.ts';
import { blobOid, digestOf } from '../../core/digest.ts';
import { AppError } from '../../core/errors.ts';
import type { Json } from '../../core/json.ts';
import { ATTRIBUTES_FILE, BINDING_FILE, type MirrorFile, OVERVIEW_FILE, OVERVIEW_FOLDER } from '../../core/layout.ts';
import { parseYaml, YamlError } from '../../core/yaml.ts';
import { type Cache, type CachedType, readCache } from '../../mirror/cache.ts';
import { type Tip, tipOf } from '../../mirror/commit.ts';
import type { Repository } from '../../mirror/repository.ts';
import { type Binding, RULES, readBinding, renderBinding } from '../binding.ts';
import { knownTypes } from './known-types.ts';

/** Line ends and bytes of the mirror are never converted, whatever attributes are set above the folder. */
const ATTRIBUTES = '* -text -filter -ident -working-tree-encoding\n';
/** The account's folder when the run begins. */
export interface HeadState {
  /** `undefined` before the first commit. */
  readonly tip: Tip | undefined;
  /** Object id of the folder. */
  readonly tree: string | undefined;
  /** Whether the folder has pages of the overview, of whoever. */
  readonly hasPages: boolean;
  readonly cache: Cache | undefined;
  /** Whether the cache describes exactly what HEAD holds. */
  readonly cacheFits: boolean;
  /**
   * Start of the last run that read everything, by the server's clock, ISO; only while HEAD holds what it left there.
   */
  readonly lastRun: string | undefined;
  readonly binding: Binding | undefined;
  /** Types that were read completely at least once. */
  readonly covered: ReadonlySet<string>;
  readonly known: ReadonlyMap<string, CachedType>;
  /** Our own files next to the documents, as HEAD holds them. */
  readonly settings: ReadonlyMap<string, string>;
  readonly fingerprintKey: string;
  readonly rules: string;
}

/** Reads what HEAD and the cache know of the account's folder. @throws AppError `BINDING`, CacheDamaged, GitFailure */
export async function readHeadState(repository: Repository, account: AccountConfig): Promise<HeadState> {
  const cache = readCache(repository.stateDir, account.name);
  const path = `${account.name}/${BINDING_FILE}`;
  const names = ['HEAD', `HEAD:${account.name}`, `HEAD:${path}`];
  const [head, folder, settingsFile] = await repository.git.find(names);
  // Not there, or not to be read? The second is not a first run.
  const tree = folder?.id ?? (await repository.folderTree(account.name));
  if (tree === undefined) await repository.head();
  const text = settingsFile?.bytes.toString('utf8');
  let binding: Binding | undefined;
  if (text !== undefined) {
    binding = readBinding(parseOrNull(text), path);
  } else if (tree !== undefined) {
    // A file that is listed and cannot be read is damaged: the folder is not someone else's.
    if ((await repository.folderFiles(account.name)).has(BINDING_FILE)) await repository.read(path);
    throw new AppError(
      'BINDING',
      `${account.name}/ of the repository holds files but no ${BINDING_FILE}: it is not a mirror. ` +
        'Nothing was committed',
      { hint: 'Choose another name for the account, or move that folder away and commit' },
    );
  }
  const fingerprintKey = binding?.fingerprintKey || randomBytes(16).toString('hex');
  // Everything that decides what a document of the mirror looks like.
  const rules = digestOfRules([
    RULES,
    catalogueWith(account.ignore).types as unknown as Json,
    account.sampleData,
    account.credentials,
    account.lookupCacheData,
    fingerprintKey,
  ]);
  const cacheFits = cache !== undefined && tree !== undefined && cache.tree === tree && cache.rules === rules;
  const files = cacheFits || tree === undefined ? undefined : await repository.folderFiles(account.name);
  const settings = new Map<string, string>();
  if (cacheFits) {
    if (binding) settings.set(BINDING_FILE, blobOid(renderBinding(binding), repository.format));
    settings.set(ATTRIBUTES_FILE, blobOid(ATTRIBUTES, repository.format));
  } else {
    for (const name of [BINDING_FILE, ATTRIBUTES_FILE]) {
      const oid = files?.get(name);
      if (oid) settings.set(name, oid);
    }
  }
  return {
    tip: head && tipOf(head),
    tree,
    // As a tree object has it: mode, name, zero, id.
    hasPages: [OVERVIEW_FILE, OVERVIEW_FOLDER].some((name) => folder?.bytes.includes(` ${name}\0`) ?? false),
    cache,
    cacheFits,
    lastRun: cache !== undefined && cache.tree === tree ? cache.lastRun : undefined,
    binding,
    covered: new Set(binding?.types),
    known: files ? knownTypes(files, cache, rules) : cacheFits ? cache.types : new Map(),
    settings,
    fingerprintKey,
    rules,
  };
}

function digestOfRules(parts: Json): string {
  return digestOf(JSON.stringify(parts));
}

/** A damaged file is `null`, which the reader of bindings refuses with a remedy. */
function parseOrNull(text: string): Json {
  try {
    return parseYaml(text);
  } catch (error) {
    if (!(error instanceof YamlError)) throw error;
    return null;
  }
}

/** The files of our own that differ from HEAD. */
export function settingsFiles(headState: HeadState, repository: Repository, binding: Binding): MirrorFile[] {
  return [
    { path: BINDING_FILE, text: renderBinding(binding) },
    { path: ATTRIBUTES_FILE, text: ATTRIBUTES },
  ].filter((file) => headState.settings.get(file.path) !== blobOid(file.text, repository.format));
}
