import { setTimeout as wait } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { RESOURCE_TYPES } from '../../src/catalogue/index.ts';
import { emptyAccount } from '../../src/emulator/http/server.ts';
import { sample, type TestAccount } from '../support/account.ts';
import { random } from '../support/random.ts';
import { eachOf } from '../support/table.ts';
import { type Outcome, type Running, start, Workspace } from '../support/workspace.ts';
import { danglingIn, expectNoMask, ownIds, referencesTo, said } from './support.ts';

const KILLS = Number(process.env.RESTORE_KILLS ?? 10);
const COPY = ['restore', 'all', '--account', 'prod', '--to', 'copy', '--yes'] as const;
const RESUME = ['restore', '--resume', '--yes'] as const;

interface Pair {
  readonly copy: TestAccount;
  readonly space: Workspace;
}

/** A mirrored account and an empty one. Slow enough that a kill finds something under way. */
async function fresh(prod: TestAccount): Promise<Pair> {
  const copy = await sample({ seed: emptyAccount(), legacyRest: 'accept' });
  const space = new Workspace({
    prod: { baseUrl: prod.url, token: prod.owner.token },
    copy: { baseUrl: copy.url, token: copy.owner.token, requestsPerSecond: 150 },
  });
  await space.mirrored('--account', 'prod');
  return { copy, space };
}

/** The outcome of a process; one that never ends is ended, and the test fails. */
async function ended(run: Running): Promise<Outcome> {
  const late = wait(60_000, undefined, { ref: false }).then(() => {
    run.kill('SIGKILL');
    throw new Error('the program does not come to its end');
  });
  return Promise.race([run.done, late]);
}

/** What an account holds, by type and name: a document that was made twice stands twice. */
function inventory({ copy }: Pair): Record<string, string[]> {
  return Object.fromEntries(
    RESOURCE_TYPES.map(({ name: dir }) => [
      dir,
      copy.emulator.state
        .all(dir)
        .map((doc) => String(doc.name ?? doc.tag ?? doc._id))
        .sort(),
    ]),
  );
}

it(`a restore killed at any moment, ${KILLS} times, is finished by --resume without a duplicate`, {
  tags: 'slow',
  timeout: 480_000,
}, async () => {
  const prod = await sample();
  const old = ownIds(prod.emulator);
  const next = random(11);

  // Undisturbed: what there is to be made, and how long it takes here.
  const reference = await fresh(prod);
  const began = performance.now();
  const undisturbed = await ended(start(COPY, reference.space.dir));
  const whole = performance.now() - began;
  expect([0, 3], said(undisturbed)).toContain(undisturbed.code);
  const wanted = inventory(reference);
  expect(wanted.flows?.length).toBeGreaterThan(15);
  const allowed = danglingIn(reference.copy.emulator).length;
  const requests = reference.copy.emulator.requests.filter(({ method }) => method !== 'GET').length;

  async function check(pair: Pair, outcome: Outcome): Promise<void> {
    expect(outcome.code, said(outcome)).toBe(undisturbed.code);
    expect(inventory(pair)).toEqual(wanted);
    expect(danglingIn(pair.copy.emulator)).toHaveLength(allowed);
    expect(referencesTo(pair.copy.emulator, old)).toEqual([]);
    expectNoMask(pair.copy.emulator);
    expect(pair.copy.emulator.state.starts()).toEqual([]);
    const again = await pair.space.run(...RESUME);
    expect(again.code, said(again)).toBe(64);
    expect(pair.space.git('status', '--porcelain')).toBe('');
    expect(pair.space.git('fsck', '--strict', '--no-dangling').trim()).toBe('');
    expect(await pair.space.sync('--account', 'copy')).toMatchObject({ code: 0, commits: [] });
  }

  /** Kills at a moment of the clock, or just as a write arrives: then it takes effect and nobody hears of it. */
  async function disturb(run: Running, pair: Pair, byWrite: boolean, share: number): Promise<Outcome> {
    if (byWrite) {
      let left = 1 + Math.floor(share * requests * 0.4);
      pair.copy.emulator.beforeWrite = async () => {
        left -= 1;
        if (left !== 0) return;
        run.kill('SIGKILL');
        await run.done;
      };
      const outcome = await ended(run);
      pair.copy.emulator.beforeWrite = undefined;
      return outcome;
    }
    await Promise.race([wait(share * whole), run.done]);
    run.kill('SIGKILL');
    return run.done;
  }

  let pair = await fresh(prod);
  let killed = 0;
  let finished = 0;
  let resuming = false;
  for (let round = 0; killed < KILLS; round++) {
    expect(round, 'kills hardly ever meet a running restore').toBeLessThan(KILLS * 4);
    const run = start(resuming ? RESUME : COPY, pair.space.dir);
    const outcome = await disturb(run, pair, round % 2 === 0, next());
    if (outcome.code === -1) {
      killed += 1;
      resuming = true;
    } else if (resuming && outcome.code === 64) {
      // Killed before there was anything to go on with: nothing may have been written either.
      expect(said(outcome)).toMatch(/interrupted/);
      resuming = false;
    } else {
      // It was quicker than the kill.
      await check(pair, outcome);
      finished += 1;
      pair = await fresh(prod);
      resuming = false;
    }
  }

  let last = await ended(start(resuming ? RESUME : COPY, pair.space.dir));
  if (resuming && last.code === 64) last = await ended(start(COPY, pair.space.dir));
  await check(pair, last);
  expect(killed).toBe(KILLS);
  expect(finished).toBeLessThan(KILLS);
});

