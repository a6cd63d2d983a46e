import PQueue from 'p-queue';
import { findType } from '../../catalogue/index.ts';
import type { ResourceType } from '../../catalogue/types.ts';
import type { ApiClient } from '../../celigo/client.ts';
import { ApiError } from '../../celigo/errors.ts';
import type { MirrorDocument } from '../../core/documents.ts';
import { AppError, messageOf } from '../../core/errors.ts';
import { diffFields } from '../../core/field-diff.ts';
import { isArray, type JsonObject } from '../../core/json.ts';
import { equalJson, mapPath } from '../../core/paths.ts';
import { covers, placeOf } from '../../core/places.ts';
import { referencesOf } from '../../core/references.ts';
import type { Journal } from '../../mirror/journal.ts';
import { createBody, patchFor, restorable, updateBody, withLiveSwitches } from '../../plan/body.ts';
import { pairInnerIds, rewriteIds } from '../../plan/ids.ts';
import { type Supplied, secretPlaces } from '../../plan/secrets.ts';
import { type Key, keyOf, type Step } from '../../plan/types.ts';
import { createGate, type Gate } from './gate.ts';
import { coreVersionOf, versionOf } from './live.ts';
import { listAll, pickTwin } from './twin.ts';
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
  readonly isOld: (dir: string, id: string) => boolean;
  /** The target is another account: an id that has no counterpart there means nothing. */
  readonly foreign: boolean;
  readonly concurrency: number;
  readonly progress: (done: number, total: number) => void;
  readonly signal: AbortSignal;
}

/** Intents made durable together: one wait for the disk, not one a request. */
const INTENTS = 64;
/** After so many failures in a row without any answer the API counts as gone. */
const LOST_CONTACT = 5;
/** Rounds of another try for what was refused. */
const MOST_ROUNDS = 3;
/** Validation, and "still needed by something" (celigo-platform 4.2): another order may help. */
const REFUSALS: ReadonlySet<number> = new Set([409, 422]);
/** Tries of a creation whose outcome is unknown. */
const CREATE_TRIES = 3;

function outcomeUnknown(error: unknown): boolean {
  return error instanceof ApiError && error.passing && error.status !== 429;
}

/** Applies the steps of a plan, level by level. */
export interface Applier {
  readonly run: (steps: readonly Step[]) => Promise<void>;
  /** Completes what could not be written at once: late fields, ids that turned out to be others. */
  readonly finish: () => Promise<void>;
  readonly outcomes: ReadonlyMap<Key, Outcome>;
  readonly written: ReadonlyMap<string, Written>;
}

