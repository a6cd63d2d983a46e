import { idElsewhere } from '../../core/below.ts';
import type { MirrorDocument } from '../../core/documents.ts';
import { messageOf } from '../../core/errors.ts';
import { diffFields } from '../../core/field-diff.ts';
import { keyOf } from '../../core/keys.ts';
import { withoutPaths } from '../../core/paths.ts';
import { covers, placeOf } from '../../core/places.ts';
import { type Reference, referencesOf } from '../../core/references.ts';
import { bothRestorable, createBody, restorable } from '../../plan/body.ts';
import { reachable } from '../../plan/converged.ts';
import { isOptional, lateField } from '../../plan/dangling.ts';
import { rewriteIds } from '../../plan/ids.ts';
import type { Step } from '../../plan/types.ts';
import { deleteResource } from './delete-step.ts';
import { versionOf } from './live.ts';
import { overwrite } from './overwrite.ts';
import type { StepRun } from './step-run.ts';
import { subscribe } from './subscriptions.ts';
import { undeleteResource } from './undelete-step.ts';
import type { StepOutcome } from './write-log.ts';
import { type LivePair, Unread } from './writer.ts';
import { writeApart } from './written-apart.ts';

/** Carries out one step; what became of it. @throws ApiError when the server refuses or does not answer */
export async function applyStep(run: StepRun, step: Step): Promise<StepOutcome> {
  if (step.action === 'delete') return deleteResource(run, step);
  const document = run.context.documents.get(step.key);
  if (!document) return { result: 'failed', reason: 'its document is not in the state' };
  const lack = unmetNeed(run, step, document);
  if (lack) return { result: 'skipped', reason: lack };
  if (step.action === 'create') return createResource(run, step, document);
  return step.action === 'undelete' ? undeleteResource(run, step, document) : updateResource(run, step, document);
}

/** The references of a document to what another step was to bring and did not. */
function unmetReferences({ log }: StepRun, step: Step, { type, doc }: MirrorDocument): readonly Reference[] {
  return referencesOf(type, doc).filter(({ type: typeName, id }) => {
    const other = typeName === null ? undefined : log.outcomes.get(keyOf(typeName, id));
    const arrives = other?.step.action === 'create' || other?.step.action === 'undelete';
    return arrives && other?.step !== step && other?.result !== 'done' && other?.result !== 'blocked';
  });
}

/** What a step needs and another step did not bring, or `undefined`. */
function unmetNeed(run: StepRun, step: Step, document: MirrorDocument): string | undefined {
  const late = lateFields(run, step, document);
  const need = unmetReferences(run, step, document).find(
    ({ place }) => !late.some((path) => covers(path, placeOf(place))),
  );
  return need && `needs ${need.type}/${need.id}, which could not be restored`;
}

/** What a creation leaves out: what the plan says, and what would name something that another step did not bring. */
function lateFields(run: StepRun, step: Step, document: MirrorDocument): readonly string[] {
  if (step.action !== 'create') return [];
  const unmet = unmetReferences(run, step, document)
    .filter((reference) => isOptional(document, reference))
    .flatMap((reference) => lateField(document, reference) ?? []);
  return [...new Set([...step.late, ...unmet])];
}

async function createResource(run: StepRun, step: Step, document: MirrorDocument): Promise<StepOutcome> {
  const { context, log } = run;
  const { type, doc } = document;
  const { ids, writer } = context;
  if (type.restore.mode === 'bulk') {
    const made = await subscribe(writer, type, rewriteIds(doc, ids));
    const id = String(made._id);
    ids.set(step.id, id);
    log.noteAnswer(step, id, writer.pair(type, made));
    return { result: 'done', id };
  }
  const supplied = context.supplied(document);
  const late = lateFields(run, step, document);
  const { doc: body } = createBody({ type, wanted: doc, ids, supplied, late });
  if (type.list.shape === 'keys') {
    const id = idElsewhere(type, step.id, ids);
    log.noteAnswer(step, id, await writer.replace(type, id, body));
    learnNewId(run, step, id);
    return { result: 'done', id };
  }
  const sent = restorable(type, withoutPaths(doc, late), ids);
  let made: LivePair;
  try {
    made = await run.create(step.key, type, body);
  } catch (error) {
    if (!(error instanceof Unread)) throw error;
    // Its id is kept, so that the next restore continues with it instead of creating a second one.
    learnNewId(run, step, error.id);
    context.journal.append([{ kind: 'done', key: step.key, action: 'create', id: error.id }], false);
    return { result: 'failed', id: error.id, reason: messageOf(error) };
  }
  const id = String(made.raw._id);
  learnNewId(run, step, id);
  log.learnParts(type, doc, made.doc);
  log.noteAnswer(step, id, made);
  log.keepWrite(type, id, undefined, made, sent);
  await writeApart(run, document, id, made, sent, false);
  return { result: 'done', id };
}

function learnNewId({ context, aliases }: StepRun, { id: old }: Step, id: string): void {
  for (const other of id === old ? [] : [old, ...(aliases.get(old) ?? [])]) context.ids.set(other, id);
}

async function updateResource(run: StepRun, step: Step, document: MirrorDocument): Promise<StepOutcome> {
  const { writer, ids, made } = run.context;
  const { type } = document;
  const id = step.targetId ?? step.id;
  const live = await writer.read(type, id);
  if (!live) return { result: 'conflict', id, reason: 'deleted since the plan was created' };
  const { wanted: then, live: now } = bothRestorable(type, document.doc, live.doc, ids);
  const { doc: wanted } = reachable(type, then, now, made(type.name, id));
  const isChanged = versionOf(live.doc) !== step.version && !run.log.isAsLeft(step, id, live.doc);
  if (isChanged && diffFields(now, wanted).length > 0)
    return { result: 'conflict', id, reason: 'changed since the plan was created; it was left unchanged' };
  // Kept before anything is written: what it names may get its new id only later.
  run.log.keepWrite(type, id, undefined, live, restorable(type, document.doc, ids));
  const problem = await overwrite(run, step, document, id, live);
  return problem ? { result: 'blocked', id, reason: problem } : { result: 'done', id };
}
