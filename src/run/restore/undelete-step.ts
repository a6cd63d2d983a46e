import { findType } from '../../catalogue/index.ts';
import type { ResourceType } from '../../catalogue/types.ts';
import { ApiError } from '../../celigo/errors.ts';
import { isAppPart, type MirrorDocument } from '../../core/documents.ts';
import type { JsonObject } from '../../core/json.ts';
import { idIn, type Key, keyOf, typeIn } from '../../core/keys.ts';
import { usesOf } from '../../core/references.ts';
import { shownName } from '../../core/unseen.ts';
import { restorable } from '../../plan/body.ts';
import type { Step } from '../../plan/types.ts';
import { overwrite } from './overwrite.ts';
import type { StepRun } from './step-run.ts';
import type { StepOutcome } from './write-log.ts';
import type { LivePair } from './writer.ts';
import { writeApart } from './written-apart.ts';

const PURGED =
  'purged from the recycle bin since the plan was created: restore it again, and it is created with a new id';

/** What the recycle bin holds that names one of its resources, and that no step of the plan brings back. */
function unplannedUsers(bin: ReadonlyMap<Key, JsonObject>, id: string, { returning }: StepRun): string[] {
  return [...bin].flatMap(([key, doc]) => {
    const type = findType(typeIn(key));
    const uses = type && !returning.has(idIn(key)) && usesOf(type, doc).some((use) => use.id === id);
    return uses ? [`${key} "${String(doc.name ?? idIn(key))}"`] : [];
  });
}

/** Out of the recycle bin of a server that may have the cascading call only: it knows the plain one for no resource. */
async function comeBackInCascade(run: StepRun, type: ResourceType, id: string): Promise<LivePair | StepOutcome> {
  const { writer } = run.context;
  const bin = await writer.bin();
  if (!bin.has(keyOf(type.name, id))) return { result: 'conflict', id, reason: PURGED };
  // A group may bring back all that is filed in it.
  const more = type.dependence === 'group' ? unplannedUsers(bin, id, run) : [];
  if (more.length === 0) return writer.undelete(type, id, true);
  const reason = `the server may bring back more than the plan names; restore it as well: ${more.join(', ')}`;
  return { result: 'blocked', id, reason };
}

/** What a resource in the recycle bin uses that is there as well. */
async function usedInBinBy({ context }: StepRun, type: ResourceType, id: string): Promise<string[]> {
  const bin = await context.writer.bin();
  const isThere = (typeName: string | undefined, other: string): boolean =>
    typeName !== undefined && other !== id && bin.has(keyOf(typeName, other));
  const uses = usesOf(type, bin.get(keyOf(type.name, id)) ?? {});
  return uses.flatMap((use) => (isThere(use.type ?? use.perhaps, use.id) ? [use.id] : []));
}

/** Out of the recycle bin: alone, or with the rest of the circle that it is part of. */
async function comeBack(run: StepRun, step: Step, type: ResourceType, id: string): Promise<LivePair | StepOutcome> {
  const { context, log, returning } = run;
  const { writer, documents } = context;
  try {
    return await writer.undelete(type, id, false);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.status === 404 || error.status === 405) return comeBackInCascade(run, type, id);
    const document = documents.get(step.key);
    if (error.status === 403 && document && isAppPart(document.doc))
      return { result: 'blocked', id, reason: 'part of an Integration App: only the app can bring it back' };
    if (error.apiCode !== 'descendants_not_restored') throw error;
    const named = error.named.filter((other) => other !== id);
    const used = named.length > 0 ? named : await usedInBinBy(run, type, id);
    if (used.length === 0) throw error;
    const names = used.map((other) => {
      const planned = returning.get(other);
      return planned ? `${planned.key} "${shownName(planned.title)}"` : other;
    });
    // All of it is planned, and none was tried: they use each other.
    const isCircle = used.every((other) => {
      const planned = returning.get(other);
      return planned !== undefined && !log.outcomes.has(planned.key);
    });
    // A group would bring back all that is filed in it.
    if (isCircle && type.dependence !== 'group') return writer.undelete(type, id, true);
    const reason = `it uses resources that are in the recycle bin, too; restore them as well: ${names.join(', ')}`;
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
    // Credentials are in other places, or what is next to them differs.
    return step.credentials.length > 0 ? { result: 'blocked', id, reason: step.reason } : { result: 'done', id };
  }
  // Kept before anything is written: what it names may get its new id only later.
  run.log.keepWrite(type, id, undefined, live, sent);
  const problem = await overwrite(run, step, document, id, live);
  if (problem) return { result: 'blocked', id, reason: `it is back, but ${problem}` };
  return { result: 'done', id };
}
