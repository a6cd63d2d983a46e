import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Injector } from './injected.ts';
import { OTHER_USER } from './world.ts';

export const byHand: Injector = (world, dice) => {
  const folder = join(world.mirror, 'prod', dice.pick(['flows', 'scripts', 'exports']));
  if (!existsSync(folder)) return undefined;
  const files = readdirSync(folder);
  if (files.length === 0) return undefined;
  const file = join(folder, dice.pick(files));
  if (dice.chance(0.5)) rmSync(file);
  else writeFileSync(file, 'edited: by hand\n');
  return { kind: 'files edited by hand' };
};

export const foreign: Injector = (world, dice) => {
  const folder = join(world.mirror, 'prod', 'flows');
  if (!existsSync(folder)) return undefined;
  const file = join(folder, `notes-${dice.between(1, 99)}.txt`);
  writeFileSync(file, 'somebody put this here\n');
  return { kind: 'foreign file', heal: () => rmSync(file, { force: true }) };
};

export const link: Injector = (world, dice) => {
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

/** The disk has some kilobytes left, or none: the mirror runs out of space half-way. */
export const full: Injector = ({ disk }, dice) => {
  if (disk === undefined) return undefined;
  disk.fill(dice.pick([0, 4, 16, 64, 256]) * 1024);
  return { kind: 'disk full', heal: disk.dropBallast };
};

/** The file system is mounted read-only, as the kernel does after an error of the disk. */
export const readOnly: Injector = ({ disk }) => {
  if (disk === undefined) return undefined;
  const remount = (how: string): unknown => execFileSync('mount', ['-o', `remount,${how}`, disk.path]);
  remount('ro');
  return { kind: 'file system read-only', heal: () => remount('rw') };
};

const OWNED = ['prod', 'prod/flows', 'prod/scripts', '.git', '.git/objects', '.git/refs/heads', '.git/celigo-mirror'];

/** The mirror, or a part of it, belongs to another user than the one who runs it. */
export const rights: Injector = (world, dice) => {
  if (!world.hasOtherUser || !existsSync(join(world.mirror, '.git'))) return undefined;
  const own = (user: number, path: string, ...flags: string[]): unknown =>
    execFileSync('chown', [...flags, `${user}:${user}`, path]);
  if (dice.chance(0.8)) {
    own(OTHER_USER, world.mirror, '-R');
    const part = join(world.mirror, dice.pick(OWNED));
    if (existsSync(part)) {
      own(0, part);
      if (dice.chance(0.3)) chmodSync(part, 0o700);
    }
  }
  if (existsSync(world.remote)) own(OTHER_USER, world.remote, '-R');
  world.user = OTHER_USER;
  return {
    kind: 'no rights to files',
    heal: () => {
      world.user = undefined;
      for (const path of OWNED.map((name) => join(world.mirror, name))) if (existsSync(path)) chmodSync(path, 0o755);
      for (const path of [world.mirror, world.remote]) if (existsSync(path)) own(0, path, '-R');
    },
  };
};
