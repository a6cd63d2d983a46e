import type { ResourceType } from '../../catalogue/types.ts';
import { ApiError } from '../../celigo/errors.ts';
import type { MirrorDocument } from '../../core/documents.ts';
import { messageOf } from '../../core/errors.ts';
import { diffFields } from '../../core/field-diff.ts';
import type { JsonObject } from '../../core/json.ts';
import { keyOf } from '../../core/keys.ts';
import { equalJson, withKey } from '../../core/paths.ts';
import { atPlace, covers, placeOf } from '../../core/places.ts';
import { referencesOf } from '../../core/references.ts';
import { restorable } from '../../plan/body.ts';
import { latePlaces, withoutLate } from '../../plan/dangling.ts';
import type { Step } from '../../plan/types.ts';
import { versionOf } from './live.ts';
import { overwrite } from './overwrite.ts';
import type { StepRun } from './step-run.ts';
import type { Outcome, Result, Written } from './write-log.ts';
import type { LivePair } from './writer.ts';
import { registeredIn } from './written-apart.ts';

/** Completes what a step could not write at once: late fields, ids that turned out to be others. */
export async function completeStep(run: StepRun, outcome: Outcome): Promise<void> {
  const { context, log } = run;
  const { step, result, id } = outcome;
  const document = context.documents.get(step.key);
  if (result !== 'done' || !document || id === undefined || step.action === 'delete') return;
  const written = log.written.get(keyOf(step.type, id));
  if (!written) return;
  const { type } = document;
  const end = (worse: Result, reason: string): void => {
    log.outcomes.set(step.key, { ...outcome, result: worse, reason });
  };
  const { doc, lacking } = completeDocument(run, step, document);
  const stays = `stays without ${lacking.join(', ')}`;
  // What the server made of it is for the comparison to evaluate; here only what was not asked for yet counts.
  if (equalJson(written.sent, restorable(type, doc, context.ids))) {
    if (lacking.length > 0) end('failed', stays);
    return;
  }
  try {
    const fresh = await context.writer.read(type, id);
    if (!fresh || changedWhatWasAsked(type, written, fresh)) {
      end('conflict', 'changed by someone else before it was complete');
      return;
    }
    // What else is new may be the server's own, or an edit of others: the audit log knows, if we did not see it before.
    const known = versionOf(fresh.doc) === versionOf(written.after.doc) ? fresh : written.after;
    const found = { from: versionOf(fresh.doc), doc: fresh.doc };
    context.journal.append([{ kind: 'intent', key: step.key, action: 'complete', ...found }], true);
    const problem = await overwrite(run, step, { ...document, doc }, id, fresh, known.raw);
    if (problem ?? lacking.length > 0) end('failed', problem ?? stays);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    end('failed', `created, but not complete: ${messageOf(error)}`);
  }
}

/** The wanted document without the late references that lead nowhere. */
function completeDocument(
  { context, log }: StepRun,
  step: Step,
  document: MirrorDocument,
): { doc: JsonObject; lacking: string[] } {
  const { type, doc: wanted } = document;
  const { registers } = type.restore;
  const nowhere = referencesOf(type, wanted).filter(
    ({ type: typeName, id, place }) =>
      typeName !== null &&
      !(registers && covers(registers.field, placeOf(place))) &&
      (log.isMissing(typeName, id) || (context.foreign && !context.ids.has(id))) &&
      (step.action === 'create' || step.late.some((late) => covers(late, placeOf(place)))),
  );
  const lacking = [...new Set([...(step.absent ?? []), ...latePlaces(document, nowhere)])];
  const doc = withoutLate(wanted, lacking);
  if (!registers || doc[registers.field] === undefined) return { doc, lacking };
  const there = registeredIn(registers, wanted).filter((id) => !log.isMissing(registers.type, id));
  return { doc: withKey(doc, registers.field, there), lacking };
}

/** Whether something that our write asked for has changed since. Defaults that the server filled in do not count. */
function changedWhatWasAsked(type: ResourceType, { sent, after }: Written, fresh: LivePair): boolean {
  const [then, now] = [after, fresh].map(({ doc }) => restorable(type, doc, new Map()));
  return diffFields(then, now).some(({ place }) => {
    const missing = place.findIndex((_, i) => atPlace(sent ?? {}, place.slice(0, i + 1)) === undefined);
    // A list was asked for as a whole: with one element more it is another list.
    return missing < 0 || typeof place[missing] === 'number';
  });
}
