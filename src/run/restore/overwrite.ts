import type { MirrorDocument } from '../../core/documents.ts';
import { diffFields } from '../../core/field-diff.ts';
import type { JsonObject } from '../../core/json.ts';
import { secretPlaces } from '../../core/secret-places.ts';
import { bothRestorable, patchFor, restorable, updateBody } from '../../plan/body.ts';
import { reachable } from '../../plan/converged.ts';
import { markerHindrance } from '../../plan/decide.ts';
import type { Step } from '../../plan/types.ts';
import type { StepRun } from './step-run.ts';
import type { UnknownOutcome, WriteLog } from './write-log.ts';
import type { LivePair } from './writer.ts';
import { registerMore, writeApart } from './written-apart.ts';

/** Writes; a write that failed may have taken effect all the same, over what others did in that moment. */
export async function orUnknown<T>(log: WriteLog, outcome: UnknownOutcome, write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    log.unknownOutcomes.push(outcome);
    throw error;
  }
}

/**
 * Writes the wanted configuration over a live document. Nothing is sent when it is there already.
 * @param seen what of the live document, as the API shows it, is known to be no one's edit; all of it unless given
 * @returns why it could not be written, or `undefined`
 */
export async function overwrite(
  run: StepRun,
  step: Step,
  document: MirrorDocument,
  id: string,
  live: LivePair,
  seen: JsonObject = live.raw,
): Promise<string | undefined> {
  const { context, log } = run;
  const { writer, ids, made } = context;
  const { type } = document;
  const { wanted: then, live: now } = bothRestorable(type, document.doc, live.doc, ids);
  const { doc: wanted } = reachable(type, then, now, made(type.name, id));
  const changes = diffFields(now, wanted);
  // A step without changes of its own brings credentials alone.
  const credentialsAlone = step.action === 'update' && step.changes.length === 0;
  if (changes.length === 0 && !credentialsAlone) return undefined;
  const supplied = context.supplied(document);
  // What was just created has only the credentials that were handed in.
  const hindrance = step.action === 'create' ? undefined : markerHindrance(document, live.doc, context);
  if (hindrance !== undefined) return hindrance;
  const filled = updateBody({ type, wanted: document.doc, live, ids, supplied, sampleData: context.sampleData });
  await registerMore(run, document, id, live);
  const unknown: UnknownOutcome = { type, id, before: [seen] };
  let after: LivePair;
  if (step.method === 'patch') {
    const credentials = [...secretPlaces(document.doc), ...secretPlaces(live.doc)].map(({ place }) => place);
    const places = changes.map(({ place }) => place);
    const patch = patchFor(type, wanted, now, places, credentials);
    if (!patch) return 'the fields that differ cannot be changed without its credentials';
    after = await orUnknown(log, unknown, () => writer.patch(type, id, patch));
  } else {
    const masked = secretPlaces(live.doc).some(({ fingerprint }) => fingerprint === undefined);
    if (filled.missing.length > 0 && masked && step.action !== 'create')
      return `its credentials are not known: ${filled.missing.join(', ')}`;
    after = await orUnknown(log, unknown, () => writer.replace(type, id, filled.doc));
  }
  const sent = restorable(type, document.doc, ids);
  log.learnParts(type, document.doc, after.doc);
  log.keepWrite(type, id, seen, after, sent);
  log.noteAnswer(step, id, after);
  await writeApart(run, document, id, after, sent, true);
  return undefined;
}
