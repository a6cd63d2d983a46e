import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { Dice } from '../support/random.ts';
import type { Injector } from './injected.ts';
import type { World } from './world.ts';

function gitDir({ mirror }: World): string | undefined {
  const dir = join(mirror, '.git');
  return existsSync(dir) ? dir : undefined;
}

function spoil(file: string, dice: Dice): void {
  const size = statSync(file).size;
  if (dice.chance(0.5)) truncateSync(file, dice.between(0, Math.max(0, size - 1)));
  else {
    const bytes = readFileSync(file);
    for (let i = 0; i < 40 && bytes.length > 0; i++) bytes[dice.between(0, bytes.length - 1)] = dice.between(0, 255);
    writeFileSync(file, bytes);
  }
}

export const lock: Injector = (world, dice) => {
  const dir = gitDir(world);
  if (!dir) return undefined;
  const name = dice.pick(['index.lock', 'HEAD.lock', 'refs/heads/main.lock', 'config.lock', 'packed-refs.lock']);
  writeFileSync(join(dir, name), '');
  return { kind: 'git lock of a dead process' };
};

export const index: Injector = (world, dice) => {
  const file = join(world.mirror, '.git', 'index');
  if (!existsSync(file)) return undefined;
  if (dice.chance(0.2)) {
    rmSync(file);
    return { kind: 'git index gone' };
  }
  spoil(file, dice);
  return { kind: 'git index damaged' };
};

export const cache: Injector = (world, dice) => {
  const dir = join(world.mirror, '.git', 'celigo-mirror', 'prod.cache');
  if (!existsSync(dir)) return undefined;
  const files = readdirSync(dir);
  if (files.length === 0 || dice.chance(0.2)) {
    rmSync(dir, { recursive: true });
    return { kind: 'cache gone' };
  }
  spoil(join(dir, dice.pick(files)), dice);
  return { kind: 'cache damaged' };
};

/** A pack that never reached the disk as a whole. */
function damagePack(file: string, dice: Dice): string {
  chmodSync(file, 0o644);
  if (dice.chance(0.3)) {
    rmSync(file);
    return 'git pack gone';
  }
  truncateSync(file, dice.between(0, statSync(file).size - 1));
  return 'git pack cut off';
}

export const object: Injector = (world, dice) => {
  const dir = gitDir(world);
  if (!dir) return undefined;
  const packs = join(dir, 'objects', 'pack');
  const names = readdirSync(packs).filter((name) => name.endsWith('.pack'));
  if (names.length > 0 && dice.chance(0.5)) return { kind: damagePack(join(packs, dice.pick(names)), dice) };
  // Each object in a file of its own, as a fetch leaves them.
  for (const name of names) {
    const aside = join(dir, 'celigo-mirror', 'loosened');
    renameSync(join(packs, name), aside);
    rmSync(join(packs, name.replace(/pack$/, 'idx')), { force: true });
    world.gitIn(dir, '-c', `alias.fed=!git unpack-objects -q < '${aside}'`, 'fed');
    rmSync(aside);
  }
  const folders = readdirSync(join(dir, 'objects')).filter((name) => name.length === 2);
  if (folders.length === 0) return undefined;
  const folder = join(dir, 'objects', dice.pick(folders));
  const [file] = readdirSync(folder);
  if (!file) return undefined;
  chmodSync(join(folder, file), 0o644);
  if (dice.chance(0.5)) {
    // What a power loss leaves of an object that never reached the disk.
    truncateSync(join(folder, file), 0);
    return { kind: 'git object empty' };
  }
  rmSync(join(folder, file));
  return { kind: 'git object missing' };
};

/** A branch, or HEAD, that never reached the disk. */
export const branch: Injector = (world, dice) => {
  const file = join(world.mirror, '.git', dice.pick(['HEAD', 'refs/heads/main', 'refs/heads/main']));
  if (!existsSync(file)) return undefined;
  truncateSync(file, 0);
  return { kind: 'git branch empty' };
};

export const rejected: Injector = ({ remote }) => {
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
  const owners = join(world.dir, 'owners');
  writeFileSync(owners, 'prod/ @team\n');
  const blob = gitIn(remote, 'hash-object', '-w', owners).trim();
  const entries = gitIn(remote, 'ls-tree', head)
    .split('\n')
    .filter((line) => line !== '' && !line.endsWith('\tOWNERS'));
  const tree = gitIn(remote, 'rev-parse', `${head}^{tree}`).trim();
  const file = join(world.dir, 'tree');
  writeFileSync(file, '');
  const own = `OWNERS-${dice.between(1, 1e9)}`;
  const made = gitInWith(world, `${[...entries, `100644 blob ${blob}\t${own}`].join('\n')}\n`, 'mktree').trim();
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

export const racing: Injector = (world, dice) => {
  const commit = existsSync(world.remote) ? pushOther(world, dice) : undefined;
  if (!commit) return undefined;
  world.gitIn(world.remote, 'update-ref', 'refs/heads/main', commit);
  return { kind: 'others pushed' };
};

/** Somebody else's push arrives between our fetch and our push. */
export const overtaking: Injector = (world, dice) => {
  const commit = existsSync(world.remote) ? pushOther(world, dice) : undefined;
  if (!commit) return undefined;
  const hook = join(world.remote, 'hooks', 'pre-receive');
  mkdirSync(join(world.remote, 'hooks'), { recursive: true });
  const update = `env -u GIT_QUARANTINE_PATH git update-ref refs/heads/main ${commit}`;
  writeFileSync(hook, `#!/bin/sh\nrm -f "$0"\n${update}\n`, { mode: 0o755 });
  return { kind: 'others pushed in the very moment', heal: () => rmSync(hook, { force: true }) };
};

export const forced: Injector = (world) => {
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

export const away: Injector = ({ remote }) => {
  if (!existsSync(remote)) return undefined;
  renameSync(remote, `${remote}.away`);
  return { kind: 'remote gone', heal: () => renameSync(`${remote}.away`, remote) };
};

/** The remote is made anew, or its branch is deleted: what was pushed is in the clone alone. */
export const emptied: Injector = ({ remote, gitIn }, dice) => {
  if (!existsSync(remote)) return undefined;
  if (dice.chance(0.4)) {
    gitIn(remote, 'update-ref', '-d', 'refs/heads/main');
    return { kind: 'branch of the remote deleted' };
  }
  rmSync(remote, { recursive: true });
  gitIn(dirname(remote), 'init', '--quiet', '--bare', '--initial-branch=main', remote);
  return { kind: 'remote made anew and empty' };
};
