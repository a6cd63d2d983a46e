import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sampleAccount } from '../../src/emulator/sample/index.ts';
import type { DrillReport } from '../../src/run/check/drill-report.ts';
import { sample } from '../support/account.ts';
import type { Outcome } from '../support/workspace.ts';
import { heldBy, idOf, type Scene, scene } from './drill-scene.ts';
import { expectCode, said, writes } from './support.ts';

const INTO = ['drill', '--into', 'lab'] as const;

function reportOf(outcome: Outcome): DrillReport {
  return JSON.parse(outcome.out) as DrillReport;
}

/** The mirror is as it was, and no drill is under way. */
function expectNothingLeft({ lab, space }: Scene, head: string): void {
  expect(heldBy(lab)).toEqual([]);
  expect(space.git('rev-parse', 'HEAD')).toBe(head);
  expect(space.git('status', '--porcelain', '--ignored')).toBe('');
  expect(space.git('ls-files', 'lab', 'idmaps')).toBe('');
  expect(existsSync(join(space.mirror, '.git', 'celigo-mirror', 'drills', 'lab', 'record.json'))).toBe(false);
  expect(existsSync(join(space.mirror, '.git', 'celigo-mirror', 'drills', 'lab', 'repository'))).toBe(false);
}

describe('drill --into', () => {
  it('restores into a real account, compares, switches nothing on, and leaves it empty', { tags: 'slow' }, async () => {
    const all = await scene();
    const { prod, lab, space } = all;
    const head = space.git('rev-parse', 'HEAD');
    prod.emulator.clearRequests();
    let most = 0;
    lab.emulator.beforeWrite = () => {
      most = Math.max(most, heldBy(lab).length);
    };

    const outcome = await space.run(...INTO, '--json');

    expectCode(outcome, 0);
    const report = reportOf(outcome);
    expect(report).toMatchObject({
      account: 'prod',
      target: { kind: 'account', name: 'lab', baseUrl: lab.url },
      unexplained: [],
      cleanUp: { kept: false, left: [] },
    });
    expect(report.restored).toBe(report.documents);
    expect(report.cleanUp?.deleted).toBe(report.documents);
    expect(most).toBe(report.documents);
    expect(lab.emulator.state.starts()).toEqual([]);
    expect(lab.emulator.state.bin()).toEqual([]);
    expect(writes(prod.emulator)).toEqual([]);
    expectNothingLeft(all, head);
  });

  it('can be made again: names that were in use are free', { tags: 'slow', timeout: 120_000 }, async () => {
    const all = await scene();
    const head = all.space.git('rev-parse', 'HEAD');
    expectCode(await all.space.run(...INTO), 0);
    const again = await all.space.run(...INTO);
    expectCode(again, 0);
    expect(again.out).toContain('nothing was switched on in it');
    expect(again.out).toContain('and it is empty');
    expectNothingLeft(all, head);
  });

  it('of the sample account leaves the account empty', { tags: 'slow', timeout: 120_000 }, async () => {
    const all = await scene({ prod: { seed: sampleAccount() } });
    const head = all.space.git('rev-parse', 'HEAD');
    const outcome = await all.space.run(...INTO, '--json');
    expectCode(outcome, 0);
    const report = reportOf(outcome);
    expect(report.unexplained).toEqual([]);
    expect(report.restored).toBeGreaterThan(report.documents * 0.75);
    expect(report.explained.filter(({ what }) => what.startsWith('datasets/'))).not.toEqual([]);
    expectNothingLeft(all, head);
  });

  it('keeps what it restored when asked to; the next one, or --resume, deletes that', { tags: 'slow' }, async () => {
    const all = await scene();
    const { lab, space } = all;
    const head = space.git('rev-parse', 'HEAD');
    const kept = await space.run(...INTO, '--keep', '--json');
    expectCode(kept, 0);
    expect(reportOf(kept).cleanUp).toMatchObject({ kept: true });
    const first = heldBy(lab);
    expect(first.length).toBeGreaterThan(8);
    for (const flow of lab.emulator.state.all('flows')) expect(flow.disabled).toBe(true);
    expect(space.git('ls-files', 'lab', 'idmaps')).toBe('');

    expectCode(await space.run(...INTO, '--keep'), 0);
    expect(heldBy(lab)).toEqual(first);
    const last = await space.run(...INTO, '--resume');
    expectCode(last, 0);
    expectNothingLeft(all, head);
    expectCode(await space.run(...INTO, '--resume'), 64);
  });

  it('deletes nothing of what it kept once someone has worked on it', { tags: 'slow' }, async () => {
    const { lab, space } = await scene();
    expectCode(await space.run(...INTO, '--keep'), 0);
    const kept = heldBy(lab);
    const id = String(lab.emulator.state.all('scripts')[0]?._id);
    lab.emulator.act(lab.owner.email).set('scripts', id, { content: '// a week of work\n' });
    lab.emulator.clearRequests();

    for (const args of [[], ['--resume'], []]) {
      const outcome = await space.run(...INTO, ...args);
      expectCode(outcome, 4);
      expect(said(outcome)).toContain(`scripts/${id} changed since an earlier drill kept it`);
    }

    expect(heldBy(lab)).toEqual(kept);
    expect(writes(lab.emulator)).toEqual([]);
  });

  it.each([
    ['the configuration does not say drill: true', { settings: { drill: false } }, /accounts\.lab\.drill: true/, 4],
    ['the account holds something else', { foreign: true }, /not empty, it holds scripts\/[0-9a-f]{24}/, 4],
    ['a type cannot be listed', { fault: true }, /scripts could not be listed completely/, 1],
    ['the clone is not kept', { stateless: true }, /needs a clone that is kept/, 64],
    ['it is named as the account to restore, too', { args: ['--account', 'lab'] }, /no mirror of lab/, 64],
  ] as const)(
    'writes nothing where %s',
    async (_, { settings, foreign, fault, stateless, args = [] }: Refused, says, code) => {
      const all = await scene({}, settings);
      const { prod, lab, space } = all;
      const head = space.git('rev-parse', 'HEAD');
      if (stateless)
        space.configure(
          {
            prod: { baseUrl: prod.url, token: prod.owner.token },
            lab: { baseUrl: lab.url, token: lab.owner.token, drill: true },
          },
          { repository: { stateless } },
        );
      if (foreign) lab.emulator.act(lab.owner.email).create('scripts', { name: 'Of somebody', content: '// theirs\n' });
      if (fault)
        lab.emulator.faults.add({
          match: { method: 'GET', path: '/v1/scripts' },
          times: 'always',
          fault: { kind: 'status', status: 500 },
        });

      const outcome = await space.run(...INTO, ...args);

      expectCode(outcome, code);
      expect(said(outcome)).toMatch(says);
      expect(outcome.err).toContain('→');
      expect(writes(lab.emulator)).toEqual([]);
      expect(heldBy(lab)).toHaveLength(foreign ? 1 : 0);
      expect(space.git('rev-parse', 'HEAD')).toBe(head);
      // Nothing was begun, so nothing is to be finished.
      expectCode(await space.run(...INTO, '--resume'), ...(settings ? [64, 4] : [64]));
    },
  );
});

