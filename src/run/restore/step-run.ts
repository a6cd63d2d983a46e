import type { ResourceType } from '../../catalogue/types.ts';
import type { JsonObject } from '../../core/json.ts';
import { createOnce } from './create-once.ts';
import type { ApplyContext, WriteLog } from './write-log.ts';
import type { LivePair } from './writer.ts';

/** What carrying out a step takes. */
export interface StepRun {
  readonly context: ApplyContext;
  readonly log: WriteLog;
  /** Creates a resource, once: see {@link createOnce}. */
  readonly create: (type: ResourceType, body: JsonObject) => Promise<LivePair>;
  /** Id in the target → the ids that lead to it, since an earlier restore created it in their place. */
  readonly aliases: ReadonlyMap<string, readonly string[]>;
}

export function createStepRun(context: ApplyContext, log: WriteLog): StepRun {
  const aliases = new Map<string, string[]>();
  for (const [old, id] of context.ids) aliases.set(id, [...(aliases.get(id) ?? []), old]);
  return { context, log, create: createOnce(context), aliases };
}
