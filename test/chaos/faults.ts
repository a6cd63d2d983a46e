import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Fault } from '../../src/emulator/faults.ts';
import type { Dice } from './random.ts';
import type { World } from './world.ts';

/** A fault that was brought about. */
export interface Injected {
  readonly kind: string;
  /** Takes back what a person would have to take back; what the program has to mend by itself stays. */
  readonly heal?: () => void;
  /** The clone cannot be mended: the remedy is a fresh one. */
  readonly ruinsClone?: true;
}

type Injector = (world: World, dice: Dice) => Injected | undefined;

const PATHS = ['integrations', 'flows', 'exports', 'imports', 'connections', 'scripts', 'audit', 'tokeninfo'];

const HTTP: readonly ((dice: Dice) => Fault)[] = [
  (dice) => ({ kind: 'status', status: dice.pick([400, 401, 403, 404, 409, 422, 500, 502, 503, 504]) }),
  () => ({ kind: 'status', status: 429, headers: { 'retry-after': '0' } }),
  (dice) => ({
    kind: 'body',
    body: dice.pick([{ error: 'x' }, [], null, 'text', [null], [{ name: 'no id' }], { a: [], b: [] }]),
  }),
  () => ({ kind: 'html' }),
  () => ({ kind: 'reset' }),
  () => ({ kind: 'delay', ms: 30 }),
  (dice) => ({ kind: 'truncate', bytes: dice.between(0, 400) }),
  () => ({ kind: 'emptyList' }),
  (dice) => ({ kind: 'dropRecords', count: dice.between(1, 3) }),
  () => ({ kind: 'noLink' }),
  (dice) => ({
    kind: 'nextLink',
    ...(dice.chance(0.5) ? { url: 'https://evil.example/v1/flows?after=1' } : {}),
  }),
];

/** An answer of the API that goes wrong: at any request of a listing, or of a record by id. */
function http(world: World, dice: Dice): Injected {
  const fault = dice.pick(HTTP)(dice);
  const path = dice.pick(PATHS);
  const single = dice.chance(0.25);
  // 404 for a record by id means that it is gone: with a listing that leaves it out, it is believed, as it must be.
  const missing = fault.kind === 'status' && fault.status === 404;
  world.emulator.faults.add({
    match: {
      ...(missing ? { query: { limit: '1000' } } : {}),
      method: 'GET',
      path: `/v1/${path}${single ? '/*' : ''}`,
      nth: dice.between(1, single ? 6 : 3),
    },
    times: dice.between(1, 3),
    fault,
  });
  return { kind: `http ${fault.kind}` };
}

function gitDir({ mirror }: World): string | undefined {
  const dir = join(mirror, '.git');
  return existsSync(dir) ? dir : undefined;
}

function spoil(file: string, dice: Dice): void {
  const size = statSync(file).size;
  if (dice.chance(0.5)) truncateSync(file, dice.between(0, Math.max(0, size - 1)));
  else {
    const bytes = readFileSync(file);
    for (let i = 0; i < 40 && bytes.length > 0; i++)
      bytes[dice.between(0, bytes.length - 1)] = dice.between(0, 255);
    writeFileSync(file, bytes);
  }
}

const lock: Injector = (world, dice) => {
  const dir = gitDir(world);
  if (!dir) return undefined;
  const name = dice.pick([
    'index.lock',
    'HEAD.lock',
    'refs/heads/main.lock',
    'config.lock',
    'packed-refs.lock',
  ]);
  writeFileSync(join(dir, name), '');
  return { kind: 'git lock of a dead process' };
};

const index: Injector = (world, dice) => {
  const file = join(world.mirror, '.git', 'index');
  if (!existsSync(file)) return undefined;
  spoil(file, dice);
  return { kind: 'git index damaged' };
};

const cache: Injector = (world, dice) => {
  const dir = join(world.mirror, '.git', 'celigo-mirror');
  if (!existsSync(dir)) return undefined;
  const files = readdirSync(dir, { withFileTypes: true }).filter((entry) => entry.isFile());
  if (files.length === 0 || dice.chance(0.2)) {
    rmSync(dir, { recursive: true });
    return { kind: 'cache gone' };
  }
  spoil(join(dir, dice.pick(files).name), dice);
  return { kind: 'cache damaged' };
};

const object: Injector = (world, dice) => {
  const dir = gitDir(world);
  if (!dir) return undefined;
  const folders = readdirSync(join(dir, 'objects')).filter((name) => name.length === 2);
  if (folders.length === 0) return undefined;
  const folder = join(dir, 'objects', dice.pick(folders));
  const [file] = readdirSync(folder);
  if (!file) return undefined;
  chmodSync(join(folder, file), 0o644);
  rmSync(join(folder, file));
  return { kind: 'git object missing', ruinsClone: true };
};

const rejected: Injector = ({ remote }) => {
  const hook = join(remote, 'hooks', 'pre-receive');
  mkdirSync(join(remote, 'hooks'), { recursive: true });
  writeFileSync(hook, '#!/bin/sh\necho "protected branch" >&2\nexit 1\n', { mode: 0o755 });
  return { kind: 'push rejected', heal: () => rmSync(hook, { force: true }) };
};

