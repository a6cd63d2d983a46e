import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { Person } from '../core/changes.ts';
import type { ObjectFormat } from '../core/digest.ts';
import { AppError, messageOf } from '../core/errors.ts';
import { identityOf } from '../core/identity.ts';
import { createGit, type Git, GitFailure, type GitSettings } from '../git/git.ts';
import { createObjectReader, findCommit } from '../git/object-reader.ts';
import { isRepository } from './folder.ts';
import { repairIndex } from './index-file.ts';
import { acquireLock } from './lock.ts';
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

/** What the configuration says of the clone. */
interface RepositorySettings extends GitSettings {
  /** Folder of the clone; made where it does not exist. */
  readonly path: string;
  readonly branch: string;
  /** Made without a work tree. One that is there already stays as it is. */
  readonly bare: boolean;
  readonly stateless: boolean;
}

interface OpenOptions {
  readonly config: RepositorySettings;
  /** Names at the top of the repository that are the mirror's. */
  readonly folders: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly lockWaitMs: number;
  readonly signal: AbortSignal;
  readonly onNotice: (message: string) => void;
  readonly onLost: (error: Error) => void;
}

/** Says in git's own list of attributes where what this program says begins. */
const ATTRIBUTES_MARK = '# celigo-mirror: bytes of the mirror are never converted';
/** What no list of attributes, whoever wrote it, may do to a file of the mirror. */
const ATTRIBUTES = '-text -filter -ident -working-tree-encoding';

/**
 * Puts the mirror's folders out of reach of attributes, which convert bytes or run filters: anyone who can push
 * can change those in the tree, and no option turns them off in every git. The clone's own list outranks them, and
 * there the last line wins. What a person wrote before it stays.
 */
function setAttributes(gitDir: string, folders: readonly string[]): void {
  const pointer = join(gitDir, 'commondir');
  const common = existsSync(pointer) ? resolve(gitDir, readFileSync(pointer, 'utf8').trim()) : gitDir;
  const file = join(common, 'info', 'attributes');
  const held = existsSync(file) ? readFileSync(file, 'utf8') : '';
  const lines = held.split('\n').filter((line) => line !== '');
  const block = [ATTRIBUTES_MARK, ...folders.map((folder) => `/${folder}/** ${ATTRIBUTES}`)];
  const others = lines.filter((line) => line !== ATTRIBUTES_MARK && !line.endsWith(` ${ATTRIBUTES}`));
  const text = `${[...others, ...block].join('\n')}\n`;
  if (text === held) return;
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(`${file}.tmp`, text);
  renameSync(`${file}.tmp`, file);
}

/** How often, and after how long, a clone that another process is making is tried again. */
const INIT_TRIES = 20;
const INIT_WAIT_MS = 100;

/** Git makes a HEAD where there is none, but leaves one that a power loss emptied. */
function repairHead(head: string, branch: string): void {
  if (!existsSync(head) || /^(?:ref: refs\/|[0-9a-f]{40})/.test(readFileSync(head, 'utf8'))) return;
  // Not by git, which a lock of a dead process would keep from it.
  writeFileSync(`${head}.repaired`, `ref: refs/heads/${branch}\n`);
  renameSync(`${head}.repaired`, head);
}

/** What a repository without a work tree consists of. */
const BARE_PARTS = ['HEAD', 'config', 'description', 'hooks', 'info', 'objects', 'refs', 'branches'];

/** Makes the folder and an empty repository in it where there is none yet. Safe to repeat after a crash. */
async function ensureRepository(git: Git, path: string, branch: string, bare: boolean): Promise<void> {
  // A run killed in its very first moments leaves a half-made repository; making it again completes it.
  // Read once: between two reads, another process that creates the same clone would look like someone else's files.
  const inhabitants = readdirSync(path).filter((name) => name !== 'lost+found');
  const isOurs = (name: string): boolean => bare && BARE_PARTS.includes(name.replace(/\.lock$/, ''));
  if (!inhabitants.includes('.git') && !inhabitants.every(isOurs)) {
    throw new AppError('USAGE', `repository.path: ${path} holds files but is not a Git repository`, {
      hint: 'Name an empty folder or one that does not exist, or make it a repository with: git init',
    });
  }
  repairHead(join(path, bare ? 'HEAD' : '.git/HEAD'), branch);
  // Forges have this format; a remote with the other one is found out by the first fetch.
  const kind = [...(bare ? ['--bare'] : []), ...(inhabitants.length === 0 ? ['--object-format=sha1'] : [])];
  for (let attempt = 1; ; attempt++) {
    try {
      await git.run(['init', '--quiet', ...kind, `--initial-branch=${branch}`, '--', path]);
      return;
    } catch (error) {
      // Two processes that find no clone both make one; the lock that keeps them apart is in it.
      const racing = error instanceof GitFailure && /could not lock|File exists/i.test(error.stderr);
      if (!racing || attempt === INIT_TRIES) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, INIT_WAIT_MS));
  }
}

