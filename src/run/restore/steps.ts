import type { ResourceType } from '../../catalogue/types.ts';
import { ApiError } from '../../celigo/errors.ts';
import { isAppPart, type MirrorDocument } from '../../core/documents.ts';
import { messageOf } from '../../core/errors.ts';
import { diffFields } from '../../core/field-diff.ts';
import { keyOf } from '../../core/keys.ts';
import { withoutPaths } from '../../core/paths.ts';
import { covers, placeOf } from '../../core/places.ts';
import { referencesOf } from '../../core/references.ts';
import { createBody, restorable } from '../../plan/body.ts';
import { reachable } from '../../plan/converged.ts';
import { rewriteIds } from '../../plan/ids.ts';
import type { Step } from '../../plan/types.ts';
import { coreVersionOf, versionOf } from './live.ts';
import { orUnknown, overwrite } from './overwrite.ts';
import type { StepRun } from './step-run.ts';
import { subscribe } from './subscriptions.ts';
import { type Outcome, typeOf } from './write-log.ts';
import { type LivePair, Unread, type Writer } from './writer.ts';
import { writeApart } from './written-apart.ts';

type StepOutcome = Omit<Outcome, 'step'>;

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

/** What a step needs and another step did not bring, or `undefined`. */
function unmetNeed({ log }: StepRun, step: Step, document: MirrorDocument): string | undefined {
  for (const { type: typeName, id, place } of referencesOf(document.type, document.doc)) {
    const other = typeName === null ? undefined : log.outcomes.get(keyOf(typeName, id));
    if (!other || other.result === 'done' || other.step === step) continue;
    const arrives = other.step.action === 'create' || other.step.action === 'undelete';
    const late = step.action === 'create' && step.late.some((path) => covers(path, placeOf(place)));
    if (arrives && !late && other.result !== 'blocked') return `needs ${other.step.key}, which could not be restored`;
  }
  return undefined;
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
  const { doc: body } = createBody({ type, wanted: doc, ids, supplied, late: step.late });
  if (type.list.shape === 'keys') {
    log.noteAnswer(step, step.id, await writer.replace(type, step.id, body));
    return { result: 'done', id: step.id };
  }
  const sent = restorable(type, withoutPaths(doc, step.late), ids);
  let made: LivePair;
  try {
    made = await run.create(type, body);
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

/** Out of the recycle bin: alone, or with the rest of the circle that it is part of. */
async function comeBack(
  { context, log, returning }: StepRun,
  step: Step,
  type: ResourceType,
  id: string,
): Promise<LivePair | StepOutcome> {
  const { writer, documents } = context;
  try {
    return await writer.undelete(type, id, false);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const again = 'restore it again, and it is created with a new id';
    if (error.status === 404)
      return { result: 'conflict', id, reason: `purged from the recycle bin since the plan was created: ${again}` };
    const document = documents.get(step.key);
    if (error.status === 403 && document && isAppPart(document.doc))
      return { result: 'blocked', id, reason: 'part of an Integration App: the server leaves it to the app' };
    // A group would bring back all that is filed in it.
    const mayCascade = type.dependence !== 'group';
    // A server may have the cascading call only.
    if (error.status === 405 && mayCascade) return writer.undelete(type, id, true);
    if (error.apiCode !== 'descendants_not_restored') throw error;
    const used = error.named.filter((other) => other !== id);
    const names = used.map((other) => {
      const planned = returning.get(other);
      return planned ? `${planned.key} "${planned.title}"` : other;
    });
    // All of it is planned, and none was tried: they use each other.
    const isCircle = used.every((other) => {
      const planned = returning.get(other);
      return planned !== undefined && !log.outcomes.has(planned.key);
    });
    if (isCircle && used.length > 0 && mayCascade) return writer.undelete(type, id, true);
    const reason = `it uses what is in the recycle bin itself, restore that as well: ${names.join(', ')}`;
    throw new ApiError(reason, { status: error.status, apiCode: error.apiCode, transient: false, cause: error });
  }
}

async function undeleteResource(run: StepRun, step: Step, document: MirrorDocument): Promise<StepOutcome> {
  const { writer, ids } = run.context;
  const { type } = document;
  const id = step.targetId ?? step.id;
  // Part of a circle, it came back with another one.
  const live = (await writer.read(type, id)) ?? (await comeBack(run, step, type, id));
  if ('result' in live) return live;
  run.log.noteAnswer(step, id, live);
  const sent = restorable(type, document.doc, ids);
  if (!step.method) {
    if (type.entries) await writeApart(run, document, id, live, sent, false);
    const differs = step.credentials.length > 0 && step.changes.length > 0;
    return differs ? { result: 'blocked', id, reason: step.reason } : { result: 'done', id };
  }
  // Kept before anything is written: what it names may get its new id only later.
  run.log.keepWrite(type, id, undefined, live, sent);
  const problem = await overwrite(run, step, document, id, live);
  if (problem) return { result: 'blocked', id, reason: `it is back, but ${problem}` };
  return { result: 'done', id };
}

async function updateResource(run: StepRun, step: Step, document: MirrorDocument): Promise<StepOutcome> {
  const { writer, ids, made } = run.context;
  const { type } = document;
  const id = step.targetId ?? step.id;
  const live = await writer.read(type, id);
  if (!live) return { result: 'conflict', id, reason: 'deleted since the plan was created' };
  const earlier = run.log.earlierVersion(step.key);
  const ours = earlier !== undefined && earlier === coreVersionOf(type, live.doc);
  const now = restorable(type, live.doc, new Map());
  const { doc: wanted } = reachable(type, restorable(type, document.doc, ids), now, made(type.name, id));
  if (versionOf(live.doc) !== step.version && !ours && diffFields(now, wanted).length > 0)
    return { result: 'conflict', id, reason: 'changed since the plan was created; it was left unchanged' };
  const problem = await overwrite(run, step, document, id, live);
  return problem ? { result: 'blocked', id, reason: problem } : { result: 'done', id };
}

/** The refusal of a deletion with the names of what needs the resource, whether it is mirrored or not. */
async function stillUsed(writer: Writer, type: ResourceType, id: string, cause: ApiError): Promise<ApiError> {
  const users = await writer.usersOf(type, id);
  const ids = cause.named.filter((other) => other !== id);
  const names = (ids.length > 0 ? ids : [...users.keys()]).map((user) => users.get(user) ?? user);
  const { status, apiCode } = cause;
  return new ApiError(`it is still used by ${names.join(', ')}`, { status, apiCode, transient: false, cause });
}

/**
 * Takes out of a resource that is about to be deleted what would keep others from being deleted: they use each other.
 * @throws ApiError
 */
export async function openCircle(run: StepRun, step: Step): Promise<void> {
  const type = typeOf(step);
  const live = await run.context.writer.read(type, step.id);
  if (!live || versionOf(live.doc) !== step.version) return;
  run.context.journal.append(
    [{ kind: 'intent', key: step.key, action: 'update', ...(step.version ? { from: step.version } : {}) }],
    true,
  );
  const { id, title, path } = step;
  const document = { type, id, title, path, doc: withoutPaths(live.doc, step.late) };
  await overwrite(run, { ...step, action: 'update', method: 'put' }, document, step.id, live);
}

async function deleteResource({ context, log }: StepRun, step: Step): Promise<StepOutcome> {
  const { writer, journal } = context;
  const { id } = step;
  const type = typeOf(step);
  const live = await writer.read(type, id);
  if (!live) return { result: 'done', id };
  const opened = log.written.get(keyOf(type.name, id));
  const ours = opened && coreVersionOf(type, opened.after.doc) === coreVersionOf(type, live.doc);
  if (versionOf(live.doc) !== step.version && !ours)
    return { result: 'conflict', id, reason: 'changed since the plan was created; it was left unchanged' };
  try {
    await orUnknown(log, { type, id, before: [live.raw], removed: true }, () => writer.remove(type, id));
  } catch (error) {
    throw error instanceof ApiError && error.apiCode === 'dependencies_not_deleted'
      ? await stillUsed(writer, type, id, error)
      : error;
  }
  journal.append([{ kind: 'done', key: step.key, action: 'delete', id }], false);
  log.written.set(step.key, { type, id, before: [live.raw], after: live, removed: true });
  return { result: 'done', id };
}
