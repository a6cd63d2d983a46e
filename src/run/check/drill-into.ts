import { mkdirSync } from 'node:fs';
import { findType } from '../../catalogue/index.ts';
import { AppError } from '../../core/errors.ts';
import { keyOf } from '../../core/keys.ts';
import { readPath } from '../../core/layout.ts';
import { createGit } from '../../git/git.ts';
import { headCommit } from '../../history/state.ts';
import { acquireLock } from '../../mirror/lock.ts';
import { configOf, copyMirror, type DrillInput, readCopy, unreadable } from './drill-copy.ts';
import type { DrillFinding } from './drill-findings.ts';
import { checkConfigured, checkEmpty, checkIdentity } from './drill-guards.ts';
import { type DrillRecord, drillFolder, readRecord, removeRecord, writeRecord } from './drill-record.ts';
import { removeAll } from './drill-remove.ts';
import type { DrillReport } from './drill-report.ts';
import {
  type Drill,
  type DrillInto,
  isInterrupted,
  journalsIn,
  madeBy,
  restoreDeps,
  resumeCommand,
  wholeTarget,
} from './drill-state.ts';
import { rehearse } from './rehearse.ts';

/** Types of which no call deletes one: a drill leaves them out, it could not clean up after itself. */
function undeletable(files: DrillInput['files']): Map<string, DrillFinding> {
  const out = new Map<string, DrillFinding>();
  for (const path of files.keys()) {
    const parts = readPath(path);
    const why = parts && findType(parts.type)?.restore.undeletable;
    if (!parts || why === undefined) continue;
    out.set(path, { what: keyOf(parts.type, parts.id), title: '', why: `left out of the drill: ${why}` });
  }
  return out;
}

/** Copies the mirror, and makes the drill one that can be resumed. @throws AppError `GUARD`, `AUTH`, `API` */
async function begin(drill: Drill, input: DrillInput, keep: boolean, userId: string): Promise<DrillRecord> {
  const { folder, ownGit, target } = drill;
  removeRecord(folder);
  mkdirSync(folder.repository, { recursive: true, mode: 0o700 });
  const faults = unreadable(input);
  const left = undeletable(input.files);
  await copyMirror(ownGit, folder.repository, input, new Set([...faults.keys(), ...left.keys()]));
  const leftOut = new Map([...left.values()].map((finding) => [finding.what, finding]));
  const record: DrillRecord = {
    version: 1,
    account: input.account,
    label: input.label,
    commit: input.commit,
    target: { baseUrl: target.baseUrl, userId },
    startedAt: input.now().toISOString(),
    keep,
    phase: 'restoring',
    faults: [...faults],
    leftOut: [...leftOut.values()],
  };
  writeRecord(folder, record);
  return record;
}

/** Restores and compares, or resumes that. @throws AppError, ApiError, GitFailure */
async function restoreAll(drill: Drill, record: DrillRecord): Promise<DrillReport> {
  const started = performance.now();
  const { target, secrets, overrides, ownGit } = drill;
  const deps = restoreDeps(drill, record);
  const faults = new Map(record.faults);
  const copy = await readCopy(ownGit, record.account, faults, (sampleData) => wholeTarget(target, sampleData));
  const resume = isInterrupted(drill);
  const own = new Set(madeBy(drill));
  const found = await rehearse({
    git: ownGit,
    copy,
    deps: { ...deps, config: { ...deps.config, accounts: [copy.target] } },
    request: { from: record.account, target: copy.target, secrets, overrides, enableFlows: false },
    resume,
    everyCredential: false,
    // What was created without an answer, its own journal accounts for.
    ...(resume ? {} : { check: (prepared) => checkEmpty(prepared, own) }),
    refusals: () => [],
  });
  return {
    account: record.account,
    state: record.label,
    commit: record.commit,
    target: { kind: 'account', name: target.name, baseUrl: target.baseUrl },
    ...found,
    documents: found.documents + record.leftOut.length,
    explained: [...found.explained, ...record.leftOut],
    durationMs: Math.round(performance.now() - started),
  };
}