interface Refused {
  readonly settings?: { readonly drill: boolean };
  readonly foreign?: boolean;
  readonly fault?: boolean;
  readonly stateless?: boolean;
  readonly args?: readonly string[];
}

describe('drill --into never writes to the account that was mirrored', () => {
  it('by its name, by its token, or by the user of its token', async () => {
    const { prod, space } = await scene();
    const at = { baseUrl: prod.url, token: prod.owner.token };
    const other = await sample();
    for (const [accounts, says] of [
      [{ prod: { ...at, drill: true } }, 'the account that the mirror was made of'],
      [{ prod: at, lab: { ...at, drill: true } }, 'its token is that of prod'],
      // The same server by another name.
      [
        { prod: at, lab: { ...at, baseUrl: prod.url.replace('127.0.0.1', 'localhost'), drill: true } },
        'its token is that of prod',
      ],
      [
        { prod: { ...at, baseUrl: 'https://proxy.example.test', token: 'another' }, lab: { ...at, drill: true } },
        'prod/',
      ],
      // The account that was mirrored has another name, or another token, in this configuration.
      [{ shop: { baseUrl: other.url, token: other.owner.token }, lab: { ...at, drill: true } }, 'prod/'],
    ] as const) {
      space.configure(accounts);
      const into = 'lab' in accounts ? 'lab' : 'prod';
      const outcome = await space.run('drill', '--into', into, '--account', 'prod');
      expectCode(outcome, 4);
      expect(said(outcome)).toContain(says);
      expect(writes(prod.emulator)).toEqual([]);
    }
  });
});