function filesElsewhere(path: string): AppError {
  return new AppError('REPOSITORY', `repository.path: ${path} has its files in another folder (core.worktree)`, {
    hint: `Remove that setting with: git -C ${path} config --unset core.worktree`,
  });
}

/** Files that are read before anything else, by git and by this program. */
const READ_FIRST = ['HEAD', 'index', 'packed-refs', 'commondir', 'info/attributes', 'info/grafts', 'shallow'];

/** Refuses what never ends to be read, such as a named pipe: neither a signal nor a time limit would end that. */
function refusePipes(gitDir: string, branch: string): void {
  for (const name of [...READ_FIRST, `refs/heads/${branch}`]) {
    const path = join(gitDir, name);
    const held = statSync(path, { throwIfNoEntry: false });
    if (!held || held.isFile() || held.isDirectory()) continue;
    throw new AppError('REPOSITORY', `${path} is neither a file nor a folder (a named pipe, say)`, {
      hint: 'Remove it; what git needs in its place the next run makes again',
    });
  }
}

/** Leaves a folder to its owner alone: caches and journals may hold what the mirror leaves out. */
function protect(folder: string): void {
  try {
    chmodSync(folder, 0o700);
  } catch {
    // Of another user, or on a file system without modes.
  }
}

/**
 * Opens the clone: makes it when absent, locks it, removes what dead processes left.
 * @throws AppError `USAGE` for a folder that is not a repository of its own, `LOCKED`, `REPOSITORY`
 */
export async function openRepository(options: OpenOptions): Promise<Repository> {
  const { config, signal } = options;
  try {
    mkdirSync(config.path, { recursive: true });
  } catch (cause) {
    throw new AppError('REPOSITORY', `repository.path: ${config.path} cannot be created: ${messageOf(cause)}`, {
      hint: 'Check that the parent folder exists and that this user may write there',
      cause,
    });
  }
  const path = realpathSync(config.path);
  const gitHere = (): Git => createGit({ cwd: path, config, env: options.env, signal });
  let own = gitHere();
  let described: string;
  try {
    const about = ['--is-bare-repository', '--is-inside-work-tree', '--show-object-format', '--absolute-git-dir'];
    // The last one may print an empty line.
    const question = ['rev-parse', ...about, '--git-path', 'objects', '--show-prefix'];
    const isThere = isRepository(path);
    if (isThere) own.prepare();
    const answer = isThere ? await own.ask(question) : undefined;
    if (answer === undefined) {
      await ensureRepository(own, path, config.branch, config.bare || config.stateless);
      own = gitHere();
    }
    described = answer ?? (await own.run(question));
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw new AppError('REPOSITORY', `repository.path: ${path} is not a usable Git repository: ${messageOf(error)}`, {
      hint: 'Check the folder with: git fsck; a fresh clone of the remote may replace it',
      cause: error,
    });
  }
  const [bare = '', isInside, found, gitDir = '', objectsPath = '', prefix] = described.split('\n');
  if (bare !== 'true' && (isInside !== 'true' || prefix !== '')) throw filesElsewhere(path);
  refusePipes(gitDir, config.branch);
  let format: ObjectFormat = found === 'sha256' ? 'sha256' : 'sha1';
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
    mkdirSync(stateDir, { recursive: true });
    protect(stateDir);
    setAttributes(gitDir, options.folders);
    const { close, reopen, ...reader } = createObjectReader(own.start, signal);
    const git: Git = { ...own, ...reader };
    return {
      git,
      path,
      gitDir,
      stateDir,
      objectsDir: resolve(path, objectsPath),
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
      bare: bare === 'true',
      stateless: config.stateless,
      head: () => readHead(git, gitDir, config.branch),
      // With the slash it is found only where it is a folder.
      folderTree: async (account, commit = 'HEAD') =>
        (await git.ask(['rev-parse', '--verify', '--quiet', `${commit}:${account}/`]))?.trim() || undefined,
      folderFiles: (account) => listFiles(git, account),
      read: (file) => git.run(['cat-file', 'blob', `HEAD:${file}`]),
      notice: options.onNotice,
      async repairIndex() {
        const repaired = bare === 'true' ? undefined : await repairIndex(git, gitDir, format, options.folders);
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
