import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openOutput } from '../../src/cli/ui/outputs.ts';
import { doc, mirrored } from '../restore/support.ts';
import { sample, type TestAccount } from '../support/account.ts';
import { eachOf } from '../support/table.ts';
import { cli, ENV, killGroup, PROGRAM, tempDir, Workspace } from '../support/workspace.ts';

/** What becomes of an output. `shut`: its reader is gone before the first byte. */
type Fate = 'read' | 'shut' | 'full';

/** The built program with standard output and error as told. */
function run(
  words: readonly string[],
  cwd: string,
  fates: { readonly out?: Fate; readonly err?: Fate },
  env: Record<string, string> = {},
): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  const full = openSync('/dev/full', 'w');
  const end = (fate: Fate | undefined): 'pipe' | number => (fate === 'full' ? full : 'pipe');
  const child = spawn(process.execPath, [PROGRAM, ...words], {
    cwd,
    env: { ...ENV, ...env },
    stdio: ['ignore', end(fates.out), end(fates.err)],
    detached: true,
  });
  closeSync(full);
  onTestFinished(() => killGroup(child));
  const said = { out: '', err: '' };
  for (const [name, stream] of [
    ['out', child.stdout],
    ['err', child.stderr],
  ] as const) {
    if (fates[name] === 'shut') stream?.destroy();
    stream?.on('data', (chunk: Buffer) => {
      said[name] += chunk.toString();
    });
  }
  return new Promise((resolve) => child.on('close', (code) => resolve({ code: code ?? -1, ...said })));
}

function flows({ emulator }: TestAccount): string[] {
  return emulator.state
    .all('flows')
    .filter((flow) => !flow._connectorId)
    .map(({ _id }) => String(_id));
}

async function spoiled(account: TestAccount, space: Workspace): Promise<{ good: string; ids: string[] }> {
  const good = space.git('rev-parse', 'HEAD').trim();
  const ids = flows(account).slice(0, 5);
  for (const id of ids) account.emulator.act(account.owner.email).set('flows', id, { description: 'spoiled' });
  expect((await space.sync()).verdict).toBe('changed');
  return { good, ids };
}

describe('work does not depend on who reads what a command prints', () => {
  eachOf<[Fate, number]>(
    [
      ['shut', 0],
      ['full', 1],
    ],
    { quick: 1 },
  )('restore-into-closed-pipe: a restore whose output is %s writes everything', async (fate, code) => {
    const account = await sample();
    const space = await mirrored(account);
    const { good, ids } = await spoiled(account, space);

    const outcome = await run(['restore', 'all', '--at', good, '--yes'], space.dir, { out: fate });

    expect(ids.map((id) => doc(account.emulator, 'flows', id).description)).not.toContain('spoiled');
    expect(outcome.code, outcome.err).toBe(code);
    expect((await space.sync()).verdict).toBe('unchanged');
  });

  eachOf<[string, { out?: Fate; err?: Fate }, number]>(
    [
      ['both outputs shut', { out: 'shut', err: 'shut' }, 0],
      ['a log on a full disk', { err: 'full' }, 0],
      ['a result on a full disk', { out: 'full' }, 1],
    ],
    { quick: 1 },
  )('sync commits with %s', async (_, fates, code) => {
    const account = await sample();
    const space = await mirrored(account);
    account.emulator.act(account.owner.email).set('flows', String(flows(account)[0]), { description: 'new' });

    const outcome = await run(['sync', '--json'], space.dir, fates, { LOG_LEVEL: 'trace' });

    expect(outcome.code, outcome.err).toBe(code);
    expect(space.log('%s')).toHaveLength(2);
    if (fates.out === 'full') expect(outcome.err).toContain('standard output cannot be written');
  });
});

