import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Person } from '../core/changes.ts';
import type { ObjectFormat } from '../core/digest.ts';
import { identityOf } from '../core/identity.ts';
import { type Git, GitFailure } from '../git/git.ts';
import { createObjectReader, findCommit } from '../git/object-reader.ts';
import { repairIndex } from './index-file.ts';
import { acquireLock } from './lock.ts';
import { type CloneSettings, makePrivate, readyClone, setAttributes } from './ready-clone.ts';
import { removeStaleGitLocks } from './stale-locks.ts';

/** A clone that this process alone works on. */
export interface Repository {
  readonly git: Git;
  /** Real path of the work tree; where there is none, of the repository. */
  readonly path: string;
  readonly gitDir: string;
  /** Git's objects. */
  readonly objectsDir: string;
  /**
   * Our own folder below `.git`: cache, helper scripts. All but the journals of restores can be rebuilt.
   */
  readonly stateDir: string;
  readonly format: ObjectFormat;
  /** Takes another format, while the repository holds nothing. @throws GitFailure */
  adoptFormat(format: ObjectFormat): Promise<void>;
  readonly branch: string;
  readonly committer: Person;
  /** Whether commits are signed. */
  readonly signed: boolean;
  /** Whether there is no work tree. */
  readonly bare: boolean;
  /** Whether the clone is thrown away after the run: then it holds the newest commit only, without contents. */
  readonly stateless: boolean;
  /** Commit that HEAD names; `undefined` before the first one. */
  head(): Promise<string | undefined>;
  /** Object id of the account's folder in HEAD, or another commit; `undefined` where there is none. */
  folderTree(account: string, commit?: string): Promise<string | undefined>;
  /** Files of the account's folder in HEAD: path inside the folder → object id. */
  folderFiles(account: string): Promise<Map<string, string>>;
  /** Text of a file in HEAD. @throws GitFailure when there is none */
  read(path: string): Promise<string>;
  /** Reports what the user should know. */
  notice(message: string): void;
  /** Rebuilds the index where it is gone or damaged. @throws GitFailure when HEAD is damaged as well */
  repairIndex(): Promise<void>;
  /** To be called where packs were moved away or the configuration is another one: a process at work knows neither. */
  reopen(): void;
  /** Ends what reads, and gives the lock back. */
  close(): Promise<void>;
}

interface OpenOptions {
  readonly config: CloneSettings;
  /** Names at the top of the repository that are the mirror's. */
  readonly folders: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly lockWaitMs: number;
  readonly signal: AbortSignal;
  readonly onNotice: (message: string) => void;
  readonly onLost: (error: Error) => void;
}

/**
 * Opens the clone: makes it when absent, locks it, removes what dead processes left.
 * @throws AppError `USAGE` for a folder that is not a repository of its own, `LOCKED`, `REPOSITORY`
 */
export async function openRepository(options: OpenOptions): Promise<Repository> {
  const { config, signal } = options;
  const clone = await readyClone(config, options.env, signal);
  const { git: own, path, gitDir, bare } = clone;
  let format = clone.format;
  const release = await acquireLock({
    dir: gitDir,
    waitMs: options.lockWaitMs,
    onWait: (pid) => options.onNotice(`waiting for another celigo-mirror${pid ? ` (pid ${pid})` : ''} to finish`),
    onLost: options.onLost,
    signal,
  });
  try {
    const removed = await removeStaleGitLocks(gitDir, path, signal);
    if (removed.length > 0) options.onNotice(`removed lock files of a git process that died: ${removed.join(', ')}`);
    const stateDir = join(gitDir, 'celigo-mirror');
    makePrivate(stateDir);
    setAttributes(gitDir, options.folders);
    const { close, reopen, ...reader } = createObjectReader(own.start, signal);
    const git: Git = { ...own, ...reader };
    return {
      git,
      path,
      gitDir,
      stateDir,
      objectsDir: clone.objectsDir,
      get format() {
        return format;
      },
      async adoptFormat(wanted) {
        await git.run(['config', 'core.repositoryFormatVersion', '1']);
        await git.run(['config', 'extensions.objectFormat', wanted]);
        format = wanted;
        reopen();
      },
      branch: config.branch,
      committer: identityOf(config.author),
      signed: config.signingKeyFile !== undefined,
      bare,
      stateless: config.stateless,
      head: () => readHead(git, gitDir, config.branch),
      // With the slash it is found only where it is a folder.
      folderTree: async (account, commit = 'HEAD') =>
        (await git.ask(['rev-parse', '--verify', '--quiet', `${commit}:${account}/`]))?.trim() || undefined,
      folderFiles: (account) => listFiles(git, account),
      read: (file) => git.run(['cat-file', 'blob', `HEAD:${file}`]),
      notice: options.onNotice,
      async repairIndex() {
        const repaired = bare ? undefined : await repairIndex(git, gitDir, format, options.folders);
        if (repaired) options.onNotice(`the index of the clone was ${repaired} and has been rebuilt`);
      },
      reopen,
      async close() {
        close();
        await release();
      },
    };
  } catch (error) {
    await release();
    throw error;
  }
}

/**
 * The commit that HEAD names; `undefined` before the first one.
 * @throws GitFailure for a branch that exists and leads nowhere: that is not a new repository, but a damaged one
 */
async function readHead(git: Git, gitDir: string, branch: string): Promise<string | undefined> {
  const head = await findCommit(git, 'HEAD');
  if (head) return head.id;
  const named = await git.ask(['rev-parse', '--verify', '--quiet', 'HEAD']);
  if (named === undefined && !existsSync(join(gitDir, 'refs', 'heads', branch))) return undefined;
  throw new GitFailure('rev-parse', `bad ref: the branch ${branch} does not name a commit that can be read`, undefined);
}

async function listFiles(git: Git, account: string): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  const place = `HEAD:${account}/`;
  let out = await git.ask(['ls-tree', '-r', '-z', place]);
  // Not there, or there and not to be read? Only the first means that the account was never mirrored.
  if (out === undefined && (await git.ask(['rev-parse', '--verify', '--quiet', place])) !== undefined)
    out = await git.run(['ls-tree', '-r', '-z', place]);
  for (const line of (out ?? '').split('\0')) {
    // 100644 blob <oid>\t<path>
    const tab = line.indexOf('\t');
    const oid = line.slice(0, tab).split(' ')[2];
    if (tab > 0 && oid) files.set(line.slice(tab + 1), oid);
  }
  return files;
}
