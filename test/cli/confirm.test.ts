import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { expect, it, onTestFinished } from 'vitest';
import { sample } from '../support/account.ts';
import { cli, ENV, PROGRAM, Workspace } from '../support/workspace.ts';

it('right-prompt: a restore asks with the number of changes and the address, and takes only "yes" for consent', {
  tags: 'slow',
}, async () => {
  const account = await sample();
  const space = new Workspace({ prod: { baseUrl: account.url, token: account.owner.token } });
  await space.sync();
  const first = space.git('rev-parse', 'HEAD').trim();
  const [one, other] = account.emulator.state.all('scripts').map(({ _id }) => String(_id));
  const nameOf = (id = '') => account.emulator.state.get('scripts', id)?.name;
  const before = nameOf(one);
  const editor = account.emulator.act(account.owner.email);
  for (const id of [one, other]) editor.set('scripts', String(id), { name: 'Renamed' });
  const questions: string[] = [];
  const restore = (answer: string, ...args: string[]) =>
    cli(['restore', ...args], space.dir, {}, undefined, async (question) => {
      questions.push(question);
      return answer;
    });

  await space.sync();
  for (const answer of ['', 'y', 'Yes please']) {
    const refused = await restore(answer, 'scripts', '--at', first);
    expect(refused).toMatchObject({ code: 4, err: expect.stringContaining('Nothing was written to the account') });
  }
  expect(new Set(questions)).toEqual(new Set([`Write 2 resources in prod (${account.url})? Type "yes" to continue: `]));
  expect(nameOf(one)).toBe('Renamed');

  const done = await restore('yes', `scripts/${one}`, '--at', first);
  expect(done).toMatchObject({ code: 0, out: expect.stringContaining('prod: restored, 1 of 1 step') });
  expect(questions.at(-1)).toBe(`Write 1 resource in prod (${account.url})? Type "yes" to continue: `);
  expect([nameOf(one), nameOf(other)]).toEqual([before, 'Renamed']);
});

it.skipIf(!existsSync('/usr/bin/script'))(
  'right-prompt: Ctrl-C and Ctrl-D at the question leave nothing: no write, no lock, nothing to resume',
  { tags: 'slow' },
  async () => {
    const account = await sample();
    const space = new Workspace({ prod: { baseUrl: account.url, token: account.owner.token } });
    await space.mirrored();
    const first = space.git('rev-parse', 'HEAD').trim();
    const id = String(account.emulator.state.all('scripts')[0]?._id);
    account.emulator.act(account.owner.email).set('scripts', id, { name: 'Renamed' });
    await space.sync();

    for (const key of ['\u0003', '\u0004']) {
      const command = `'${process.execPath}' '${PROGRAM}' restore scripts/${id} --at ${first}`;
      const child = spawn('/usr/bin/script', ['-qec', command, '/dev/null'], { cwd: space.dir, env: ENV });
      onTestFinished(() => void child.kill('SIGKILL'));
      let said = '';
      const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
      child.stdout.on('data', (text: Buffer) => {
        const asked = said.includes('to continue: ');
        said += text.toString();
        if (!asked && said.includes('to continue: ')) child.stdin.write(key);
      });
      expect(await ended, said).toBe(4);
      expect(account.emulator.state.get('scripts', id)?.name).toBe('Renamed');
      expect((await cli(['restore', '--resume', '--yes'], space.dir)).code).toBe(64);
    }
    expect(await space.sync()).toMatchObject({ verdict: 'unchanged', notices: [] });
  },
);

it('a restore that cannot ask is refused, and names what to do', async () => {
  const account = await sample();
  const space = new Workspace({ prod: { baseUrl: account.url, token: account.owner.token } });

  expect(await cli(['restore', 'all'], space.dir)).toMatchObject({
    code: 64,
    err: 'error: cannot ask for confirmation: not a terminal\n→ Review the plan with --dry-run, then add --yes\n',
  });
});

it('a wrong option names the help of its command', async () => {
  const { code, err } = await cli(['sync', '--nonsense'], '/');

  expect(code).toBe(64);
  expect(err).toContain('(to list its options: celigo-mirror sync --help)');
});
