import { renameSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sample } from '../support/account.ts';
import { cli, type Outcome, tempDir, Workspace } from '../support/workspace.ts';

const FLOW = '678df75fc3a91b7e41300001';

/** A mirror in which a flow was edited once, with a policy and a tag. */
async function edited(): Promise<Workspace> {
  const account = await sample();
  const space = new Workspace({ prod: { baseUrl: account.url, token: account.owner.token } });
  await space.mirrored();
  space.git('tag', 'v1');
  account.emulator.act(account.person('administrator').token).set('flows', FLOW, { description: 'edited' });
  await space.sync();
  return space;
}

describe('a bare clone of a mirror', () => {
  const READING = [
    ['log'],
    ['log', `flows/${FLOW}`, '--patch', '--json'],
    ['show', `flows/${FLOW}`],
    ['show', `flows/${FLOW}`, '--at', 'v1', '--json'],
    ['blame', FLOW],
    ['diff', '--from', 'v1', '--json'],
    ['report', '--format', 'csv'],
    ['lint', '--fail-on', 'never', '--json'],
    ['impact', `flows/${FLOW}`],
  ];

  it('is read as one with a work tree is, named or configured, whatever became of the files', {
    tags: 'slow',
  }, async () => {
    const space = await edited();
    const [bare, clone] = [join(tempDir(), 'bare.git'), join(tempDir(), 'clone')];
    space.git('clone', '-q', '--bare', '.', bare);
    space.git('clone', '-q', '.', clone);
    const whole = new Map<string, Outcome>();
    for (const args of READING) {
      const outcome = await cli([...args, '--mirror', clone], space.dir);
      expect(outcome.code, `${args.join(' ')}: ${outcome.err}`).toBe(0);
      expect(outcome.out).not.toBe('');
      whole.set(args.join(' '), outcome);
    }
    rmSync(join(clone, 'prod'), { recursive: true });
    space.configure({ prod: { baseUrl: 'http://127.0.0.1:9', token: 'x' } }, { repository: { path: bare } });
    for (const args of READING) {
      const said = whole.get(args.join(' '));
      expect(await cli([...args, '--mirror', bare], space.dir), args.join(' ')).toEqual(said);
      expect(await cli([...args, '--mirror', clone], space.dir), args.join(' ')).toEqual(said);
      expect(await cli(args, space.dir), args.join(' ')).toEqual(said);
    }
  });

  it('is verified and rehearsed', { tags: 'slow' }, async () => {
    const space = await edited();
    const bare = join(tempDir(), 'bare.git');
    space.git('clone', '-q', '--bare', '.', bare);
    const there = await cli(['verify', space.mirror], space.dir);
    expect(there.code).toBe(0);
    expect(await cli(['verify', bare], space.dir)).toEqual(there);
    const drill = await cli(['drill', bare, '--json'], tempDir());
    expect(drill.code, drill.err).toBe(0);
    expect(JSON.parse(drill.out)).toMatchObject({ account: 'prod', unexplained: [] });
  });
});

describe('verify compares the folder with the last commit:', () => {
  const damages: readonly [string, RegExp, (space: Workspace) => void][] = [
    [
      'a type folder that is gone',
      /fault prod\/flows: is gone/,
      (space) => rmSync(join(space.mirror, 'prod', 'flows'), { recursive: true }),
    ],
    [
      'a link in the place of a type folder',
      /fault prod\/scripts: is gone, or a link is in its place/,
      (space) => {
        const elsewhere = join(space.dir, 'elsewhere');
        renameSync(join(space.mirror, 'prod', 'scripts'), elsewhere);
        symlinkSync(elsewhere, join(space.mirror, 'prod', 'scripts'));
      },
    ],
    [
      'a document that is gone',
      new RegExp(`fault prod/flows/\\S+${FLOW}.yaml: is gone`),
      (space) => rmSync(join(space.mirror, space.find(FLOW))),
    ],
    [
      'an older version of a document',
      new RegExp(`fault prod/flows/\\S+${FLOW}.yaml: differs from the last commit`),
      (space) => space.git('checkout', '-q', 'v1', '--', space.find(FLOW)),
    ],
    [
      'a document that was deleted since',
      /fault prod\/tags\/\S+: is not in the last commit/,
      (space) => {
        const [tag = ''] = space.files().filter((path) => path.startsWith('tags/'));
        space.git('rm', '-q', '--cached', `prod/${tag}`);
        space.git('-c', 'user.name=P', '-c', 'user.email=p@x.test', 'commit', '-qm', 'without a tag');
      },
    ],
  ];

  it('each difference is a fault', { tags: 'slow' }, async () => {
    const space = await edited();
    expect((await space.run('verify')).code).toBe(0);
    const commit = space.git('rev-parse', 'HEAD').trim();
    for (const [what, words, damage] of damages) {
      damage(space);
      const { code, out } = await space.run('verify');
      expect([code, out], what).toEqual([1, expect.stringMatching(words)]);
      rmSync(join(space.mirror, 'prod'), { recursive: true });
      space.git('reset', '-q', '--hard', commit);
    }
  });
});
