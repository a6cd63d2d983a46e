import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A file system of its own in memory. */
export interface SmallDisk {
  readonly path: string;
  /** Leaves so many bytes free, until the ballast is dropped. */
  fill(left: number): void;
  dropBallast(): void;
  /** Gives it another size, in KiB. */
  resize(size: number): void;
  unmount(): void;
  /** It stays when this process ends. */
  keep(): void;
}

const mounted = new Set<string>();

function unmount(path: string): void {
  mounted.delete(path);
  spawnSync('umount', ['-l', path]);
}

// Also when this process ends before it is done with one.
process.on('exit', () => {
  for (const path of mounted) unmount(path);
});

/** A disk of so many KiB mounted on an empty folder; `undefined` where this user may not mount one (only root may). */
export function mountDisk(path: string, size: number): SmallDisk | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return undefined;
  const made = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${size}k,mode=0755`, 'tmpfs', path]);
  if (made.status !== 0) return undefined;
  mounted.add(path);
  const ballast = join(path, 'ballast');
  return {
    path,
    fill(left) {
      const { bavail, bsize } = statfsSync(path);
      writeFileSync(ballast, Buffer.alloc(Math.max(0, bavail * bsize - left)));
    },
    dropBallast: () => rmSync(ballast, { force: true }),
    resize: (kib) => void spawnSync('mount', ['-o', `remount,size=${kib}k`, path]),
    unmount: () => unmount(path),
    keep: () => void mounted.delete(path),
  };
}

/** Whether this user may mount disks here. */
export function canMount(): boolean {
  const path = mkdtempSync(join(tmpdir(), 'disk-'));
  const disk = mountDisk(path, 64);
  disk?.unmount();
  rmdirSync(path);
  return disk !== undefined;
}
