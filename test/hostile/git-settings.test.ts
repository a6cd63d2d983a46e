import { execFileSync } from 'node:child_process';
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sampleAccount } from '../../src/emulator/sample/index.ts';
import { sample, type TestAccount } from '../support/account.ts';
import { hostileGit } from '../support/hostile-git.ts';
import { bareRemote, CANNOT_SIGN, cli, git, tempDir, Workspace } from '../support/workspace.ts';

const flows = (sampleAccount().resources.flows ?? []).filter((doc) => !doc._connectorId);
/** A flow that nothing needs. */
const THIRD = '6794c3e8c3a91b7e41300002';
const [FLOW = '', OTHER = ''] = flows.map((doc) => String(doc._id)).filter((id) => id !== THIRD);

/** An account, its mirror and a remote, under one git. */
interface Scene {
  readonly account: TestAccount;
  readonly space: Workspace;
  readonly remote: string;
  readonly run: (...args: string[]) => Promise<void>;
  /** Does something without settings, as somebody else. */
  readonly clone: () => string;
}

/** What differs from one run to the next, and between two accounts. */
function leveled(text: string, { account, space, remote }: Pick<Scene, 'account' | 'space' | 'remote'>): string {
  return (
    text
      .replaceAll(account.url, '<url>')
      .replaceAll(space.dir, '<folder>')
      .replaceAll(remote, '<remote>')
      .replace(/\b[0-9a-f]{40}\b|\b[0-9a-f]{7,12}\b/g, '<id>')
      .replace(/\d{8}T\d{6}Z-[\w-]+/g, '<run>')
      .replace(/\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?Z?/g, '<time>')
      .replace(/\b\d\d:\d\d:\d\d\b/g, '<time>')
      // Hours of a timeline.
      .replace(/\d{4}-\d\d-\d\dT\d\d\b|\b\d{1,2} [A-Z][a-z]{2} \d\d:\d\d\b/g, '<hour>')
      .replace(/"(?:durationMs|throttledMs)": \d+/g, '"ms"')
      .replace(/\b\d+(?:\.\d+)? m?s\b/g, '<ms>')
  );
}

type Story = (scene: Scene) => Promise<void>;

interface Settings {
  readonly signingKeyFile?: string;
  readonly include?: readonly string[];
}

/** What commands print, and what is in the clone and in the remote at the end. */
async function told(story: Story, hostile: boolean, { include = ['*'], ...settings }: Settings): Promise<string[]> {
  const account = await sample();
  const remote = bareRemote();
  const space = new Workspace(
    { prod: { baseUrl: account.url, token: account.owner.token, overview: true, include: [...include] } },
    { repository: { remote, ...settings } },
  );
  const bad = hostile ? hostileGit() : undefined;
  if (bad) {
    // A clone with such settings of its own, in which nothing was mirrored yet.
    git(space.dir, 'init', '--quiet', '--initial-branch=main', space.mirror);
    const config = join(space.mirror, '.git', 'config');
    writeFileSync(config, `${readFileSync(config, 'utf8')}${bad.settings}`);
    cpSync(join(bad.env.GIT_TEMPLATE_DIR ?? '', 'info'), join(space.mirror, '.git', 'info'), { recursive: true });
  }
  const out: string[] = [];
  const scene: Omit<Scene, 'run'> = {
    account,
    space,
    remote,
    clone() {
      const dir = join(tempDir(), 'clone');
      git('/', 'clone', '--quiet', remote, dir);
      return dir;
    },
  };
  const env = { ...bad?.env, CELIGO_MIRROR_OPERATOR: 'Olga <olga@x.test>' };
  await story({
    ...scene,
    async run(...args) {
      const done = await cli(args, space.dir, env);
      // What is fetched at once is listed as it comes.
      const printed = leveled(done.out, scene);
      const lines = args[0] === 'sync' ? printed.split('\n').sort() : [printed];
      out.push([`$ ${args.join(' ')}`, done.code, ...lines, leveled(done.err, scene)].join('\n'));
    },
  });
  // Read where no such settings are.
  const history = git(remote, 'log', '--raw', '--no-abbrev', '--format=%an <%ae> %cn <%ce>%n%B', '--reverse', 'main');
  out.push(leveled(history, scene), git(remote, 'fsck', '--strict'));
  out.push(...Object.entries(space.contents()).map(([path, text]) => `${path}\n${leveled(text, scene)}`));
  const [held, pushed] = [join(space.mirror, 'prod'), join(scene.clone(), 'prod')].map((folder) => filesOf(folder));
  expect(held).toEqual(pushed);
  return out;
}

function filesOf(folder: string): Record<string, string> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = files.map((entry) => join(entry.parentPath, entry.name)).sort();
  return Object.fromEntries(paths.map((path) => [path.slice(folder.length), readFileSync(path, 'latin1')]));
}

