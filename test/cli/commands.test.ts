import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sampleAccount, sampleCredentials } from '../../src/emulator/sample/index.ts';
import { sample } from '../support/account.ts';
import { cli, git, start, tempDir, Workspace } from '../support/workspace.ts';

const COMMANDS = ['sync', 'verify', 'doctor', 'types', 'init', 'emulator', 'demo'];

describe('help', () => {
  it.each(COMMANDS)('of %s explains itself with examples', async (name) => {
    const outcome = await cli([name, '--help'], tempDir());

    expect(outcome.code).toBe(0);
    expect(outcome.out).toContain(`celigo-mirror ${name}`);
    expect(outcome.out).toContain('Examples:');
  });

  it('lists every command, and is shown with exit code 64 when none was given', async () => {
    const outcome = await cli([], tempDir());

    expect(outcome.code).toBe(64);
    for (const name of COMMANDS) expect(outcome.err).toContain(`  ${name} `);
  });

  it.each([['nonsense'], ['help', 'nonsense']])('names a command that there is none of: %s %s', async (...words) => {
    const { code, err } = await cli(words, tempDir());

    expect(code).toBe(64);
    expect(err).toContain("error: unknown command 'nonsense'");
  });

  it.each([
    [['--version'], 0],
    [['nonsense'], 64],
    [['sync', '--nonsense'], 64],
    [['sync', '--account'], 64],
  ])('%j ends with %i', async (args, code) => {
    expect((await cli(args, tempDir())).code).toBe(code);
  });
});

it.each([
  [['undo', '--by', '', '--since', 'monday', '--yes'], '--by'],
  [['log', '--run= '], '--run'],
  [['undo', 'HEAD', '--out', ''], '--out'],
  [['find', '--type', 'flows', ''], '--type'],
  [['--config', '', 'log'], '--config'],
  [['emulator', '--edit-every', ''], '--edit-every'],
])('%j is refused, for its empty option', async (args, option) => {
  const { code, err } = await cli(args, tempDir());

  expect(code).toBe(64);
  expect(err).toContain(`error: ${option}: the value is empty`);
});

describe('where several accounts are configured', () => {
  it.each([
    [['undo', '--by', 'mateo', '--dry-run'], 'several accounts are configured'],
    [['apply', '--dry-run'], 'several accounts are configured'],
    [['compare'], 'compare needs two accounts'],
    [['compare', 'sandbox'], 'compare needs two accounts'],
  ])('%j names them', async (args, says) => {
    const account = { baseUrl: 'http://127.0.0.1:1', token: 'a-token-of-nobody' };
    const space = new Workspace({ production: account, sandbox: account });
    git(space.dir, 'init', '--quiet', '--initial-branch=main', space.mirror);

    const outcome = await space.run(...args);

    expect(outcome.code).toBe(64);
    expect(outcome.err).toContain(says);
    expect(outcome.err).toMatch(/→ .*: production, sandbox\n/);
  });
});

describe('types', () => {
  it('prints the catalogue, with agents and guardrails as imports', async () => {
    const { out } = await cli(['types'], tempDir());

    expect(out).toMatch(/^imports +\/v1\/imports/m);
    expect(out).toMatch(/^ {2}AI agent +\/v1\/imports, adaptorType = AiAgentImport/m);
    expect(out).toMatch(/^state .*if included/m);
  });

  it('prints every detail as JSON', async () => {
    const { types } = JSON.parse((await cli(['types', '--json'], tempDir())).out) as {
      types: { type: string; secrets: string[] }[];
    };

    expect(types).toHaveLength(35);
    expect(types.find(({ type }) => type === 'agents')?.secrets).toEqual(['accessToken']);
  });

  it('names what is left out at any depth, and what is only mirrored on request', async () => {
    const { out } = await cli(['types', 'tools'], tempDir());

    expect(out).toMatch(/omitted anywhere: +debugUntil, setupInProgress \(of steps that have a resource\)/);
    expect(out).toMatch(/omitted: +lastModified, .*createdAt, .*aiDescription/);
    expect(out).toMatch(/same as absent: +sandbox: false/);
    expect(out).toMatch(/captured \(opt-in\): .*mockOutput, mockResponse, mockInput.*, anywhere/);
  });
});

