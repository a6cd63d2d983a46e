import type { Fault } from '../../src/emulator/http/faults.ts';
import type { Dice } from '../support/random.ts';
import type { Injected } from './injected.ts';
import type { World } from './world.ts';

const PATHS = ['integrations', 'flows', 'exports', 'imports', 'connections', 'scripts', 'audit', 'tokeninfo'];

/** Statuses of success that promise an answer, or another one later, and come without a body. */
const ODD_SUCCESSES = [200, 202, 205, 206];
/** Faults that look like a whole and right answer. */
const LYING: ReadonlySet<string> = new Set(['body', 'emptyList', 'dropRecords', 'noLink']);

/** Whether no client could know that what the API said was wrong. */
export function liedTo({ emulator }: World): boolean {
  return emulator.requests.some(({ fault, status }) => fault !== undefined && status === 200 && LYING.has(fault));
}

const READING: readonly ((dice: Dice) => Fault)[] = [
  (dice) => ({ kind: 'status', status: dice.pick([400, 401, 403, 404, 409, 422, 500, 502, 503, 504]) }),
  () => ({ kind: 'status', status: 429, headers: { 'retry-after': '0' } }),
  (dice) => ({
    kind: 'body',
    body: dice.pick([{ error: 'x' }, [], null, 'text', [null], [{ name: 'no id' }], { a: [], b: [] }]),
  }),
  (dice) => ({ kind: 'status', status: dice.pick(ODD_SUCCESSES) }),
  (dice) => ({ kind: 'body', body: dice.pick([[], {}]), status: dice.pick([202, 206]) }),
  () => ({ kind: 'html' }),
  (dice) => ({ kind: 'html', status: dice.pick([200, 403, 404, 404]) }),
  () => ({ kind: 'reset' }),
  () => ({ kind: 'delay', ms: 30 }),
  (dice) => ({ kind: 'drip', ms: dice.pick([1, 20]) }),
  () => ({ kind: 'stall' }),
  (dice) => ({ kind: 'truncate', bytes: dice.between(0, 400) }),
  () => ({ kind: 'applyThenReset' }),
  () => ({ kind: 'applyThenStatus', status: 504 }),
  () => ({ kind: 'emptyList' }),
  (dice) => ({ kind: 'dropRecords', count: dice.between(1, 3) }),
  () => ({ kind: 'noLink' }),
  (dice) => ({ kind: 'nextLink', ...(dice.chance(0.5) ? { url: 'https://evil.example/v1/flows?after=1' } : {}) }),
];

/**
 * An answer of the API that goes wrong: at any request of a listing, or of a record by id.
 * @param log the audit log leaves out all or nothing: nobody could know of one entry that it does not tell
 */
export function readingFault(world: World, dice: Dice, log = false): Injected {
  const picked = dice.pick(READING)(dice);
  const path = dice.pick(PATHS);
  const whole = log && path === 'audit' && picked.kind === 'dropRecords';
  const fault: Fault = whole ? { kind: 'emptyList' } : picked;
  const single = dice.chance(0.25);
  // 404 for a record by id means that it is gone: with a listing that leaves it out, it is believed, as it must be.
  const missing = fault.kind === 'status' && fault.status === 404;
  world.emulator.faults.add({
    match: {
      ...(missing ? { query: { limit: '1000' } } : {}),
      method: 'GET',
      path: `/v1/${path}${single ? '/*' : ''}`,
      nth: dice.between(1, single ? 6 : 3),
    },
    times: dice.between(1, 3),
    fault,
  });
  return { kind: `http ${fault.kind}` };
}

const WRITING: readonly ((dice: Dice) => Fault)[] = [
  (dice) => ({ kind: 'status', status: dice.pick([400, 403, 409, 422, 500, 502, 503, 504]) }),
  () => ({ kind: 'status', status: 429, headers: { 'retry-after': '0' } }),
  (dice) => ({ kind: 'html', status: dice.pick([502, 404]) }),
  () => ({ kind: 'reset' }),
  () => ({ kind: 'truncate' }),
  (dice) => ({ kind: 'drip', ms: dice.pick([1, 20]) }),
  (dice) => ({ kind: 'applyThenStatus', status: dice.pick(ODD_SUCCESSES) }),
  () => ({ kind: 'applyThenReset' }),
  () => ({ kind: 'applyThenReset' }),
  (dice) => ({ kind: 'applyThenStatus', status: dice.pick([500, 502, 504]) }),
  () => ({ kind: 'delay', ms: 30 }),
];

/** A write of a restore that goes wrong, before or after it took effect. */
export function writingFault(world: World, dice: Dice): Injected {
  const fault = dice.pick(WRITING)(dice);
  world.emulator.faults.add({
    match: {
      method: dice.pick(['POST', 'POST', 'POST', 'PUT', 'PUT', 'PATCH', 'DELETE']),
      path: dice.chance(0.5) ? '/v1/' : `/v1/${dice.pick(['flows', 'exports', 'imports', 'scripts', 'recyclebinttl'])}`,
      nth: dice.between(1, 6),
    },
    times: dice.between(1, 3),
    fault,
  });
  return { kind: `write ${fault.kind}` };
}
