import { findType, GROUPS } from '../../catalogue/index.ts';
import type { ResourceType } from '../../catalogue/types.ts';
import { ApiError } from '../../celigo/errors.ts';
import type { MirrorDocument } from '../../core/documents.ts';
import { diffFields } from '../../core/field-diff.ts';
import { type Key, keyOf } from '../../core/keys.ts';
import { placeText } from '../../core/places.ts';
import { restorable, withLiveSwitches } from '../../plan/body.ts';
import { madeByServer } from '../../plan/converged.ts';
import type { Applied } from './apply.ts';
import type { Switched } from './enable.ts';
import type { LiveAccount } from './live.ts';
import type { Prepared } from './prepared.ts';
import type { Outcome } from './write-log.ts';
import type { LivePair } from './writer.ts';

/** A resource that the server does not show as it was asked for. */
export interface Drift {
  readonly key: string;
  readonly title: string;
  readonly places: readonly string[];
}

/** How the account differs from what the plan asked for. */
export interface Compared {
  readonly drift: readonly Drift[];
  /** What the server is known to make of such values. */
  readonly serverMade: readonly string[];
  /** What the recycle bin gave back with an integration, although no step asked for it. */
  readonly broughtAlong: readonly MirrorDocument[];
}

/** Compares the account after the restore with the plan. Fields that the server added by itself do not count. */
export async function compareResult(
  prepared: Prepared,
  { outcomes }: Applied,
  { on }: Switched,
  mirrored: LiveAccount,
): Promise<Compared> {
  const broughtAlong = await findBroughtAlong(prepared, outcomes, mirrored);
  const switchedOn = new Set(on.map(({ key }) => key));
  return { ...(await compare(prepared, outcomes, mirrored, switchedOn)), broughtAlong };
}

async function findBroughtAlong(
  { live }: Prepared,
  outcomes: ReadonlyMap<Key, Outcome>,
  after: LiveAccount,
): Promise<MirrorDocument[]> {
  const targetOf = ({ step, id }: Outcome): string => id ?? step.targetId ?? step.id;
  const all = [...outcomes.values()];
  const back = new Set(all.filter(({ step }) => step.action === 'undelete').map(targetOf));
  if (back.size === 0) return [];
  const known = new Set([...live.keys(), ...all.map((outcome) => keyOf(outcome.step.type, targetOf(outcome)))]);
  const found = await after.documents(after.keys().filter((key) => !known.has(key)));
  return [...found.values()].filter(({ doc }) => GROUPS.referredBy?.some((field) => back.has(String(doc[field]))));
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

async function compare(
  prepared: Prepared,
  outcomes: ReadonlyMap<Key, Outcome>,
  after: LiveAccount,
  switchedOn: ReadonlySet<Key>,
): Promise<Pick<Compared, 'drift' | 'serverMade'>> {
  const done = [...outcomes.values()].filter(({ result, step }) => result === 'done' && step.action !== 'delete');
  const held = await after.documents(done.map(({ step, id }) => keyOf(step.type, id ?? step.id)));
  const drift: Drift[] = [];
  const serverMade: string[] = [];
  for (const { step, id } of done) {
    const document = prepared.documents.get(step.key);
    const type = findType(step.type);
    if (!document || !type || type.restore.mode === 'bulk') continue;
    if (step.action === 'undelete' && step.changes.length === 0) continue;
    const target = id ?? step.id;
    // A list may hide what is there all the same.
    const live = held.get(keyOf(step.type, target)) ?? (await readIfAble(prepared, type, target));
    if (!live) {
      if (after.isComplete(step.type))
        drift.push({ key: step.key, title: step.title, places: ['(it is missing, or cannot be read)'] });
      continue;
    }
    const now = restorable(type, live.doc, new Map());
    const wanted = restorable(type, document.doc, prepared.ids);
    const expected = switchedOn.has(step.key) ? wanted : withLiveSwitches(type, wanted, now);
    const adjusted = new Map(
      madeByServer(type, expected, now).map(({ place, live, wanted: asked }) => [
        placeText(place),
        `from ${JSON.stringify(asked)} to ${JSON.stringify(live)}`,
      ]),
    );
    for (const [place, what] of adjusted)
      serverMade.push(`${step.key} "${step.title}": the server changed ${place} ${what}`);
    const places = diffFields(expected, now)
      .filter(({ before }) => before !== undefined)
      .map(({ place }) => placeText(place))
      .filter((place) => !adjusted.has(place));
    if (places.length > 0) drift.push({ key: step.key, title: step.title, places });
  }
  return { drift, serverMade };
}
