// Measures the program against its floors, and perhaps against another build, and prints ratios: bench/README.md.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { resourceId } from './account.ts';

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const { values: flags } = parseArgs({
  options: {
    /** Another built program (its dist/main.js), measured in turn with this one. */
    program: { type: 'string' },
    rounds: { type: 'string', default: '5' },
    /** Resources of the account whose runs are timed. */
    size: { type: 'string', default: '20000' },
    only: { type: 'string', default: 'speed,checks,restoring,memory' },
  },
});
const PROGRAM = here('../dist/main.js');
const PROGRAMS = [PROGRAM, ...(flags.program === undefined ? [] : [resolve(flags.program)])];
const ROUNDS = Number(flags.rounds);
const SIZE = Number(flags.size);
const CHANGES = 20;

const work = mkdtempSync(join(tmpdir(), 'celigo-mirror-bench-'));
const env = { PATH: process.env.PATH, HOME: work, GIT_CONFIG_NOSYSTEM: '1', LOG_LEVEL: 'silent' };

interface Timed {
  readonly ms: number;
  readonly out: string;
  /** Bytes. */
  readonly peak: number;
  readonly cpuMs: number;
}

function run(args: readonly string[], cwd = work): Promise<Timed> {
  const peakFile = join(work, 'peak');
  rmSync(peakFile, { force: true });
  return new Promise((resolve, reject) => {
    const started = performance.now();
    const child = spawn(process.execPath, ['--import', here('peak.js'), ...args], {
      cwd,
      env: { ...env, BENCH_PEAK_FILE: peakFile },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let out = '';
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString();
    });
    child.on('close', (code) => {
      const ms = performance.now() - started;
      if (code === 0) {
        const used = JSON.parse(readFileSync(peakFile, 'utf8')) as Pick<Timed, 'peak' | 'cpuMs'>;
        resolve({ ms, out, ...used });
      } else reject(new Error(`${args.join(' ')} ended with ${code}`));
    });
  });
}