describe('init', () => {
  it('writes the commented example, and never over an existing file', async () => {
    const dir = tempDir();

    expect(await cli(['init'], dir)).toMatchObject({ code: 0, out: expect.stringContaining('celigo-mirror.yaml') });
    writeFileSync(join(dir, 'celigo-mirror.yaml'), 'mine');
    expect(await cli(['init'], dir)).toMatchObject({ code: 64, err: expect.stringContaining('already exists') });
    expect(readFileSync(join(dir, 'celigo-mirror.yaml'), 'utf8')).toBe('mine');
  });

  it('puts the schema that the example names beside it, so that both work on any machine', async () => {
    const dir = tempDir();
    await cli(['init'], dir);

    const [, named = ''] =
      /^# yaml-language-server: \$schema=(\S+)$/m.exec(readFileSync(join(dir, 'celigo-mirror.yaml'), 'utf8')) ?? [];
    expect(named).toMatch(/^\.\//);
    expect(JSON.parse(readFileSync(join(dir, named), 'utf8'))).toHaveProperty('properties.accounts');
  });
});

describe('doctor', () => {
  it('finds no fault where there is none, and says what it looked at', async () => {
    const account = await sample();
    const space = new Workspace({ prod: { baseUrl: account.url, token: account.owner.token } });
    const outcome = await space.run('doctor');

    expect(outcome.code).toBe(0);
    for (const words of [
      'git version',
      'accepted by',
      'agrees with the server',
      'audit log',
      'connections',
      'No faults found',
    ])
      expect(outcome.out).toContain(words);
    expect(existsSync(space.mirror)).toBe(false);
  });

  it('reports which files with secrets are open to other users, and has none of it in the output', async () => {
    const account = await sample();
    const space = new Workspace({ prod: { baseUrl: account.url, token: account.owner.token } });
    const configuration = join(space.dir, 'celigo-mirror.yaml');
    const tokenFile = join(space.dir, 'token');
    const filesSaid = async (): Promise<string[]> => {
      const { out } = await space.run('doctor', '--json');
      expect(out).not.toContain(account.owner.token);
      const { findings } = JSON.parse(out) as { findings: Record<string, string>[] };
      return findings
        .filter(({ area }) => area === 'secrets')
        .map(({ verdict, detail = '' }) => `${verdict} ${detail.replace(/^.*\/([^/ ]+) .*\((.*)\).*$/, '$1 $2')}`);
    };

    chmodSync(configuration, 0o644);
    expect(await filesSaid()).toEqual(['note celigo-mirror.yaml mode 0644']);
    chmodSync(configuration, 0o600);
    expect(await filesSaid()).toEqual(['ok no other user can read or change them']);

    // The token in a file of its own: then the configuration is no secret.
    writeFileSync(tokenFile, account.owner.token);
    space.configure({ prod: { baseUrl: account.url, tokenFile } as never });
    chmodSync(configuration, 0o644);
    for (const [mode, said] of [
      [0o600, 'ok no other user can read or change them'],
      [0o400, 'ok no other user can read or change them'],
      [0o440, 'note token mode 0440'],
      [0o660, 'note token mode 0660'],
      [0o666, 'fault token mode 0666'],
    ] as const) {
      chmodSync(tokenFile, mode);
      expect(await filesSaid()).toEqual([said]);
    }
    expect((await space.run('doctor')).code).toBe(1);
  });

  it('notes an API token that expires soon', async () => {
    const account = await sample();
    await account.call(account.owner, 'POST', '/v1/accesstokens', {
      name: 'Nightly sync',
      fullAccess: true,
      autoPurgeAt: new Date(Date.now() + 3.5 * 86_400_000).toISOString(),
    });
    const space = new Workspace({ prod: { baseUrl: account.url, token: account.owner.token } });

    const outcome = await space.run('doctor');

    expect(outcome.code).toBe(0);
    expect(outcome.out).toContain('Nightly sync expires in 3 days');
  });

  it('ends when the listing of API tokens leads back to itself', async () => {
    const account = await sample();
    account.emulator.faults.add({ match: { path: '/v1/accesstokens' }, times: 'always', fault: { kind: 'nextLink' } });
    const space = new Workspace({ prod: { baseUrl: account.url, token: account.owner.token } });

    expect((await space.run('doctor')).code).toBe(0);
    expect(account.emulator.requests.filter(({ path }) => path === '/v1/accesstokens').length).toBeLessThan(10);
  });

  it('names a refused token, a closed audit log and unreadable types, each with a remedy', async () => {
    const account = await sample();
    const monitor = account.person('monitor');
    const bad = new Workspace({ prod: { baseUrl: account.url, token: 'not-a-token' } });
    const limited = new Workspace({ prod: { baseUrl: account.url, token: monitor.token } });

    expect(await bad.run('doctor')).toMatchObject({
      code: 1,
      out: expect.stringMatching(/fault +token .*\n +→ .*region/),
    });
    expect((await bad.run('doctor')).out).not.toContain('not-a-token');
    expect((await limited.run('doctor')).out).toMatch(/note +audit log/);
  });

  it('knows a server that is not there and a remote that cannot be reached', async () => {
    const account = await sample();
    const space = new Workspace(
      { prod: { baseUrl: 'http://127.0.0.1:9', token: account.owner.token } },
      { repository: { remote: '/nonexistent/remote.git' } },
    );
    const { findings } = JSON.parse((await space.run('doctor', '--json')).out) as {
      findings: { area: string; verdict: string; remedy?: string }[];
    };

    expect(findings.filter(({ verdict }) => verdict === 'fault').map(({ area }) => area)).toEqual(['remote', 'prod']);
    expect(findings.filter(({ verdict }) => verdict === 'fault').every(({ remedy }) => Boolean(remedy))).toBe(true);
  });
});

describe('a proxy of the environment that is not a valid address', () => {
  it.each(['sync', 'doctor', 'daemon'])(
    'stops %s with exit code 64, its name and without its password',
    async (name) => {
      const account = await sample();
      const space = new Workspace({ prod: { baseUrl: account.url, token: account.owner.token } });

      const { code, out, err } = await cli([name], space.dir, { HTTPS_PROXY: 'proxy.example:geheim@3128' });

      expect(code).toBe(64);
      expect(out + err).toContain('$HTTPS_PROXY is not a valid proxy URL');
      expect(out + err).not.toMatch(/geheim|internal error/);
    },
  );
});

describe('verify', () => {
  it('names each fault of a mirror that was edited manually, with its line', async () => {
    const account = await sample();
    const space = new Workspace({ prod: { baseUrl: account.url, token: account.owner.token } });
    await space.mirrored();
    const [flow, other, script] = [
      ...space
        .files()
        .filter((path) => path.startsWith('flows/'))
        .slice(0, 2),
      ...space
        .files()
        .filter((path) => path.endsWith('.js'))
        .slice(0, 1),
    ];
    writeFileSync(join(space.mirror, 'prod', String(flow)), `${space.read(`prod/${flow}`)}zzz:   1\n`);
    writeFileSync(join(space.mirror, 'prod', String(other)), 'a: [\n');
    writeFileSync(join(space.mirror, 'prod', String(script).replace(/js$/, 'txt')), 'x');
    const outcome = await cli(['verify', space.mirror], space.dir);

    expect(outcome.code).toBe(1);
    expect(outcome.out).toMatch(new RegExp(`${flow}:\\d+: was edited manually`));
    expect(outcome.out).toContain(`${other}:`);
    expect(outcome.out).toContain('belongs to no document');
  });

  it('says when there is nothing to check', async () => {
    expect(await cli(['verify', tempDir()], tempDir())).toMatchObject({
      code: 64,
      err: expect.stringContaining('holds no mirror'),
    });
  });
});

describe('emulator', () => {
  it('serves the sample account until it is stopped, and one loaded from a mirror', { tags: 'slow' }, async () => {
    const account = await sample();
    const space = new Workspace({
      prod: {
        baseUrl: account.url,
        token: account.owner.token,
        include: ['*', 'state', 'storageitems'],
        lookupCacheData: true,
      },
    });
    await space.mirrored();
    const dir = tempDir();
    const run = start(['emulator', '--from', space.mirror, '--json'], dir);
    const { url, token } = JSON.parse(await run.line) as { url: string; token: string };

    const copy = new Workspace({
      prod: { baseUrl: url, token, include: ['*', 'state', 'storageitems'], lookupCacheData: true },
    });
    expect(await copy.sync()).toMatchObject({ code: 0 });
    expect(copy.files()).toEqual(space.files());
    const flow = String(sampleAccount().resources.flows?.[0]?._id);
    expect(copy.read(copy.find(flow))).toBe(space.read(space.find(flow)));
    run.kill('SIGTERM');
    expect((await run.done).code).toBe(0);
  });
});

describe('output', () => {
  it('is one JSON document on standard output, logs go to standard error, and neither holds a secret', {
    tags: 'slow',
  }, async () => {
    const account = await sample();
    const space = new Workspace({ prod: { baseUrl: account.url, token: account.owner.token } });
    const outcome = await start(['sync', '--json', '--log-level', 'trace'], space.dir).done;

    expect(JSON.parse(outcome.out)).toMatchObject({ version: 1, accounts: [{ account: 'prod', exitCode: 0 }] });
    const lines = outcome.err
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { msg: string; account: string });
    expect(lines.map(({ msg }) => msg)).toEqual(
      expect.arrayContaining(['sync started', 'type listed', 'committed', 'sync ended']),
    );
    for (const credential of sampleCredentials) expect((outcome.out + outcome.err).includes(credential)).toBe(false);
  });

  it('is readable without --json, names made safe', async () => {
    const account = await sample();
    const space = new Workspace({ prod: { baseUrl: account.url, token: account.owner.token } });
    await account.call(account.owner, 'POST', '/v1/flows', {
      name: 'evil \u001b[31m\u202e name',
      disabled: true,
      pageGenerators: [],
      pageProcessors: [],
    });
    const { out } = await space.run('sync');

    expect(out).toMatch(/prod: 1\d\d changes \(\d+ resources, \d+ requests, [\d.]+ s\)/);
    expect(out).not.toContain('\u001b');
    expect(out).not.toContain('\u202e');
  });

  it('of the demo shows the story', { tags: 'slow' }, async () => {
    const { code, out } = await cli(['demo'], tempDir());

    expect(code).toBe(0);
    for (const words of [
      'flow "',
      '" renamed',
      'Mateo Álvarez',
      '" deleted',
      'exports: incomplete',
      'exit code 3',
      'exit code 0',
    ])
      expect(out).toContain(words);
  });
});

