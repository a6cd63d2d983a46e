import type { ResourceType } from '../../catalogue/types.ts';
import { ApiError } from '../../celigo/errors.ts';
import { readBelow } from '../../core/below.ts';
import type { Change, FileEntry } from '../../core/changes.ts';
import { AppError, messageOf } from '../../core/errors.ts';
import { isObject } from '../../core/json.ts';
import { readPath, titleOf } from '../../core/layout.ts';
import { parseYaml } from '../../core/yaml.ts';
import type { Repository } from '../../mirror/repository.ts';
import { deletionLimit, type Guards } from '../deletion-guard.ts';
import { addressOf, type Fetched, idOfKey, isHidden, readDocument } from '../fetch-document.ts';
import type { AccountRun } from './account-run.ts';
import { fetchKeys } from './collect/listing.ts';
import type { CollectContext, Collected } from './collect/types.ts';
import { NOTHING_KNOWN } from './known-types.ts';
import type { StartingPoint } from './starting-point.ts';

/** What became of the ids that a complete listing did not show. */
interface Confirmed {
  readonly deleted: readonly string[];
  /** Ids that could be neither found nor confirmed as gone, with the reason; their files stay. */
  readonly unconfirmed: readonly { readonly id: string; readonly reason: string }[];
}

/**
 * The resource by its id; `undefined` when it is gone. A key that the id does not contain is searched for in the list
 * again.
 */
async function readAgain(
  { client, normalise, signal }: CollectContext,
  { type, collection }: Collected,
  id: string,
): Promise<Fetched | undefined> {
  if (type.list.shape !== 'keys' || !isHidden(type, id)) return readDocument(client, type, collection, id, signal);
  const { path, own } = addressOf(type, collection, id);
  const keys = await fetchKeys(client, path, signal);
  const key = keys.find((one) => idOfKey(one, normalise.fingerprint) === own);
  return key === undefined ? undefined : readDocument(client, type, collection, id, signal, key);
}

/**
 * Asks for every missing resource by id: only 404 makes it a deletion (api-notes#absence). One that still exists
 * is mirrored from that answer.
 */
async function confirmDeletions(context: CollectContext, collected: Collected): Promise<Confirmed> {
  const deleted: string[] = [];
  const unconfirmed: { id: string; reason: string }[] = [];
  await Promise.all(
    collected.missing.map(async (id) => {
      try {
        const fetched = await readAgain(context, collected, id);
        if (fetched) await collected.takeIn(id, fetched);
        else deleted.push(id);
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        collected.keep(id);
        unconfirmed.push({ id, reason: messageOf(error) });
      }
    }),
  );
  return { deleted: deleted.sort(), unconfirmed };
}

/** The refusal of a run that would delete more of a type than the guards allow. */
function tooManyDeletions(
  type: string,
  deleted: number,
  known: number,
  guards: Guards,
  account: string,
): AppError | undefined {
  const limit = deletionLimit(deleted, known, guards);
  if (limit === undefined) return undefined;
  const share = Math.round((deleted / known) * 100);
  return new AppError(
    'GUARD',
    `${account}: ${deleted} of ${known} ${type} (${share} %) are gone from the account; ${limit}. ` +
      'Nothing was committed',
    {
      hint:
        "Check the account's recycle bin and the rights of the token. " +
        `If the deletions are intended: celigo-mirror sync --account ${account} --allow-deletions`,
    },
  );
}

/** The refusal of an account of which nothing is left, however few resources it had. */
function emptyAccount(collected: readonly Collected[], account: string): AppError | undefined {
  const core = collected.filter(({ type }) => type.presence === 'core');
  const complete = core.every(({ coverage }) => coverage.state === 'complete');
  const listed = core.reduce((sum, { count }) => sum + count, 0);
  const missing = core.reduce((sum, entry) => sum + entry.missing.length, 0);
  if (!complete || listed > 0 || missing === 0) return undefined;
  return new AppError(
    'GUARD',
    `${account}: the account suddenly looks empty (no integrations, flows, exports, imports, connections or scripts; ` +
      `the mirror holds ${missing}). Nothing was committed`,
    {
      hint:
        'Check the rights of the token and that it belongs to the right environment. ' +
        `If the account was really emptied: celigo-mirror sync --account ${account} --allow-deletions`,
    },
  );
}

