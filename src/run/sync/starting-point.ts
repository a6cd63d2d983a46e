import { fetchUserId } from '../../celigo/audit.ts';
import { digestOf } from '../../core/digest.ts';
import type { Json } from '../../core/json.ts';
import { equalJson } from '../../core/paths.ts';
import { parseYaml } from '../../core/yaml.ts';
import { createObjectWriter, type ObjectWriter } from '../../mirror/object-writer.ts';
import type { Repository } from '../../mirror/repository.ts';
import { type Repair, repairFolder } from '../../mirror/work-tree.ts';
import { checkBinding, hasOlderRules } from '../binding.ts';
import type { AccountRun } from './account-run.ts';
import { type AuditLog, openAuditLog } from './audit-log.ts';
import { type CredentialFindings, createCredentialFindings, normalisingFor } from './clear-credentials.ts';
import type { CollectContext } from './collect/types.ts';
import { type HeadState, readHeadState } from './head-state.ts';
import { readHeldCredentials } from './held-credentials.ts';
import { accountCheck } from './same-account.ts';

/** A run that writes so many files is a first one. */
const MANY_FILES = 800;

/** Milliseconds. */
const DAY_MS = 86_400_000;

/** How much of changed documents is kept until their commits are worded, in characters of their files. */
const KEPT_TEXT = 4_000_000;

/** What a run knows of the account and its folder before it lists anything. */
export interface StartingPoint {
  readonly repository: Repository;
  readonly headState: HeadState;
  /** The token's user. */
  readonly userId: string;
  /** Asks again whose account answers. @returns rejects with AppError `BINDING` where it is another one's */
  readonly checkAccount: () => Promise<void>;
  /** Everything is fetched again, changed or not. */
  readonly full: boolean;
  /** The folder is made equal to HEAD while the account is listed. */
  readonly repairing: Promise<Repair>;
  readonly objects: ObjectWriter;
  /**
   * Changed documents of resources that HEAD has, as their files have them, by object id: as many as are kept to say
   * what changed in them.
   */
  readonly documents: ReadonlyMap<string, Json>;
  /** Plain-text credentials in new and changed documents. */
  readonly credentials: CredentialFindings;
  readonly context: CollectContext;
  /** Whether this run writes very many files. */
  readonly isLarge: () => boolean;
  /** Asked as soon as a change is found. */
  readonly auditLog: AuditLog;
  /** Documents of HEAD were written by older rules: of another version, or configuration. */
  readonly renewing: boolean;
  /** The rules are other ones than those of the last run: what they keep now, and did not before, was not edited. */
  readonly newRules: boolean;
}

/** Reads HEAD, cache and the token's user. @throws AppError, ApiError, CacheDamaged, GitFailure */
export async function readStartingPoint(run: AccountRun, opened: Promise<Repository>): Promise<StartingPoint> {
  const { account, options, client, deps } = run;
  // The two slowest first steps need nothing of each other.
  const identity = fetchUserId(client, deps.signal);
  identity.catch(() => undefined);
  const repository = await opened;
  const repairing = options.dryRun
    ? Promise.resolve({ foreign: [], rescued: undefined })
    : repairFolder(repository, account.name);
  repairing.catch(() => undefined);
  const isFull = (lastFull: string | undefined): boolean =>
    options.full || dueForSweep(lastFull, options.fullSweepMs, run.startTime);
  const headState = await readHeadState(repository, account, identity, isFull);
  const { cache, cacheFits: fits, edits, tree } = headState;
  const known = { repository, config: deps.config, cache, tree: edits ? edits.tree : tree, fits };
  const [userId, held] = await Promise.all([identity, readHeldCredentials(known)]);
  if (headState.binding && !options.rebind)
    checkBinding(headState.binding, { baseUrl: account.baseUrl, userId }, account.name);
  const objects = createObjectWriter(repository);
  let written = 0;
  const documents = createDocuments(KEPT_TEXT, async (oid) => (await repository.git.objects([oid]))[0]);
  const credentials = createCredentialFindings(account.name);
  const auditLog = openAuditLog(run, repository, headState);
  const context: CollectContext = {
    client,
    userId,
    normalise: normalisingFor(account, headState.fingerprintKey, held),
    clear: credentials.add,
    notice: run.notice,
    lookupCacheData: account.lookupCacheData,
    pageKey: ({ href }) => digestOf(`${account.token} ${href}`),
    full: headState.full,
    transliterate: deps.transliterate,
    format: repository.format,
    inHead: documents.inHead,
    edited: documents.keep,
    put(text) {
      if (!options.dryRun) objects.blob(text);
      written += 1;
      if (written === MANY_FILES) deps.spareMemory();
    },
    drained: objects.drained,
    ...(options.seen ? { seen: options.seen } : {}),
    changed: auditLog.ask,
    signal: deps.signal,
  };
  const { binding } = headState;
  const renewing = binding !== undefined && hasOlderRules(binding, account.ignore);
  return {
    repository,
    headState,
    userId,
    checkAccount: accountCheck(run, userId),
    full: headState.full,
    repairing,
    objects,
    documents: documents.kept,
    credentials,
    context,
    isLarge: () => written >= MANY_FILES,
    auditLog,
    renewing,
    newRules: renewing || (binding !== undefined && !equalJson(binding.ignore ?? {}, account.ignore)),
  };
}

/** Documents as their files have them, by object id. @param most characters of files that are kept */
function createDocuments(most: number, read: (oid: string) => Promise<Buffer | undefined>) {
  const kept = new Map<string, Json>();
  let length = 0;
  function keep(oid: string, doc: Json, { length: added }: string | Buffer): void {
    if (kept.has(oid) || length + added > most) return;
    kept.set(oid, doc);
    length += added;
  }
  return {
    kept: kept as ReadonlyMap<string, Json>,
    keep,
    async inHead(oid: string): Promise<Json> {
      const held = kept.get(oid);
      if (held !== undefined) return held;
      const bytes = (await read(oid)) ?? Buffer.alloc(0);
      const doc = parseYaml(bytes.toString('utf8'));
      keep(oid, doc, bytes);
      return doc;
    },
  };
}

/** Whether everything is to be fetched again, going by when that was done last. */
function dueForSweep(lastFull: string | undefined, everyMs: number | undefined, now: Date): boolean {
  if (everyMs === undefined) return false;
  const passed = now.getTime() - Date.parse(lastFull ?? '');
  // One in the future was dated by a wrong clock.
  return !(passed > -DAY_MS && passed < everyMs);
}
