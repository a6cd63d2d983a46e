import type { ResourceType } from '../../catalogue/types.ts';
import type { MirrorDocument } from '../../core/documents.ts';
import { messageOf } from '../../core/errors.ts';
import { diffFields } from '../../core/field-diff.ts';
import { isArray, type JsonObject } from '../../core/json.ts';
import { keyOf } from '../../core/keys.ts';
import { equalJson, mapPath, textOf } from '../../core/paths.ts';
import { covers, placeOf } from '../../core/places.ts';
import { referencesOf } from '../../core/references.ts';
import { secretPlaces } from '../../core/secret-places.ts';
import { createBody, patchFor, restorable, updateBody } from '../../plan/body.ts';
import { reachable } from '../../plan/converged.ts';
import { rewriteIds } from '../../plan/ids.ts';
import { fillRecords } from '../../plan/secrets.ts';
import type { Step } from '../../plan/types.ts';
import { createOnce } from './create-once.ts';
import { coreVersionOf, versionOf } from './live.ts';
import { type ApplyContext, typeOf, type WriteLog } from './write-log.ts';
import { type LivePair, Unread } from './writer.ts';

/** How each kind of step is carried out. Every function settles its step, or throws an ApiError. */
export interface StepWriter {
  /** Why a step has to be left out, or `undefined`. */
  readonly unmet: (step: Step, document: MirrorDocument) => string | undefined;
  readonly makeNew: (step: Step, document: MirrorDocument) => Promise<void>;
  readonly bringBack: (step: Step, document: MirrorDocument) => Promise<void>;
  readonly change: (step: Step, document: MirrorDocument) => Promise<void>;
  readonly removeOne: (step: Step) => Promise<void>;
  /**
   * Writes the wanted configuration over a live document. Nothing is sent when it is there already.
   * @param seen what of the live document, as the API shows it, is known to be nobody's edit; all of it unless given
   * @returns why it could not be written, or `undefined`
   */
  readonly overwrite: (
    step: Step,
    document: MirrorDocument,
    id: string,
    live: LivePair,
    seen?: JsonObject,
  ) => Promise<string | undefined>;
  /** The wanted document without the late references that still lead nowhere. */
  readonly complete: (step: Step, document: MirrorDocument) => { doc: JsonObject; lacking: string[] };
}

