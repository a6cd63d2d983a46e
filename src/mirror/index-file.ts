import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { ObjectFormat } from '../core/digest.ts';
import type { Git } from './git.ts';

/** Whether the index ends with its own checksum; one that was written without (`index.skipHash`) counts as sound. */
function isIndexSound(gitDir: string, format: ObjectFormat): boolean {
  const file = join(gitDir, 'index');
  const bytes = readFileSync(file);
  const length = format === 'sha256' ? 32 : 20;
  const checksum = bytes.subarray(-length);
  if (bytes.length <= length || checksum.every((byte) => byte === 0)) return bytes.length > length;
  return createHash(format).update(bytes.subarray(0, -length)).digest().equals(checksum);
}

/**
 * Rebuilds the index where it is gone or damaged; it holds nothing that HEAD and the work tree do not. Git ignores
 * its checksum, and takes one that is gone for a deletion of everything: trees would be written from it.
 * @returns what was wrong with it, if anything
 */
export async function repairIndex(
  git: Git,
  gitDir: string,
  format: ObjectFormat,
): Promise<'gone' | 'damaged' | undefined> {
  const gone = !existsSync(join(gitDir, 'index'));
  // A new repository has neither a commit nor an index.
  if (gone && (await git.ask(BORN)) === undefined) return undefined;
  if (!gone && isIndexSound(gitDir, format)) return undefined;
  await rebuildIndex(git, gitDir);
  return gone ? 'gone' : 'damaged';
}

const BORN = ['rev-parse', '--verify', '--quiet', 'HEAD'];

/** Rebuilds the index in one step: a full disk leaves the old one. @throws GitFailure */
export async function rebuildIndex(git: Git, gitDir: string): Promise<void> {
  // A git that failed before it may have left its lock behind, under ours.
  rmSync(join(gitDir, 'index.lock'), { force: true });
  const born = await git.ask(BORN);
  await git.run(['read-tree', born ? 'HEAD' : '--empty']);
}
