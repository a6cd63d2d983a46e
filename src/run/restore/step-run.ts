import type { Step } from '../../plan/types.ts';
import { type CreateOnce, createOnce } from './create-once.ts';
import type { ApplyContext, WriteLog } from './write-log.ts';

/** What carrying out a step takes. */
export interface StepRun {
  readonly context: ApplyContext;
  readonly log: WriteLog;
  /** Creates a resource, once: see {@link createOnce}. */
  readonly create: CreateOnce;
  /** Id in the target → the ids that lead to it, since an earlier restore created it in their place. */
  readonly aliases: ReadonlyMap<string, readonly string[]>;
  /** The steps that bring something back from the recycle bin, by the id in the target. */
  readonly returning: ReadonlyMap<string, Step>;
}

/** @param steps all that are carried out */
export function createStepRun(context: ApplyContext, log: WriteLog, steps: readonly Step[]): StepRun {
  const aliases = new Map<string, string[]>();
  for (const [old, id] of context.ids) aliases.set(id, [...(aliases.get(id) ?? []), old]);
  const returning = new Map(
    steps.filter(({ action }) => action === 'undelete').map((step) => [step.targetId ?? step.id, step]),
  );
  return { context, log, create: createOnce(context), aliases, returning };
}
