import { randomBytes } from 'node:crypto';
import { catalogueWith } from '../../catalogue/index.ts';
import type { AccountConfig } from '../../config/schema.ts';
import { blobOid, digestOf } from '../../core/digest.ts';
import { AppError } from '../../core/errors.ts';
import type { Json } from '../../core/json.ts';
import { ATTRIBUTES_FILE, BINDING_FILE, type MirrorFile, OVERVIEW_FILE, OVERVIEW_FOLDER } from '../../core/layout.ts';
import { readMessage } from '../../core/message.ts';
import { parseYaml, YamlError } from '../../core/yaml.ts';
import { commitText, type Tip, tipOf } from '../../git/commits.ts';
import type { GitObject } from '../../git/git.ts';
import type { Repository } from '../../mirror/repository.ts';
import { oidOf } from '../../mirror/tree-diff.ts';
import { type Binding, bindsTo, RULES, readBinding, renderBinding } from '../binding.ts';
import { type Cache, type CachedType, readCache } from './cache.ts';
import { knownTypes } from './known-types.ts';
import { type ManualEdits, readManualEdits, withoutEdits } from './read-edits.ts';

/** Line ends and bytes of the mirror are never converted, whatever attributes are set above the folder. */
const ATTRIBUTES = '* -text -filter -ident -working-tree-encoding\n';
/**
 * The account's folder when the run begins, as the mirror itself left it: what people committed in it since does not
 * come from the account, and the run puts it back.
 */
export interface HeadState {
  /** `undefined` before the first commit. */
  readonly tip: Tip | undefined;
  /** Object id of the folder in HEAD. */
  readonly tree: string | undefined;
  /** Whether the folder may have pages of the overview, of whoever. */
  readonly hasPages: boolean;
  /** What people committed in it. */
  readonly edits: ManualEdits | undefined;
  /** All its files, without those edits: path inside the folder → object id. */
  readonly files: () => Promise<ReadonlyMap<string, string>>;
  readonly cache: Cache | undefined;
  /** The run fetches everything again, changed or not. */
  readonly full: boolean;
  /** Whether the cache describes exactly what HEAD holds. */
  readonly cacheFits: boolean;
  /**
   * Start of the last run that read everything, by the server's clock, ISO; only while HEAD holds what it left there.
   * A full sweep finds it in the commits instead.
   */
  readonly lastRun: string | undefined;
  readonly binding: Binding | undefined;
  /** Types that were read completely at least once. */
  readonly covered: ReadonlySet<string>;
  readonly known: ReadonlyMap<string, CachedType>;
  /** Our own files next to the documents. */
  readonly settings: ReadonlyMap<string, string>;
  readonly fingerprintKey: string;
  readonly rules: string;
}

/**
 * Reads what HEAD and the cache know of the account's folder.
 * @param isFull whether a run fetches everything again, by when that was done last. It does not believe the cache about
 * HEAD either: one that was edited would hide edits of the account for ever
 * @throws AppError `BINDING`, CacheDamaged, GitFailure
 */