/** From the phase that the record says to the end. */
async function goOn(drill: Drill, started: DrillRecord): Promise<DrillReport> {
  const { folder, ownGit } = drill;
  let record = started;
  const enter = (next: Pick<DrillRecord, 'phase'> & Partial<DrillRecord>): void => {
    record = { ...record, ...next };
    writeRecord(folder, record);
  };
  if (record.phase === 'restoring') {
    const report = await restoreAll(drill, record).catch((error: unknown) => {
      // Nothing was written: nothing is to be resumed.
      if (journalsIn(drill) === 0) removeRecord(folder);
      throw error;
    });
    if (!record.keep) enter({ phase: 'deleting', report });
    else {
      enter({ phase: 'kept', report, kept: (await headCommit(ownGit))?.commit });
      return { ...report, cleanUp: { deleted: 0, purged: 0, kept: true, left: [], requests: 0 } };
    }
  }
  const { report } = record;
  if (!report) throw new AppError('USAGE', `${folder.root} holds no result of the drill`, {});
  const cleanUp = await removeAll(drill, record);
  if (cleanUp.left.length > 0) enter({ phase: 'left' });
  else removeRecord(folder);
  return { ...report, cleanUp };
}

async function withLock<T>(given: DrillInto, work: (drill: Drill) => Promise<T>): Promise<T> {
  const { deps, config, target, stateDir } = given;
  const folder = drillFolder(stateDir, target.name);
  mkdirSync(folder.root, { recursive: true, mode: 0o700 });
  const release = await acquireLock({
    dir: folder.root,
    waitMs: deps.lockWaitMs,
    onWait: () => undefined,
    onLost: () => undefined,
    signal: deps.signal,
  });
  try {
    mkdirSync(folder.repository, { recursive: true, mode: 0o700 });
    const { repository } = configOf(folder.repository, target, config.source);
    const ownGit = createGit({ cwd: folder.repository, config: repository, env: deps.env, signal: deps.signal });
    return await work({ ...given, folder, ownGit });
  } finally {
    await release();
  }
}

/** Whether the account holds what an earlier drill was to leave there, or could not delete. */
function isLeftover({ phase }: DrillRecord): boolean {
  return phase === 'kept' || phase === 'left';
}

/**
 * Restores a mirror into a real, empty account, mirrors that, compares, and deletes what it made. Keeps what it needs
 * beside the clone until the account is empty again; nothing of it reaches the mirror.
 * @throws AppError `GUARD` for an account that must not be written to, `CONFLICT` while another drill into it is
 *   interrupted; ApiError, GitFailure
 */
export async function drillInto(given: DrillInto, input: DrillInput, keep: boolean): Promise<DrillReport> {
  const { target, config } = given;
  checkConfigured(target, input.account, config);
  return withLock(given, async (drill) => {
    const { folder, deps } = drill;
    const earlier = readRecord(folder);
    if (earlier && !isLeftover(earlier))
      throw new AppError('CONFLICT', `a drill into ${target.name} was interrupted (started ${earlier.startedAt})`, {
        hint: `Finish it first; it deletes what it made: ${resumeCommand(target)}`,
      });
    const userId = await checkIdentity(target, { ...drill, ...deps, config });
    if (earlier) await removeEarlier(drill, earlier);
    return goOn(drill, await begin(drill, input, keep, userId));
  });
}

/** @throws AppError `GUARD` where not all of it can be deleted */
async function removeEarlier(drill: Drill, earlier: DrillRecord): Promise<void> {
  const { left } = await removeAll(drill, earlier);
  if (left.length === 0) return;
  const names = left.map(({ what, why }) => `${what} (${why})`).join(', ');
  throw new AppError('GUARD', `drill --into ${drill.target.name}: an earlier drill left ${names}`, {
    hint: 'Delete these resources manually, then try again',
  });
}

/**
 * Finishes an interrupted drill, or deletes what one left.
 * @throws AppError `USAGE` where there is none; as {@link drillInto}
 */
export async function resumeDrill(given: DrillInto): Promise<DrillReport> {
  const { target, config } = given;
  return withLock(given, async (drill) => {
    const record = readRecord(drill.folder);
    if (!record)
      throw new AppError('USAGE', `no drill into ${target.name} was interrupted`, {
        hint: `Start one with: celigo-mirror drill --into ${target.name}`,
      });
    checkConfigured(target, record.account, config);
    const userId = await checkIdentity(target, { ...drill, ...drill.deps, config });
    const { target: before, startedAt } = record;
    if (userId !== before.userId)
      throw new AppError(
        'BINDING',
        `the drill of ${startedAt} was made with the token of user ${before.userId} at ${before.baseUrl}; the token ` +
          `of ${target.name} belongs to user ${userId} at ${target.baseUrl}. Nothing was written`,
        { hint: 'Use the token that the drill was started with' },
      );
    return goOn(drill, record);
  });
}
