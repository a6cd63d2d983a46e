// Measures the program against its floors on this machine and prints ratios. See bench/README.md.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const PROGRAM = here('../dist/main.js');
const ROUNDS = 5;
const CHANGES = 20;

const work = mkdtempSync(join(tmpdir(), 'celigo-mirror-bench-'));
const env = { PATH: process.env.PATH, HOME: work, GIT_CONFIG_NOSYSTEM: '1', LOG_LEVEL: 'silent' };

interface Timed {
  readonly ms: number;
  readonly out: string;
  readonly peak: number;
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
      if (code === 0) resolve({ ms, out, peak: Number(readFileSync(peakFile, 'utf8')) });
      else reject(new Error(`${args.join(' ')} ended with ${code}`));
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
    `repository: { path: mirror }\naccounts: { bench: { baseUrl: "${url}", token: bench-token, requestsPerSecond: 300 } }\n`,
  );
  return dir;
}

const sync = (dir: string): Promise<Timed> => run([PROGRAM, 'sync'], dir);

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
    const n = spread ? (i * 397 + round) % 6000 : i + round * CHANGES;
    const dir = spread ? (['imports', 'exports', 'flows'][i % 3] as string) : 'imports';
    return { dir, n: dir === 'flows' ? n % 4000 : n, text: `edited in round ${round}` };
  });
  const kinds = { flows: '06', exports: '04', imports: '05' } as const;
  const body = edits.map(({ dir, n, text }) => ({
    type: dir,
    id: `66${kinds[dir as keyof typeof kinds]}a0b0c0d0e0f0${n.toString(16).padStart(8, '0')}`,
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
  return `| ${name} | ${Math.round(ms)} ms | ${Math.round(floor)} ms | ${ratio.toFixed(2)} | ${target.toFixed(1)} | ${ratio <= target ? 'yes' : 'no'} |`;
}

async function speed(): Promise<string[]> {
  const server = await serve(20_000);
  try {
    const bare = here('bare.js');
    await run([bare, server.url]);
    const cold: number[] = [];
    let dir = '';
    for (let i = 0; i < 3; i++) {
      if (dir) rmSync(dir, { recursive: true, force: true });
      dir = workspace(server.url);
      cold.push((await sync(dir)).ms);
    }
    const floors = [0, 1, 2].map(() => floorOfWriting(join(dir, 'mirror')));
    const bareMs: number[] = [];
    const warm: number[] = [];
    const planning: number[] = [];
    const onePage: number[] = [];
    const spread: number[] = [];
    await sync(dir);
    for (let i = 0; i < ROUNDS; i++) {
      bareMs.push((await run([bare, server.url])).ms);
      warm.push((await sync(dir)).ms);
      planning.push((await run([PROGRAM, 'restore', 'all', '--dry-run'], dir)).ms);
      await edit(server.url, i, false);
      onePage.push((await sync(dir)).ms);
      await edit(server.url, i, true);
      spread.push((await sync(dir)).ms);
    }
    const fetching = median(bareMs);
    const coldFloor = fetching + median(floors.map(({ write }) => write)) + median(floors.map(({ git }) => git));
    return [
      '| 20,000 resources | program | floor | ratio | target | met |',
      '|---|---|---|---|---|---|',
      line('warm run, no changes (floor: fetch and parse)', median(warm), fetching, 1.5),
      line('cold run (floor: fetch, parse, write, git add, git commit)', median(cold), coldFloor, 2),
      line('restore all --dry-run, nothing to do (floor: warm run)', median(planning), median(warm), 1.3),
      line(`${CHANGES} changes on one page (floor: warm run)`, median(onePage), median(warm), 1.3),
      line(`${CHANGES} changes spread over all pages (floor: warm run)`, median(spread), median(warm), 1.3),
    ];
  } finally {
    server.stop();
  }
}

/** Requests a second that the client is allowed, and how many resources are made with it. */
const RATE = 300;
const RESTORED = 5_000;

/** A restore of an account into an empty one: bound by the rate of requests, or by us? */
async function restoring(): Promise<string[]> {
  const [from, to] = await Promise.all([serve(RESTORED), serve(0)]);
  try {
    const dir = mkdtempSync(join(work, 'w-'));
    const account = (url: string): string => `{ baseUrl: "${url}", token: bench-token, requestsPerSecond: ${RATE} }`;
    writeFileSync(
      join(dir, 'celigo-mirror.yaml'),
      `repository: { path: mirror }\naccounts: { bench: ${account(from.url)}, empty: ${account(to.url)} }\n`,
    );
    await run([PROGRAM, 'sync', '--account', 'bench'], dir);
    const words = ['restore', 'all', '--to', 'empty', '--account', 'bench', '--yes', '--json'];
    const { ms, out } = await run([PROGRAM, ...words], dir);
    const { writes, applyMs } = JSON.parse(out) as { writes: number; applyMs: number };
    const rate = (writes / applyMs) * 1000;
    return [
      '',
      `| restoring ${RESTORED} resources into an empty account | requests | seconds | requests/s | allowed | ratio | target | met |`,
      '|---|---|---|---|---|---|---|---|',
      `| apply phase (whole command: ${(ms / 1000).toFixed(1)} s) | ${writes} | ${(applyMs / 1000).toFixed(1)} | ${Math.round(rate)} | ${RATE} | ${(rate / RATE).toFixed(2)} | 0.80 | ${rate >= 0.8 * RATE ? 'yes' : 'no'} |`,
    ];
  } finally {
    from.stop();
    to.stop();
  }
}

async function memory(): Promise<string[]> {
  const peaks: number[] = [];
  for (const size of [10_000, 100_000]) {
    const server = await serve(size);
    try {
      const dir = workspace(server.url);
      peaks.push((await sync(dir)).peak / 2 ** 20);
      rmSync(dir, { recursive: true, force: true });
    } finally {
      server.stop();
    }
  }
  const [small = 0, large = 0] = peaks;
  return [
    '',
    '| peak memory of a cold run | 10,000 | 100,000 | ratio | target | met |',
    '|---|---|---|---|---|---|',
    `| resident set | ${Math.round(small)} MiB | ${Math.round(large)} MiB | ${(large / small).toFixed(2)} | 2.0 and 512 MiB | ${large / small <= 2 && large < 512 ? 'yes' : 'no'} |`,
  ];
}

try {
  const head = `Node ${process.version}, ${cpus().length} cores, ${execFileSync('git', ['--version']).toString().trim()}, ${new Date().toISOString().slice(0, 10)}\n`;
  process.stdout.write(`${head}\n`);
  for (const part of [speed, restoring, memory]) process.stdout.write(`${(await part()).join('\n')}\n`);
} finally {
  rmSync(work, { recursive: true, force: true });
}
