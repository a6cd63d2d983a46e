import { findType } from '../../src/catalogue/index.ts';
import { isArray, isObject, type Json, type JsonObject } from '../../src/core/json.ts';
import { parseYaml } from '../../src/core/yaml.ts';
import { secretsIn } from '../../src/emulator/model/masking.ts';
import { configured, danglingIn, isPlain, masksAnywhere, writes } from '../support/documents.ts';
import type { Dice } from '../support/random.ts';
import { checkClaim, checkRepository, checkRun, everyLine } from './checks.ts';
import { damage, isMistake } from './damage.ts';
import { count, countFaults, must, type Round, type Scenario, type Tally } from './engine.ts';
import { injectAround } from './faults.ts';
import { liedTo, readingFault, writingFault } from './http-faults.ts';
import type { Injected } from './injected.ts';
import { after, type Outcome, type Strike, type World } from './world.ts';

/** Tries of a person who wants the account back; after the first ones nothing goes wrong any more. */
const TRIES = 8;
const TRIES_UNDER_FAULTS = 3;

const CHECKED = ['integrations', 'flows', 'exports', 'imports', 'scripts', 'filedefinitions', 'connections'];
/** Set anew by the server, or on purpose left as it is by a restore that was not asked to switch anything on. */
const NOT_RESTORED: ReadonlySet<string> = new Set([
  'disabled',
  'apiIdentifier',
  '_templateId',
  // No documented call registers caches with an integration that is created again.
  '_registeredLookupCacheIds',
  // How a step hangs on a connector of the vendor's: no write sets it (api-notes#connector-pointers).
  '_httpConnectorEndpointId',
  '_httpConnectorEndpointIds',
  '_httpConnectorResourceId',
  '_httpConnectorVersionId',
]);

/** What the account held when it was well, by `<type>/<id>`. */
interface Good {
  readonly at: string;
  readonly docs: ReadonlyMap<string, JsonObject>;
  /** Credentials of every document, as JSON. */
  readonly secrets: ReadonlyMap<string, string>;
  readonly dangling: number;
  readonly counts: ReadonlyMap<string, number>;
}

/** References to nothing. People and tokens are for a person to change: the plan names them. */
function brokenIn({ emulator }: World): string[] {
  return danglingIn(emulator).filter((line) => findType(line.slice(0, line.indexOf('/')))?.restore.mode !== 'manual');
}

function look(world: World): Good {
  const { state } = world.emulator;
  const all = CHECKED.flatMap((dir) => state.all(dir).map((doc) => [dir, doc] as const));
  const keyed = all.map(([dir, doc]) => [`${dir}/${String(doc._id)}`, dir, doc] as const);
  return {
    at: world.git('rev-parse', 'HEAD').trim(),
    docs: new Map(keyed.map(([key, dir, doc]) => [key, configured(dir, structuredClone(doc) as JsonObject)])),
    secrets: new Map(
      keyed.flatMap(([key, dir, doc]) => {
        const type = findType(dir);
        return type ? [[key, JSON.stringify(secretsIn(type, doc))] as const] : [];
      }),
    ),
    dangling: brokenIn(world).length,
    counts: new Map(CHECKED.map((dir) => [dir, state.count(dir)])),
  };
}

/** What the account held when the restore began. */
interface Before {
  readonly live: ReadonlySet<string>;
  readonly starts: number;
}

/** Old id → new id, of everything that was ever made anew. */
function idMap(world: World): Map<string, string> {
  const path = 'idmaps/prod-prod.yaml';
  if (world.git('ls-files', '--', path).trim() === '') return new Map();
  const held = parseYaml(world.git('show', `HEAD:${path}`));
  return new Map(
    Object.values(isObject(held) ? held : {}).flatMap((map) =>
      isObject(map) ? Object.entries(map).map(([old, id]) => [old, String(id)] as const) : [],
    ),
  );
}

/** The id that a resource has now: what was made anew can be lost and made anew again. */
function idNow(ids: ReadonlyMap<string, string>, id: string, isLive: (id: string) => boolean): string {
  let now = id;
  for (let step = 0; step < 50 && !isLive(now); step++) {
    const next = ids.get(now);
    if (next === undefined) break;
    now = next;
  }
  return now;
}