async function serve(size: number): Promise<{ url: string; stop: () => void }> {
  const child: ChildProcess = spawn(process.execPath, [here('serve.js'), String(size)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const url = await new Promise<string>((resolve) =>
    child.stdout?.once('data', (chunk: Buffer) => resolve(chunk.toString().trim())),
  );
  return { url, stop: () => child.kill('SIGTERM') };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

/** A folder with a configuration of its own; the mirror goes below it. */
function workspace(url: string): string {
  const dir = mkdtempSync(join(work, 'w-'));
  writeFileSync(
    join(dir, 'celigo-mirror.yaml'),
    'repository: { path: mirror }\n' +
      `accounts: { bench: { baseUrl: "${url}", token: bench-token, requestsPerSecond: 300 } }\n`,
  );
  return dir;
}

/** Writing the same files, and `git add` with `git commit` of them: what no mirror can do without. */
function floorOfWriting(mirror: string): { write: number; git: number } {
  const files = readdirSync(mirror, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.parentPath.includes('/.git'))
    .map((entry) => relative(mirror, join(entry.parentPath, entry.name)))
    .map((path) => ({ path, text: readFileSync(join(mirror, path)) }));
  const target = mkdtempSync(join(work, 'floor-'));
  const git = (...args: string[]): void => {
    execFileSync('git', ['-c', 'user.name=b', '-c', 'user.email=b@x', '-c', 'gc.auto=0', ...args], {
      cwd: target,
      env,
      stdio: 'ignore',
    });
  };
  git('init', '--quiet');
  const started = performance.now();
  const made = new Set<string>();
  for (const { path, text } of files) {
    const folder = dirname(path);
    if (!made.has(folder)) mkdirSync(join(target, folder), { recursive: true });
    made.add(folder);
    writeFileSync(join(target, path), text);
  }
  const written = performance.now();
  git('add', '-A');
  git('commit', '--quiet', '-m', 'floor');
  const committed = performance.now();
  rmSync(target, { recursive: true, force: true });
  return { write: written - started, git: committed - written };
}

/** Edits of one field in resources spread over all types, or within one page. */
async function edit(url: string, round: number, spread: boolean): Promise<void> {
  const edits = Array.from({ length: CHANGES }, (_, i) => {
    const n = spread ? (i * 397 + round) % (SIZE * 0.3) : i + round * CHANGES;
    const type = spread ? ((['imports', 'exports', 'flows'] as const)[i % 3] ?? 'imports') : 'imports';
    return { type, n: type === 'flows' ? n % (SIZE * 0.2) : n, text: `edited in round ${round}` };
  });
  const body = edits.map(({ type, n, text }) => ({
    type,
    id: resourceId(type, n),
    set: { description: `${text} ${spread ? 'everywhere' : 'on one page'}` },
  }));
  for (const entry of body) {
    const answer = await fetch(`${url}/_emulator/touch`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(entry),
    });
    if (!answer.ok) throw new Error(`touch answered ${answer.status}: ${await answer.text()}`);
  }
}

function line(name: string, ms: number, floor: number, target: number): string {
  const ratio = ms / floor;
  const cells = [name, `${Math.round(ms)} ms`, `${Math.round(floor)} ms`, ratio.toFixed(2), target.toFixed(1)];
  return `| ${[...cells, ratio <= target ? 'yes' : 'no'].join(' | ')} |`;
}

/** What was measured, by its name and program. Less is better. */
const figures = new Map<string, number[][]>();

function note(name: string, program: number, figure: number): void {
  const held = figures.get(name) ?? PROGRAMS.map(() => []);
  figures.set(name, held);
  held[program]?.push(figure);
}

/** Runs the same command of every program, in an order that changes from round to round, each in its own folder. */
async function measure(name: string, words: readonly string[], dirs: readonly string[]): Promise<void> {
  const order = [...PROGRAMS.entries()];
  if ((figures.get(name)?.[0]?.length ?? 0) % 2 === 1) order.reverse();
  for (const [at, program] of order) note(name, at, (await run([program, ...words], dirs[at])).ms);
}

/** Median of this program. */
const own = (name: string): number => median(figures.get(name)?.[0] ?? []);

/** This program against the other one: the median of the ratios of each pair of runs. */
function comparison(): string[] {
  const rows = [...figures].map(([name, [mine = [], others = []]]) => {
    const ratio = median(mine.map((figure, i) => figure / (others[i] ?? figure)));
    const cells = [name, Math.round(median(others)), Math.round(median(mine)), ratio.toFixed(2)];
    return `| ${[...cells, ratio <= 1.05 ? 'yes' : 'no'].join(' | ')} |`;
  });
  return ['', '| both programs in turn | other | this | ratio | at most 1.05 |', '|---|---|---|---|---|', ...rows];
}

async function speed(): Promise<string[]> {
  const server = await serve(SIZE);
  try {
    const bare = here('bare.js');
    await run([bare, server.url]);
    let dirs: string[] = [];
    for (let i = 0; i < 3; i++) {
      for (const dir of dirs) rmSync(dir, { recursive: true, force: true });
      dirs = PROGRAMS.map(() => workspace(server.url));
      await measure('cold run', ['sync'], dirs);
    }
    const floors = [0, 1, 2].map(() => floorOfWriting(join(dirs[0] ?? '', 'mirror')));
    const bareMs: number[] = [];
    for (const [at, program] of PROGRAMS.entries()) await run([program, 'sync'], dirs[at]);
    for (let i = 0; i < ROUNDS; i++) {
      bareMs.push((await run([bare, server.url])).ms);
      await measure('warm run', ['sync'], dirs);
      await measure('planning', ['restore', 'all', '--dry-run'], dirs);
      await edit(server.url, i, false);
      await measure('changes on one page', ['sync'], dirs);
      await edit(server.url, i, true);
      await measure('changes on all pages', ['sync'], dirs);
    }
    const fetching = median(bareMs);
    const coldFloor = fetching + median(floors.map(({ write }) => write)) + median(floors.map(({ git }) => git));
    const warm = own('warm run');
    return [
      `| ${SIZE.toLocaleString('en')} resources | program | floor | ratio | target | met |`,
      '|---|---|---|---|---|---|',
      line('warm run, no changes (floor: fetch and parse)', warm, fetching, 1.5),
      line('cold run (floor: fetch, parse, write, git add, git commit)', own('cold run'), coldFloor, 2),
      line('restore all --dry-run, nothing to do (floor: warm run)', own('planning'), warm, 1.3),
      line(`${CHANGES} changes on one page (floor: warm run)`, own('changes on one page'), warm, 1.3),
      line(`${CHANGES} changes spread over all pages (floor: warm run)`, own('changes on all pages'), warm, 1.3),
    ];
  } finally {
    server.stop();
  }
}

/** Resources of the accounts whose `lint` and `impact` are timed. */
const SIZES = [1_000, 2_000, 4_000, 8_000];

/** Whether reading commands take linear time: the CPU time a resource grows by at most 30 percent. */
async function checks(): Promise<string[]> {
  const commands = {
    lint: ['lint', '--fail-on', 'never', '--json'],
    impact: ['impact', `connections/${resourceId('connections', 0)}`, '--json'],
  };
  const rows: string[] = [];
  const spent = { lint: [] as number[], impact: [] as number[] };
  for (const size of SIZES) {
    const server = await serve(size);
    const dir = workspace(server.url);
    await run([PROGRAM, 'sync'], dir).finally(server.stop);
    for (const name of ['lint', 'impact'] as const) {
      const start: number[] = [];
      const rounds: number[] = [];
      for (let i = 0; i < 3; i++) {
        start.push((await run([PROGRAM, name, '--help'], dir)).cpuMs);
        rounds.push((await run([PROGRAM, ...commands[name]], dir)).cpuMs);
      }
      spent[name].push(median(rounds) - median(start));
    }
    const cells = [spent.lint, spent.impact].flatMap((all) => {
      const ms = all.at(-1) ?? 0;
      return [`${Math.round(ms)} ms`, `${(ms / size).toFixed(2)} ms`];
    });
    rows.push(`| ${[size.toLocaleString('en'), ...cells].join(' | ')} |`);
    rmSync(dir, { recursive: true, force: true });
  }
  const growth = [spent.lint, spent.impact].map((all) => (all.at(-1) ?? 0) / (all[0] ?? 1) / 8);
  const met = growth.map((factor) => `${factor.toFixed(2)}: ${factor <= 1.3 ? 'yes' : 'no'}`);
  return [
    '',
    '| CPU time, start of the process excluded | lint | a resource | impact | a resource |',
    '|---|---|---|---|---|',
    ...rows,
    `| growth of the time a resource, at most 1.30 | | ${met[0]} | | ${met[1]} |`,
  ];
}

/** Requests a second that the client is allowed, and how many resources are made with it. */
const RATE = 300;
const RESTORED = 5_000;

/** Milliseconds of a restore of an account into an empty one: of the phase that writes, and of the command. */
async function restoreOnce(program: string): Promise<{ writes: number; applyMs: number; ms: number }> {
  const [from, to] = await Promise.all([serve(RESTORED), serve(0)]);
  try {
    const dir = mkdtempSync(join(work, 'w-'));
    const account = (url: string): string => `{ baseUrl: "${url}", token: bench-token, requestsPerSecond: ${RATE} }`;
    writeFileSync(
      join(dir, 'celigo-mirror.yaml'),
      `repository: { path: mirror }\naccounts: { bench: ${account(from.url)}, empty: ${account(to.url)} }\n`,
    );
    await run([program, 'sync', '--account', 'bench'], dir);
    const words = ['restore', 'all', '--to', 'empty', '--account', 'bench', '--yes', '--json'];
    const { ms, out } = await run([program, ...words], dir);
    return { ...(JSON.parse(out) as { writes: number; applyMs: number }), ms };
  } finally {
    from.stop();
    to.stop();
  }
}

/** Is a restore bound by the rate of requests or by the program? */
async function restoring(): Promise<string[]> {
  const results: Awaited<ReturnType<typeof restoreOnce>>[] = [];
  for (const [at, program] of PROGRAMS.entries()) {
    const result = await restoreOnce(program);
    note('restoring, apply phase (ms)', at, result.applyMs);
    results.push(result);
  }
  const { writes, applyMs, ms } = results[0] ?? { writes: 0, applyMs: 0, ms: 0 };
  const rate = (writes / applyMs) * 1000;
  const cells = [
    `apply phase (complete command: ${(ms / 1000).toFixed(1)} s)`,
    ...[writes, (applyMs / 1000).toFixed(1), Math.round(rate), RATE, (rate / RATE).toFixed(2), '0.80'],
    rate >= 0.8 * RATE ? 'yes' : 'no',
  ];
  return [
    '',
    `| restoring ${RESTORED} resources into an empty account | requests | seconds | requests/s | allowed | ratio ` +
      '| target | met |',
    '|---|---|---|---|---|---|---|---|',
    `| ${cells.join(' | ')} |`,
  ];
}

async function memory(): Promise<string[]> {
  for (const size of [10_000, 100_000]) {
    const server = await serve(size);
    try {
      for (const [at, program] of PROGRAMS.entries()) {
        const dir = workspace(server.url);
        note(`peak memory of ${size} (MiB)`, at, (await run([program, 'sync'], dir)).peak / 2 ** 20);
        rmSync(dir, { recursive: true, force: true });
      }
    } finally {
      server.stop();
    }
  }
  const [small, large] = [own('peak memory of 10000 (MiB)'), own('peak memory of 100000 (MiB)')];
  const ratio = large / small;
  const cells = ['resident set', `${Math.round(small)} MiB`, `${Math.round(large)} MiB`, ratio.toFixed(2)];
  return [
    '',
    '| peak memory of a cold run | 10,000 | 100,000 | ratio | target | met |',
    '|---|---|---|---|---|---|',
    `| ${[...cells, '2.0 and 512 MiB', ratio <= 2 && large < 512 ? 'yes' : 'no'].join(' | ')} |`,
  ];
}

const PARTS = { speed, checks, restoring, memory };
try {
  const git = execFileSync('git', ['--version']).toString().trim();
  const day = new Date().toISOString().slice(0, 10);
  process.stdout.write(`Node ${process.version}, ${cpus().length} cores, ${git}, ${day}\n\n`);
  for (const name of flags.only.split(',')) {
    const part = PARTS[name as keyof typeof PARTS];
    if (!part) throw new Error(`--only must name some of ${Object.keys(PARTS).join(', ')}`);
    process.stdout.write(`${(await part()).join('\n')}\n`);
  }
  if (PROGRAMS.length > 1) process.stdout.write(`${comparison().join('\n')}\n`);
} finally {
  rmSync(work, { recursive: true, force: true });
}