it('while one is interrupted, another into the same account is refused and names the remedy', {
  tags: 'slow',
}, async () => {
  const prod = await sample();
  const pair = await fresh(prod);
  const run = start(COPY, pair.space.dir);
  let writes = 0;
  pair.copy.emulator.beforeWrite = async () => {
    writes += 1;
    if (writes !== 40) return;
    run.kill('SIGKILL');
    await run.done;
  };
  expect((await run.done).code).toBe(-1);
  let later = 0;
  pair.copy.emulator.beforeWrite = () => {
    later += 1;
  };

  for (const args of [COPY, ['restore', 'flows/Daily exchange rates', ...COPY.slice(2)]]) {
    const second = await pair.space.run(...args);
    expect(second.code, said(second)).toBe(4);
    expect(said(second)).toContain('--resume');
  }
  expect(later).toBe(0);
  // Another account is not held up by it, and the mirror of this one goes on.
  expect((await pair.space.run('restore', 'all', '--account', 'prod', '--yes')).code).toBe(0);
  expect((await pair.space.sync('--account', 'copy')).code).toBe(0);
  const wrong = await pair.space.run('restore', '--resume', 'no-such-run', '--yes');
  expect(wrong.code, said(wrong)).toBe(64);

  pair.copy.emulator.beforeWrite = undefined;
  const resumed = await pair.space.run(...RESUME);
  expect([0, 3], said(resumed)).toContain(resumed.code);
  const twice = Object.entries(inventory(pair)).flatMap(([dir, names]) =>
    prod.emulator.state.count(dir) < names.length ? [dir] : [],
  );
  expect(twice).toEqual([]);
  expect((await pair.space.run(...RESUME)).code).toBe(64);
});

eachOf(
  [
    ['the connection is cut', { kind: 'applyThenReset' }],
    ['a gateway answers 504', { kind: 'applyThenStatus', status: 504 }],
  ] as const,
  { quick: 0 },
)('nothing is made twice when something is created and %s', async (_, fault) => {
  const prod = await sample();
  const pair = await fresh(prod);
  const { emulator } = pair.copy;
  const lost = ['scripts', 'connections', 'exports', 'imports', 'integrations', 'flows', 'filedefinitions'];
  for (const path of lost) emulator.faults.add({ match: { method: 'POST', path: `/v1/${path}`, nth: 2 }, fault });

  const outcome = await pair.space.run(...COPY);
  expect(emulator.faults.pending()).toEqual([]);
  emulator.faults.clear();
  expect([0, 3], said(outcome)).toContain(outcome.code);
  const again = await pair.space.run(...COPY);
  expect([0, 3], said(again)).toContain(again.code);

  for (const dir of lost) {
    const wanted = prod.emulator.state.all(dir).filter((doc) => doc._connectorId === undefined);
    expect(inventory(pair)[dir], dir).toEqual(wanted.map((doc) => String(doc.name)).sort());
  }
  expect(danglingIn(pair.copy.emulator)).toEqual([]);
});

it('a step that the server refuses is named, what needs it is left out, and the next run makes it good', {
  tags: 'slow',
}, async () => {
  const prod = await sample();
  const pair = await fresh(prod);
  const { emulator } = pair.copy;
  const fault = { kind: 'status', status: 422, body: { errors: [{ code: 'x', message: 'not today' }] } } as const;
  emulator.faults.add({ match: { method: 'POST', path: '/v1/scripts' }, times: 'always', fault });

  const outcome = await pair.space.run(...COPY);

  expect(outcome.code, said(outcome)).toBe(3);
  expect(said(outcome)).toContain('not today');
  for (const script of prod.emulator.state.all('scripts')) expect(said(outcome)).toContain(String(script.name));
  expect(emulator.state.count('scripts')).toBe(0);
  expect(emulator.state.count('connections')).toBeGreaterThan(0);
  expect(danglingIn(pair.copy.emulator)).toEqual([]);
  emulator.faults.clear();
  const again = await pair.space.run(...COPY);
  expect([0, 3], said(again)).toContain(again.code);
  expect(inventory(pair).scripts).toEqual(
    prod.emulator.state
      .all('scripts')
      .map((doc) => String(doc.name))
      .sort(),
  );
  expect(inventory(pair).flows?.length).toBeGreaterThan(15);
});

