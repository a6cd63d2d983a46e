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
import type { ObjectFormat } from '../core/digest.ts';
import { AppError, messageOf } from '../core/errors.ts';
import { createGit, type Git, GitFailure, type GitSettings } from '../git/git.ts';
import { isRepository } from './folder.ts';

/** What the configuration says of the clone. */
export interface CloneSettings extends GitSettings {
  /** Folder of the clone; made where it does not exist. */
  readonly path: string;
  readonly branch: string;
  /** Made without a work tree. One that is there with a work tree stays as it is. */
  readonly bare: boolean;
  readonly stateless: boolean;
}

/** A clone that is there and can be worked on. */
interface ReadyClone {
  readonly git: Git;
  /** Real path of the work tree; where there is none, of the repository. */
  readonly path: string;
  readonly gitDir: string;
  readonly objectsDir: string;
  readonly format: ObjectFormat;
  readonly bare: boolean;
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
export function setAttributes(gitDir: string, folders: readonly string[]): void {
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

/** Makes a folder that is its owner's alone: caches and journals may hold what the mirror leaves out. */
export function makePrivate(folder: string): void {
  mkdirSync(folder, { recursive: true });
  try {
    chmodSync(folder, 0o700);
  } catch {
    // Of another user, or on a file system without modes.
  }
}

/** @throws AppError `REPOSITORY` */
function makeFolder(path: string): string {
  try {
    mkdirSync(path, { recursive: true });
  } catch (cause) {
    throw new AppError('REPOSITORY', `repository.path: ${path} cannot be created: ${messageOf(cause)}`, {
      hint: 'Check that the parent folder exists and that this user may write there',
      cause,
    });
  }
  return realpathSync(path);
}

/**
 * The clone at the configured path, made when absent.
 * @throws AppError `USAGE` for a folder that is not a repository of its own, `REPOSITORY` for one that cannot be used
 */
export async function readyClone(
  config: CloneSettings,
  env: Readonly<Record<string, string | undefined>>,
  signal: AbortSignal,
): Promise<ReadyClone> {
  const path = makeFolder(config.path);
  const gitHere = (): Git => createGit({ cwd: path, config, env, signal });
  let git = gitHere();
  let described: string;
  try {
    const about = ['--is-bare-repository', '--is-inside-work-tree', '--show-object-format', '--absolute-git-dir'];
    // The last one may print an empty line.
    const question = ['rev-parse', ...about, '--git-path', 'objects', '--show-prefix'];
    const isThere = isRepository(path);
    if (isThere) git.prepare();
    const answer = isThere ? await git.ask(question) : undefined;
    if (answer === undefined) {
      await ensureRepository(git, path, config.branch, config.bare || config.stateless);
      git = gitHere();
    }
    described = answer ?? (await git.run(question));
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw new AppError('REPOSITORY', `repository.path: ${path} is not a usable Git repository: ${messageOf(error)}`, {
      hint: 'Check the folder with: git fsck; a fresh clone of the remote may replace it',
      cause: error,
    });
  }
  const [bare, isInside, format, gitDir = '', objectsPath = '', prefix] = described.split('\n');
  if (bare !== 'true' && (isInside !== 'true' || prefix !== '')) throw filesElsewhere(path);
  if (bare === 'true' && !config.bare && !config.stateless) {
    throw new AppError('USAGE', `repository.path: ${path} is a bare repository: it has no work tree`, {
      hint: 'Set repository.bare: true if that is meant. If it is the remote, name it in repository.remote instead',
    });
  }
  refusePipes(gitDir, config.branch);
  return {
    git,
    path,
    gitDir,
    objectsDir: resolve(path, objectsPath),
    format: format === 'sha256' ? 'sha256' : 'sha1',
    bare: bare === 'true',
  };
}