export function createStepWriter(context: ApplyContext, ledger: WriteLog): StepWriter {
  const { writer, journal, ids } = context;
  const { outcomes, written, settle, learn, note, record, isMissing } = ledger;
  const create = createOnce(context);
  /** Ids that stand for one that is about to be made, because an earlier restore had made it already. */
  const standIns = new Map<string, string[]>();
  for (const [old, id] of ids) standIns.set(id, [...(standIns.get(id) ?? []), old]);

  function unmet(step: Step, document: MirrorDocument): string | undefined {
    for (const { type: typeName, id, place } of referencesOf(document.type, document.doc)) {
      const other = typeName === null ? undefined : outcomes.get(keyOf(typeName, id));
      if (!other || other.result === 'done' || other.step === step) continue;
      const arrives = other.step.action === 'create' || other.step.action === 'undelete';
      const late = step.action === 'create' && step.late.some((path) => covers(path, placeOf(place)));
      if (arrives && !late && other.result !== 'blocked') return `needs ${other.step.key}, which could not be restored`;
    }
    return undefined;
  }

  function renamed({ id: old }: Step, id: string): void {
    for (const other of id === old ? [] : [old, ...(standIns.get(old) ?? [])]) ids.set(other, id);
  }

  async function makeNew(step: Step, document: MirrorDocument): Promise<void> {
    const { type } = document;
    if (type.restore.mode === 'bulk') {
      const made = await writer.subscribe(type, rewriteIds(document.doc, ids));
      ids.set(step.id, String(made._id));
      record(step, String(made._id), writer.pair(type, made));
      settle(step, 'done', { id: String(made._id) });
      return;
    }
    if (type.list.shape === 'keys') {
      const supplied = context.supplied(document);
      const { doc: body } = createBody({ type, wanted: document.doc, ids, supplied, late: step.late });
      const pair = await writer.replace(type, step.id, body);
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
    const sent = restorable(type, withoutPaths(document.doc, step.late), ids);
    let made: LivePair;
    try {
      made = await create(type, body);
    } catch (error) {
      if (!(error instanceof Unread)) throw error;
      // Its id is kept, so that the next restore goes on with it and does not make a second one.
      renamed(step, error.id);
      journal.append([{ kind: 'done', key: step.key, action: 'create', id: error.id }], false);
      return settle(step, 'failed', { id: error.id, reason: messageOf(error) });
    }
    const id = String(made.raw._id);
    renamed(step, id);
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
    if (type.name === 'integrations') {
      const wanted = registrable(doc);
      await writer.register(id, wanted, connectionsOf(live.raw));
      if (remove) await writer.unregister(id, wanted, connectionsOf(live.raw));
      // These calls change the document, and tell nothing of it.
      const after = equalJson(wanted, connectionsOf(live.raw)) ? undefined : await writer.read(type, id);
      if (after) note(type, id, live.raw, after, sent);
    }
    if (type.name === 'lookupcaches' && typeof doc.data === 'string') {
      const [shown = '', raw = ''] = [live.doc, live.raw].map(({ data }) => textOf(data) ?? '');
      await writer.fillCache(id, fillRecords(doc.data, shown, raw), raw);
    }
  }

  /** Writes over what was seen. One that failed may have come through all the same, over what others did in that moment. */
  async function over<T>(
    type: ResourceType,
    id: string,
    seen: JsonObject,
    write: () => Promise<T>,
    removed?: true,
  ): Promise<T> {
    try {
      return await write();
    } catch (error) {
      ledger.unknownOutcomes.push({ type, id, looks: [seen], ...(removed ? { removed } : {}) });
      throw error;
    }
  }

  async function overwrite(
    step: Step,
    document: MirrorDocument,
    id: string,
    live: LivePair,
    seen: JsonObject = live.raw,
  ): Promise<string | undefined> {
    const { type } = document;
    const now = restorable(type, live.doc, new Map());
    const wanted = reachable(type, restorable(type, document.doc, ids), now);
    const changes = diffFields(now, wanted);
    // A step without changes of its own brings credentials alone.
    const credentialsAlone = step.action === 'update' && step.changes.length === 0;
    if (changes.length === 0 && !credentialsAlone) return undefined;
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
    if (step.method === 'patch') {
      const credentials = [...secretPlaces(document.doc), ...secretPlaces(live.doc)].map(({ place }) => place);
      const patch = patchFor(
        type,
        wanted,
        now,
        changes.map(({ place }) => place),
        credentials,
      );
      if (!patch) return 'the fields that differ cannot be changed without its credentials';
      after = await over(type, id, seen, () => writer.patch(type, id, patch));
    } else if (filled.missing.length > 0 && masked && step.action !== 'create') {
      return `its credentials are not known: ${filled.missing.join(', ')}`;
    } else {
      after = await over(type, id, seen, () => writer.replace(type, id, filled.doc));
    }
    const sent = restorable(type, document.doc, ids);
    learn(type, document.doc, after.doc);
    note(type, id, seen, after, sent);
    record(step, id, after);
    await writeApart(document, id, after, sent, true);
    return undefined;
  }

  /** Registers connections before the document that may name them. */
  async function extend(document: MirrorDocument, id: string, live: LivePair): Promise<void> {
    if (document.type.name !== 'integrations') return;
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
    // Told before anything is written: what it names may get its new id only later.
    if (step.method) note(type, id, undefined, live, restorable(type, document.doc, ids));
    const problem = step.method ? await overwrite(step, document, id, live) : undefined;
    if (!step.method && typeof document.doc.data === 'string')
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
    const own = ledger.earlierVersion(step.key);
    const ours = own !== undefined && own === coreVersionOf(type, live.doc);
    const version = versionOf(live.doc);
    const now = restorable(type, live.doc, new Map());
    const wanted = reachable(type, restorable(type, document.doc, ids), now);
    if (version !== step.version && !ours && diffFields(now, wanted).length > 0) {
      return settle(step, 'conflict', { id, reason: 'changed since the plan was made; it was left alone' });
    }
    const problem = await overwrite(step, document, id, live);
    if (problem) settle(step, 'blocked', { id, reason: problem });
    else settle(step, 'done', { id });
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
    await over(type, step.id, live.raw, () => writer.remove(type, step.id), true);
    journal.append([{ kind: 'done', key: step.key, action: 'delete', id: step.id }], false);
    written.set(step.key, { type, id: step.id, looks: [live.raw], after: live, removed: true });
    settle(step, 'done', { id: step.id });
  }

  /** The wanted document without the late references that still lead nowhere. */
  function complete(step: Step, document: MirrorDocument): { doc: JsonObject; lacking: string[] } {
    const lacking = new Set<string>();
    for (const { type: typeName, id, place } of referencesOf(document.type, document.doc)) {
      const nowhere = typeName !== null && (isMissing(typeName, id) || (context.foreign && !ids.has(id)));
      if (!nowhere) continue;
      const path = step.late.find((late) => covers(late, placeOf(place)));
      if (path) lacking.add(path);
    }
    let doc = withoutPaths(document.doc, [...lacking]);
    if (document.type.name === 'integrations' && doc._registeredConnectionIds !== undefined) {
      const old = connectionsOf(document.doc).filter((connection) => !isMissing('connections', connection));
      doc = { ...doc, _registeredConnectionIds: old };
    }
    return { doc, lacking: [...lacking] };
  }

  return { unmet, makeNew, bringBack, change, removeOne, overwrite, complete };
}

function withoutPaths(doc: JsonObject, paths: readonly string[]): JsonObject {
  return paths.reduce((held, path) => mapPath(held, path, () => undefined), doc);
}

function connectionsOf(doc: JsonObject): string[] {
  const list = doc._registeredConnectionIds;
  return isArray(list) ? list.filter((id) => typeof id === 'string') : [];
}
