import { tmpdir } from 'node:os';
import { resolve } from 'node:path';
import { AppError, messageOf } from '../../core/errors.ts';
import type { Git } from '../../git/git.ts';
import { hasWorkTree } from '../../mirror/folder.ts';
import { acquireLock } from '../../mirror/lock.ts';
import type { Finding } from './finding.ts';
import { tryFolder, tryWriting, type Unwritable } from './write-access.ts';

const AREA = 'repository';

/** What is wrong with a folder that cannot be written to, and what to do. */
function explain({ folder, error, owner }: Unwritable, root: string): { detail: string; remedy: string } {
  const me = process.getuid?.();
  switch (error.code) {
    case 'EROFS':
      return {
        detail: `${folder} is on a read-only file system`,
        remedy: 'Mount it for writing (after an error of the disk, check that first), or change repository.path',
      };
    case 'ENOSPC':
    case 'EDQUOT':
      return {
        detail: `the file system of ${folder} is full: ${messageOf(error)}`,
        remedy: 'Free some space, or inodes; the next run finds again what was not committed',
      };
    case 'EACCES':
    case 'EPERM':
      return {
        detail: `${folder} cannot be written to: it belongs to user ${owner}, and this is user ${me}`,
        remedy: `Run as its owner, or give it to this user: chown -R ${me} ${root}`,
      };
    default:
      return {
        detail: `${folder} cannot be written to: ${messageOf(error)}`,
        remedy: 'Check the disk and the rights of this user',
      };
  }
}

function faultOf(failed: readonly Unwritable[], root: string): Finding | undefined {
  const [first, ...more] = failed;
  if (!first) return undefined;
  const { detail, remedy } = explain(first, root);
  const others = more.length === 0 ? '' : ` (and ${more.length} more ${more.length === 1 ? 'folder' : 'folders'})`;
  return { area: AREA, check: 'writable', verdict: 'fault', detail: `${detail}${others}`, remedy };
}

/** Whether the first run could make the clone. */
export function examinePlace(path: string): Finding[] {
  const failed = tryFolder(path);
  const fault = failed && faultOf([failed], failed.folder);
  return fault ? [fault] : [];
}

/** Whether a run could write to the clone, by writing to each of its parts, and whether it could lock it. */
export async function examineWriting(
  git: Git,
  path: string,
  accounts: readonly string[],
  signal: AbortSignal,
): Promise<Finding[]> {
  const [gitDir = '', objects = ''] = (
    await git.run(['rev-parse', '--absolute-git-dir', '--git-path', 'objects'])
  ).split('\n');
  const tree = (await hasWorkTree(git)) ? path : undefined;
  let release: (() => Promise<void>) | undefined;
  try {
    const ignore = (): void => undefined;
    release = await acquireLock({ dir: gitDir, waitMs: 0, onWait: ignore, onLost: ignore, signal });
  } catch (error) {
    // A run is in progress, which would find what is written here.
    if (error instanceof AppError)
      return [{ area: AREA, check: 'writable', verdict: 'note', detail: `not tried: ${error.message}` }];
    // What keeps the lock from being made shows below.
  }
  try {
    const fault = faultOf(tryWriting({ tree, gitDir, objects: resolve(path, objects) }, accounts), path);
    const detail = 'files, objects and branches can be written';
    return [fault ?? { area: AREA, check: 'writable', verdict: 'ok', detail }];
  } finally {
    await release?.();
  }
}

/** Whether there is a place for what some commands write only for a while. */
export function examineTemporary(): Finding[] {
  const folder = tmpdir();
  const failed = tryFolder(folder);
  if (!failed) return [];
  const { detail } = explain(failed, folder);
  const remedy = 'Set TMPDIR to a folder that this user may write to: drill and verify --signatures need one';
  return [{ area: 'temporary files', check: 'writable', verdict: 'note', detail, remedy }];
}
