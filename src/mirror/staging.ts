import {
  closeSync,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { AppError, messageOf } from '../core/errors.ts';
import type { MirrorFile } from '../core/layout.ts';

/** Files prepared aside, to be put in place together at the end of a run. */
export interface Staging {
  /** Writes a file aside. */
  put(file: MirrorFile): void;
  /** The text of a file put before. */
  read(path: string): string;
  /** Forgets a file put before. */
  drop(path: string): void;
  /**
   * Moves the files into the account's folder and removes others there. Each file changes in one step; a crash
   * between two of them is repaired by the next run.
   */
  apply(put: readonly string[], remove: readonly string[]): void;
  /** Removes everything that was put aside and not applied. */
  clear(): void;
}

function diskError(action: string, path: string, cause: unknown): AppError {
  const code = (cause as NodeJS.ErrnoException).code;
  const hint =
    code === 'ENOSPC' || code === 'EDQUOT'
      ? 'Free some space; nothing was committed, and the next run starts over'
      : code === 'EROFS'
        ? 'The file system is mounted read-only: mount it writable for this user'
        : code === 'EACCES' || code === 'EPERM'
          ? 'Give this user write access to the mirror'
          : 'Check the disk; nothing was committed, and the next run starts over';
  return new AppError('REPOSITORY', `cannot ${action} ${path}: ${messageOf(cause)}`, { hint, cause });
}

function refuseLink(path: string): void {
  if (existsSync(path) && lstatSync(path).isSymbolicLink()) {
    throw new AppError('REPOSITORY', `${path} is a symbolic link; the mirror never writes through one`, {
      hint: 'Remove the link; the next run creates a folder in its place',
    });
  }
}

/** @param folder the account's folder; @param aside a folder of our own on the same file system, emptied first */
export function createStaging(folder: string, aside: string): Staging {
  const made = new Set<string>();

  function ensureDir(path: string): void {
    if (made.has(path)) return;
    mkdirSync(path, { recursive: true });
    made.add(path);
  }

  function guarded<T>(action: string, path: string, work: () => T): T {
    try {
      return work();
    } catch (cause) {
      if (cause instanceof AppError) throw cause;
      throw diskError(action, path, cause);
    }
  }

  function move(from: string, to: string): void {
    try {
      renameSync(from, to);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw error;
      // .git on another file system: copy next to the target first, so that the change is one step all the same.
      const draft = `${to}.tmp`;
      copyFileSync(from, draft);
      renameSync(draft, to);
      unlinkSync(from);
    }
  }

  guarded('empty', aside, () => rmSync(aside, { recursive: true, force: true }));

  return {
    put(file) {
      const path = join(aside, file.path);
      guarded('write', path, () => {
        ensureDir(dirname(path));
        const handle = openSync(path, 'w', 0o644);
        try {
          const bytes = Buffer.from(file.text, 'utf8');
          for (let done = 0; done < bytes.length; ) done += writeSync(handle, bytes, done);
        } finally {
          closeSync(handle);
        }
      });
    },
    read(path) {
      return guarded('read', join(aside, path), () => readFileSync(join(aside, path), 'utf8'));
    },
    drop(path) {
      rmSync(join(aside, path), { force: true });
    },
    apply(put, remove) {
      refuseLink(folder);
      const checked = new Set<string>();
      for (const path of put) {
        const target = join(folder, path);
        guarded('write', target, () => {
          const type = dirname(target);
          if (!checked.has(type)) {
            refuseLink(type);
            ensureDir(type);
            checked.add(type);
          }
          move(join(aside, path), target);
        });
      }
      for (const path of remove) {
        const target = join(folder, path);
        guarded('remove', target, () => rmSync(target, { force: true }));
      }
    },
    clear() {
      guarded('empty', aside, () => rmSync(aside, { recursive: true, force: true }));
    },
  };
}

/** Writes files outside the account folders (path from the root), each in one step. @throws AppError `REPOSITORY` */
export function writeAlongside(root: string, files: readonly MirrorFile[]): void {
  for (const { path, text } of files) {
    const target = join(root, path);
    try {
      refuseLink(dirname(target));
      mkdirSync(dirname(target), { recursive: true });
      rmSync(`${target}.tmp`, { force: true });
      writeFileSync(`${target}.tmp`, text);
      renameSync(`${target}.tmp`, target);
    } catch (cause) {
      if (cause instanceof AppError) throw cause;
      throw diskError('write', target, cause);
    }
  }
}
