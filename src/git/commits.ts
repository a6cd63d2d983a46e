import type { GitObject, ObjectReader } from './object-reader.ts';

/** A commit's own id, its tree, and when it was made. */
export interface Tip {
  readonly commit: string;
  readonly tree: string;
  readonly time: Date;
}

/** The commit that a name leads to; `undefined` when it leads to none. @throws GitFailure when it cannot be read */
export async function readTip(
  { git }: { readonly git: Pick<ObjectReader, 'find'> },
  name: string,
): Promise<Tip | undefined> {
  const [commit] = await git.find([`${name}^{commit}`]);
  return commit && tipOf(commit);
}

/** A commit as `cat-file` gives it. */
export function tipOf({ id, bytes }: GitObject): Tip {
  const head = bytes.toString('utf8', 0, Math.max(0, bytes.indexOf('\n\n')));
  const [, tree = ''] = /^tree (\w+)$/m.exec(head) ?? [];
  const [, seconds] = /^committer .* (\d+) [-+]\d+$/m.exec(head) ?? [];
  return { commit: id, tree, time: new Date(Number(seconds) * 1000) };
}

/** E-mail address of who committed it, and message, of a commit as `cat-file` gives it. */
export function commitText({ bytes }: GitObject): { readonly by: string; readonly message: string } {
  const text = bytes.toString('utf8');
  const end = text.indexOf('\n\n');
  const [, by = ''] = /^committer .*<([^<>]*)> \d+ [-+]\d+$/m.exec(text.slice(0, Math.max(0, end))) ?? [];
  return { by, message: end < 0 ? '' : text.slice(end + 2) };
}
