import type { ResourceType } from '../../catalogue/types.ts';
import { ApiError } from '../../celigo/errors.ts';
import { isAppPart, type MirrorDocument } from '../../core/documents.ts';
import { restorable } from '../../plan/body.ts';
import type { Step } from '../../plan/types.ts';
import { overwrite } from './overwrite.ts';
import type { StepRun } from './step-run.ts';
import type { StepOutcome } from './write-log.ts';
import type { LivePair } from './writer.ts';
import { writeApart } from './written-apart.ts';

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
    const used = error.named.filter((other) => other !== id);
    if (error.apiCode !== 'descendants_not_restored' || used.length === 0) throw error;
    const names = used.map((other) => {
      const planned = returning.get(other);
      return planned ? `${planned.key} "${planned.title}"` : other;
    });
    // All of it is planned, and none was tried: they use each other.
    const isCircle = used.every((other) => {
      const planned = returning.get(other);
      return planned !== undefined && !log.outcomes.has(planned.key);
    });
    if (isCircle && mayCascade) return writer.undelete(type, id, true);
    const reason = `it uses what is in the recycle bin itself, restore that as well: ${names.join(', ')}`;
    throw new ApiError(reason, { status: error.status, apiCode: error.apiCode, transient: false, cause: error });
  }
}

/** Brings a resource back from the recycle bin, and gives it its wanted state. @throws ApiError */
export async function undeleteResource(run: StepRun, step: Step, document: MirrorDocument): Promise<StepOutcome> {
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
