import { execFileSync, spawnSync } from 'node:child_process';
import {
  accessSync,
  chmodSync,
  constants,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const MEMORY = '/dev/shm';
/** What a complete run needs at once, in bytes, with much to spare. */
const ENOUGH = 1.5 * 1024 ** 3;
const PREFIX = 'celigo-tests-';

/** Whether a folder in memory is there, has the space, and lets the tests run the programs that they write. */
function usable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    const { bavail, bsize } = statfsSync(folder);
    if (bavail * bsize < ENOUGH) return false;
    const own = mkdtempSync(join(folder, PREFIX));
    try {
      const program = join(own, 'program');
      writeFileSync(program, '#!/bin/sh\n');
      chmodSync(program, 0o755);
      execFileSync(program);
      return true;
    } finally {
      rmSync(own, { recursive: true });
    }
  } catch {
    return false;
  }
}

/** File systems that are mounted inside a folder. */
function mountsIn(folder: string): string[] {
  if (process.platform !== 'linux') return [];
  const mounts = readFileSync('/proc/mounts', 'utf8').split('\n');
  return mounts.map((line) => line.split(' ')[1] ?? '').filter((path) => path.startsWith(`${folder}/`));
}

/** Removes what runs left behind that were killed. */
function sweep(base: string): void {
  for (const name of readdirSync(base)) {
    const [, pid] = /^celigo-tests-(\d+)-/.exec(name) ?? [];
    if (pid === undefined) continue;
    try {
      process.kill(Number(pid), 0);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') continue;
      // What a test had mounted there.
      for (const disk of mountsIn(join(base, name))) spawnSync('umount', ['-l', disk]);
      rmSync(join(base, name), { recursive: true, force: true });
    }
  }
}

/**
 * Every temporary folder of a run of the tests is inside one folder, in memory where there is such a file system
 * (two to three times faster) unless $TMPDIR says otherwise. It is removed after the last test.
 */
export default function setup(): () => void {
  const base = process.env.TMPDIR ?? (usable(MEMORY) ? MEMORY : tmpdir());
  sweep(base);
  const folder = realpathSync(mkdtempSync(join(base, `${PREFIX}${process.pid}-`)));
  // Workers inherit it; os.tmpdir() reads it.
  process.env.TMPDIR = folder;
  return () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}