it('Ctrl-C ends a restore and says how to resume it, and --resume does', { tags: 'slow' }, async () => {
  const prod = await sample();
  const pair = await fresh(prod);
  const run = start(COPY, pair.space.dir);
  let writes = 0;
  pair.copy.emulator.beforeWrite = () => {
    writes += 1;
    if (writes === 30) run.kill('SIGINT');
  };
  const stopped = await run.done;
  pair.copy.emulator.beforeWrite = undefined;

  expect(stopped.code, said(stopped)).toBeGreaterThan(0);
  expect(stopped.err).toContain('--resume');
  expect(stopped.err).not.toMatch(/internal error|\bat .*\.js:/);
  const made = pair.copy.emulator.state.count('connections');
  expect(made).toBeGreaterThan(0);
  expect(inventory(pair).flows?.length).toBeLessThan(prod.emulator.state.count('flows'));

  const resumed = await pair.space.run(...RESUME);
  expect([0, 3], said(resumed)).toContain(resumed.code);
  for (const dir of ['connections', 'exports', 'imports', 'flows', 'scripts']) {
    const wanted = prod.emulator.state.all(dir).filter((doc) => doc._connectorId === undefined);
    expect(inventory(pair)[dir], dir).toEqual(wanted.map((doc) => String(doc.name)).sort());
  }
  expect(danglingIn(pair.copy.emulator)).toEqual([]);
});

eachOf(
  [
    ['the last write', 0],
    ['one of the last writes', 6],
    ['the making of the integrations', 'POST /v1/integrations'],
    ['the registration of connections', '/connections/register'],
    ['the making of tools', 'POST /v1/tools'],
  ] as const,
  { quick: 0 },
)('a restore killed at %s is finished by --resume', async (_, when) => {
  const prod = await sample();
  const counted = await fresh(prod);
  const { emulator } = counted.copy;
  const undisturbed = await ended(start(COPY, counted.space.dir));
  const all = emulator.requests.filter(({ method }) => method !== 'GET').length;

  const pair = await fresh(prod);
  const run = start(COPY, pair.space.dir);
  let writes = 0;
  let killed = false;
  pair.copy.emulator.beforeWrite = async ({ method, path }) => {
    writes += 1;
    const now = typeof when === 'number' ? writes === all - when : `${method} ${path}`.includes(when);
    if (!now || killed) return;
    killed = true;
    run.kill('SIGKILL');
    await run.done;
  };
  expect((await ended(run)).code).toBe(-1);
  pair.copy.emulator.beforeWrite = undefined;

  const resumed = await ended(start(RESUME, pair.space.dir));

  expect(resumed.code, said(resumed)).toBe(undisturbed.code);
  expect(said(resumed)).not.toMatch(/^ *(conflict|failed)/m);
  expect(inventory(pair)).toEqual(inventory(counted));
  expect(danglingIn(pair.copy.emulator)).toEqual([]);
  expect(pair.space.git('status', '--porcelain')).toBe('');
  expect(pair.space.git('show', 'HEAD:idmaps/prod-copy.yaml')).toContain('flows');
});

eachOf(
  [
    ['into what came back from the recycle bin ', true],
    ['', false],
  ] as const,
  { quick: 0 },
)('an edit that slips in %sbefore the very write that a kill hides is found by --resume', async (_, deleted) => {
  const prod = await sample();
  const { emulator } = prod;
  const space = new Workspace({ prod: { baseUrl: prod.url, token: prod.owner.token } });
  await space.mirrored();
  const owner = emulator.act(prod.owner.email);
  const id = String(owner.create('scripts', { name: 'Of no one', content: '// as it was\n' })._id);
  await space.sync();
  const at = space.git('rev-parse', 'HEAD').trim();
  const other = prod.person('administrator', 1);
  owner.set('scripts', id, { content: '// a mishap\n' });
  if (deleted) owner.remove('scripts', id);
  await space.sync();

  const run = start(['restore', 'all', '--at', at, '--yes'], space.dir);
  emulator.beforeWrite = async (write) => {
    if (write.id !== id || !emulator.state.get('scripts', id)) return;
    run.kill('SIGKILL');
    await run.done;
    emulator.act(other.email).set('scripts', id, { content: '// a mishap, and work of an hour\n' });
  };
  expect((await ended(run)).code).toBe(-1);
  emulator.beforeWrite = undefined;
  // The write of the dead process takes effect all the same.
  await expect.poll(() => emulator.state.get('scripts', id)?.content).not.toContain('mishap');

  const resumed = await ended(start(RESUME, space.dir));

  expect(resumed.code, said(resumed)).toBe(4);
  expect(said(resumed)).toContain(other.name);
  const kept = space.git('log', '--all', '-S', 'work of an hour', '--format=%an');
  expect(kept.split('\n')).toContain(other.name);
  // Said once; after that there is nothing to say.
  const again = await space.run('restore', 'all', '--at', at, '--yes');
  expect(again.code, said(again)).toBe(0);
});
