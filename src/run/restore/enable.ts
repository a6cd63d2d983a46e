import { findType } from '../../catalogue/index.ts';
import type { ResourceType } from '../../catalogue/types.ts';
import { ApiError } from '../../celigo/errors.ts';
import type { MirrorDocument } from '../../core/documents.ts';
import { messageOf } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import { type Key, keyOf } from '../../core/keys.ts';
import { setSteps, stepsOf, withoutPaths } from '../../core/paths.ts';
import { covers, type Place } from '../../core/places.ts';
import { referencesOf } from '../../core/references.ts';
import { neverPut, switchesToTurnOn } from '../../plan/body.ts';
import { fillSecrets } from '../../plan/secrets.ts';
import type { Step } from '../../plan/types.ts';
import { versionOf } from './live.ts';
import type { ApplyContext, Outcome } from './write-log.ts';

/** What switching on did. */
export interface Switched {
  readonly on: readonly Step[];
  /** What had to stay off, and why. `failed`: it was tried, and did not work. */
  readonly off: readonly { readonly step: Step; readonly reason: string; readonly failed: boolean }[];
}

/** Order of switching on (api-notes#switched-off): what is called before what calls, unscheduled before scheduled. */
function rank({ type, id }: Step, doc: JsonObject | undefined): string {
  const order = findType(type)?.restore.switchOrder ?? 0;
  return `${order}${doc?.schedule === undefined ? 0 : 1}${id}`;
}

/** Why a resource must stay switched off, or `undefined`. Checks everything that it needs, however far. */
async function obstacle(
  context: ApplyContext,
  key: Key,
  outcomes: ReadonlyMap<Key, Outcome>,
  offline: Map<string, Promise<boolean>>,
): Promise<string | undefined> {
  const seen = new Set<Key>([key]);
  const todo: Key[] = [key];
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    const outcome = outcomes.get(next);
    if (outcome && outcome.result !== 'done') return `${next} was not restored`;
    const document = context.documents.get(next);
    for (const { type, id } of document ? referencesOf(document.type, document.doc) : []) {
      const needed = type === null ? undefined : findType(type);
      if (!needed || needed.dependence === 'group' || seen.has(keyOf(needed.name, id))) continue;
      seen.add(keyOf(needed.name, id));
      if (needed.dependence !== 'runs') todo.push(keyOf(needed.name, id));
      if (needed.offline === undefined) continue;
      const target = context.ids.get(id) ?? id;
      const state = offline.get(target) ?? isOffline(context, needed, target);
      offline.set(target, state);
      if (await state) return `${needed.name}/${target} is offline`;
    }
  }
  return undefined;
}

/** What cannot be read counts as offline. */
async function isOffline({ writer }: ApplyContext, type: ResourceType, id: string): Promise<boolean> {
  try {
    const live = await writer.read(type, id);
    return !live || live.raw[type.offline ?? ''] === true;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return true;
  }
}

/** Switches on what was on in the wanted state, one by one, only with everything that it needs in place. */
export async function switchOn(
  context: ApplyContext,
  steps: readonly Step[],
  outcomes: ReadonlyMap<Key, Outcome>,
): Promise<Switched> {
  const on: Step[] = [];
  const off: { step: Step; reason: string; failed: boolean }[] = [];
  const offline = new Map<string, Promise<boolean>>();
  const wanted = steps
    .filter(({ enable }) => enable)
    .sort((a, b) => (rank(a, context.documents.get(a.key)?.doc) < rank(b, context.documents.get(b.key)?.doc) ? -1 : 1));
  for (const step of wanted) {
    const document = context.documents.get(step.key);
    if (!document) continue;
    const reason = await obstacle(context, step.key, outcomes, offline);
    if (reason) off.push({ step, reason, failed: false });
    else {
      const problem = await turnOn(context, step, document, outcomes.get(step.key)?.id ?? step.targetId ?? step.id);
      if (problem) off.push({ step, reason: problem, failed: true });
      else on.push(step);
    }
  }
  return { on, off };
}

async function turnOn(
  context: ApplyContext,
  step: Step,
  document: MirrorDocument,
  id: string,
): Promise<string | undefined> {
  const { writer } = context;
  const { type } = document;
  try {
    const live = await writer.read(type, id);
    if (!live) return 'it is gone';
    const paths = switchesToTurnOn(type, document.doc, live.doc);
    if (paths.length === 0) return undefined;
    const { doc } = live;
    context.journal.append([{ kind: 'intent', key: step.key, action: 'enable', from: versionOf(doc), doc }], true);
    const places: Place[] = paths.map((path) => stepsOf(path));
    if (places.every((place) => (type.restore.patch ?? []).some((path) => covers(path, place)))) {
      await writer.patch(
        type,
        id,
        places.map((place) => ({ op: 'replace', path: `/${place.join('/')}`, value: false })),
      );
    } else {
      const on = paths.reduce((doc, path) => setSteps(doc, stepsOf(path), false) as JsonObject, live.raw);
      const { doc: body, missing } = fillSecrets(type, on, context.supplied(document), live);
      if (missing.length > 0) return `its credentials are not known: ${missing.join(', ')}`;
      await writer.replace(type, id, withoutPaths(body, neverPut(type)));
    }
    return undefined;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return messageOf(error);
  }
}
