import PQueue from 'p-queue';
import type { ResourceType } from '../../catalogue/types.ts';
import { ApiError } from '../../celigo/errors.ts';
import { AppError, messageOf } from '../../core/errors.ts';
import { diffFields } from '../../core/field-diff.ts';
import { type Key, keyOf } from '../../core/keys.ts';
import { equalJson } from '../../core/paths.ts';
import { atPlace } from '../../core/places.ts';
import { restorable } from '../../plan/body.ts';
import type { Step } from '../../plan/types.ts';
import { versionOf } from './live.ts';
import { createStepWriter } from './steps.ts';
import {
  type ApplyContext,
  createWriteLog,
  type Outcome,
  type Result,
  type UnknownOutcome,
  type Written,
} from './write-log.ts';
import type { LivePair } from './writer.ts';

/** Intents made durable together: one wait for the disk, not one a request. */
const INTENTS = 64;
/** After so many failures in a row without any answer the API counts as gone. */
const LOST_CONTACT = 5;
/** Rounds of another try for what was refused. */
const MOST_ROUNDS = 3;
/** Validation, and "still needed by something" (api-notes#statuses): another order may help. */
const REFUSALS: ReadonlySet<number> = new Set([409, 422]);

/** Whether something that our write asked for is another thing now. Defaults that the server filled in are not. */
function changedWhatWasAsked(type: ResourceType, { sent, after }: Written, fresh: LivePair): boolean {
  const [then, now] = [after, fresh].map(({ doc }) => restorable(type, doc, new Map()));
  return diffFields(then, now).some(({ place }) => {
    const missing = place.findIndex((_, i) => atPlace(sent ?? {}, place.slice(0, i + 1)) === undefined);
    // A list was asked for as a whole: an element more is another list.
    return missing < 0 || typeof place[missing] === 'number';
  });
}

/** Works on all items. After a failure nothing more begins, and what is under way comes to its end: the journal is closed then. */
async function together<T>(queue: PQueue, items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  try {
    await queue.addAll(items.map((item) => () => work(item)));
  } catch (error) {
    queue.clear();
    await queue.onIdle();
    throw error;
  }
}

/** Applies the steps of a plan, level by level. */
export interface Applier {
  readonly run: (steps: readonly Step[]) => Promise<void>;
  /** Completes what could not be written at once: late fields, ids that turned out to be others. */
  readonly finish: () => Promise<void>;
  readonly outcomes: ReadonlyMap<Key, Outcome>;
  readonly written: ReadonlyMap<string, Written>;
  /** Writes that failed, and may have taken effect all the same. */
  readonly unsure: readonly UnknownOutcome[];
}

