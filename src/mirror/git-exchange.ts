import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { messageOf } from '../core/errors.ts';
import { GitFailure } from './git-failure.ts';
import type { GitSettings } from './git-settings.ts';
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

/** What is asked of the clone, and the command itself. */
interface Exchange {
  readonly cwd: string;
  /** Arguments, the command first. */
  readonly args: readonly string[];
  /** The remote of a clone that lacks what its remote has (a partial clone); `undefined` for any other clone. */
  readonly promisor: string | undefined;
  /** Runs git in the clone. @throws GitFailure */
  readonly inClone: (args: readonly string[]) => Promise<string>;
  /** Runs the command with this environment. @throws GitFailure */
  readonly exchange: (env: Readonly<Record<string, string>>) => Promise<string>;
}

/** A repository of one exchange: who can edit the clone has no say in its configuration. */
function makeRepository(folder: string, format: string, promisor: string | undefined): void {
  for (const name of ['objects', 'refs']) mkdirSync(join(folder, name));
  // Names nothing: what is fetched may be called as in the clone.
  writeFileSync(join(folder, 'HEAD'), 'ref: refs/heads/celigo-mirror/none\n');
  const lines = ['[core]', 'repositoryFormatVersion = 1', 'bare = true', '[extensions]', `objectFormat = ${format}`];
  if (promisor !== undefined) {
    const url = JSON.stringify(promisor);
    lines.push('partialClone = celigo-mirror', '[remote "celigo-mirror"]', `url = ${url}`, 'promisor = true');
  }
  writeFileSync(join(folder, 'config'), `${lines.join('\n')}\n`);
}

/** Where the refs go that a `fetch` names. */
function destinations([command, ...words]: readonly string[]): string[] {
  return command === 'fetch'
    ? words.flatMap((word) => /^\+?(?:refs\/[^:]+|[0-9a-f]{40,64}):(refs\/.+)$/.exec(word)?.[1] ?? [])
    : [];
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
 * Runs a command that talks to the remote in a repository of its own, made for it and removed afterwards: objects are
 * those of the clone, its configuration is not. No address, proxy, header, authority, helper or hook of the clone can
 * lead the password, or what is pushed, elsewhere. Refs that a fetch names are set in the clone.
 * @throws GitFailure, also where there is no place for temporary files
 */
export async function exchangeIn({ cwd, args, promisor, inClone, exchange }: Exchange): Promise<string> {
  const folder = folderFor(args[0] ?? '');
  try {
    // A branch of a remote is asked for where there is no clone as well.
    if (args[0] === 'ls-remote') {
      makeRepository(folder, 'sha1', undefined);
      return await exchange({ GIT_DIR: folder });
    }
    const question = ['rev-parse', '--show-object-format', '--git-path', 'objects', '--git-path', 'shallow'];
    const [format = '', objects = '', shallow = ''] = (await inClone(question)).split('\n');
    makeRepository(folder, format, promisor);
    const cut = resolve(cwd, shallow);
    if (existsSync(cut)) copyFileSync(cut, join(folder, 'shallow'));
    // What the clone has need not be sent again.
    const refs = await inClone(['for-each-ref', '--format=%(objectname) %(refname)']);
    writeFileSync(join(folder, 'packed-refs'), refs);
    const out = await exchange({ GIT_DIR: folder, GIT_OBJECT_DIRECTORY: resolve(cwd, objects) });
    for (const ref of destinations(args)) {
      const made = join(folder, ref);
      if (existsSync(made)) await inClone(['update-ref', ref, readFileSync(made, 'utf8').trim()]);
    }
    return out;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
