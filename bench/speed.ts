// Runs of sync against their floors: the first one, an unchanged one, with changes; and planning a restore.
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { resourceId } from './account.ts';
import { listings } from './listings.ts';
import { BURST, type Build, git, here, RATE, run, runNode, serve, settle, work, workspace } from './processes.ts';
import { note } from './rows.ts';
import type { Scale } from './scale.ts';
import { missingTools } from './tools.ts';

/** In an order that changes from round to round, since the one that comes later finds a warmer machine. */
function inTurn<T>(all: readonly T[], round: number): readonly T[] {
  return round % 2 === 0 ? all : [...all].reverse();
}

/** MiB that the files below a folder take on the disk. */
function diskOf(dir: string): number {
  const blocks = readdirSync(dir, { recursive: true, encoding: 'utf8' }).map(
    (path) => lstatSync(join(dir, path)).blocks,
  );
  return (blocks.reduce((sum, count) => sum + count, 0) * 512) / 2 ** 20;
}

/** Files of a mirror with their bytes. */
function filesOf(mirror: string): { path: string; bytes: Buffer }[] {
  return readdirSync(mirror, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.parentPath.includes('/.git'))
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => ({ path: relative(mirror, path), bytes: readFileSync(path) }));
}

/** Milliseconds of writing files, `git add` and `git commit`: what no mirror can do without. */
function writeAndCommit(files: ReturnType<typeof filesOf>, target: string): number {
  git(target, 'init', '--quiet');
  const started = performance.now();
  const made = new Set<string>();
  for (const { path, bytes } of files) {
    const folder = dirname(path);
    if (!made.has(folder)) mkdirSync(join(target, folder), { recursive: true });
    made.add(folder);
    writeFileSync(join(target, path), bytes);
  }
  git(target, 'add', '-A');
  git(target, 'commit', '--quiet', '-m', 'floor');
  return performance.now() - started;
}

/** The first run: the program, its floor and the shell loop, each into a new folder. @returns remarks */
async function firstRuns(url: string, builds: readonly Build[], mirror: string, rounds: number): Promise<string[]> {
  const files = filesOf(mirror);
  const lacks = missingTools();
  const pages = Object.entries(listings()).map(([type, path]) => `${type}=${path}`);
  const contenders = [
    ...builds.map(({ who, main }) => async (): Promise<void> => {
      const dir = workspace({ bench: url });
      const { ms, cpuMs } = await runNode([main, 'sync'], dir);
      note('first run', who, ms);
      note('first run, CPU', who, cpuMs);
      note('first run, disk', who, diskOf(join(dir, 'mirror')));
      rmSync(dir, { recursive: true });
    }),
    async (): Promise<void> => {
      const dir = mkdtempSync(join(work, 'floor-'));
      const { ms } = await runNode([here('bare.js'), url, 'scripts', String(RATE), String(BURST)]);
      note('first run', 'floor', ms + writeAndCommit(files, dir));
      note('first run, disk', 'floor', diskOf(dir));
      rmSync(dir, { recursive: true });
    },
    async (): Promise<void> => {
      if (lacks.length > 0) return;
      const dir = mkdtempSync(join(work, 'loop-'));
      const pace = { RATE: String(RATE), BURST: String(BURST) };
      const { ms, cpuMs } = await run(['bash', here('../bench/loop.sh'), url, dir, ...pages], work, pace);
      note('first run', 'loop', ms);
      note('first run, CPU', 'loop', cpuMs);
      rmSync(dir, { recursive: true });
    },
  ];
  for (let round = 0; round < rounds; round++) {
    for (const measure of inTurn(contenders, round)) {
      settle();
      await measure();
    }
  }
  return lacks.length === 0 ? [] : [`The shell loop was not measured: it needs ${lacks.join(' and ')}.`];
}

/** Pages of a collection that hold this many records of a type. */
const PAGE = 1000;
const EDITED = [
  ['imports', 0.4],
  ['exports', 0.33],
  ['flows', 0.2],
  ['connections', 0.04],
] as const;
const CHANGES = 20;

/** Edits of one field in resources on one page, or each on a page of its own as far as there are so many. */
async function edit(url: string, size: number, round: number, spread: boolean): Promise<void> {
  const pages = EDITED.flatMap(([type, share]) =>
    Array.from({ length: Math.ceil((size * share) / PAGE) }, (_, page) => ({ type, first: page * PAGE })),
  );
  const first = { type: 'imports', first: 0 } as const;
  for (let i = 0; i < CHANGES; i++) {
    const { type, first: at } = (spread ? pages[i % pages.length] : first) ?? first;
    const place = spread ? Math.floor(i / pages.length) + round * CHANGES : i + round * CHANGES;
    const answer = await fetch(`${url}/_emulator/touch`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        type,
        id: resourceId(type, at + place),
        set: { description: `edited in round ${round}${spread ? ' everywhere' : ' on one page'}` },
      }),
    });
    if (!answer.ok) throw new Error(`touch answered ${answer.status}: ${await answer.text()}`);
  }
}

/** What is measured in each round after the first run. */
const LATER = [
  { name: 'unchanged run', words: ['sync'] },
  { name: 'planning, nothing to do', words: ['restore', 'all', '--dry-run'] },
  { name: '20 changes on one page', words: ['sync'], spread: false },
  { name: '20 changes on 20 pages', words: ['sync'], spread: true },
] as const;

/** Later runs in the folders of the builds. */
async function laterRuns(
  url: string,
  builds: readonly (Build & { readonly dir: string })[],
  scale: Scale,
): Promise<void> {
  for (let round = 0; round < scale.rounds; round++) {
    const bare = (await runNode([here('bare.js'), url])).ms;
    let unchanged = 0;
    for (const step of LATER) {
      if ('spread' in step) await edit(url, scale.size, round, step.spread);
      for (const { who, main, dir } of inTurn(builds, round)) {
        const { ms } = await runNode([main, ...step.words], dir);
        note(step.name, who, ms);
        if (who === 'program' && step.name === 'unchanged run') unchanged = ms;
      }
      note(step.name, 'floor', step.name === 'unchanged run' ? bare : unchanged);
    }
  }
}

/** Times runs of sync, and planning. @returns remarks */
export async function speed(builds: readonly Build[], scale: Scale): Promise<string[]> {
  const server = await serve(scale.size);
  try {
    const placed = builds.map((build) => ({ ...build, dir: workspace({ bench: server.url }) }));
    for (const { main, dir } of placed) {
      // The second one writes the cache as every later run finds it.
      for (let i = 0; i < 2; i++) await runNode([main, 'sync'], dir);
    }
    const remarks = await firstRuns(server.url, builds, join(placed[0]?.dir ?? '', 'mirror'), scale.firstRuns);
    await laterRuns(server.url, placed, scale);
    return remarks;
  } finally {
    server.stop();
  }
}