describe('a file or folder that an option names', () => {
  it('is reported where it cannot be used, without an internal error', { tags: 'slow' }, async () => {
    const account = await sample();
    const space = new Workspace({ prod: { baseUrl: account.url, token: account.owner.token } });
    await space.mirrored();
    mkdirSync(join(space.dir, 'folder'));
    writeFileSync(join(space.dir, 'file'), '');

    for (const [args, words] of [
      [['report', '-o', 'missing/report.html'], '--output: '],
      [['report', '-o', 'folder'], '--output: '],
      [['restore', 'all', '--out', 'missing/plan.json'], '--out: '],
      [['doctor', '--bundle', 'folder'], '--bundle: '],
      [['lint', '--policy', 'folder'], 'the policy '],
      [['emulator', '--from', 'file'], `${join(space.dir, 'file')} holds no mirror`],
      [['demo', '--keep', 'mirror'], `--keep: ${space.mirror} is not an empty folder`],
      [['diff', '--from', 'nonsense'], '--from: nonsense is neither'],
      [['diff', '--until', 'HEAD'], '--until needs --from: it names the newer of two states'],
    ] as const) {
      const { code, err } = await space.run(...args);

      expect(code, args.join(' ')).toBe(64);
      expect(err, args.join(' ')).toContain(`error: ${words}`);
      expect(err, args.join(' ')).not.toContain('internal error');
    }
  });
});

