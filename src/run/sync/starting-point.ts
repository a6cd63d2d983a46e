import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fetchUserId } from '../../celigo/audit.ts';
import { digestOf } from '../../core/digest.ts';
import { equalJson } from '../../core/paths.ts';
import { type Repair, repairFolder } from '../../mirror/repair-folder.ts';
import type { Repository } from '../../mirror/repository.ts';
import { createStaging, type Staging } from '../../mirror/staging.ts';
import { checkBinding, hasOlderRules } from '../binding.ts';
import type { AccountRun } from './account-run.ts';
import { type AuditLog, openAuditLog } from './audit-log.ts';
import { type CredentialFindings, createCredentialFindings, normalisingFor } from './clear-credentials.ts';
import { objectReader } from './collect/object-reader.ts';
import type { CollectContext } from './collect/types.ts';
import { type HeadState, readHeadState } from './head-state.ts';

/** A run that writes so many files is a first one. */
const MANY_FILES = 2_000;

/** What a run knows of the account and its folder before it lists anything. */
export interface StartingPoint {
  readonly repository: Repository;
  readonly headState: HeadState;
  /** The token's user. */
  readonly userId: string;
  /** Everything is fetched again, changed or not. */
  readonly full: boolean;
  /** File that exists while files are put in place and committed: where it is left, a run was killed in between. */
  readonly marker: string;
  readonly crashed: boolean;
  /** The folder is made equal to HEAD while the account is listed. */
  readonly repairing: Promise<Repair>;
  readonly staging: Staging;
  /** Plain-text credentials in new and changed documents. */
  readonly credentials: CredentialFindings;
  readonly context: CollectContext;
  /** Asked as soon as a change is found. */
  readonly auditLog: AuditLog;
  /** Documents of HEAD were written by older rules: of another version, or configuration. */
  readonly renewing: boolean;
  /** The rules are other ones than those of the last run: what they keep now, and did not before, was not edited. */
  readonly newRules: boolean;
}

/** The file that marks that files of the account are being put in place and committed. */
export function markerOf({ stateDir }: Repository, account: string): string {
  return join(stateDir, `${account}.applying`);
}

/** Reads HEAD, cache and the token's user. @throws AppError, ApiError, CacheDamaged, GitFailure */
export async function readStartingPoint(run: AccountRun, opened: Promise<Repository>): Promise<StartingPoint> {
  const { account, options, client, deps } = run;
  // The two slowest first steps need nothing of each other.
  const identity = fetchUserId(client, deps.signal);
  identity.catch(() => undefined);
  const repository = await opened;
  const marker = markerOf(repository, account.name);
  const crashed = existsSync(marker);
  const repairing = options.dryRun
    ? Promise.resolve({ foreign: [], rescued: undefined })
    : repairFolder(repository, account.name, crashed);
  repairing.catch(() => undefined);
  const headState = await readHeadState(repository, account);
  const full = options.full || dueForSweep(headState.cache?.lastFull, options.fullSweepMs, run.startTime);
  const userId = await identity;
  if (headState.binding) checkBinding(headState.binding, { baseUrl: account.baseUrl, userId }, account.name);
  const staging = createStaging(
    join(repository.path, account.name),
    join(repository.stateDir, `${account.name}.staging`),
  );
  const credentials = createCredentialFindings(account.name);
  const auditLog = openAuditLog(run, repository, headState);
  let written = 0;
  const context: CollectContext = {
    client,
    userId,
    normalise: normalisingFor(account, headState.fingerprintKey),
    clear: credentials.add,
    notice: run.notice,
    lookupCacheData: account.lookupCacheData,
    pageKey: ({ href }) => digestOf(`${account.token} ${href}`),
    full,
    transliterate: deps.transliterate,
    format: repository.format,
    inHead: objectReader(repository.git),
    put(file) {
      staging.put(file);
      written += 1;
      if (written === MANY_FILES) deps.onManyFiles();
    },
    drop: (path) => staging.drop(path),
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
    full,
    marker,
    crashed,
    repairing,
    staging,
    credentials,
    context,
    auditLog,
    renewing,
    newRules: renewing || (binding !== undefined && !equalJson(binding.ignore ?? {}, account.ignore)),
  };
}

/** Whether everything is to be fetched again, going by when that was done last. */
function dueForSweep(lastFull: string | undefined, everyMs: number | undefined, now: Date): boolean {
  if (everyMs === undefined) return false;
  return lastFull === undefined || now.getTime() - Date.parse(lastFull) >= everyMs;
}
