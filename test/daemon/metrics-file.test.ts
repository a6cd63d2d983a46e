import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openMetricsFile } from '../../src/cli/actions/metrics-file.ts';
import { mergeExpositions, parseExposition } from '../../src/daemon/exposition.ts';
import { createMetrics } from '../../src/daemon/metrics.ts';
import { sample } from '../support/account.ts';
import { cli, ENV, tempDir, Workspace } from '../support/workspace.ts';

const HEAD = { runs: '# HELP runs Runs\n# TYPE runs counter', age: '# HELP age Age\n# TYPE age gauge' };
const merged = (before: string, now: string, keeps = true): string =>
  mergeExpositions(parseExposition(before), parseExposition(now), { file: 'one', keeps: () => keeps });

describe('metrics of one process after another', () => {
  it.each([
    [
      'counters continue, those of other accounts too',
      `${HEAD.runs}\nruns{account="a",outcome="ok"} 2\nruns{account="a",outcome="bad"} 1\nruns{account="b"} 7\n`,
      `${HEAD.runs}\nruns{account="a",outcome="ok"} 1\n`,
      `${HEAD.runs}\nruns{account="a",outcome="ok"} 3\nruns{account="a",outcome="bad"} 1\nruns{account="b"} 7\n`,
    ],
    [
      'a gauge has the new values of an account, and no old one of it',
      `${HEAD.age}\nage{account="a",type="x"} 2\nage{account="a",type="y"} 2\nage{account="b"} 7\n`,
      `${HEAD.age}\nage{account="a",type="x"} 5\n`,
      `${HEAD.age}\nage{account="a",type="x"} 5\nage{account="b"} 7\n`,
    ],
    [
      'what belongs to no account is told apart by its file',
      `${HEAD.age}\nage{version="1",file="one"} 1\n`,
      `${HEAD.age}\nage{version="2"} 1\n`,
      `${HEAD.age}\nage{version="2",file="one"} 1\n`,
    ],
    [
      'names with anything in them stay whole',
      `${HEAD.age}\nage{t=",account=\\"b\\"} ",account="a"} 1\n`,
      '',
      undefined,
    ],
    [
      'a damaged file is none',
      'what { is } this\n# TYPE\nage 5\n',
      `${HEAD.age}\nage 1\n`,
      `${HEAD.age}\nage{file="one"} 1\n`,
    ],
  ])('%s', (_, before, now, expected = before) => {
    expect(merged(before, now)).toBe(expected);
  });

  it('keep nothing of accounts that are gone', () => {
    expect(merged(`${HEAD.age}\nage{account="gone"} 1\n`, '', false)).toBe('\n');
  });
});

it('a token that is gone alarms no more', async () => {
  const metrics = createMetrics('0.0.0', () => new Date());
  const expires = new Date(0);
  metrics.tokens('a', [
    { name: 'old', expires },
    { name: 'both', expires },
  ]);
  metrics.tokens('b', [{ name: 'old', expires }]);
  metrics.tokens('a', [{ name: 'both', expires }]);

  const text = await metrics.render([]);
  expect([...text.matchAll(/^celigo_mirror_token_expiry\w+\{(.*)\}/gm)].map(([, labels]) => labels).sort()).toEqual([
    'account="a",token="both"',
    'account="b",token="old"',
  ]);
});

/** A workspace with a mirror, and the file that its commands keep. */
async function world() {
  const account = await sample();
  const space = new Workspace({ production: { baseUrl: account.url, token: account.owner.token } });
  await space.mirrored();
  const file = join(tempDir(), 'celigo.prom');
  const run = (...args: string[]) => cli([...args, '--metrics-file', file], space.dir);
  const value = (series: string): number | undefined => {
    const line = readFileSync(file, 'utf8')
      .split('\n')
      .find((one) => one.startsWith(`celigo_mirror_${series} `));
    return line === undefined ? undefined : Number(line.slice(line.lastIndexOf(' ') + 1));
  };
  return { account, space, file, run, value };
}

