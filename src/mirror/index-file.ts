import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type ObjectFormat, oidBytes } from '../core/digest.ts';
import type { Git } from '../git/git.ts';

/** Whether the index ends with its own checksum; one that was written without (`index.skipHash`) counts as sound. */
function isIndexSound(bytes: Buffer, format: ObjectFormat): boolean {
  const length = oidBytes(format);
  const checksum = bytes.subarray(-length);
  if (bytes.length <= length || checksum.every((byte) => byte === 0)) return bytes.length > length;
  return createHash(format).update(bytes.subarray(0, -length)).digest().equals(checksum);
}

/** Flags of an entry that make git believe a file without looking: "assume unchanged", "skip worktree". */
const [ASSUMED, EXTENDED, SKIPPED] = [0x8000, 0x4000, 0x4000];

/** Of version 4: how much of the name before an entry's own is left out, and where what is added begins. */
function prefixCut(bytes: Buffer, at: number): readonly [cut: number, next: number] {
  let next = at;
  let byte = bytes.readUInt8(next++);
  let cut = byte & 0x7f;
  while (byte & 0x80) {
    byte = bytes.readUInt8(next++);
    cut = ((cut + 1) << 7) + (byte & 0x7f);
  }
  return [cut, next];
}

/** Whether git would overlook a file below one of these folders, by a flag of the index. */
function overlooks(bytes: Buffer, format: ObjectFormat, folders: readonly string[]): boolean {
  const version = bytes.readUInt32BE(4);
  const fixed = 40 + oidBytes(format);
  let [at, name] = [12, ''];
  for (let left = bytes.readUInt32BE(8); left > 0; left--) {
    const flags = bytes.readUInt16BE(at + fixed);
    const isExtended = version >= 3 && (flags & EXTENDED) !== 0;
    const isFlagged = (flags & ASSUMED) !== 0 || (isExtended && (bytes.readUInt16BE(at + fixed + 2) & SKIPPED) !== 0);
    const names = at + fixed + (isExtended ? 4 : 2);
    const [cut, from] = version >= 4 ? prefixCut(bytes, names) : [name.length, names];
    const end = bytes.indexOf(0, from);
    if (version >= 4 || isFlagged) name = name.slice(0, name.length - cut) + bytes.toString('latin1', from, end);
    if (isFlagged && folders.some((folder) => name.startsWith(`${folder}/`))) return true;
    // Entries of older versions fill eight bytes each.
    at = version >= 4 ? end + 1 : at + ((end - at + 8) & ~7);
  }
  return false;
}

/** What was wrong with an index. */
type IndexFault = 'gone' | 'damaged' | 'set to overlook files';

function faultOf(bytes: Buffer, format: ObjectFormat, folders: readonly string[]): IndexFault | undefined {
  if (!isIndexSound(bytes, format)) return 'damaged';
  try {
    return overlooks(bytes, format, folders) ? 'set to overlook files' : undefined;
  } catch (error) {
    // Without a checksum, it may end anywhere.
    if (error instanceof RangeError) return 'damaged';
    throw error;
  }
}

/**
 * Rebuilds the index where it is gone or damaged, or would have git overlook files of the mirror; it holds nothing that
 * HEAD and the work tree do not. Git ignores its checksum, and takes one that is gone for a deletion of everything:
 * every file would look like a manual change.
 * @returns what was wrong with it, if anything
 */
export async function repairIndex(
  git: Git,
  gitDir: string,
  format: ObjectFormat,
  folders: readonly string[],
): Promise<IndexFault | undefined> {
  const gone = !existsSync(join(gitDir, 'index'));
  // A new repository has neither a commit nor an index.
  if (gone && (await git.ask(BORN)) === undefined) return undefined;
  const bytes = gone ? Buffer.alloc(0) : readFileSync(join(gitDir, 'index'));
  const fault = gone ? 'gone' : faultOf(bytes, format, folders);
  if (fault) await rebuildIndex(git, gitDir);
  return fault;
}

const BORN = ['rev-parse', '--verify', '--quiet', 'HEAD'];

/** Rebuilds the index in one step: a full disk leaves the old one. @throws GitFailure */
export async function rebuildIndex(git: Git, gitDir: string): Promise<void> {
  // A git that failed before it may have left its lock behind, under ours.
  rmSync(join(gitDir, 'index.lock'), { force: true });
  const born = await git.ask(BORN);
  await git.run(['read-tree', born ? 'HEAD' : '--empty']);
}