describe('emulator', () => {
  it('refuses an account without the mirror that has it', async () => {
    const { code, err } = await cli(['emulator', '--account', 'prod'], tempDir());

    expect([code, err]).toEqual([64, expect.stringContaining('→ Name the mirror with --from')]);
  });

  it('refuses edits every x', async () => {
    const { code, err } = await cli(['emulator', '--edit-every', 'x'], tempDir());

    expect(code).toBe(64);
    expect(err).toContain('is not a valid duration');
  });
});

describe('a mirror without a commit, as a first run leaves it that reaches no remote', () => {
  it.each([
    ['log'],
    ['report', '--from', 'yesterday'],
    ['blame', 'flows/x'],
    ['show', 'flows/x'],
    ['list'],
    ['find', 'x'],
    ['lint'],
    ['impact', 'flows/x'],
    ['verify'],
    ['drill'],
    ['diff', '--from', 'yesterday'],
    ['doctor', '--noise'],
  ])('is named by %s, with what makes one', async (...args) => {
    const space = new Workspace({ prod: { baseUrl: 'http://127.0.0.1:9', token: 'x' } });
    mkdirSync(space.mirror, { recursive: true });
    space.git('init', '--quiet');

    const { code, err } = await space.run(...args);

    expect(code).toBe(64);
    expect(err).toMatch(/(has no commits yet|holds no mirror|has no commit before).*celigo-mirror sync/s);
  });
});

describe('restore --to', () => {
  it('may name the only account that is configured', async () => {
    const env = { CELIGO_API_TOKEN: 'x', CELIGO_BASE_URL: 'http://127.0.0.1:9' };
    const { code, err } = await cli(['restore', 'all', '--to', 'default', '--dry-run'], tempDir(), env);

    expect(code).toBe(64);
    expect(err).toContain('holds no mirror of default yet');
  });
});
