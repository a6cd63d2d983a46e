import { expect, it } from 'vitest';
import { emptyAccount, type PendingWrite } from '../../src/emulator/http/server.ts';
import { sample } from '../support/account.ts';
import { eachOf } from '../support/table.ts';
import { Workspace } from '../support/workspace.ts';
import { expectCode, expectNoMask, history, type RestoreJson, said, writes } from './support.ts';

const COPY = ['restore', 'all', '--account', 'prod', '--to', 'copy', '--yes'] as const;

/** @param slower by how much the clock of the copy runs slower: what happens there is so much closer together */
async function pair(writeAnswer: 'document' | 'id' | 'echo' | 'part', slower = 1) {
  const prod = await sample();
  const start = Date.now();
  const now = (): Date => new Date(start + (Date.now() - start) / slower);
  const copy = await sample({
    seed: emptyAccount(),
    legacyRest: 'accept',
    writeAnswer,
    ...(slower === 1 ? {} : { now }),
  });
  const space = new Workspace({
    prod: { baseUrl: prod.url, token: prod.owner.token },
    copy: { baseUrl: copy.url, token: copy.owner.token },
  });
  await space.mirrored('--account', 'prod');
  return { copy, space };
}

eachOf([['part'], ['id'], ['echo']], { quick: 0 })(
  'a server that answers a write with less than it holds (%s) changes nothing: all is finished, no one is blamed',
  async (writeAnswer) => {
    const whole = await pair('document');
    const { copy, space } = await pair(writeAnswer);
    const expected = JSON.parse((await whole.space.run(...COPY, '--json')).out) as RestoreJson;

    const outcome = await space.run(...COPY, '--json');

    expect(said(outcome)).not.toContain('changed by someone else');
    const found = JSON.parse(outcome.out) as RestoreJson;
    const results = ({ steps }: RestoreJson) =>
      steps.map(({ type, id, action, result }) => `${action} ${type}/${id}: ${result}`).sort();
    expect(results(found)).toEqual(results(expected));
    expectCode(outcome, expected.exitCode);
    copy.emulator.clearRequests();
    expectCode(await space.run(...COPY), expected.exitCode);
    expect(writes(copy.emulator)).toEqual([]);
    expectNoMask(copy.emulator);
  },
);

it('a server that answers with complete documents is not asked for each of them again', { tags: 'slow' }, async () => {
  const { copy, space } = await pair('document');

  await space.run(...COPY);

  const { requests } = copy.emulator;
  const made = requests.filter(({ method, status }) => method === 'POST' && status === 201);
  const first = requests.findIndex(({ method }) => method === 'POST');
  const last = requests.findLastIndex(({ method }) => method === 'PUT' || method === 'POST');
  const looks = requests.slice(first, last).filter(({ method, path }) => {
    return method === 'GET' && /[0-9a-f]{24}$/.test(path);
  });
  expect(made.length).toBeGreaterThan(100);
  expect(looks.length).toBeLessThan(made.length / 3);
});

eachOf<['document' | 'id' | 'part', number]>(
  [
    ['document', 1],
    ['id', 1],
    ['part', 1],
    // The edit is within the moment in which a person's entries count as one save.
    ['document', 20],
  ],
  { quick: 0 },
)(
  'an edit between a creation and what completes it is not taken for the server’s own doing (answers: %s, %i×)',
  async (writeAnswer, slower) => {
    const { copy, space } = await pair(writeAnswer, slower);
    const { emulator } = copy;
    const markers: string[] = [];
    emulator.beforeWrite = ({ type: dir, id }: PendingWrite) => {
      // The first change of something made: all creations are through.
      if (id === undefined || dir !== 'flows' || markers.length > 0) return;
      const editor = emulator.act(copy.owner.email);
      for (const flow of emulator.state.all('flows')) {
        const marker = `lost-update-${String(flow._id)}`;
        markers.push(marker);
        editor.set('flows', String(flow._id), { 'settings.slippedIn': marker });
      }
    };

    const outcome = await space.run(...COPY);
    emulator.beforeWrite = undefined;

    expect(markers.length).toBeGreaterThan(10);
    const held = JSON.stringify(emulator.state.dump().resources);
    const lost = markers.filter((marker) => !held.includes(marker));
    expect(lost.length).toBeGreaterThan(0);
    expectCode(outcome, 4);
    const log = history(space);
    expect(lost.filter((marker) => !log.includes(marker))).toEqual([]);
  },
);