/** Somebody else pushes a commit of their own to the remote. */
function pushOther(world: World, dice: Dice): string | undefined {
  const { remote, gitIn } = world;
  let head: string;
  try {
    head = gitIn(remote, 'rev-parse', '--verify', '--quiet', 'refs/heads/main').trim();
  } catch {
    return undefined;
  }
  const blob = gitIn(remote, 'hash-object', '-w', join(world.dir, 'celigo-mirror.yaml')).trim();
  const entries = gitIn(remote, 'ls-tree', head)
    .split('\n')
    .filter((line) => line !== '' && !line.endsWith('\tOWNERS'));
  const tree = gitIn(remote, 'rev-parse', `${head}^{tree}`).trim();
  const file = join(world.dir, 'tree');
  writeFileSync(file, '');
  const own = `OWNERS-${dice.between(1, 1e9)}`;
  const made = gitInWith(
    world,
    `${[...entries, `100644 blob ${blob}\t${own}`].join('\n')}\n`,
    'mktree',
  ).trim();
  return gitIn(
    remote,
    ...[
      '-c',
      'user.name=Ann',
      '-c',
      'user.email=ann@x.test',
      'commit-tree',
      '-p',
      head,
      '-m',
      `own file on ${tree.slice(0, 8)}`,
      made,
    ],
  ).trim();
}

function gitInWith(world: World, input: string, ...args: string[]): string {
  const file = join(world.dir, 'input');
  writeFileSync(file, input);
  return world.gitIn(world.remote, '-c', `alias.fed=!git ${args.join(' ')} < '${file}'`, 'fed');
}

const racing: Injector = (world, dice) => {
  const commit = existsSync(world.remote) ? pushOther(world, dice) : undefined;
  if (!commit) return undefined;
  world.gitIn(world.remote, 'update-ref', 'refs/heads/main', commit);
  return { kind: 'others pushed' };
};

const forced: Injector = (world) => {
  const { remote, gitIn } = world;
  if (!existsSync(remote)) return undefined;
  let head: string;
  let parent: string;
  try {
    head = gitIn(remote, 'rev-parse', '--verify', '--quiet', 'refs/heads/main').trim();
    parent = gitIn(remote, 'rev-parse', '--verify', '--quiet', `${head}~1`).trim();
  } catch {
    return undefined;
  }
  gitIn(remote, 'update-ref', 'refs/heads/main', parent);
  return {
    kind: 'remote rewritten',
    heal: () => {
      const now = gitIn(remote, 'rev-parse', 'refs/heads/main').trim();
      if (now === parent) gitIn(remote, 'update-ref', 'refs/heads/main', head);
    },
  };
};

const away: Injector = ({ remote }) => {
  if (!existsSync(remote)) return undefined;
  renameSync(remote, `${remote}.away`);
  return { kind: 'remote gone', heal: () => renameSync(`${remote}.away`, remote) };
};

const byHand: Injector = (world, dice) => {
  const folder = join(world.mirror, 'prod', dice.pick(['flows', 'scripts', 'exports']));
  if (!existsSync(folder)) return undefined;
  const files = readdirSync(folder);
  if (files.length === 0) return undefined;
  const file = join(folder, dice.pick(files));
  if (dice.chance(0.5)) rmSync(file);
  else writeFileSync(file, 'edited: by hand\n');
  return { kind: 'files edited by hand' };
};

const foreign: Injector = (world, dice) => {
  const folder = join(world.mirror, 'prod', 'flows');
  if (!existsSync(folder)) return undefined;
  const file = join(folder, `notes-${dice.between(1, 99)}.txt`);
  writeFileSync(file, 'somebody put this here\n');
  return { kind: 'foreign file', heal: () => rmSync(file, { force: true }) };
};

const link: Injector = (world, dice) => {
  const folder = join(world.mirror, 'prod', dice.pick(['imports', 'scripts']));
  if (!existsSync(folder)) return undefined;
  const elsewhere = join(world.dir, 'elsewhere');
  mkdirSync(elsewhere, { recursive: true });
  rmSync(folder, { recursive: true });
  symlinkSync(elsewhere, folder);
  return {
    kind: 'symbolic link for a folder',
    heal: () => {
      if (readdirSync(elsewhere).length > 0) throw new Error('the program wrote through a symbolic link');
      rmSync(folder, { force: true, recursive: true });
    },
  };
};

const readOnly: Injector = ({ mirror }) => {
  const folder = join(mirror, 'prod');
  // Root may write everywhere.
  if (!existsSync(folder) || process.getuid?.() === 0) return undefined;
  chmodSync(folder, 0o555);
  return { kind: 'folder read-only', heal: () => chmodSync(folder, 0o755) };
};

const clock: Injector = (world, dice) => {
  world.clockOffset = dice.pick([-1, 1]) * dice.between(60_000, 30 * 86_400_000);
  return {
    kind: 'clock set wrong',
    heal: () => {
      world.clockOffset = 0;
    },
  };
};

/** Faults beside those of HTTP. Of the first ones at most one happens in a round. */
const OTHERS: readonly Injector[] = [
  lock,
  lock,
  index,
  cache,
  rejected,
  racing,
  racing,
  forced,
  away,
  byHand,
  foreign,
  link,
  readOnly,
  clock,
  object,
];

/** Brings about some faults: most of them at the API, some in git, on the disk or the clock. */
export function inject(world: World, dice: Dice): Injected[] {
  const done: Injected[] = [];
  for (let i = dice.between(5, 10); i > 0; i--) done.push(http(world, dice));
  const chosen = new Set(dice.some(OTHERS, dice.between(1, 4)));
  // A remote that is away can neither be rewritten nor pushed to.
  if (chosen.has(away)) for (const other of [forced, rejected, racing]) chosen.delete(other);
  // Two histories of others at once would leave it to a person which one counts.
  if (chosen.has(forced)) chosen.delete(racing);
  for (const injector of chosen) {
    const injected = injector(world, dice);
    if (injected) done.push(injected);
  }
  return done;
}
