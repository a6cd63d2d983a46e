import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Dice } from '../support/random.ts';
import type { Injector } from './injected.ts';
import type { World } from './world.ts';

/** People who work with the mirror in Git, and have no part in the account. */
export const HANDS = ['Pat', 'Quinn', 'Robin'].map((name) => ({ name, email: `${name.toLowerCase()}@hands.test` }));

type Git = (...args: string[]) => string;

/** A document of the account's folder, by its path from the root. */
function someFile(git: Git, dice: Dice): string | undefined {
  const files = git('ls-files', '-z', '--', ...['flows', 'scripts', 'exports', 'imports'].map((dir) => `prod/${dir}`));
  const names = files.split('\0').filter((name) => /\.[0-9a-f]{24}\./.test(name));
  return names.length > 0 ? dice.pick(names) : undefined;
}

/** Somebody's edit of files, and its commit. */
function commitEdit(git: Git, clone: string, dice: Dice): void {
  const path = someFile(git, dice);
  const own = `notes-${dice.between(1, 1e9)}.md`;
  const how = dice.next();
  if (path === undefined || how < 0.15) writeFileSync(join(clone, own), 'of our own\n');
  else if (how < 0.6) {
    const file = join(clone, path);
    writeFileSync(file, `${readFileSync(file, 'utf8')}# by hand ${own}\n`);
  } else if (how < 0.75) rmSync(join(clone, path));
  else if (how < 0.85) git('mv', path, path.replace(/[^/]*(?=\.[0-9a-f]{24}\.)/, 'moved-by-hand'));
  else {
    const id = dice.between(0x10_0000, 0xff_ffff).toString(16).repeat(4);
    writeFileSync(join(clone, path.replace(/[0-9a-f]{24}/, id)), readFileSync(join(clone, path)));
  }
  git('add', '-A');
  git('commit', '-q', '-m', `by hand: ${own}`);
}

/** Merges, and takes what is there where git cannot. */
function merge(git: Git, ...args: string[]): void {
  try {
    git(...args);
  } catch {
    git('add', '-A');
    git('commit', '-q', '--no-edit');
  }
}

/** One of the last commits that are no merges. */
function someCommit(git: Git, dice: Dice): string {
  return dice.pick(git('rev-list', '--no-merges', '--max-count=6', 'HEAD', '--', 'prod').trim().split('\n'));
}

const WORK: Readonly<Record<string, (git: Git, clone: string, dice: Dice) => void>> = {
  'commit by hand': commitEdit,
  'merged branch': (git, clone, dice) => {
    git('checkout', '-q', '-B', 'topic');
    commitEdit(git, clone, dice);
    git('checkout', '-q', 'main');
    git('merge', '-q', '--no-ff', '--no-edit', 'topic');
  },
  'revert in git': (git, _, dice) => {
    git('revert', '--no-edit', '-X', 'theirs', someCommit(git, dice));
  },
  'commits squashed': squash,
  'commit picked again': (git, _, dice) => {
    git('cherry-pick', '--allow-empty', '--keep-redundant-commits', '-X', 'theirs', someCommit(git, dice));
  },
};

/** The last commits of the branch as one, beside them, as a forge makes one of a request to merge. */
function squash(git: Git): void {
  const base = git('rev-parse', 'HEAD~2').trim();
  const message = git('log', '--reverse', '--no-merges', '--format=* %B', `${base}..HEAD`);
  git('checkout', '-q', '-B', 'topic', base);
  git('merge', '-q', '--squash', 'main');
  git('commit', '-q', '--allow-empty', '-m', `Changes of the week (#1)\n\n${message}`);
  git('merge', '-q', '--no-ff', '--no-edit', 'main');
  git('checkout', '-q', '-B', 'main', 'topic');
}

/** Somebody commits in a clone of their own, merges what others pushed by an ordinary `git pull`, and pushes. */
export const hands: Injector = (world, dice) => {
  const { name, email } = dice.pick(HANDS);
  const clone = join(world.dir, `clone-of-${name}`);
  const git: Git = (...args) => world.gitIn(clone, '-c', `user.name=${name}`, '-c', `user.email=${email}`, ...args);
  const kind = dice.pick(Object.keys(WORK));
  const isFresh = dice.chance(0.5);
  try {
    if (!existsSync(clone)) world.gitIn(world.dir, 'clone', '-q', world.remote, clone);
    if (isFresh) git('pull', '-q', '--ff-only');
    WORK[kind]?.(git, clone, dice);
    merge(git, 'pull', '-q', '--no-rebase', '--no-edit', '-X', dice.pick(['ours', 'theirs']));
    git('push', '-q', 'origin', 'HEAD:main');
    return { kind: isFresh ? kind : `${kind}, pulled with a merge`, commit: git('rev-parse', 'HEAD').trim() };
  } catch {
    // What cannot be done: they begin anew next time.
    rmSync(clone, { recursive: true, force: true });
    return undefined;
  }
};

/** Somebody commits in the very clone that the mirror works in. */
export const handsHere: Injector = (world: World, dice) => {
  const { name, email } = dice.pick(HANDS);
  const git: Git = (...args) => world.git('-c', `user.name=${name}`, '-c', `user.email=${email}`, ...args);
  try {
    if (git('status', '--porcelain').trim() !== '') return undefined;
    commitEdit(git, world.mirror, dice);
    // On top of what others pushed meanwhile it becomes another commit.
    return { kind: 'commit by hand in the clone' };
  } catch {
    return undefined;
  }
};
