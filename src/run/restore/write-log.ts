import { findType } from '../../catalogue/index.ts';
import type { ResourceType } from '../../catalogue/types.ts';
import type { ApiClient } from '../../celigo/client.ts';
import type { MirrorDocument } from '../../core/documents.ts';
import type { JsonObject } from '../../core/json.ts';
import { type Key, keyOf } from '../../core/keys.ts';
import type { Journal } from '../../mirror/journal.ts';
import { pairInnerIds } from '../../plan/ids.ts';
import type { Supplied } from '../../plan/secrets.ts';
import type { Step } from '../../plan/types.ts';
import { coreVersionOf } from './live.ts';
import type { LivePair, Writer } from './writer.ts';

/** What became of one step. */
export type Result = 'done' | 'failed' | 'blocked' | 'skipped' | 'conflict';

export interface Outcome {
  readonly step: Step;
  readonly result: Result;
  /** Id in the target. */
  readonly id?: string;
  /** Why it did not go as planned, or what is left to do. */
  readonly reason?: string;
}

/** A document of the target as it was when we wrote over it, for those who look whether an edit slipped in. */
export interface Written {
  readonly type: ResourceType;
  readonly id: string;
  /** What it was when we looked, before each of our writes. */
  readonly looks: JsonObject[];
  after: LivePair;
  /** We deleted it. */
  readonly removed?: true;
  /** What was asked for, in the form that states are compared by. */
  sent?: JsonObject;
}

/** A write of which nobody knows what became of it: what stood there before, as far as it was seen. `removed`: a deletion. */
export type UnknownOutcome = Pick<Written, 'type' | 'id' | 'removed'> & {
  readonly looks: readonly JsonObject[];
};

export interface ApplyContext {
  readonly client: ApiClient;
  readonly writer: Writer;
  readonly journal: Journal;
  /** Wanted documents by key, with the ids of the state. Followers stand for themselves. */
  readonly documents: ReadonlyMap<Key, MirrorDocument>;
  readonly supplied: (document: MirrorDocument) => Supplied;
  readonly sampleData: boolean;
  /** Ids of the state → ids of the target. Grows while resources are made. */
  readonly ids: Map<string, string>;
  /** Whether the target had this id before the restore began. */
  readonly isOld: (type: string, id: string) => boolean;
  /** The target is another account: an id that has no counterpart there means nothing. */
  readonly foreign: boolean;
  readonly concurrency: number;
  readonly progress: (done: number, total: number) => void;
  readonly signal: AbortSignal;
}

/** What a restore knows of its own doings, in memory and in the journal. */
export interface WriteLog {
  readonly outcomes: Map<Key, Outcome>;
  readonly written: Map<string, Written>;
  /** Writes that failed, and may have taken effect all the same. */
  readonly unknownOutcomes: UnknownOutcome[];
  /** Whether anything was written at all, by this process or the one that was interrupted. */
  readonly wroteAnything: () => boolean;
  readonly settle: (step: Step, result: Result, more?: { id?: string; reason?: string }) => void;
  /** Takes the new ids of a document's parts into the map. */
  readonly learn: (type: ResourceType, wanted: JsonObject, stored: JsonObject) => void;
  /** Remembers a write: what stood there before, what stands there now, what was asked for. */
  readonly note: (
    type: ResourceType,
    id: string,
    before: JsonObject | undefined,
    after: LivePair,
    sent: JsonObject,
  ) => void;
  /** Writes down that a step's request was answered. */
  readonly record: (step: Step, id: string, after: LivePair) => void;
  /** Fingerprint of what the interrupted restore made of a resource. */
  readonly earlierVersion: (key: Key) => string | undefined;
  /** Whether a step was to bring this resource (by the state's id, if it never got another) and did not. */
  readonly isMissing: (type: string, id: string) => boolean;
}

export function typeOf(step: Step): ResourceType {
  return findType(step.type) as ResourceType;
}

/** @param onSettled called after each step that came to its end */
export function createWriteLog(context: ApplyContext, onSettled: () => void): WriteLog {
  const { journal, ids } = context;
  const outcomes = new Map<Key, Outcome>();
  const written = new Map<string, Written>();
  const unknownOutcomes: UnknownOutcome[] = [];
  const earlier = new Map<Key, string>();
  for (const entry of journal.entries) if (entry.kind === 'done' && entry.to) earlier.set(entry.key, entry.to);
  let wrote = journal.entries.some(({ kind }) => kind === 'done');
  return {
    outcomes,
    written,
    unknownOutcomes,
    wroteAnything: () => wrote,
    earlierVersion: (key) => earlier.get(key),
    settle(step, result, more = {}) {
      outcomes.set(step.key, { step, result, ...more });
      onSettled();
    },
    learn(type, wanted, stored) {
      const pairs = [...pairInnerIds(type, wanted, stored)].filter(([old, id]) => ids.get(old) !== id && old !== id);
      for (const [old, id] of pairs) ids.set(old, id);
      if (pairs.length > 0) journal.append([{ kind: 'ids', pairs }], false);
    },
    note(type, id, before, after, sent) {
      const key = keyOf(type.name, id);
      const known = written.get(key);
      const looks = before ? [before] : [];
      if (!known) written.set(key, { type, id, looks, after, sent });
      else {
        known.looks.push(...looks);
        Object.assign(known, { after, sent });
      }
    },
    record(step, id, after) {
      const to = coreVersionOf(typeOf(step), after.doc);
      journal.append([{ kind: 'done', key: step.key, action: step.action, id, to }], false);
      wrote = true;
    },
    isMissing(typeName, id) {
      const outcome = outcomes.get(keyOf(typeName, id));
      return outcome !== undefined && outcome.result !== 'done' && outcome.step.action !== 'update';
    },
  };
}
