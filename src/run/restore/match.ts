import type { MirrorDocument } from '../../core/documents.ts';
import { AppError } from '../../core/errors.ts';
import { idIn, type Key, keyOf, typeIn } from '../../core/keys.ts';
import { covers, placeOf, placeText } from '../../core/places.ts';
import { secretPlaces } from '../../core/secret-places.ts';
import { shownName } from '../../core/unseen.ts';
import { bothRestorable, withLiveSwitches } from '../../plan/body.ts';
import { madeBy, noteOf } from '../../plan/converged.ts';
import type { Supplied } from '../../plan/secrets.ts';
import type { IdMap, Live, Wanted } from '../../plan/types.ts';
import { idMapPath } from '../idmaps.ts';
import type { Chosen } from './choose-state.ts';
import type { Fetched } from './fetch-target.ts';
import type { Journal } from './journal.ts';
import { lookUp } from './lookup.ts';
import { markOwnWrites } from './own-writes.ts';
import { isSameAccount, type RestoreContext, type RestoreRequest, suppliedFor } from './request.ts';
import { createdKeys } from './resume.ts';
import type { ServerMade } from './server-made.ts';
import { learnParts, referredOwn } from './wanted.ts';

/** An existing resource of the target that was found, or chosen by a person, to be used for one of the state. */
interface Match {
  readonly key: Key;
  readonly id: string;
}

/** What is wanted, and what the target holds in its place. */
export interface Matched {
  readonly wanted: readonly Wanted[];
  readonly found: ReadonlyMap<Key, Live>;
  readonly matches: readonly Match[];
}

/**
 * Reads the wanted documents and finds what the target holds in their place. New ids go into `fetched.ids`.
 * @throws AppError `CONFLICT` where several resources could be meant, `USAGE` for credentials without a place
 */
export async function matchResources(context: RestoreContext, chosen: Chosen, fetched: Fetched): Promise<Matched> {
  const { deps, request, resumed } = context;
  const { live, ids, client, writer } = fetched;
  const sameAccount = isSameAccount(request);
  const asked: readonly Wanted[] = await fetched.wants.documents();
  // Resources of the target that are only referred to are matched too, but never changed.
  const referred = sameAccount ? [] : await referredOwn(chosen.state, asked, chosen.selection.selected);
  const matches: Match[] = [];
  const { found, along } = await lookUp(asked, referred, {
    deps,
    client,
    writer,
    live,
    sameAccount,
    ids,
    hasSecrets: (document) => suppliedFor(request, document).size > 0,
    made: resumed ? createdKeys(resumed) : new Set(),
    matched: (key, id) => matches.push({ key, id }),
  });
  checkDistinct(asked, found, chosen, request, ids);
  const wanted = [...asked, ...along];
  for (const document of wanted) learnParts(document, found.get(keyOf(document.type.name, document.id)), ids);
  if (resumed) {
    await markOwnWrites({ journal: resumed, repository: context.repository, ids, states: new Map() }, wanted, found);
    fetched.noteMade(madeOfCreations(resumed, wanted, found, ids));
  }
  for (const document of wanted) {
    const there = found.get(keyOf(document.type.name, document.id));
    checkPlaces(document, there, suppliedFor(request, document));
  }
  return { wanted, found, matches };
}

/**
 * Two resources of the state are never written over each other: a pair of ids that someone added to the file of ids, or
 * that a merge brought into it twice, would make one of them the other at every restore. What is only used in the
 * target, as its connections are, may be used for several.
 * @throws AppError `USAGE`
 */
function checkDistinct(
  wanted: readonly Wanted[],
  found: ReadonlyMap<Key, Live>,
  { state }: Chosen,
  request: RestoreRequest,
  ids: IdMap,
): void {
  // Without pairs, each is itself or has none.
  if (ids.size === 0) return;
  const sameAccount = isSameAccount(request);
  const path = idMapPath(request.from, request.target.name);
  const targets = new Map<string, Key[]>();
  for (const key of state.documents.keys()) {
    const id = ids.get(idIn(key)) ?? (sameAccount ? idIn(key) : undefined);
    if (id === undefined) continue;
    const target = keyOf(typeIn(key), id);
    targets.set(target, [...(targets.get(target) ?? []), key]);
  }
  for (const { type, id } of wanted) {
    const there = found.get(keyOf(type.name, id));
    if (there?.state !== 'live' && there?.state !== 'binned') continue;
    const [one, two] = targets.get(keyOf(type.name, there.id)) ?? [];
    if (two === undefined) continue;
    throw new AppError('USAGE', `${path} says that both ${one} and ${two} are ${keyOf(type.name, there.id)}`, {
      hint: `To find out which is right: git log -p -- ${path}. Remove the other line, commit, and restore again`,
    });
  }
}

/**
 * What the server made of what the interrupted restore created, as far as no one changed it since. Whatever was in the
 * answers died with the process.
 */
function madeOfCreations(
  journal: Journal,
  wanted: readonly Wanted[],
  found: ReadonlyMap<Key, Live>,
  ids: IdMap,
): ServerMade {
  const created = createdKeys(journal);
  const made = new Map<Key, readonly string[]>();
  for (const { type, id, doc } of wanted) {
    const there = found.get(keyOf(type.name, id));
    if (there?.state !== 'live' || there.changed || !created.has(keyOf(type.name, there.id))) continue;
    const forms = bothRestorable(type, doc, there.doc, ids);
    const expected = withLiveSwitches(type, forms.wanted, forms.live);
    made.set(keyOf(type.name, there.id), madeBy(type, expected, forms.live, undefined).map(noteOf));
  }
  return made;
}

/**
 * Refuses values for places that hold no credential: they would be written without the plan showing it.
 * @throws AppError `USAGE`
 */
function checkPlaces(document: MirrorDocument, live: Live | undefined, supplied: Supplied): void {
  if (supplied.size === 0) return;
  const held = live?.state === 'live' || live?.state === 'binned' ? secretPlaces(live.doc) : [];
  const known = [...secretPlaces(document.doc), ...held].map(({ place }) => placeText(place));
  for (const place of supplied.keys()) {
    const fits = known.some((path) => path === place || place.startsWith(`${path}.`));
    const { secrets = [], credentialTexts = [] } = document.type;
    if (fits || [...secrets, ...credentialTexts].some((path) => covers(path, placeOf(place)))) continue;
    const name = `${keyOf(document.type.name, document.id)} "${shownName(document.title)}"`;
    throw new AppError('USAGE', `--secrets: ${name} has no credential at ${place}`, {
      hint:
        known.length > 0
          ? `It has: ${known.join(', ')}`
          : 'It has none; set other values with overrides in the configuration',
    });
  }
}