describe('drill --into on a server of its own mind', () => {
  it('names what the server refuses to create, and still leaves nothing', { tags: 'slow' }, async () => {
    const all = await scene();
    const { lab, space } = all;
    const head = space.git('rev-parse', 'HEAD');
    lab.emulator.faults.add({
      match: { method: 'POST', path: '/v1/lookupcaches' },
      times: 'always',
      fault: { kind: 'status', status: 422, body: { errors: [{ code: 'x', message: 'no caches today' }] } },
    });
    const outcome = await space.run(...INTO, '--json');
    expectCode(outcome, 1);
    const { unexplained } = reportOf(outcome);
    expect(unexplained).toEqual([
      expect.objectContaining({
        what: `lookupcaches/${idOf('lookupcaches')}`,
        why: expect.stringContaining('no caches today'),
      }),
    ]);
    expectNothingLeft(all, head);
  });

  it('explains a type that the account does not have', { tags: 'slow' }, async () => {
    const all = await scene({ lab: { unlicensed: { lookupcaches: 403 } } });
    const head = all.space.git('rev-parse', 'HEAD');
    const outcome = await all.space.run(...INTO, '--json');
    expect(JSON.stringify(reportOf(outcome))).toContain(`lookupcaches/${idOf('lookupcaches')}`);
    expectNothingLeft(all, head);
  });

  it('names what cannot be deleted, exits with 3, and --resume finishes when it can', { tags: 'slow' }, async () => {
    const all = await scene();
    const { lab, space } = all;
    const head = space.git('rev-parse', 'HEAD');
    lab.emulator.faults.add({
      match: { method: 'DELETE', path: '/v1/scripts/*' },
      times: 'always',
      fault: { kind: 'status', status: 422, body: { errors: [{ code: 'locked', message: 'a script stays' }] } },
    });
    const outcome = await space.run(...INTO, '--json');
    expectCode(outcome, 3);
    expect(reportOf(outcome).cleanUp?.left).toEqual([
      expect.objectContaining({
        what: expect.stringMatching(/^scripts\//),
        why: expect.stringContaining('a script stays'),
      }),
    ]);
    expect(heldBy(lab)).toEqual(['scripts/Hooks']);
    const refused = await space.run(...INTO);
    expectCode(refused, 4);
    expect(said(refused)).toContain('a script stays');
    lab.emulator.faults.clear();
    const resumed = await space.run(...INTO, '--resume');
    expectCode(resumed, 0);
    expect(resumed.out).toContain('resources came back unchanged');
    expectNothingLeft(all, head);
  });

  it('leaves what another person makes there meanwhile, and names it', { tags: 'slow' }, async () => {
    const all = await scene();
    const { lab, space } = all;
    lab.emulator.beforeWrite = ({ method }) => {
      if (method !== 'POST' || heldBy(lab).length === 0) return;
      lab.emulator.beforeWrite = undefined;
      lab.emulator.act(lab.owner.email).create('scripts', { name: 'Hooks', content: '// of a colleague\n' });
    };
    const outcome = await space.run(...INTO, '--json');
    expectCode(outcome, 3);
    expect(reportOf(outcome).cleanUp?.left).toEqual([
      expect.objectContaining({ why: 'the drill did not make it: it was left as it is' }),
    ]);
    expect(lab.emulator.state.all('scripts').map(({ content }) => content)).toEqual(['// of a colleague\n']);
  });
});
