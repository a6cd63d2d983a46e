import type { ResourceType } from '../../catalogue/types.ts';
import { ApiError } from '../../celigo/errors.ts';
import type { MirrorDocument } from '../../core/documents.ts';
import { diffFields } from '../../core/field-diff.ts';
import type { JsonObject } from '../../core/json.ts';
import { type Key, keyOf } from '../../core/keys.ts';
import { equalJson } from '../../core/paths.ts';
import { atPlace, placeText } from '../../core/places.ts';
import { shownName } from '../../core/unseen.ts';
import { bothRestorable, withLiveSwitches } from '../../plan/body.ts';
import { converge, type Kept, madeBy, noteOf } from '../../plan/converged.ts';
import { list } from '../../plan/draft.ts';
import type { Step } from '../../plan/types.ts';
import type { Applied } from './apply.ts';
import type { Switched } from './enable.ts';
import type { LiveAccount } from './live.ts';
import type { Prepared } from './prepared.ts';
import type { ServerMade } from './server-made.ts';
import { type Outcome, typeOf, type Written } from './write-log.ts';
import type { LivePair } from './writer.ts';

/** A resource that the server does not show as it was asked for. */
export interface Drift {
  readonly key: string;
  readonly title: string;
  /** Where it differs; empty where `because` says it all. */
  readonly places: readonly string[];
  readonly because?: string;
}

/** How the account differs from what the plan asked for. */
export interface Compared {
  readonly drift: readonly Drift[];
  /** What the server made of values that were sent, as sentences. */
  readonly serverMade: readonly string[];
  /** What it made of each resource that was written, to be known by the next restore. */
  readonly made: ServerMade;
}

/** Compares the account after the restore with the plan. Fields that the server added by itself do not count. */
export async function compareResult(
  prepared: Prepared,
  applied: Applied,
  { on }: Switched,
  mirrored: LiveAccount,
): Promise<Compared> {
  return compare(prepared, applied, mirrored, new Set(on.map(({ key }) => key)));
}

/** The answer of `GET /{id}`, `undefined` also where it fails. */
async function readIfAble({ writer }: Prepared, type: ResourceType, id: string): Promise<LivePair | undefined> {
  try {
    return await writer.read(type, id);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return undefined;
  }
}

/** What was deleted, as the server said, and is there all the same. @param held what the account was seen to hold */
async function stillThere(prepared: Prepared, settled: readonly Outcome[], held: ReadonlyMap<Key, unknown>) {
  const drift: Drift[] = [];
  for (const { step, id = step.id } of settled) {
    if (step.action === 'delete' && held.has(keyOf(step.type, id)) && (await readIfAble(prepared, typeOf(step), id)))
      drift.push({ key: step.key, title: step.title, places: [], because: 'it is still there' });
  }
  return drift;
}

async function compare(
  prepared: Prepared,
  applied: Applied,
  after: LiveAccount,
  switchedOn: ReadonlySet<Key>,
): Promise<Compared> {
  const settled = [...applied.outcomes.values()].filter(({ result }) => result === 'done');
  const done = settled.filter(({ step }) => step.action !== 'delete');
  const held = await after.documents(settled.map(({ step, id }) => keyOf(step.type, id ?? step.id)));
  const drift = await stillThere(prepared, settled, held);
  const serverMade: string[] = [];
  const made = new Map<Key, readonly string[]>();
  for (const { step, id } of done) {
    const document = prepared.documents.get(step.key);
    if (!document || document.type.restore.mode === 'bulk') continue;
    const { type } = document;
    if (step.action === 'undelete' && step.method === undefined) continue;
    const target = id ?? step.id;
    // A list may hide what is there all the same.
    const live = held.get(keyOf(step.type, target)) ?? (await readIfAble(prepared, type, target));
    if (!live) {
      if (after.isComplete(step.type))
        drift.push({ key: step.key, title: step.title, places: [], because: 'it is missing, or cannot be read' });
      continue;
    }
    const { wanted, live: now } = bothRestorable(type, document.doc, live.doc, prepared.ids);
    const expected = switchedOn.has(step.key) ? wanted : withLiveSwitches(type, wanted, now);
    const name = `${step.key} "${shownName(step.title)}"`;
    const notes = new Set(prepared.made(type.name, target));
    const write = applied.written.get(keyOf(type.name, target));
    const first = write && firstOf(prepared, document, step, write);
    if (write && equalJson(first, now) && (await isUntouched(prepared, write))) {
      const { doc } = converge(type, expected, now, new Set());
      const places = diffFields(doc, now).map(({ place }) => placeText(place));
      if (places.length > 0) drift.push({ key: step.key, title: step.title, places });
      continue;
    }
    if (write) {
      const { kept, stayed } = effectOf(document, write, expected, first, now);
      for (const one of kept) notes.add(noteOf(one));
      made.set(keyOf(type.name, target), kept.map(noteOf));
      if (stayed.length > 0)
        serverMade.push(`${name}: the server keeps ${list(stayed)}, which the state does not have`);
    }
    const { doc: reached, kept } = converge(type, expected, now, notes);
    serverMade.push(
      ...kept.flatMap((one) => (isReported(one) ? [`${name}: the server changed ${changeText(one)}`] : [])),
    );
    const places = diffFields(reached, now)
      .filter(({ before }) => before !== undefined)
      .map(({ place }) => placeText(place));
    if (places.length > 0) drift.push({ key: step.key, title: step.title, places });
  }
  return { drift, serverMade, made };
}

/** A document as the first write of it found it, in the form that states are compared by. */
function firstOf(
  { writer }: Prepared,
  { doc: wanted }: MirrorDocument,
  step: Step,
  { type, before }: Written,
): JsonObject | undefined {
  const [raw] = step.action === 'create' ? [] : before;
  return raw && bothRestorable(type, wanted, writer.pair(type, raw).doc, new Map()).live;
}

/** Whether a write that was answered with success did nothing at all: each one moves the time of the last change. */
async function isUntouched(prepared: Prepared, { type, id, before }: Written): Promise<boolean> {
  const now = await readIfAble(prepared, type, id);
  const modified = before[0]?.lastModified;
  return modified !== undefined && modified === now?.raw.lastModified;
}

/**
 * What the server made of our writes of a resource, by the answer to the last one; and the fields that are there as
 * before, although they were not sent.
 * @param first the document before the first write, unless it was created
 * @param now the document after the restore
 */
function effectOf(
  { doc: wanted }: MirrorDocument,
  { type, after }: Written,
  expected: JsonObject,
  first: JsonObject | undefined,
  now: JsonObject,
): { readonly kept: readonly Kept[]; readonly stayed: readonly string[] } {
  const kept = madeBy(type, expected, bothRestorable(type, wanted, after.doc, new Map()).live, first);
  const stayed = madeBy(type, expected, now, first).filter(
    ({ place, wanted, live }) => wanted === undefined && equalJson(atPlace(first, place), live),
  );
  return { kept, stayed: stayed.map(({ place }) => placeText(place)) };
}

/** Only a value other than the one that was asked for is worth a warning, an addition is not. */
function isReported({ place, wanted, live }: Kept): boolean {
  return (
    [wanted, live].every((value) => typeof value === 'string' || typeof value === 'number') && place.at(-1) !== '_id'
  );
}

function changeText({ place, wanted, live }: Kept): string {
  return `${placeText(place)} from ${JSON.stringify(wanted)} to ${JSON.stringify(live)}`;
}
