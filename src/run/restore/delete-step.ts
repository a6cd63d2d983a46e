import type { ResourceType } from '../../catalogue/types.ts';
import { ApiError } from '../../celigo/errors.ts';
import { keyOf } from '../../core/keys.ts';
import { withoutPaths } from '../../core/paths.ts';
import type { Step } from '../../plan/types.ts';
import { versionOf } from './live.ts';
import { orUnknown, overwrite } from './overwrite.ts';
import type { StepRun } from './step-run.ts';
import { type StepOutcome, typeOf } from './write-log.ts';
import type { Writer } from './writer.ts';

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

/** Deletes what the state does not have, unless it was changed since the plan was made. @throws ApiError */
export async function deleteResource({ context, log }: StepRun, step: Step): Promise<StepOutcome> {
  const { writer, journal } = context;
  const { id } = step;
  const type = typeOf(step);
  const live = await writer.read(type, id);
  if (!live) return { result: 'done', id };
  const opened = log.written.get(keyOf(type.name, id));
  if (versionOf(live.doc) !== step.version && !log.isAsLeft(step, id, live.doc))
    return { result: 'conflict', id, reason: 'changed since the plan was created; it was left unchanged' };
  try {
    await orUnknown(log, { type, id, before: [live.raw], removed: true }, () => writer.remove(type, id));
  } catch (error) {
    throw error instanceof ApiError && error.apiCode === 'dependencies_not_deleted'
      ? await stillUsed(writer, type, id, error)
      : error;
  }
  journal.append([{ kind: 'done', key: step.key, action: 'delete', id }], false);
  const before = [...(opened?.before ?? []), live.raw];
  log.written.set(step.key, { type, id, before, after: live, removed: true });
  return { result: 'done', id };
}