export function createApplier(context: ApplyContext): Applier {
  const { writer, journal, documents, ids } = context;
  let done = 0;
  let total = 0;
  const ledger = createWriteLog(context, () => {
    done += 1;
    context.progress(Math.min(done, total), total);
  });
  const { outcomes, settle } = ledger;
  const steps = createStepWriter(context, ledger);
  /** Steps that the server refused for what they say, not for what it could not do. */
  const refused = new Set<Key>();
  let silent = 0;

  async function one(step: Step): Promise<void> {
    const document = documents.get(step.key);
    try {
      if (step.action === 'delete') await steps.removeOne(step);
      else if (!document) settle(step, 'failed', { reason: 'its document is not in the state' });
      else {
        const lack = steps.unmet(step, document);
        if (lack) settle(step, 'skipped', { reason: lack });
        else if (step.action === 'create') await steps.makeNew(step, document);
        else if (step.action === 'undelete') await steps.bringBack(step, document);
        else await steps.change(step, document);
      }
      silent = 0;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.status === 403 && !ledger.wroteAnything()) {
        throw new AppError('RIGHTS', `the token may not write: ${error.message}. Nothing was changed`, {
          hint: 'Use the token of an administrator, or of somebody who may manage what is to be restored',
          cause: error,
        });
      }
      silent = error.status === undefined ? silent + 1 : 0;
      if (silent >= LOST_CONTACT) throw error;
      if (REFUSALS.has(error.status ?? 0)) refused.add(step.key);
      settle(step, 'failed', { reason: messageOf(error) });
    }
  }

  return {
    outcomes,
    written: ledger.written,
    unsure: ledger.unknownOutcomes,
    async run(planned) {
      const acting = planned.filter(({ action, changes, enable }) => {
        const onlySwitch =
          action === 'update' && enable && changes.every(({ before, after }) => before === true && after === false);
        return ['create', 'update', 'undelete', 'delete'].includes(action) && !onlySwitch;
      });
      for (const step of planned)
        if (step.action === 'blocked') outcomes.set(step.key, { step, result: 'blocked', reason: step.reason });
      total = acting.length;
      const queue = new PQueue({ concurrency: context.concurrency });
      for (const level of [...new Set(acting.map((step) => step.level))].sort((a, b) => a - b)) {
        const next = acting.filter((step) => step.level === level);
        for (let from = 0; from < next.length; from += INTENTS) {
          context.signal.throwIfAborted();
          const some = next.slice(from, from + INTENTS);
          journal.append(
            some.map(({ key, action, version }) => ({
              kind: 'intent',
              key,
              action,
              ...(version ? { from: version } : {}),
            })),
            true,
          );
          // The very first write goes alone: a token without rights must not fail a dozen times.
          if (!ledger.wroteAnything()) await one(some.shift() as Step);
          await together(queue, some, one);
        }
      }
      await secondChance(queue);
    },
    async finish() {
      const queue = new PQueue({ concurrency: context.concurrency });
      await together(queue, [...outcomes.values()], finishOne);
    },
  };

  /**
   * Tries refused steps again once the others are done: a server may want an order that no document tells of. Goes on while
   * that helps.
   */
  async function secondChance(queue: PQueue): Promise<void> {
    for (let round = 0; round < MOST_ROUNDS; round++) {
      const again = [...outcomes.values()].filter(
        ({ step, result }) => result === 'skipped' || (result === 'failed' && refused.has(step.key)),
      );
      if (!again.some(({ result }) => result === 'failed')) return;
      const byLevel = again.map(({ step }) => step).sort((a, b) => a.level - b.level);
      journal.append(
        byLevel.map(({ key, action }) => ({ kind: 'intent', key, action })),
        true,
      );
      for (const level of new Set(byLevel.map((step) => step.level))) {
        const next = byLevel.filter((step) => step.level === level);
        for (const { key } of next) outcomes.delete(key);
        await together(queue, next, one);
      }
      if (!byLevel.some(({ key }) => outcomes.get(key)?.result === 'done')) return;
    }
  }

  async function finishOne(outcome: Outcome): Promise<void> {
    const { step, result, id } = outcome;
    const document = documents.get(step.key);
    if (result !== 'done' || !document || id === undefined) return;
    const record = ledger.written.get(keyOf(step.type, id));
    if (!record || step.action === 'delete') return;
    const end = (result: Result, reason: string): void => {
      outcomes.set(step.key, { ...outcome, result, reason });
    };
    const { doc, lacking } = steps.complete(step, document);
    const stays = `stays without ${lacking.join(', ')}`;
    // What the server made of it is for the read-back to judge; here only what was not asked for yet counts.
    if (equalJson(record.sent, restorable(document.type, doc, ids))) {
      if (lacking.length > 0) end('failed', stays);
      return;
    }
    try {
      const fresh = await writer.read(document.type, id);
      if (!fresh || changedWhatWasAsked(document.type, record, fresh)) {
        end('conflict', 'changed by somebody else before it was complete');
        return;
      }
      // What else is new may be the server's own, or somebody's edit: the audit log knows, if we did not see it before.
      const known = versionOf(fresh.doc) === versionOf(record.after.doc) ? fresh : record.after;
      const problem = await steps.overwrite(step, { ...document, doc }, id, fresh, known.raw);
      if (problem ?? lacking.length > 0) end('failed', problem ?? stays);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      end('failed', `made, but not complete: ${messageOf(error)}`);
    }
  }
}