async function sameUnder(story: Story, settings: Settings = {}): Promise<void> {
  const plain = await told(story, false, settings);
  const hostile = await told(story, true, settings);
  expect(hostile).toEqual(plain);
  expect(plain[0]).toMatch(/^\$ sync\n0\n/);
}

/** Edits by two people, with letters that not every encoding has. */
function edit({ account }: Scene): void {
  const [ann, bob] = [account.person('administrator', 0), account.person('administrator', 1)];
  account.emulator.act(ann.token).set('flows', FLOW, { name: 'Größe → Żółć', description: 'edited' });
  account.emulator.act(bob.token).set('flows', OTHER, { description: 'by another' });
}

function push(dir: string): void {
  git(dir, 'add', '--all', '.');
  git(dir, '-c', 'user.name=Zoë', '-c', 'user.email=zoe@x.test', 'commit', '--quiet', '-m', 'edited');
  git(dir, 'push', '--quiet');
}

const CASES = 'gitconfig-ignorestat, gitconfig-orderfile, gitconfig-log-encoding';

describe(`under a git configuration that is set against it, at every level (${CASES})`, () => {
  it('mirrors, restores and reports the same', { tags: 'slow' }, async () => {
    await sameUnder(
      async (scene) => {
        const { run } = scene;
        await run('sync');
        edit(scene);
        await run('sync', '--json');
        await run('log');
        await run('show', `flows/${FLOW}`, '--at', 'HEAD~1');
        await run('restore', `flows/${OTHER}`, '--at', 'HEAD~1', '--yes');
        await run('verify');
      },
      { include: ['flows', 'scripts'] },
    );
  });

  it('reads the history and the account the same', { tags: 'slow' }, async () => {
    await sameUnder(async (scene) => {
      const { account, run } = scene;
      await run('sync');
      edit(scene);
      await run('sync');
      account.emulator.act(account.owner.token).remove('flows', THIRD);
      await run('sync');
      account.emulator.act(account.owner.token).set('flows', OTHER, { description: 'live only' });
      await run('blame', `flows/${FLOW}`);
      await run('log', 'flows', '--patch', '--json');
      await run('show', `flows/${THIRD}`);
      for (const format of ['md', 'csv', 'json', 'html']) await run('report', '--format', format);
      await run('diff');
      await run('diff', '--from', 'HEAD~2', '--json');
      await run('impact', `flows/${FLOW}`);
      await run('lint', '--json');
      await run('drill', '--json');
      await run('doctor', '--json');
      await run('restore', `flows/${THIRD}`, '--yes');
      await run('sync', '--full');
      await run('log', '--json');
    });
  });

  it('puts its commits on top of what others pushed, and undoes manual edits', { tags: 'slow' }, async () => {
    await sameUnder(async (scene) => {
      const { space, run, clone } = scene;
      await run('sync');
      edit(scene);
      await run('sync', '--no-push');
      const other = clone();
      writeFileSync(join(other, 'README.md'), 'Zoë was here\r\n');
      push(other);
      await run('sync');
      // Manually, in a clone whose index says that nothing changed.
      const file = space.find(OTHER);
      writeFileSync(join(space.mirror, file), 'edited\n');
      await run('doctor');
      await run('sync');
      await run('verify');
    });
  });

  it('signs and checks signatures', { tags: 'slow', skip: CANNOT_SIGN }, async () => {
    const key = join(tempDir(), 'key');
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
    await sameUnder(
      async (scene) => {
        await scene.run('sync');
        edit(scene);
        await scene.run('sync');
        await scene.run('verify', '--signatures');
      },
      { signingKeyFile: key },
    );
  });

  it('leaves the same in the remote when the clone is not kept', { tags: 'slow' }, async () => {
    const history = async (hostile: boolean): Promise<string> => {
      const account = await sample();
      const remote = bareRemote();
      git(remote, 'config', 'uploadpack.allowFilter', 'true');
      const env = {
        ...(hostile ? hostileGit().env : {}),
        CELIGO_BASE_URL: account.url,
        CELIGO_API_TOKEN: account.owner.token,
        MIRROR_REMOTE: `file://${remote}`,
      };
      for (const description of ['one', 'zwei – ü']) {
        account.emulator.act(account.owner.token).set('flows', OTHER, { description, name: `Größe ${description}` });
        const { code, out } = await cli(['sync', '--stateless'], tempDir(), {
          ...env,
          MIRROR_PATH: join(tempDir(), 'mirror'),
        });
        expect(code, out).toBe(0);
      }
      expect(git(remote, 'fsck', '--strict')).toBe('');
      const text = git(remote, 'log', '--name-status', '--format=%an <%ae> %cn <%ce>%n%B', 'main');
      return text.replace(/\d{8}T\d{6}Z-[\w-]+|\d{4}-\d\d-\d\dT[\d:.]+Z/g, '<time>');
    };

    expect(await history(true)).toBe(await history(false));
  });
});
