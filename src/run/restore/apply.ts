import PQueue from 'p-queue';
import { ApiError } from '../../celigo/errors.ts';
import { AppError, messageOf } from '../../core/errors.ts';
import type { Key } from '../../core/keys.ts';
import { isActing, type Step } from '../../plan/types.ts';
import { completeStep } from './complete.ts';
import { openCircle } from './delete-step.ts';
import { createStepRun, type StepRun } from './step-run.ts';
import { applyStep } from './steps.ts';
import { type ApplyContext, createWriteLog, type Outcome, type UnknownOutcome, type Written } from './write-log.ts';

/** Intents made durable together: one wait for the disk, not one a request. */
const INTENTS = 64;
/** After so many failures in a row without any answer the API counts as unreachable. */
const LOST_CONTACT = 5;
/** Rounds of another try for what was refused. */
const MOST_ROUNDS = 3;
/** Validation, and "still needed by something" (api-notes#statuses): another order may help. */
const REFUSALS: ReadonlySet<number> = new Set([409, 422]);

/** What became of the steps, and what they wrote. */
export interface Applied {
  readonly outcomes: ReadonlyMap<Key, Outcome>;
  readonly written: ReadonlyMap<Key, Written>;
  /** Writes that failed, and may have taken effect all the same. */
  readonly unknownOutcomes: readonly UnknownOutcome[];
}

/** A step that only switches on has nothing to write before {@link switchOn}. */
function onlySwitchesOn({ action, changes, enable }: Step): boolean {
  return action === 'update' && enable && changes.every(({ before, after }) => before === true && after === false);
}

/**
 * Writes the steps of a plan level by level, tries refused ones again, and completes what could not be written at once.
 * @throws AppError `RIGHTS` when the first write is forbidden, ApiError when the API stopped answering
 */
export async function applySteps(context: ApplyContext, planned: readonly Step[]): Promise<Applied> {
  const acting = planned.filter((step) => isActing(step) && !onlySwitchesOn(step));
  const log = createWriteLog(context, acting.length);
  for (const step of planned)
    if (step.action === 'blocked') log.outcomes.set(step.key, { step, result: 'blocked', reason: step.reason });
  const work: Work = {
    run: createStepRun(context, log, acting),
    queue: new PQueue({ concurrency: context.concurrency }),
    refused: new Set(),
    unanswered: 0,
  };
  try {
    for (const step of acting) if (step.action === 'delete' && step.late.length > 0) await open(work, step);
    await runLevels(work, acting);
    await retryRefused(work);
  } catch (error) {
    // Nothing was written: nothing is to be resumed.
    const wrote = context.journal.entries.some(({ kind }) => kind === 'done');
    if (!wrote && error instanceof AppError && error.code === 'RIGHTS')
      context.journal.append([{ kind: 'end', exitCode: 1 }], true);
    throw error;
  }
  await together(work.queue, [...log.outcomes.values()], (outcome) => completeStep(work.run, outcome));
  return log;
}

interface Work {
  readonly run: StepRun;
  readonly queue: PQueue;
  /** Steps that the server refused for what they say, not for what it could not do. */
  readonly refused: Set<Key>;
  /** Failures in a row without any answer. */
  unanswered: number;
}

/** Works on all items. After a failure no more begin, and those in progress end: the journal is closed then. */
async function together<T>(queue: PQueue, items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  try {
    await queue.addAll(items.map((item) => () => work(item)));
  } catch (error) {
    queue.clear();
    await queue.onIdle();
    throw error;
  }
}

function levelsOf(steps: readonly Step[]): number[] {
  return [...new Set(steps.map((step) => step.level))].sort((a, b) => a - b);
}

async function runLevels(work: Work, acting: readonly Step[]): Promise<void> {
  const { context, log } = work.run;
  for (const level of levelsOf(acting)) {
    const next = acting.filter((step) => step.level === level);
    for (let from = 0; from < next.length; from += INTENTS) {
      context.signal.throwIfAborted();
      const some = next.slice(from, from + INTENTS);
      context.journal.append(
        some.map(({ key, action, version }) => ({
          kind: 'intent',
          key,
          action,
          ...(version ? { from: version } : {}),
        })),
        true,
      );
      // The first write goes alone: a token without rights must not fail a dozen times.
      if (!log.wroteAnything()) await attempt(work, some.shift() as Step);
      await together(work.queue, some, (step) => attempt(work, step));
    }
  }
}

/** Opens a circle of deletions. Where that fails, the deletions are refused with the reason. */
async function open(work: Work, step: Step): Promise<void> {
  try {
    await openCircle(work.run, step);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
  }
}

/** Tries refused steps again, as long as that helps: a server may want an order that no document describes. */
async function retryRefused(work: Work): Promise<void> {
  const { context, log } = work.run;
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const again = [...log.outcomes.values()].filter(
      ({ step, result }) => result === 'skipped' || (result === 'failed' && work.refused.has(step.key)),
    );
    if (!again.some(({ result }) => result === 'failed')) return;
    const steps = again.map(({ step }) => step);
    const byLevel = steps.sort((a, b) => a.level - b.level);
    context.journal.append(
      byLevel.map(({ key, action }) => ({ kind: 'intent', key, action })),
      true,
    );
    // What waits for a refused step must not keep it from being tried: they may need each other.
    for (const { key } of byLevel) log.outcomes.delete(key);
    for (const level of levelsOf(byLevel)) {
      const next = byLevel.filter((step) => step.level === level);
      await together(work.queue, next, (step) => attempt(work, step));
    }
    if (!byLevel.some(({ key }) => log.outcomes.get(key)?.result === 'done')) return;
  }
}

/** One step. An error of the API is its outcome, unless it says that no step can succeed. */
async function attempt(work: Work, step: Step): Promise<void> {
  const { log } = work.run;
  try {
    log.settle({ step, ...(await applyStep(work.run, step)) });
    work.unanswered = 0;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.status === 403 && !log.wroteAnything()) throw noRights(error);
    work.unanswered = error.status === undefined ? work.unanswered + 1 : 0;
    if (work.unanswered >= LOST_CONTACT) throw error;
    if (REFUSALS.has(error.status ?? 0)) work.refused.add(step.key);
    log.settle({ step, result: 'failed', reason: messageOf(error) });
  }
}

function noRights(cause: ApiError): AppError {
  return new AppError('RIGHTS', `the token has no write access: ${cause.message}. Nothing was changed`, {
    hint: 'Use the token of an administrator, or of a user who can manage the resources to restore',
    cause,
  });
}