/** The change that removes a resource's files. `title`: its last name, where known. */
function deletionOf(type: string, id: string, files: readonly string[], title: string): Change {
  const document = files.find((path) => readPath(path)?.isDocument) ?? files[0] ?? `${type}/${id}`;
  return { type, id, kind: 'deleted', title, path: document, put: [], remove: files, baseline: false };
}

/** Names of deleted resources are read from their last file, one by one; beyond this many the path must do. */
const MOST_TITLES = 200;

/** Which missing resources are deleted. */
interface DecidedDeletions {
  readonly deletions: readonly Change[];
  /** Why a type could not be decided on, by its name. */
  readonly doubts: ReadonlyMap<string, string>;
  /** Deletions above the limits of the guards that are held back, `<type>/<id>`. */
  readonly held: readonly string[];
}

/**
 * Finds out which missing resources are deleted, and consults the guards.
 * @throws AppError `GUARD` for more deletions than they allow, where the run may not hold them back
 */
export async function decideDeletions(
  { account: { name: account }, options, deps }: AccountRun,
  { auditLog, context, repository, headState }: StartingPoint,
  collected: readonly Collected[],
): Promise<DecidedDeletions> {
  const guards = options.allowDeletions ? undefined : deps.config.guards;
  /** Deletions that were made on purpose: they do not count. */
  const expected = options.restore?.touched ?? new Set<string>();
  const isHeld = (refusal: AppError | undefined): boolean => {
    if (refusal && options.beyondGuards !== 'hold') throw refusal;
    return refusal !== undefined;
  };
  const empty = guards !== undefined && isHeld(emptyAccount(collected, account));
  const deletions: Change[] = [];
  /** Deletions that are decided. What was below such a resource went with it, and does not count either. */
  const gone = new Set<string>();
  const held: string[] = [];
  const doubts = new Map<string, string>();
  for (const entry of collected) {
    if (entry.missing.length === 0) continue;
    auditLog.ask();
    const { name: type } = entry.type;
    const known = (headState.known.get(type) ?? NOTHING_KNOWN).details().resources;
    const { deleted, unconfirmed } = await confirmDeletions(context, entry);
    const [first] = unconfirmed;
    if (first) {
      const reason = `${unconfirmed.length} missing ${type} could not be confirmed as deleted: ${first.reason}`;
      doubts.set(type, reason);
    }
    const isExpected = (id: string): boolean => {
      const below = readBelow(entry.type, id);
      return (
        expected.has(`${type}/${id}`) || (below !== undefined && gone.has(`${below.parent.name}/${below.parentId}`))
      );
    };
    const unexpected = deleted.filter((id) => !isExpected(id));
    const tooMany =
      guards !== undefined && isHeld(tooManyDeletions(type, unexpected.length, known.size, guards, account));
    for (const id of deleted) {
      if ((empty || tooMany) && !isExpected(id)) {
        entry.keep(id);
        held.push(`${type}/${id}`);
        continue;
      }
      const files = known.get(id)?.files ?? [];
      const title = deletions.length < MOST_TITLES ? await lastTitle(repository, entry.type, files) : '';
      deletions.push(
        deletionOf(
          type,
          id,
          files.map(([path]) => path),
          title,
        ),
      );
      gone.add(`${type}/${id}`);
    }
  }
  return { deletions, doubts, held };
}

async function lastTitle({ git }: Repository, type: ResourceType, files: readonly FileEntry[]): Promise<string> {
  const [, oid] = files.find(([path]) => path.endsWith('.yaml')) ?? [];
  if (!oid) return '';
  try {
    const [bytes] = await git.objects([oid]);
    const doc = parseYaml(bytes?.toString('utf8') ?? '');
    return isObject(doc) ? titleOf(type, doc) : '';
  } catch {
    // A damaged file has no name to show; the message has the path.
    return '';
  }
}