describe('--metrics-file', () => {
  it('keeps what the daemon would serve, from run to run, and is readable for the collector', async () => {
    const { space, file, run, value } = await world();
    const umask = process.umask(0o077);
    try {
      expect(await run('sync')).toMatchObject({ code: 0 });
      expect(await run('sync')).toMatchObject({ code: 0 });
    } finally {
      process.umask(umask);
    }

    expect(statSync(file).mode & 0o777).toBe(0o644);
    expect(value('runs_total{account="production",outcome="unchanged"}')).toBe(2);
    expect(value('run_duration_seconds_count{account="production"}')).toBe(2);
    expect(value('consecutive_failures{account="production"}')).toBe(0);
    expect(value('incomplete_types{account="production"}')).toBe(0);
    expect(value('unpushed_commits{file="celigo"}')).toBe(0);
    const success = value('last_success_timestamp_seconds{account="production"}') ?? 0;
    expect(Math.abs(Date.now() / 1000 - success)).toBeLessThan(120);

    space.configure({ production: { baseUrl: 'http://127.0.0.1:9', token: 'x' } });
    const failed = await run('sync');
    expect(failed.code).toBe(1);
    expect(value('consecutive_failures{account="production"}')).toBe(1);
    expect(value('runs_total{account="production",outcome="failed"}')).toBe(1);
    expect(value('last_success_timestamp_seconds{account="production"}')).toBe(success);
  });

  it('has the drill beside the runs, and only metrics that the daemon serves', { tags: 'slow' }, async () => {
    const { file, run, value } = await world();
    expect(await run('sync')).toMatchObject({ code: 0 });
    expect(await run('drill')).toMatchObject({ code: 0 });

    expect(value('drill_last_successful{account="production"}')).toBe(1);
    expect(value('drill_restorable_ratio{account="production"}')).toBeGreaterThan(0.5);
    expect(value('runs_total{account="production",outcome="unchanged"}')).toBe(1);
    const names = [...readFileSync(file, 'utf8').matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name);
    const served = await createMetrics('0.0.0', () => new Date()).render([]);
    expect(new Set(names).size).toBe(names.length);
    for (const name of names) expect(served).toContain(`# TYPE ${name} `);
    // Ages, and what only a process that goes on can say, would be wrong in a file.
    for (const name of ['ready', 'last_success_age_seconds', 'next_run_timestamp_seconds'])
      expect(names).not.toContain(`celigo_mirror_${name}`);
    const promtool = spawnSync('promtool', ['check', 'metrics'], { input: readFileSync(file), encoding: 'utf8' });
    if (!promtool.error) expect(promtool.stdout + promtool.stderr).not.toMatch(/error|duplicate/i);
  });

  it.each([
    ['a dry run', ['--dry-run'], 'metrics.prom', /--metrics-file is for runs that write: --dry-run mirrors nothing/],
    [
      'a folder that is not there',
      [],
      'none/metrics.prom',
      /--metrics-file: .*none\/metrics\.prom cannot be written: .*ENOENT/,
    ],
    ['a folder', [], 'folder.prom', /folder\.prom cannot be written: it is a folder/],
    [
      'a name that no collector reads',
      [],
      'metrics.txt',
      /metrics\.txt does not end with \.prom, so no collector reads it/,
    ],
  ])('is refused before the run for %s', async (_, more, name, words) => {
    const space = new Workspace({ production: { baseUrl: 'http://127.0.0.1:9', token: 'x' } });
    const dir = tempDir();
    mkdirSync(join(dir, 'folder.prom'));
    const { code, err } = await cli(['sync', ...more, '--metrics-file', join(dir, name)], space.dir);
    expect(code).toBe(64);
    expect(err).toMatch(words);
  });

  it('that cannot be written after the run is exit code 3, or that of the run', async () => {
    const file = join(tempDir(), 'celigo.prom');
    let err = '';
    const write = (text: string): void => {
      err += text;
    };
    const io = { out: write, err: write, outIsTerminal: false, errIsTerminal: false, env: ENV, cwd: '/' };
    const opened = openMetricsFile({ ...io, now: () => new Date(), signal: new AbortController().signal }, file);
    // A file cannot take its place.
    mkdirSync(join(file, 'x'), { recursive: true });

    expect(await opened.drilled([], 0)).toBe(3);
    expect(await opened.drilled([], 1)).toBe(1);
    expect(err).toMatch(/^--metrics-file: \/.*celigo\.prom could not be written: /);
    expect(readdirSync(dirname(file))).toEqual(['celigo.prom']);
  });
});