it.each<[string, readonly string[], number, string]>([
  ['an unknown option', ['sync', '--frobnicate', '--json'], 64, "unknown option '--frobnicate'"],
  ['an unknown command', ['frobnicate', '--json'], 64, "unknown command 'frobnicate'"],
  ['an account that is not configured', ['sync', '--account', 'nope', '--json'], 64, 'no account is called nope'],
  ['a clone that does not exist', ['log', '--json'], 64, 'mirror'],
])('--json prints one JSON document for %s, too', async (_, words, code, message) => {
  const space = new Workspace({ prod: { baseUrl: 'http://127.0.0.1:1', token: 'a-token-of-nobody' } });

  const outcome = await space.run(...words);

  expect(outcome.code).toBe(code);
  expect(JSON.parse(outcome.out)).toEqual({
    version: 1,
    exitCode: code,
    error: expect.objectContaining({ code: 'USAGE', message: expect.stringContaining(message) }),
  });
  expect(outcome.err).toContain(message);
  expect((await space.run(...words.filter((word) => word !== '--json'))).out).toBe('');
});

describe('--json prints one JSON document, and nothing else, for', () => {
  /** Commands that have a result as JSON. */
  async function commands(): Promise<string[]> {
    const { out } = await cli(['--help'], '/');
    const names = [...out.slice(out.indexOf('Commands:')).matchAll(/^ {2}([a-z]+) /gm)].map(([, name = '']) => name);
    const help = await Promise.all(names.map(async (name) => (await cli([name, '--help'], '/')).out));
    return names.filter((_, i) => help[i]?.includes('--json'));
  }
  const documentOf = async (words: readonly string[], dir: string) => {
    const { out, code } = await cli(words, dir);
    const document = JSON.parse(out) as { exitCode?: number };
    expect(document.exitCode ?? code, words.join(' ')).toBe(code);
    return document;
  };

  it.each<[what: string, words: string[]]>([
    ['an unknown option', ['--frobnicate']],
    ['words too many', ['a', 'b', 'c', 'd', '--at', 'e', 'f', '--no-such']],
    ['no word, and no configuration', []],
    ['a missing configuration', ['x', 'y', '--config', 'missing.yaml']],
    ['a configuration that is none', ['x', 'y', '--config', 'broken.yaml']],
    ['a clone that is none', ['--config', 'empty.yaml']],
  ])('%s, with every command', async (what, words) => {
    const dir = tempDir();
    writeFileSync(join(dir, 'broken.yaml'), 'accounts: [');
    writeFileSync(join(dir, 'empty.yaml'), 'accounts:\n  prod:\n    token: a-token-of-nobody\n');
    const names = await commands();
    expect(names).toEqual(expect.arrayContaining(['sync', 'restore', 'undo', 'apply', 'drill', 'log', 'find']));
    for (const name of names) {
      // These need no configuration, and would begin to work.
      const works = ['emulator', 'demo', 'sync', 'doctor', 'drill'].includes(name) && !what.includes('option');
      if (!works) await documentOf([name, ...words, '--json'], dir);
    }
  });

  it('a format that is named otherwise', async () => {
    for (const words of [['--format', 'json'], ['--format=json']])
      expect(await documentOf(['lint', ...words, '--config', 'missing.yaml'], tempDir())).toHaveProperty('error');
  });

  it('no command', async () => {
    expect(await documentOf(['--json'], '/')).toMatchObject({ error: { code: 'USAGE' } });
    expect((await cli(['--config', 'x', '--format', 'json'], '/')).out).not.toContain('(');
  });

  it.each([
    ['a restore', ['restore', 'all', '--at', 'HEAD', '--json'], 'Nothing was written to the account'],
    ['another account for a folder', ['sync', '--rebind', '--json'], 'is still bound to'],
  ])('%s that is declined', async (_, words, message) => {
    const account = await sample();
    const space = new Workspace({ prod: { baseUrl: account.url, token: account.owner.token } });
    await space.mirrored();
    const first = space.git('rev-parse', 'HEAD').trim();
    account.emulator.act(account.owner.email).set('flows', String(flows(account)[0]), { description: 'new' });
    if (words[0] === 'restore') await space.sync();
    else {
      const binding = join(space.mirror, 'prod', 'mirror.yaml');
      writeFileSync(binding, readFileSync(binding, 'utf8').replace(account.owner._id, '64f000000000000000000bad'));
      space.git('-c', 'user.name=Eve', '-c', 'user.email=eve@x.test', 'commit', '-qam', 'another user');
    }

    const asked = words.map((word) => (word === 'HEAD' ? first : word));
    const { code, out } = await cli(asked, space.dir, {}, undefined, async () => 'no');

    expect(code).toBe(4);
    expect(JSON.parse(out)).toMatchObject({
      exitCode: 4,
      error: { code: 'DECLINED', message: expect.stringContaining(message) },
    });
  });
});

