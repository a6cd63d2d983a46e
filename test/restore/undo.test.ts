import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Json, JsonObject } from '../../src/core/json.ts';
import { people } from '../../src/emulator/sample/people.ts';
import { type Outcome, start } from '../support/workspace.ts';
import { type Scene, scene, type Who } from './scene.ts';
import { expectCode, head, said, snapshot, writes } from './support.ts';

interface UndoJson {
  readonly exitCode: number;
  readonly undo: readonly string[];
  readonly steps: readonly {
    readonly type: string;
    readonly id: string;
    readonly action: string;
    readonly changes: readonly { readonly place: string }[];
    readonly conflicts?: readonly { readonly place: string; left?: Json; wanted?: Json; live?: Json }[];
  }[];
}

describe('undo', () => {
  let account: Scene['account'];
  let space: Scene['space'];
  let flow: Scene['flow'];
  let script: Scene['script'];
  let find: Scene['find'];
  let held: Scene['held'];
  let live: Scene['live'];

  beforeEach(async () => {
    ({ account, space, flow, script, find, held, live } = await scene());
  });

  /** All flows and integrations. */
  function everything(): JsonObject[] {
    return [...account.emulator.state.all('flows'), ...account.emulator.state.all('integrations')];
  }

  /** An edit by a person, mirrored at once. @returns its commit */
  async function edit(who: Who, type: string, id: string, changes: Record<string, Json | undefined>): Promise<string> {
    live(who, type, id, changes);
    return synced();
  }

  async function synced(): Promise<string> {
    const report = await space.sync();
    expect(report).toMatchObject({ code: 0, verdict: 'changed' });
    return head(space);
  }

  async function undo(...args: string[]): Promise<Outcome> {
    return space.run('undo', ...args, '--yes');
  }

  async function preview(...args: string[]): Promise<UndoJson> {
    return JSON.parse((await space.run('undo', ...args, '--dry-run', '--json')).out) as UndoJson;
  }

  it('takes one change back and keeps what others did since, to the same document and the same block', {
    tags: 'slow',
  }, async () => {
    const before = held('flows', flow._id);
    const commit = await edit('mateo', 'flows', flow._id, { description: 'wrong', 'settings.mateo': 1 });
    await edit('priya', 'flows', flow._id, { name: 'Better name', 'settings.priya': 2 });

    const outcome = await undo(commit);

    expectCode(outcome, 0);
    expect(outcome.out).toContain(`prod without ${commit.slice(0, 10)}: 1 to update`);
    const after = held('flows', flow._id);
    expect(after.description).toEqual(before.description);
    expect(after).toMatchObject({ name: 'Better name', settings: { priya: 2 } });
    expect((after.settings as JsonObject).mateo).toBeUndefined();
    expect(space.git('log', '-1', '--format=%s%n%(trailers:key=Celigo-Undo,valueonly)').trim()).toMatch(
      new RegExp(`^prod: undo: flow .*\\n${commit}$`),
    );
    expect((await space.run('log')).out).toContain(`(undo of ${commit.slice(0, 10)})`);
    expect(JSON.parse((await space.run('log', '--json')).out).entries[0].undo).toEqual([commit]);
    expect(await space.sync()).toMatchObject({ code: 0, commits: [] });
  });

  it('gives back what was, when an undo is undone', { tags: 'slow' }, async () => {
    const commit = await edit('mateo', 'flows', flow._id, { description: 'one' });
    const after = snapshot(account.emulator);
    expectCode(await undo(commit), 0);
    expectCode(await undo('HEAD'), 0);
    expect(snapshot(account.emulator)).toEqual(after);
    // And once more: what came back is the change of old.
    expectCode(await undo(commit), 0);
    expect(held('flows', flow._id).description).toEqual(flow.description);
  });

  it('leaves a resource as it is where someone changed the same field since, and undoes the rest', {
    tags: 'slow',
  }, async () => {
    const other = find('flows', ({ _id }) => _id !== flow._id);
    live('mateo', 'flows', flow._id, { description: 'by Mateo' });
    const commit = await edit('mateo', 'flows', other._id, { description: 'by Mateo' });
    await edit('priya', 'flows', flow._id, { description: 'by Priya' });
    const before = writes(account.emulator);

    const planned = await preview(commit);
    expect(planned.exitCode).toBe(4);
    expect(planned.steps.find(({ id }) => id === flow._id)?.conflicts).toEqual([
      {
        place: 'description',
        left: 'by Mateo',
        ...(flow.description === undefined ? {} : { wanted: flow.description }),
        live: 'by Priya',
      },
    ]);
    expect(writes(account.emulator)).toEqual(before);

    const outcome = await undo(commit);
    expectCode(outcome, 4);
    expect(outcome.out).toContain('conflict description: changed since');
    expect(outcome.out).not.toContain(`→ ${flow._id}`);
    expect(held('flows', flow._id).description).toBe('by Priya');
    expect(held('flows', other._id).description).toEqual(other.description);

    expectCode(await undo(commit, '--force'), 0);
    expect(held('flows', flow._id).description).toEqual(flow.description);
  });

  it('sees that someone set the same value again', { tags: 'slow' }, async () => {
    const commit = await edit('mateo', 'flows', flow._id, { description: 'a' });
    await edit('priya', 'flows', flow._id, { description: 'b' });
    await edit('amara', 'flows', flow._id, { description: 'a' });
    const outcome = await undo(commit);
    expectCode(outcome, 4);
    expect(outcome.out).toContain('conflict description: changed since, and again to the same value');
    expect(held('flows', flow._id).description).toBe('a');
  });

  it('sees an edit of a commit that was taken back in another resource alone', { tags: 'slow' }, async () => {
    const commit = await edit('mateo', 'flows', flow._id, { description: 'a' });
    live('priya', 'flows', flow._id, { description: 'b' });
    const both = await edit('priya', 'scripts', script._id, { description: 'b' });
    expectCode(await undo(both, `scripts/${script._id}`), 0);
    await edit('amara', 'flows', flow._id, { description: 'a' });
    const outcome = await undo(commit);
    expectCode(outcome, 4);
    expect(outcome.out).toContain('conflict description: changed since, and again to the same value');
  });

  it('merges an edit that is not mirrored yet', { tags: 'slow' }, async () => {
    const commit = await edit('mateo', 'flows', flow._id, { description: 'a' });
    live('priya', 'flows', flow._id, { name: 'Just now' });
    expectCode(await undo(commit), 0);
    expect(held('flows', flow._id)).toMatchObject({ name: 'Just now' });
    expect(held('flows', flow._id).description).toEqual(flow.description);
  });

  it('merges code by line', { tags: 'slow' }, async () => {
    const lines = String(script.content).split('\n');
    expect(lines.length).toBeGreaterThan(8);
    const commit = await edit('mateo', 'scripts', script._id, { content: ['// mateo', ...lines].join('\n') });
    await edit('priya', 'scripts', script._id, { content: ['// mateo', ...lines, '// priya'].join('\n') });
    expectCode(await undo(commit), 0);
    expect(held('scripts', script._id).content).toBe([...lines, '// priya'].join('\n'));
  });

  it('undoes an addition by a deletion, and a deletion from the recycle bin', { tags: 'slow' }, async () => {
    const before = snapshot(account.emulator);
    account.emulator.act(people.mateo.email).create('scripts', { name: 'New one', content: 'function f () {}\n' });
    const added = await synced();
    const planned = await preview(added);
    expect(planned.steps).toMatchObject([
      { action: 'delete', type: 'scripts', reason: 'created by what is taken back' },
    ]);
    expectCode(await undo(added), 0);
    expect(snapshot(account.emulator)).toEqual(before);

    const unused = find('flows', ({ _id }) => JSON.stringify(everything()).split(String(_id)).length === 2);
    account.emulator.act(people.mateo.email).remove('flows', unused._id);
    // What the server deletes along with it has no author, and so a commit of its own.
    const { runId } = await space.sync();
    expectCode(await undo('--run', runId), 0);
    expect(held('flows', unused._id).name).toBe(unused.name);
  });

  it('does not delete what someone edited since it was added', { tags: 'slow' }, async () => {
    const { _id } = account.emulator
      .act(people.mateo.email)
      .create('scripts', { name: 'New one', content: 'function f () {}\n' });
    const added = await synced();
    await edit('priya', 'scripts', String(_id), { description: 'used' });
    const outcome = await undo(added);
    expectCode(outcome, 4);
    expect(outcome.out).toContain('conflict description');
    expect(outcome.out).toContain('the undo deletes it, and it was changed since: description');
    expect(held('scripts', String(_id)).description).toBe('used');
  });

  it('knows a resource that was created again by both its ids, and so does apply', { tags: 'slow' }, async () => {
    const unused = find('flows', ({ _id }) => JSON.stringify(everything()).split(String(_id)).length === 2);
    const start = head(space);
    const edited = await edit('priya', 'flows', unused._id, { description: 'p' });
    account.emulator.act(people.mateo.email).remove('flows', unused._id);
    await account.call(account.owner, 'DELETE', `/v1/recycleBinTTL/flows/${unused._id}`);
    const { runId } = await space.sync();
    expectCode(await undo('--run', runId), 0);
    const { _id } = find('flows', ({ name }) => name === unused.name);
    expect(_id).not.toBe(unused._id);

    for (const id of [unused._id, _id])
      expect((await preview(edited, `flows/${id}`)).steps).toMatchObject([{ action: 'update', id: _id }]);
    for (const what of [unused.name, unused._id, _id]) {
      const blamed = JSON.parse((await space.run('blame', `flows/${what}`, '--json')).out);
      const description = expect.objectContaining({ place: 'description', commit: edited });
      expect(blamed).toMatchObject({ id: _id, fields: expect.arrayContaining([description]) });
    }
    expect((await preview(`${start}..HEAD`)).steps).toMatchObject([{ action: 'update', id: _id }]);
    expectCode(await undo(`${start}..HEAD`), 0);
    expect(held('flows', _id).description).toEqual(unused.description);
    const applied = await space.run('apply', 'HEAD', '--base', start, '--dry-run', '--json');
    expect(JSON.parse(applied.out)).toMatchObject({ exitCode: 0, steps: [] });
  });

  it('takes back all that one person did, newest first, and limits it to resources', { tags: 'slow' }, async () => {
    const other = find('flows', ({ _id }) => _id !== flow._id);
    await edit('mateo', 'flows', flow._id, { description: 'm1' });
    await edit('priya', 'flows', flow._id, { name: 'p' });
    await edit('mateo', 'flows', flow._id, { description: 'm2' });
    await edit('mateo', 'flows', other._id, { description: 'm3' });

    const one = await preview('--by', 'mateo', `flows/${flow._id}`);
    expect(one.steps.map(({ id }) => id)).toEqual([flow._id]);
    expectCode(await undo('--by', 'mateo'), 0);
    expect(held('flows', flow._id)).toMatchObject({ name: 'p' });
    expect(held('flows', flow._id).description).toEqual(flow.description);
    expect(held('flows', other._id).description).toEqual(other.description);
    const [last] = JSON.parse((await space.run('log', '--json')).out).entries;
    expect(last.undo).toHaveLength(3);
  });

  it('takes back a range of commits, with a merge by a person in it', async () => {
    const { name } = held('flows', flow._id);
    const start = head(space);
    const first = await edit('mateo', 'flows', flow._id, { name: 'by Mateo' });
    const me = ['-c', 'user.name=Ann', '-c', 'user.email=ann@example.com'];
    space.git('switch', '--quiet', '--create', 'side', start);
    space.git(...me, 'commit', '--quiet', '--allow-empty', '--message=aside');
    space.git('switch', '--quiet', 'main');
    space.git(...me, 'merge', '--quiet', '--no-ff', '--message=Merge', 'side');
    const second = await edit('priya', 'flows', flow._id, { 'settings.priya': 1 });

    const listed = await space.run('log', `${start}..HEAD`, '--json');
    const { entries } = JSON.parse(listed.out) as { entries: { commit: string }[] };
    expect(entries.map(({ commit }) => commit)).toEqual([second, first]);
    const { undo: taken, steps } = await preview(`${start.slice(0, 10)}..`);
    expect(new Set(taken)).toEqual(new Set([first, second]));
    expect(steps[0]?.changes.find(({ place }) => place === 'name')).toMatchObject({ after: name });
    const wrong = await space.run('undo', 'nothing..HEAD', '--dry-run');
    expectCode(wrong, 64);
    expect(wrong.err).toContain('nothing..HEAD: not both ends of this range are commits of the mirror');
  });

  it('leaves out what several people changed in one run where one of them is meant, also in a commit that is named', {
    tags: 'slow',
  }, async () => {
    live('mateo', 'flows', flow._id, { description: 'm' });
    live('priya', 'flows', flow._id, { name: 'p' });
    live('mateo', 'scripts', script._id, { description: 'm' });
    await synced();
    const commits = space.log('%H').slice(0, -1);

    const outcome = await undo(...commits, '--by', 'mateo');
    expectCode(outcome, 0);
    expect(said(outcome)).toMatch(/flows\/\w+ was edited by .* in one run: it is left out/);
    expect(held('flows', flow._id)).toMatchObject({ description: 'm', name: 'p' });
    expect(held('scripts', script._id).description).toEqual(script.description);

    const nothing = await undo(...commits, '--by', 'priya');
    expectCode(nothing, 64);
    expect(said(nothing)).toMatch(/no change of prod is meant: commit \w+: flows\/\w+ was edited by .* in one run/);
  });

  it('saves a plan, and applies it unchanged or not at all', { tags: 'slow' }, async () => {
    const commit = await edit('mateo', 'flows', flow._id, { description: 'a' });
    expectCode(await space.run('undo', commit, '--out', 'plan.json'), 0);
    expect(readFileSync(join(space.dir, 'plan.json'), 'utf8')).toContain(commit);
    await edit('priya', 'flows', flow._id, { name: 'p' });
    expectCode(await space.run('restore', 'plan.json', '--yes'), 4);
    expectCode(await space.run('undo', commit, '--out', 'plan.json'), 0);
    expectCode(await space.run('restore', 'plan.json', '--yes'), 0);
    expect(held('flows', flow._id)).toMatchObject({ name: 'p' });
    expect(held('flows', flow._id).description).toEqual(flow.description);
  });

  it('chooses by run, and says when nothing is left to do', { tags: 'slow' }, async () => {
    live('mateo', 'flows', flow._id, { description: 'a' });
    const { runId } = await space.sync();
    expect((await space.run('log', '--run', runId)).out).toContain(flow._id);
    expectCode(await undo('--run', runId), 0);
    const again = await undo('--run', runId);
    expectCode(again, 0);
    expect(again.out).toContain('Nothing to do');
  });

  it('refuses by name what cannot be taken back', { tags: 'slow' }, async () => {
    const first = space.git('rev-list', '--max-parents=0', 'HEAD').trim();
    await edit('mateo', 'flows', flow._id, { description: 'a' });
    const [path = ''] = space.files().filter((name) => name.startsWith('flows/'));
    writeFileSync(join(space.mirror, 'prod', path), `${readFileSync(join(space.mirror, 'prod', path), 'utf8')}x: 1\n`);
    const me = ['-c', 'user.name=Ann', '-c', 'user.email=ann@example.test'];
    space.git(...me, 'commit', '-qam', 'an edit in Git');
    const mine = head(space);
    await space.sync();
    const putBack = head(space);
    const rows: [string[], RegExp][] = [
      [[first], /is the first mirror of prod/],
      [[mine], /was made by Ann in Git, not by the mirror[\s\S]*git revert \w+; celigo-mirror apply then brings/],
      [[putBack], /puts back what people changed in Git/],
      [[`flows/${flow._id}`], /which of its changes is not said/],
      [[], /no change was named/],
      [['nosuchcommit'], /nosuchcommit/],
      [['--by', 'nobody'], /no change of prod is meant/],
    ];
    for (const [args, message] of rows) {
      const outcome = await undo(...args);
      expectCode(outcome, 64);
      expect(said(outcome)).toMatch(message);
    }
  });

  /** Kills at each of these writes; more with `UNDO_KILLS=30`. */
  const KILLS = Number(process.env.UNDO_KILLS ?? 4);

  it(`is finished by --resume after ${KILLS} kills, and does nothing twice`, {
    tags: 'slow',
    timeout: 60_000 + KILLS * 60_000,
  }, async () => {
    const flows = account.emulator.state.all('flows').filter((doc) => doc._connectorId === undefined);
    const some = flows.slice(0, 4).map(({ _id }) => String(_id));
    for (let round = 0; round < KILLS; round++) {
      const before = snapshot(account.emulator);
      const script = { name: `New ${round}`, content: 'function f () {}\n' };
      account.emulator.act(people.mateo.email).create('scripts', script);
      for (const id of some) live('mateo', 'flows', id, { description: `m${round}` });
      const commit = await synced();
      live('priya', 'flows', some[0] as string, { 'settings.priya': round });
      await synced();

      let left = 1 + (round % 5);
      const run = start(['undo', commit, '--yes'], space.dir);
      account.emulator.beforeWrite = async () => {
        left -= 1;
        if (left !== 0) return;
        run.kill('SIGKILL');
        await run.done;
      };
      expect((await run.done).code).toBe(-1);
      account.emulator.beforeWrite = undefined;
      expectCode(await space.run('undo', commit, '--yes'), 4);
      expectCode(await space.run(...(round % 2 === 0 ? ['undo'] : ['restore']), '--resume', '--yes'), 0);

      live('priya', 'flows', some[0] as string, { 'settings.priya': undefined });
      const after = snapshot(account.emulator);
      for (const id of some) expect(held('flows', id).description).not.toBe(`m${round}`);
      expect(Object.keys(after)).toEqual(Object.keys(before));
      expect(space.git('log', '-1', '--format=%(trailers:key=Celigo-Undo,valueonly)').trim()).toBe(commit);
      await synced();
    }
    expect((await space.run('undo', '--resume', '--yes')).code).toBe(64);
  });
});
