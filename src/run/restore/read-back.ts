import { findType } from '../../catalogue/index.ts';
import type { ResourceType } from '../../catalogue/types.ts';
import { ApiError } from '../../celigo/errors.ts';
import type { MirrorDocument } from '../../core/documents.ts';
import { diffFields } from '../../core/field-diff.ts';
import { type Key, keyOf } from '../../core/keys.ts';
import { placeText } from '../../core/places.ts';
import { restorable, withLiveSwitches } from '../../plan/body.ts';
import { madeByServer } from '../../plan/converged.ts';
import type { LiveAccount } from './live.ts';
import type { Prepared } from './prepare.ts';
import type { Drift } from './report.ts';
import type { Outcome } from './write-log.ts';
import type { LivePair } from './writer.ts';

/** What the recycle bin gave back along with an integration, although no step asked for it. */
export async function broughtAlong(
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
  return [...found.values()].filter(({ doc }) => back.has(String(doc._integrationId)));
}

/** What `GET /{id}` tells, `undefined` also where it fails. */
async function readIfAble({ writer }: Prepared, type: ResourceType, id: string): Promise<LivePair | undefined> {
  try {
    return await writer.read(type, id);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return undefined;
  }
}

/**
 * What the server does not show as it was asked for, and what it is known to make of such values. Fields that it added by
 * itself do not count.
 */
export async function compare(
  prepared: Prepared,
  outcomes: ReadonlyMap<Key, Outcome>,
  after: LiveAccount,
  switchedOn: ReadonlySet<Key>,
): Promise<{ drift: Drift[]; made: string[] }> {
  const done = [...outcomes.values()].filter(({ result, step }) => result === 'done' && step.action !== 'delete');
  const held = await after.documents(done.map(({ step, id }) => keyOf(step.type, id ?? step.id)));
  const drift: Drift[] = [];
  const made: string[] = [];
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
        drift.push({ key: step.key, title: step.title, places: ['(it is not there, or cannot be read)'] });
      continue;
    }
    const now = restorable(type, live.doc, new Map());
    const wanted = restorable(type, document.doc, prepared.ids);
    const expected = switchedOn.has(step.key) ? wanted : withLiveSwitches(type, wanted, now);
    const settled = new Map(
      madeByServer(type, expected, now).map(({ place, live, wanted: asked }) => [
        placeText(place),
        `${JSON.stringify(live)} of ${JSON.stringify(asked)}`,
      ]),
    );
    for (const [place, what] of settled) made.push(`${step.key} "${step.title}": the server made ${place} ${what}`);
    const places = diffFields(expected, now)
      .filter(({ before }) => before !== undefined)
      .map(({ place }) => placeText(place))
      .filter((place) => !settled.has(place));
    if (places.length > 0) drift.push({ key: step.key, title: step.title, places });
  }
  return { drift, made };
}