function rewritten(value: Json, idOf: (id: string) => string): Json {
  if (typeof value === 'string') return /^[0-9a-f]{24}$/.test(value) ? idOf(value) : value;
  if (isArray(value)) return value.map((item) => rewritten(item, idOf));
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key, held]) => held !== undefined && !NOT_RESTORED.has(key))
      .map(([key, held]) => [key, rewritten(held as Json, idOf)]),
  );
}

/** Sorted where order means nothing, with keys in order: equal documents give equal texts. */
function canonical(value: Json): string {
  if (isArray(value)) {
    const items = value.map(canonical);
    return `[${(items.every((item) => /^"[0-9a-f]{24}"$/.test(item)) ? items.sort() : items).join(',')}]`;
  }
  if (!isObject(value)) return JSON.stringify(value);
  return `{${Object.keys(value)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonical(value[key] as Json)}`)
    .join(',')}}`;
}

/** Everything that was good is there again, once, whole; nothing else was touched. */
function checkAccount(world: World, good: Good, pruned: boolean, before: Before): void {
  const { emulator } = world;
  const ids = idMap(world);
  const live = new Set(CHECKED.flatMap((dir) => emulator.state.all(dir).map((doc) => String(doc._id))));
  const idOf = (id: string): string => idNow(ids, id, (one) => live.has(one));
  for (const [key, wanted] of good.docs) {
    const dir = key.slice(0, key.indexOf('/'));
    const id = idOf(key.slice(key.indexOf('/') + 1));
    const held = emulator.state.get(dir, id);
    must(held !== undefined, () => `${key} (${String(wanted.name)}) did not come back`);
    if (!held) continue;
    const now = configured(dir, structuredClone(held) as JsonObject);
    const [a, b] = [canonical(rewritten(wanted, idOf)), canonical(rewritten(now, idOf))];
    must(a === b, () => `${key} came back as another:\n  wanted ${a.slice(0, 1_500)}\n  held   ${b.slice(0, 1_500)}`);
    const type = findType(dir);
    if (type && `${dir}/${id}` === key)
      must(JSON.stringify(secretsIn(type, held)) === good.secrets.get(key), () => `${key}: a credential changed`);
  }
  for (const [dir, wanted] of good.counts) {
    const held = emulator.state.count(dir);
    const made = pruned ? 0 : emulator.state.all(dir).filter(isMistake).length;
    const before = [...good.docs].filter(([key, doc]) => key.startsWith(`${dir}/`) && isMistake(doc)).length;
    must(held <= wanted + Math.max(0, made - before), () => `${dir}: ${held} where there were ${wanted}: made twice`);
  }
  const masks = masksAnywhere(emulator);
  must(masks.length === 0, () => `a mask was stored as a value: ${masks[0]}`);
  const dangling = brokenIn(world);
  must(dangling.length <= good.dangling, () => `references to nothing: ${dangling.slice(0, 3).join(', ')}`);
  // From the recycle bin a flow comes back as it was when it was deleted; nothing else may begin to run.
  for (const { type: dir, id } of emulator.state.starts().slice(before.starts)) {
    const key = `${dir}/${id}`;
    must(good.docs.has(key) && !before.live.has(key), () => `${key} was switched on`);
  }
}

/** What happens in the very moment before a write takes effect. */
interface Ambush {
  /** Marks of edits that others made to what is about to be written. */
  readonly markers: string[];
  /** Kills at one of the next writes: it takes effect, and nobody hears of it. */
  readonly strike: Strike;
  readonly stop: () => void;
}

function ambush(world: World, dice: Dice, slipping: boolean): Ambush {
  const { emulator } = world;
  const markers: string[] = [];
  const editor = dice.pick(world.people.filter(({ role }) => role !== 'owner')).token;
  let left = 0;
  let kill: (() => Promise<void>) | undefined;
  emulator.beforeWrite = async ({ type: dir, id }) => {
    left -= 1;
    if (left === 0) await kill?.();
    if (!slipping || id === undefined || markers.length >= 3 || !dice.chance(0.3)) return;
    const held = emulator.state.get(dir, id);
    if (!held || !isPlain(dir, held)) return;
    const marker = `lost-update-${markers.length}-into-${id}-${dice.between(0, 1e9)}`;
    markers.push(marker);
    emulator.act(editor).set(dir, id, { description: marker });
  };
  return {
    markers,
    strike: (killing) => {
      kill = killing;
      left = dice.between(1, 12);
    },
    stop: () => {
      emulator.beforeWrite = undefined;
    },
  };
}

/** Markers without those that a later one of the same person took the place of: all are in the same field. */
function latest(markers: readonly string[]): string[] {
  return [...new Map(markers.map((marker) => [marker.split('-into-')[1]?.slice(0, 24), marker])).values()];
}

/** What somebody types who wants the account back, going by what the program said last. */
function nextWords(good: Good, flags: readonly string[], last: Outcome | undefined, resuming: boolean): string[] {
  const text = `${last?.out ?? ''}${last?.err ?? ''}`;
  const start = ['restore', 'all', '--at', good.at, '--yes', '--json', ...flags];
  const force = last?.code === 4 && !text.includes('--resume') ? ['--force'] : [];
  const resume = last !== undefined && last.code !== 64 && (last.code === undefined || text.includes('--resume'));
  if (resume || (resuming && last?.code === 1)) return ['restore', '--resume', '--yes', '--json'];
  if (resuming && last?.code === 4) return ['restore', '--resume', '--yes', '--json', ...force];
  return [...start, ...force];
}

/** What somebody who wants the account back went through. */
interface Ordeal {
  readonly last: Outcome | undefined;
  /** Whether a run had to say that it could not see edits made in the moment of its writes. */
  readonly blind: boolean;
}

/** What a round goes through and counts. */
interface Trial {
  readonly dice: Dice;
  readonly tally: Tally;
  readonly kinds: string[];
  /** Faults around the restore, for the first tries. */
  readonly injected: readonly Injected[];
}

/** One try: in peace, killed, or with nobody who reads what it says, when only the exit code is known. */
async function tryOnce(
  world: World,
  words: readonly string[],
  strike: Strike | undefined,
  { dice, kinds }: Trial,
  calm: boolean,
): Promise<Outcome> {
  if (calm || strike || !dice.chance(0.15)) {
    const outcome = await (strike ? world.killed(strike, ...words) : world.run(...words));
    if (outcome.code === undefined) kinds.push('kill -9');
    return outcome;
  }
  kinds.push('output closed');
  // As text, the plan is printed before anything is written.
  const outcome = await world.unread(false, ...words.filter((word) => word !== '--json'));
  checkRun(world, outcome);
  return { ...outcome, code: outcome.code === 0 ? 0 : undefined };
}

/** Tries until the restore says that it is done; the first tries meet faults, kills and other people. */
async function tryToRestore(
  world: World,
  good: Good,
  flags: readonly string[],
  { strike, stop }: Ambush,
  trial: Trial,
): Promise<Ordeal> {
  const { dice, tally, injected } = trial;
  let last: Outcome | undefined;
  let resuming = false;
  let blind = false;
  let healed = false;
  const heal = (): void => {
    healed = true;
    world.hurry(false);
    world.emulator.faults.clear();
    stop();
    for (const one of [...injected].reverse()) one.heal?.();
  };
  for (let attempt = 1; attempt <= TRIES && !(last && isDone(last)); attempt++) {
    const calm = attempt > TRIES_UNDER_FAULTS;
    if (attempt === TRIES_UNDER_FAULTS + 1) heal();
    const words = nextWords(good, flags, last, resuming);
    resuming = words.includes('--resume');
    const byTime = after(dice.between(300, 2_500));
    const how = calm || !dice.chance(0.4) ? undefined : dice.chance(0.8) ? strike : byTime;
    last = await tryOnce(world, words, how, trial, calm);
    tally.runs += 1;
    checkRun(world, last);
    checkClaim(world, last);
    count(tally.codes, String(last.code ?? 'killed'));
    blind ||= last.out.includes('would not be noticed');
  }
  if (!healed) heal();
  return { last, blind };
}

/**
 * Whether a restore is done, but for what only a person can change: a user or token that names what is gone by its
 * earlier id.
 */
function isDone({ code, out }: Outcome): boolean {
  if (code === 0) return true;
  if (code !== 3) return false;
  const { steps, drift, verdict, warnings } = JSON.parse(out) as {
    warnings: readonly string[];
    steps: readonly { action: string; result?: string }[];
    drift: readonly unknown[];
    verdict: string;
  };
  const open = steps.filter(({ action, result }) => action !== 'unchanged' && result !== 'done');
  return (
    verdict !== 'conflict' &&
    !warnings.some((warning) => /could not be listed completely/.test(warning)) &&
    drift.length === 0 &&
    open.length > 0 &&
    open.every(({ action }) => action === 'impossible')
  );
}

/**
 * The account is as it was when it was well, and asking for that again changes nothing.
 * @param alone nobody else changed anything, and the API did not lie: what is said to be done is
 */
async function checkDone(
  world: World,
  good: Good,
  flags: readonly string[],
  before: Before,
  alone: boolean,
): Promise<void> {
  const words = ['restore', 'all', '--at', good.at, '--yes', '--json', ...flags];
  world.emulator.clearRequests();
  // What others made of it meanwhile goes, too: once more, in peace.
  const final = await world.run(...words, '--force');
  checkRun(world, final);
  const left = alone ? writes(world.emulator) : [];
  must(left.length === 0, () => `a restore that was done left ${left.join(', ')} to do`);
  must(isDone(final), () => `the last restore ends with ${final.code}: ${final.out.slice(-1_500)}`);
  world.emulator.clearRequests();
  const again = await world.run(...words);
  must(isDone(again), () => `the same again ends with ${again.code}: ${again.out.slice(-1_500)}`);
  const wrote = writes(world.emulator);
  must(wrote.length === 0, () => `the same again wrote: ${wrote.join(', ')}`);
  checkAccount(world, good, flags.includes('--prune'), before);
  checkRun(world, await world.run('sync', '--json'));
  checkRepository(world);
  const verify = await world.run('verify');
  must(verify.code === 0, () => `verify: ${verify.out.slice(0, 600)}`);
}

/** Restores of a damaged account, while the API, the network, the process and other people get in the way. */
export const restores: Scenario = {
  account: 'whole',
  roundsAWorld: 8,
  async begin(world): Promise<Round> {
    checkRun(world, await world.run('sync', '--json'));
    let mishaps = 0;

    return async (dice, tally, kinds) => {
      const { emulator } = world;
      checkRun(world, await world.run('sync', '--json'));
      const good = look(world);
      for (let n = dice.between(2, 8); n > 0; n--, tally.edits++, mishaps++) await damage(world, dice, mishaps);
      if (dice.chance(0.5)) checkRun(world, await world.run('sync', '--json'));
      const live = new Set(look(world).docs.keys());
      const before = { live, starts: emulator.state.starts().length };
      const flags = dice.chance(0.3) ? ['--prune'] : [];
      emulator.clearRequests();
      for (let n = dice.between(3, 8); n > 0; n--) kinds.push(writingFault(world, dice).kind);
      for (let n = dice.between(0, 3); n > 0; n--) kinds.push(readingFault(world, dice, true).kind);
      const trap = ambush(world, dice, dice.chance(0.3));
      const injected = injectAround(world, dice);
      world.hurry(true);
      kinds.push(...injected.map(({ kind }) => kind));

      const { last, blind } = await tryToRestore(world, good, flags, trap, { dice, tally, kinds, injected });
      countFaults(world, kinds, tally);
      const lied = liedTo(world);
      for (const _ of trap.markers) count(tally.faults, 'edited in the moment of a write');
      must(
        last !== undefined && isDone(last),
        () => `does not come to its end: exit ${last?.code}: ${last?.out.slice(-1_500)} ${last?.err.slice(-500)}`,
      );
      await checkDone(world, good, flags, before, !lied && trap.markers.length === 0);

      // What a run noticed of others and nobody read.
      const unread = kinds.includes('output closed');
      const log = everyLine(world);
      const held = JSON.stringify(emulator.state.dump().resources);
      for (const marker of latest(trap.markers))
        must(blind || unread || log.includes(marker) || held.includes(marker), () => `an edit was lost: ${marker}`);
      for (const secret of world.secrets) must(!log.includes(secret), () => 'a secret was committed');
    };
  },
};