export async function readHeadState(
  repository: Repository,
  account: AccountConfig,
  identity: Promise<string>,
  isFull: (lastFull: string | undefined) => boolean,
): Promise<HeadState> {
  const cache = readCache(repository.stateDir, account.name);
  const full = isFull(cache?.lastFull);
  const fitting = full ? undefined : cache?.tree;
  const names = ['HEAD', `HEAD:${account.name}/`, `HEAD:${account.name}/${BINDING_FILE}`];
  const [head, folder, settingsFile] = await repository.git.find(names);
  // Not there, or not to be read? The second is not a first run.
  const tree = folder?.id ?? (await repository.folderTree(account.name));
  if (tree === undefined) await repository.head();
  const isKnown = tree !== undefined && (fitting === tree || isOwn(repository, head, account.name));
  const edits = isKnown || !head ? undefined : await editsOf(repository, account, tree, settingsFile, identity);
  let reading: Promise<ReadonlyMap<string, string>> | undefined;
  const files = (): Promise<ReadonlyMap<string, string>> => {
    reading ??= repository.folderFiles(account.name).then((held) => withoutEdits(held, edits));
    return reading;
  };
  const ownSettings = edits?.files.get(BINDING_FILE)?.before;
  const settingsText = ownSettings
    ? await repository.git.run(['cat-file', 'blob', oidOf(ownSettings)])
    : settingsFile?.bytes.toString('utf8');
  const binding = await bindingOf(repository, account.name, settingsText, tree);
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
  const cacheFits = tree !== undefined && fitting === tree && cache?.rules === rules;
  const held = cacheFits || (tree === undefined && !edits) ? undefined : await files();
  const settings = new Map<string, string>();
  if (cacheFits) {
    if (binding) settings.set(BINDING_FILE, blobOid(renderBinding(binding), repository.format));
    settings.set(ATTRIBUTES_FILE, blobOid(ATTRIBUTES, repository.format));
  } else {
    for (const name of [BINDING_FILE, ATTRIBUTES_FILE]) {
      const oid = held?.get(name);
      if (oid) settings.set(name, oid);
    }
  }
  return {
    tip: head && tipOf(head),
    tree,
    // As a tree object has it: mode, name, zero, id.
    hasPages:
      edits !== undefined ||
      [OVERVIEW_FILE, OVERVIEW_FOLDER].some((name) => folder?.bytes.includes(` ${name}\0`) ?? false),
    edits,
    files,
    cache,
    cacheFits,
    lastRun: !full && cache !== undefined && cache.tree === (edits ? edits.tree : tree) ? cache.lastRun : undefined,
    binding,
    covered: new Set(binding?.types),
    known: held ? knownTypes(held, cache, rules) : cacheFits ? cache.types : new Map(),
    full,
    settings,
    fingerprintKey,
    rules,
  };
}

/** Whether a commit is one that the mirror made for the account. */
function isOwn({ committer }: Repository, commit: GitObject | undefined, account: string): boolean {
  if (commit === undefined) return false;
  const { by, message } = commitText(commit);
  return by === committer.email && readMessage(message).account === account;
}

/**
 * What people committed in the folder. A folder that they moved here from another name, with its binding, is another
 * mirror and no edit; where they removed it, it is made again unless it was bound to someone else.
 */
async function editsOf(
  repository: Repository,
  account: AccountConfig,
  tree: string | undefined,
  settingsFile: GitObject | undefined,
  identity: Promise<string>,
): Promise<ManualEdits | undefined> {
  const edits = await readManualEdits(repository, account.name, tree);
  const ownSettings = edits?.files.get(BINDING_FILE)?.before;
  if (!edits?.files.has(BINDING_FILE)) return edits;
  const path = `${account.name}/${BINDING_FILE}`;
  const read = (text: string): Binding | undefined => {
    try {
      return readBinding(parseOrNull(text), path);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      return undefined;
    }
  };
  const ownText = ownSettings && (await repository.git.ask(['cat-file', 'blob', oidOf(ownSettings)]));
  const own = ownText === undefined ? undefined : read(ownText);
  if (!own) return undefined;
  if (tree === undefined) return bindsTo(own, { baseUrl: account.baseUrl, userId: await identity }) ? edits : undefined;
  const now = settingsFile && read(settingsFile.bytes.toString('utf8'));
  return now?.fingerprintKey && now.fingerprintKey !== own.fingerprintKey ? undefined : edits;
}

/** @param text the file that binds the folder; @param tree the folder in HEAD @throws AppError `BINDING` */
async function bindingOf(
  repository: Repository,
  account: string,
  text: string | undefined,
  tree: string | undefined,
): Promise<Binding | undefined> {
  const path = `${account}/${BINDING_FILE}`;
  if (text !== undefined) return readBinding(parseOrNull(text), path);
  if (tree === undefined) return undefined;
  // A file that is listed and cannot be read is damaged: the folder is not someone else's.
  if ((await repository.folderFiles(account)).has(BINDING_FILE)) await repository.read(path);
  throw new AppError(
    'BINDING',
    `${account}/ of the repository holds files but no ${BINDING_FILE}: it is not a mirror. Nothing was committed`,
    { hint: 'Choose another name for the account, or move that folder away and commit' },
  );
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
