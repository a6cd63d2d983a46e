import { findType } from '../../catalogue/index.ts';
import type { ResourceType } from '../../catalogue/types.ts';
import type { ApiClient } from '../../celigo/client.ts';
import type { MirrorDocument } from '../../core/documents.ts';
import type { JsonObject } from '../../core/json.ts';
import { type Key, keyOf } from '../../core/keys.ts';
import { pairInnerIds } from '../../plan/ids.ts';
import type { PlanInput } from '../../plan/planner.ts';
import type { Supplied } from '../../plan/secrets.ts';
import type { Step } from '../../plan/types.ts';
import type { Journal } from './journal.ts';
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

/** What carrying out a step gives. */
export type StepOutcome = Omit<Outcome, 'step'>;

/** A document of the target that was written over, for the search for edits of others that the write overwrote. */
export interface Written {
  readonly type: ResourceType;
  readonly id: string;
  /** The document as fetched before each of our writes, oldest first. */
  readonly before: JsonObject[];
  /** Those of them that came after a write of ours whose answer was not complete: they may show edits made since. */
  readonly readBack?: JsonObject[];
  after: LivePair;
  /** We deleted it. */
  readonly removed?: true;
  /** What was asked for, in the form that states are compared by. */
  sent?: JsonObject;
}

/** A write that may or may not have taken effect: the document as fetched before. `removed`: a deletion. */
export type UnknownOutcome = Pick<Written, 'type' | 'id' | 'removed'> & { readonly before: readonly JsonObject[] };

/** What the writing stages work with. */
export interface ApplyContext {
  readonly client: ApiClient;
  readonly writer: Writer;
  readonly journal: Journal;
  /** Wanted documents by key, with the ids of the state; dependents as they are live. */
  readonly documents: ReadonlyMap<Key, MirrorDocument>;
  readonly supplied: (document: MirrorDocument) => Supplied;
  /** As in the plan's input: what the server made of earlier writes. */
  readonly made: PlanInput['made'];
  readonly sampleData: boolean;
  /** Ids of the state → ids of the target. Grows while resources are created. */
  readonly ids: Map<string, string>;
  /** Whether the target had this id before the restore began. */
  readonly isOld: (type: string, id: string) => boolean;
  /** The target is another account: an id that has no counterpart there means nothing. */
  readonly foreign: boolean;
  readonly concurrency: number;
  readonly progress: (done: number, total: number) => void;
  readonly signal: AbortSignal;
}

/** What a restore did so far, in memory and in the journal. */
export interface WriteLog {
  readonly outcomes: Map<Key, Outcome>;
  readonly written: Map<Key, Written>;
  /** Writes that failed, and may have taken effect all the same. */
  readonly unknownOutcomes: UnknownOutcome[];
  /** Whether anything was written at all, by this process or the one that was interrupted. */
  readonly wroteAnything: () => boolean;
  readonly settle: (outcome: Outcome) => void;
  /** Takes the new ids of a document's parts into the map. */
  readonly learnParts: (type: ResourceType, wanted: JsonObject, stored: JsonObject) => void;
  /** Keeps a write in memory: the document before and after, and what was asked for. */
  readonly keepWrite: (
    type: ResourceType,
    id: string,
    before: JsonObject | undefined,
    after: LivePair,
    sent: JsonObject,
  ) => void;
  /** Notes in the journal that a step's request was answered. */
  readonly noteAnswer: (step: Step, id: string, after: LivePair) => void;
  /**
   * Whether a document is as this restore, or the one that was interrupted, last saw or left it: a step that is tried
   * again meets what it wrote before. What calls of their own write does not count.
   */
  readonly isAsLeft: (step: Step, id: string, doc: JsonObject) => boolean;
  /** Whether a step was to bring this resource (by the state's id, if it never got another) and did not. */
  readonly isMissing: (type: string, id: string) => boolean;
}

export function typeOf(step: Step): ResourceType {
  return findType(step.type) as ResourceType;
}

/** @param total number of steps, for the progress */
export function createWriteLog({ journal, ids, progress }: ApplyContext, total: number): WriteLog {
  const outcomes = new Map<Key, Outcome>();
  const written = new Map<Key, Written>();
  const earlier = new Map<Key, string>();
  for (const entry of journal.entries) if (entry.kind === 'done' && entry.to) earlier.set(entry.key, entry.to);
  const noted = new Set(journal.entries.flatMap((entry) => (entry.kind === 'done' ? [entry.key] : [])));
  let wrote = journal.entries.some(({ kind }) => kind === 'done');
  let finished = 0;
  return {
    outcomes,
    written,
    unknownOutcomes: [],
    wroteAnything: () => wrote,
    isAsLeft(step, id, doc) {
      const type = typeOf(step);
      const left = written.get(keyOf(type.name, id));
      const now = coreVersionOf(type, doc);
      return now === earlier.get(step.key) || (left !== undefined && now === coreVersionOf(type, left.after.doc));
    },
    settle(outcome) {
      outcomes.set(outcome.step.key, outcome);
      finished += 1;
      progress(Math.min(finished, total), total);
    },
    learnParts(type, wanted, stored) {
      const pairs = [...pairInnerIds(type, wanted, stored)].filter(([old, id]) => ids.get(old) !== id && old !== id);
      for (const [old, id] of pairs) ids.set(old, id);
      if (pairs.length > 0) journal.append([{ kind: 'ids', pairs }], false);
    },
    keepWrite(type, id, before, after, sent) {
      const key = keyOf(type.name, id);
      const known = written.get(key);
      if (!known) written.set(key, { type, id, before: before ? [before] : [], readBack: [], after, sent });
      else {
        if (before) known.before.push(before);
        // What follows is made of what was read back.
        if (before && (known.after.readBack || known.readBack?.length)) known.readBack?.push(before);
        Object.assign(known, { after, sent });
      }
    },
    noteAnswer(step, id, after) {
      const { key, action } = step;
      const to = coreVersionOf(typeOf(step), after.doc);
      const isNew = (action === 'create' || action === 'undelete') && !noted.has(key);
      noted.add(key);
      journal.append([{ kind: 'done', key, action, id, to, ...(isNew ? { doc: after.doc } : {}) }], false);
      wrote = true;
    },
    isMissing(typeName, id) {
      const outcome = outcomes.get(keyOf(typeName, id));
      if (outcome === undefined || outcome.result === 'done') return false;
      const { action, version } = outcome.step;
      // What a plan was made for while it was live is there, whether or not it could be updated.
      return action !== 'update' && (action === 'create' || action === 'undelete' || version === undefined);
    },
  };
}