export function createApplier(context: ApplyContext): Applier {
  const { writer, journal, documents, ids } = context;
  const outcomes = new Map<Key, Outcome>();
  const written = new Map<string, Written>();
  const gates = new Map<string, Gate>();
  /** Ids that a creation of this restore got. */
  const claimed = new Set<string>();
  for (const entry of journal.entries)
    if (entry.kind === 'done' && entry.action === 'create') claimed.add(entry.id);
  /** Steps that the server refused for what they say, not for what it could not do. */
  const refused = new Set<Key>();
  let silent = 0;
  let done = 0;
  let total = 0;
  let wroteOnce = journal.entries.some(({ kind }) => kind === 'done');

  function settle(step: Step, result: Result, more: { id?: string; reason?: string } = {}): void {
    outcomes.set(step.key, { step, result, ...more });
    done += 1;
    context.progress(Math.min(done, total), total);
  }

  function learn(type: ResourceType, wanted: JsonObject, stored: JsonObject): void {
    const pairs = [...pairInnerIds(type, wanted, stored)].filter(
      ([old, id]) => ids.get(old) !== id && old !== id,
    );
    for (const [old, id] of pairs) ids.set(old, id);
    if (pairs.length > 0) journal.append([{ kind: 'ids', pairs }], false);
  }

  function note(
    type: ResourceType,
    id: string,
    before: JsonObject | undefined,
    after: LivePair,
    sent: JsonObject,
  ): void {
    const key = keyOf(type.dir, id);
    const earlier = written.get(key);
    const looks = before ? [before] : [];
    if (!earlier) written.set(key, { type, id, looks, after, sent });
    else {
      earlier.looks.push(...looks);
      Object.assign(earlier, { after, sent });
    }
  }

  function record(step: Step, id: string, after: LivePair): void {
    journal.append(
      [{ kind: 'done', key: step.key, action: step.action, id, to: coreVersionOf(typeOf(step), after.doc) }],
      false,
    );
    wroteOnce = true;
  }

  /** A new resource, once: where the answer got lost, what it made is looked for before it is tried again. */
  async function createOnce(type: ResourceType, body: JsonObject): Promise<LivePair> {
    let gate = gates.get(type.dir);
    if (!gate) {
      gate = createGate();
      gates.set(type.dir, gate);
    }
    for (let attempt = 1; ; attempt++) {
      try {
        const made = await gate.pass(async () => {
          const pair = await writer.create(type, body);
          claimed.add(String(pair.raw._id));
          return pair;
        });
        return made;
      } catch (error) {
        if (!outcomeUnknown(error)) throw error;
        const twin = await gate.alone(() => findTwin(type, body));
        if (twin) return twin;
        if (attempt >= CREATE_TRIES) throw error;
      }
    }
  }

  async function findTwin(type: ResourceType, body: JsonObject): Promise<LivePair | undefined> {
    const all = await listAll(context.client, type, context.signal);
    const unknown = [...all.keys()].filter((id) => !claimed.has(id) && !context.isOld(type.dir, id));
    const candidates: { id: string; doc: JsonObject; pair: LivePair }[] = [];
    for (const id of unknown) {
      const pair = await writer.read(type, id);
      if (pair) candidates.push({ id, doc: pair.doc, pair });
    }
    const twin = pickTwin(type, body, candidates);
    if (twin) claimed.add(twin.id);
    return twin?.pair;
  }

  function unmet(step: Step, document: MirrorDocument): string | undefined {
    for (const { dir, id, place } of referencesOf(document.type, document.doc)) {
      const other = dir === null ? undefined : outcomes.get(keyOf(dir, id));
      if (!other || other.result === 'done' || other.step === step) continue;
      const arrives = other.step.action === 'create' || other.step.action === 'undelete';
      const late = step.action === 'create' && step.late.some((path) => covers(path, placeOf(place)));
      if (arrives && !late && other.result !== 'blocked')
        return `needs ${other.step.key}, which could not be restored`;
    }
    return undefined;
  }

  async function makeNew(step: Step, document: MirrorDocument): Promise<void> {
    const { type } = document;
    if (type.restore.mode === 'bulk') {
      const made = await writer.subscribe(rewriteIds(document.doc, ids));
      ids.set(step.id, String(made._id));
      record(step, String(made._id), writer.pair(type, made));
      settle(step, 'done', { id: String(made._id) });
      return;
    }
    if (type.list.shape === 'keys') {
      const pair = await writer.replace(type, step.id, document.doc);
      record(step, step.id, pair);
      settle(step, 'done', { id: step.id });
      return;
    }
    const { doc: body } = createBody({
      type,
      wanted: document.doc,
      ids,
      supplied: context.supplied(document),
      late: step.late,
    });
    const made = await createOnce(type, body);
    const id = String(made.raw._id);
    const sent = restorable(type, withoutPaths(document.doc, step.late), ids);
    if (id !== step.id) ids.set(step.id, id);
    learn(type, document.doc, made.doc);
    record(step, id, made);
    note(type, id, undefined, made, sent);
    await writeApart(document, id, made, sent, false);
    settle(step, 'done', { id });
  }

  /** What has calls of its own: registered connections (`remove`: also those too many) and entries of caches. */
  async function writeApart(
    document: MirrorDocument,
    id: string,
    live: LivePair,
    sent: JsonObject,
    remove: boolean,
  ): Promise<void> {
    const { type, doc } = document;
    if (type.dir === 'integrations') {
      const wanted = registrable(doc);
      await writer.register(id, wanted, connectionsOf(live.raw));
      if (remove) await writer.unregister(id, wanted, connectionsOf(live.raw));
      // These calls change the document, and tell nothing of it.
      const after = equalJson(wanted, connectionsOf(live.raw)) ? undefined : await writer.read(type, id);
      if (after) note(type, id, live.raw, after, sent);
    }
    if (type.dir === 'lookupcaches' && typeof doc.data === 'string') {
      await writer.fillCache(id, doc.data, typeof live.doc.data === 'string' ? live.doc.data : '');
    }
  }

  /** Whether a step was to bring this resource (by the state's id, if it never got another) and did not. */
  function isMissing(dir: string, id: string): boolean {
    const outcome = outcomes.get(keyOf(dir, id));
    return outcome !== undefined && outcome.result !== 'done' && outcome.step.action !== 'update';
  }

  /**
   * Writes the wanted configuration over a live document. Nothing is sent when it is there already.
   * @returns why it could not be written, or `undefined`
   */
  async function overwrite(
    step: Step,
    document: MirrorDocument,
    id: string,
    live: LivePair,
  ): Promise<string | undefined> {
    const { type } = document;
    const now = restorable(type, live.doc, new Map());
    const wanted = withLiveSwitches(type, restorable(type, document.doc, ids), now);
    const changes = diffFields(now, wanted);
    if (changes.length === 0) return undefined;
    const filled = updateBody({
      type,
      wanted: document.doc,
      live,
      ids,
      supplied: context.supplied(document),
      sampleData: context.sampleData,
    });
    const masked = secretPlaces(live.doc).some(({ fingerprint }) => fingerprint === undefined);
    let after: LivePair;
    await extend(document, id, live);
    if (step.way === 'patch') {
      const credentials = [...secretPlaces(document.doc), ...secretPlaces(live.doc)].map(
        ({ place }) => place,
      );
      const patch = patchFor(
        type,
        wanted,
        now,
        changes.map(({ place }) => place),
        credentials,
      );
      if (!patch) return 'the fields that differ cannot be changed without its credentials';
      after = await writer.patch(type, id, patch);
    } else if (filled.missing.length > 0 && masked && step.action !== 'create') {
      return `its credentials are not known: ${filled.missing.join(', ')}`;
    } else {
      after = await writer.replace(type, id, filled.doc);
    }
    const sent = restorable(type, document.doc, ids);
    learn(type, document.doc, after.doc);
    note(type, id, live.raw, after, sent);
    record(step, id, after);
    await writeApart(document, id, after, sent, true);
    return undefined;
  }

  /** Registers connections before the document that may name them. */
  async function extend(document: MirrorDocument, id: string, live: LivePair): Promise<void> {
    if (document.type.dir !== 'integrations') return;
    await writer.register(id, registrable(document.doc), connectionsOf(live.raw));
  }

  /** Connections of an integration that are there to be registered. */
  function registrable(doc: JsonObject): string[] {
    const known = context.foreign ? new Set(ids.values()) : undefined;
    return connectionsOf(rewriteIds(doc, ids)).filter(
      (connection) => !isMissing('connections', connection) && (known?.has(connection) ?? true),
    );
  }

  async function bringBack(step: Step, document: MirrorDocument): Promise<void> {
    const { type } = document;
    const id = step.targetId ?? step.id;
    // A parent that came back may have brought it along.
    const live = (await writer.read(type, id)) ?? (await writer.undelete(type, id));
    record(step, id, live);
    const problem = step.way ? await overwrite(step, document, id, live) : undefined;
    if (!step.way && typeof document.doc.data === 'string')
      await writeApart(document, id, live, restorable(type, document.doc, ids), false);
    if (problem) settle(step, 'blocked', { id, reason: `it is back, but ${problem}` });
    else if (step.credentials.length > 0 && step.changes.length > 0)
      settle(step, 'blocked', { id, reason: step.reason });
    else settle(step, 'done', { id });
  }

  async function change(step: Step, document: MirrorDocument): Promise<void> {
    const { type } = document;
    const id = step.targetId ?? step.id;
    const live = await writer.read(type, id);
    if (!live) return settle(step, 'conflict', { id, reason: 'deleted since the plan was made' });
    const own = ownVersion(step.key);
    const ours = own !== undefined && own === coreVersionOf(type, live.doc);
    const version = versionOf(live.doc);
    const now = restorable(type, live.doc, new Map());
    const wanted = withLiveSwitches(type, restorable(type, document.doc, ids), now);
    if (version !== step.version && !ours && diffFields(now, wanted).length > 0) {
      return settle(step, 'conflict', { id, reason: 'changed since the plan was made; it was left alone' });
    }
    const problem = await overwrite(step, document, id, live);
    if (problem) settle(step, 'blocked', { id, reason: problem });
    else settle(step, 'done', { id });
  }

  function ownVersion(key: Key): string | undefined {
    const last = journal.entries.filter((entry) => entry.kind === 'done' && entry.key === key).at(-1);
    return last?.kind === 'done' ? last.to : undefined;
  }

  async function removeOne(step: Step): Promise<void> {
    const type = typeOf(step);
    const live = await writer.read(type, step.id);
    if (!live) return settle(step, 'done', { id: step.id });
    if (versionOf(live.doc) !== step.version) {
      return settle(step, 'conflict', {
        id: step.id,
        reason: 'changed since the plan was made; it was left alone',
      });
    }
    await writer.remove(type, step.id);
    journal.append([{ kind: 'done', key: step.key, action: 'delete', id: step.id }], false);
    written.set(step.key, { type, id: step.id, looks: [live.raw], after: live, removed: true });
    settle(step, 'done', { id: step.id });
  }

  async function one(step: Step): Promise<void> {
    const document = documents.get(step.key);
    try {
      if (step.action === 'delete') await removeOne(step);
      else if (!document) settle(step, 'failed', { reason: 'its document is not in the state' });
      else {
        const lack = unmet(step, document);
        if (lack) settle(step, 'skipped', { reason: lack });
        else if (step.action === 'create') await makeNew(step, document);
        else if (step.action === 'undelete') await bringBack(step, document);
        else await change(step, document);
      }
      silent = 0;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.status === 403 && !wroteOnce) {
        throw new AppError('RIGHTS', `the token may not write: ${error.message}. Nothing was changed`, {
          hint: 'Use the token of an administrator, or of somebody who may manage what is to be restored',
          cause: error,
        });
      }
      silent = error.status === undefined ? silent + 1 : 0;
      if (silent >= LOST_CONTACT) throw error;
      if (REFUSALS.has(error.status ?? 0)) refused.add(step.key);
      settle(step, 'failed', { reason: messageOf(error) });
    }
  }

  return {
    outcomes,
    written,
    async run(steps) {
      const acting = steps.filter(({ action, changes, enable }) => {
        const onlySwitch =
          action === 'update' &&
          enable &&
          changes.every(({ before, after }) => before === true && after === false);
        return ['create', 'update', 'undelete', 'delete'].includes(action) && !onlySwitch;
      });
      for (const step of steps)
        if (step.action === 'blocked')
          outcomes.set(step.key, { step, result: 'blocked', reason: step.reason });
      total = acting.length;
      const queue = new PQueue({ concurrency: context.concurrency });
      for (const level of [...new Set(acting.map((step) => step.level))].sort((a, b) => a - b)) {
        const together = acting.filter((step) => step.level === level);
        for (let from = 0; from < together.length; from += INTENTS) {
          context.signal.throwIfAborted();
          const some = together.slice(from, from + INTENTS);
          journal.append(
            some.map(({ key, action, version }) => ({
              kind: 'intent',
              key,
              action,
              ...(version ? { from: version } : {}),
            })),
            true,
          );
          // The very first write goes alone: a token without rights must not fail a dozen times.
          if (!wroteOnce) await one(some.shift() as Step);
          await queue.addAll(some.map((step) => () => one(step)));
        }
      }
      await secondChance(queue);
    },
    async finish() {
      const queue = new PQueue({ concurrency: context.concurrency });
      await queue.addAll([...outcomes.values()].map((outcome) => () => finishOne(outcome)));
    },
  };

  /**
   * Tries refused steps again once the others are done: a server may want an order that no document tells of. Goes on while
   * that helps.
   */
  async function secondChance(queue: PQueue): Promise<void> {
    for (let round = 0; round < MOST_ROUNDS; round++) {
      const again = [...outcomes.values()].filter(
        ({ step, result }) => result === 'skipped' || (result === 'failed' && refused.has(step.key)),
      );
      if (!again.some(({ result }) => result === 'failed')) return;
      const byLevel = again.map(({ step }) => step).sort((a, b) => a.level - b.level);
      journal.append(
        byLevel.map(({ key, action }) => ({ kind: 'intent', key, action })),
        true,
      );
      for (const level of new Set(byLevel.map((step) => step.level))) {
        const together = byLevel.filter((step) => step.level === level);
        for (const { key } of together) outcomes.delete(key);
        await queue.addAll(together.map((step) => () => one(step)));
      }
      if (!byLevel.some(({ key }) => outcomes.get(key)?.result === 'done')) return;
    }
  }

  async function finishOne(outcome: Outcome): Promise<void> {
    const { step, result, id } = outcome;
    const document = documents.get(step.key);
    if (result !== 'done' || !document || id === undefined) return;
    const record = written.get(keyOf(step.dir, id));
    if (!record || (step.action !== 'create' && step.action !== 'update')) return;
    const end = (result: Result, reason: string): void => {
      outcomes.set(step.key, { ...outcome, result, reason });
    };
    const { doc, lacking } = complete(step, document);
    const stays = `stays without ${lacking.join(', ')}`;
    // What the server made of it is for the read-back to judge; here only what was not asked for yet counts.
    if (equalJson(record.sent, restorable(document.type, doc, ids))) {
      if (lacking.length > 0) end('failed', stays);
      return;
    }
    try {
      const fresh = await writer.read(document.type, id);
      if (!fresh || versionOf(fresh.doc) !== versionOf(record.after.doc)) {
        end('conflict', 'changed by somebody else before it was complete');
        return;
      }
      const problem = await overwrite(step, { ...document, doc }, id, fresh);
      if (problem ?? lacking.length > 0) end('failed', problem ?? stays);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      end('failed', `made, but not complete: ${messageOf(error)}`);
    }
  }

  /** The wanted document without the late references that still lead nowhere. */
  function complete(step: Step, document: MirrorDocument): { doc: JsonObject; lacking: string[] } {
    const lacking = new Set<string>();
    for (const { dir, id, place } of referencesOf(document.type, document.doc)) {
      const nowhere = dir !== null && (isMissing(dir, id) || (context.foreign && !ids.has(id)));
      if (!nowhere) continue;
      const path = step.late.find((late) => covers(late, placeOf(place)));
      if (path) lacking.add(path);
    }
    let doc = withoutPaths(document.doc, [...lacking]);
    if (document.type.dir === 'integrations' && doc._registeredConnectionIds !== undefined) {
      const old = connectionsOf(document.doc).filter((connection) => !isMissing('connections', connection));
      doc = { ...doc, _registeredConnectionIds: old };
    }
    return { doc, lacking: [...lacking] };
  }
}

function typeOf(step: Step): ResourceType {
  return findType(step.dir) as ResourceType;
}

function withoutPaths(doc: JsonObject, paths: readonly string[]): JsonObject {
  return paths.reduce((held, path) => mapPath(held, path, () => undefined), doc);
}

function connectionsOf(doc: JsonObject): string[] {
  const list = doc._registeredConnectionIds;
  return isArray(list) ? list.filter((id) => typeof id === 'string') : [];
}