describe('a result that was asked for', () => {
  it.each([[['types']], [['--help']], [['--version']], [['init', '--schema']]])(
    'and does not fit on the disk is a failure: %s',
    async (words) => {
      const outcome = await run(words, tempDir(), { out: 'full' });

      expect(outcome.code).not.toBe(0);
      expect(outcome.err).toMatch(/standard output cannot be written.*no space left/);
    },
  );

  it('is a failure where only its beginning fits', () => {
    const dir = tempDir();
    // A limit on the size of files cuts as a disk does that fills up; nobody is to die of it.
    const line = `trap '' XFSZ; ulimit -f 8; exec "$0" "$1" types --json > "$2"`;
    const { status, stderr } = spawnSync('bash', ['-c', line, process.execPath, PROGRAM, join(dir, 'types.json')], {
      cwd: dir,
      env: ENV,
      encoding: 'utf8',
    });

    expect(stderr).toContain('standard output cannot be written');
    expect(status).toBe(1);
    expect(readFileSync(join(dir, 'types.json')).length).toBe(8 * 1024);
  });

  it('is a success where its reader has seen enough', async () => {
    expect(await run(['types'], tempDir(), { out: 'shut' })).toMatchObject({ code: 0, err: '' });
  });
});

describe('an output', () => {
  it('for logs fills no memory while its reader stalls, and continues with it', async () => {
    const stream = Object.assign(new PassThrough(), { fd: -1 });
    const { write, failure, arrived } = openOutput(stream, { log: true });
    const line = `${'x'.repeat(1023)}\n`;

    for (let n = 0; n < 20_000; n++) write(line);
    expect(stream.writableLength + stream.readableLength).toBeLessThan(8 * 1024 * 1024);
    expect(failure()?.message).toContain('does not read');

    stream.resume();
    await once(stream, 'drain');
    write(line);
    await arrived();
    expect(failure()).toBeUndefined();
  });

  it('for results writes nothing behind a part that was lost', async () => {
    const taken: string[] = [];
    const stream = Object.assign(
      new Writable({
        write(chunk: Buffer, _, done) {
          taken.push(chunk.toString());
          done(chunk.toString() === 'lost' ? Object.assign(new Error('no'), { code: 'EIO' }) : null);
        },
        autoDestroy: false,
        emitClose: false,
      }),
      { fd: -1 },
    );
    const { write, failure, arrived } = openOutput(stream, { log: false });

    for (const text of ['first', 'lost']) write(text);
    await arrived();
    write('behind');

    expect(taken).toEqual(['first', 'lost']);
    expect(failure()).toMatchObject({ code: 'EIO' });
  });
});

it('--quiet prints and logs nothing of a run that changed nothing, and all of one that did', async () => {
  const account = await sample();
  const space = new Workspace({ prod: { baseUrl: account.url, token: account.owner.token } });
  await space.mirrored();
  const quiet = (...flags: string[]) => cli(['sync', '--quiet', ...flags], space.dir, { LOG_LEVEL: 'info' });

  expect(await quiet()).toEqual({ code: 0, out: '', err: '' });
  expect(await quiet('--json')).toEqual({ code: 0, out: '', err: '' });

  const [flow] = account.emulator.state.all('flows');
  account.emulator.act(account.owner.token).set('flows', String(flow?._id), { description: 'another' });
  const { out, err } = await quiet();
  expect(out).toContain('description changed');
  const messages = err
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { msg: string }).msg);
  expect(messages).toEqual(['sync started', 'committed', 'sync ended']);
});
