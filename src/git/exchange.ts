import { copyFileSync, existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { messageOf } from '../core/errors.ts';
import { GitFailure } from './failure.ts';
import type { GitSettings } from './settings.ts';
import { temporaryFolder } from './temporary-folder.ts';

/** Commands that talk to the remote. */
const EXCHANGES: readonly string[] = ['fetch', 'ls-remote', 'push'];

export function isExchange(command: string): boolean {
  return EXCHANGES.includes(command);
}

/** An answer to which branches there are is short. Milliseconds. */
const LONGEST_QUESTION_MS = 60_000;

/**
 * Ends a command that talks to the remote when its time is over: a remote may hang, or send a little again and again.
 * `work` gets the signal that ends it.
 * @throws GitFailure that names the remote, what `work` throws, or the reason of the signal
 */
export async function withinLimit<T>(
  { remote = '', remoteTimeoutMs }: Pick<GitSettings, 'remote' | 'remoteTimeoutMs'>,
  command: string,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  if (remoteTimeoutMs === undefined) return work(signal);
  const isQuestion = command === 'ls-remote' && remoteTimeoutMs > LONGEST_QUESTION_MS;
  const limitMs = isQuestion ? LONGEST_QUESTION_MS : remoteTimeoutMs;
  const reason =
    `the remote ${remote} gave no complete answer within ${limitMs / 1000} s; see whether it works and can be reached` +
    (isQuestion ? '' : ', or raise repository.remoteTimeout if it is only slow');
  const limit = new AbortController();
  const follow = (): void => limit.abort(signal.reason);
  if (signal.aborted) follow();
  signal.addEventListener('abort', follow);
  const timer = setTimeout(() => limit.abort(new GitFailure(command, reason, undefined)), limitMs);
  try {
    return await work(limit.signal);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', follow);
  }
}

/** Where refs are: a folder, a file that need not be there, and in the format reftable a folder of that name. */
const REFS = ['refs', 'packed-refs', 'reftable'] as const;

/** What an exchange shares with the clone. */
export interface Shared {
  /** Of its objects: `sha1` or `sha256`. */
  readonly format: string;
  readonly objects: string;
  /** A file, where the clone is shallow. */
  readonly shallow: string;
  /** Paths of {@link REFS}. */
  readonly refs: readonly string[];
}

/** Finds what an exchange shares with the clone in `cwd`. @param ask runs git there @throws GitFailure */
export async function sharedOf(cwd: string, ask: (args: readonly string[]) => Promise<string>): Promise<Shared> {
  const parts = ['objects', 'shallow', ...REFS].flatMap((part) => ['--git-path', part]);
  const [format = '', ...paths] = (await ask(['rev-parse', '--show-object-format', ...parts])).trimEnd().split('\n');
  const [objects = '', shallow = '', ...refs] = paths.map((path) => resolve(cwd, path));
  return { format, objects, shallow, refs };
}

/** What an exchange needs, and the command itself. */
interface Exchange {
  readonly command: string;
  /** The remote of a clone that lacks what its remote has (a partial clone); `undefined` for any other clone. */
  readonly promisor: string | undefined;
  /** @throws GitFailure where there is no clone */
  readonly shared: () => Promise<Shared>;
  /** Runs the command with this environment. @throws GitFailure */
  readonly exchange: (env: Readonly<Record<string, string>>) => Promise<string>;
}

/** A repository of one exchange: who can edit the clone has no say in its configuration. */
function makeRepository(folder: string, shared: Shared | undefined, promisor: string | undefined): void {
  mkdirSync(join(folder, 'objects'));
  // Names nothing: what is fetched may be called as in the clone.
  writeFileSync(join(folder, 'HEAD'), 'ref: refs/heads/celigo-mirror/none\n');
  const lines = ['[core]', 'repositoryFormatVersion = 1', 'bare = true', '[extensions]'];
  lines.push(`objectFormat = ${shared?.format ?? 'sha1'}`);
  if (!shared) mkdirSync(join(folder, 'refs'));
  else {
    if (existsSync(shared.shallow)) copyFileSync(shared.shallow, join(folder, 'shallow'));
    for (const [i, name] of REFS.entries()) {
      const place = shared.refs[i] ?? '';
      if (name === 'reftable' && !existsSync(place)) continue;
      if (name === 'reftable') lines.push('refStorage = reftable');
      symlinkSync(place, join(folder, name));
    }
  }
  if (promisor !== undefined) {
    const url = JSON.stringify(promisor);
    lines.push('partialClone = celigo-mirror', '[remote "celigo-mirror"]', `url = ${url}`, 'promisor = true');
  }
  writeFileSync(join(folder, 'config'), `${lines.join('\n')}\n`);
}

/**
 * A folder for one exchange. Without a place for it the remote is out of reach, and no more than that. @throws
 * GitFailure
 */
function folderFor(command: string): string {
  try {
    return temporaryFolder('exchange');
  } catch (cause) {
    throw new GitFailure(command, messageOf(cause), cause);
  }
}

/**
 * Runs a command that talks to the remote in a repository of its own, made for it and removed afterwards: objects and
 * refs are those of the clone, its configuration is not. No address, proxy, header, authority, helper or hook of the
 * clone can lead the password, or what is pushed, elsewhere.
 * @throws GitFailure, also where there is no place for temporary files
 */
export async function exchangeIn({ command, promisor, shared, exchange }: Exchange): Promise<string> {
  const folder = folderFor(command);
  try {
    // A branch of a remote is asked for where there is no clone as well.
    if (command === 'ls-remote') {
      makeRepository(folder, undefined, undefined);
      return await exchange({ GIT_DIR: folder });
    }
    const known = await shared();
    makeRepository(folder, known, promisor);
    return await exchange({ GIT_DIR: folder, GIT_OBJECT_DIRECTORY: known.objects });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
