import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { PassThrough } from 'node:stream';
import type { Person } from '../core/changes.ts';
import { wholeAt } from '../core/cut.ts';
import { absentOid } from '../core/digest.ts';
import { identityOf } from '../core/identity.ts';
import type { GitProcess } from '../git/git.ts';
import type { Repository } from './repository.ts';

/** A file or folder of a commit's tree, by its path from the root. */
export interface TreeChange {
  readonly path: string;
  /** Object id of what is there now; `undefined`: nothing. */
  readonly oid: string | undefined;
  /** A folder, whose id is that of a tree. */
  readonly folder?: boolean;
  /** Of what a person committed: as git writes it, such as `120000` for a link. A plain file unless given. */
  readonly mode?: string;
}

/** A commit to make. */
export interface NewCommit {
  readonly message: string;
  readonly author: Person;
  readonly authorDate: Date;
  readonly committed: Date;
  /** What differs from the parent; read several times, also at once. */
  readonly changes: Iterable<TreeChange>;
}

/** A commit that was written, and its tree. */
export interface WrittenCommit {
  readonly commit: string;
  readonly tree: string;
}

/**
 * Writes objects into the repository by one `git fast-import`, which begins as soon as there is enough for it to do and
 * takes them while the run continues. No one sees one before {@link ObjectWriter.flush}; a run that dies leaves none.
 */
export interface ObjectWriter {
  /** Adds the content of a file. */
  readonly blob: (text: string) => void;
  /** Ends when git has taken in what was added: what it has not is held in memory. */
  readonly drained: () => Promise<void>;
  /** Adds a commit on top of `parent`. @throws GitFailure */
  readonly commit: (parent: string | undefined, commit: NewCommit) => Promise<WrittenCommit>;
  /** Object id of a folder in a commit that was added. @throws GitFailure */
  readonly treeAt: (commit: string, path: string) => Promise<string | undefined>;
  /**
   * Makes everything that was added part of the repository, as one pack that has reached the disk. @throws GitFailure
   */
  readonly flush: () => Promise<void>;
  /** Forgets what was added since the last flush. */
  readonly discard: () => Promise<void>;
}

/** A branch for the commits on their way; it is gone when the stream ends. */
const BRANCH = 'refs/celigo-mirror/next';
/** Lines, and characters of a message, written at once. */
const LINES = 1_000;
const PIECE = 65_536;
/** A process that begins amidst a listing slows it down: a few documents wait for their commit. Characters. */
const ENOUGH = 2 ** 20;
/** Where objects wait, with the name of a linked worktree after it. Git removes what is called so when it prunes. */
const WAITING = 'tmp_objdir-celigo-mirror';

/** glibc gives the memory of each object back to the system and asks for it again: two fifths of git's time. */
const KEEP_MEMORY = { MALLOC_TRIM_THRESHOLD_: String(128 * 1024 * 1024) };

/** A moment as git's raw date format has it. */
export function gitDate(date: Date): string {
  return `${Math.max(0, Math.floor(date.getTime() / 1000))} +0000`;
}

function data(text: string): string {
  return `data ${Buffer.byteLength(text)}\n${text}\n`;
}

function quoted(path: string): string {
  return `"${path.replace(/["\\]/g, '\\$&').replaceAll('\n', '\\n')}"`;
}

function changeLine({ path, oid, folder, mode = '100644' }: TreeChange): string {
  return oid === undefined ? `D ${quoted(path)}\n` : `M ${folder ? '040000' : mode} ${oid} ${quoted(path)}\n`;
}

function ident(person: Person, date: Date): string {
  const { name, email } = identityOf(person);
  return `${name} <${email}> ${gitDate(date)}`;
}

/** A text in pieces, none of which ends within a character. */
function* piecesOf(text: string): Generator<string> {
  for (let [at, end] = [0, 0]; at < text.length; at = end) {
    end = wholeAt(text, at + PIECE);
    yield text.slice(at, end);
  }
}

/** The beginning of a commit; {@link changeLines} follow. */
function* commitHead(mark: number, from: string | undefined, committer: Person, commit: NewCommit): Generator<string> {
  const { message, author, authorDate, committed } = commit;
  yield `commit ${BRANCH}\nmark :${mark}\n`;
  yield `author ${ident(author, authorDate)}\ncommitter ${ident(committer, committed)}\n`;
  yield `data ${Buffer.byteLength(message)}\n`;
  // That of a first run has megabytes, which a copy would be the run's peak of memory.
  yield* piecesOf(message);
  yield from === undefined ? '\n' : `\nfrom ${from}\n`;
}

/** What differs in a commit, some lines at a time: all of a large one in one text would be the run's peak of memory. */
function* changeLines(changes: Iterable<TreeChange>): Generator<string> {
  let lines: string[] = [];
  // What goes makes room for what comes.
  for (const goes of [true, false]) {
    for (const change of changes) {
      if ((change.oid === undefined) !== goes) continue;
      lines.push(changeLine(change));
      if (lines.length < LINES) continue;
      yield lines.join('');
      lines = [];
    }
  }
  yield lines.join('');
}

/** A `git fast-import` at work. */
interface Stream {
  readonly input: PassThrough;
  /** The next line that git prints. */
  readonly answer: () => Promise<string>;
  /** Ends when git has written everything. */
  readonly done: Promise<void>;
  readonly kill: () => Promise<void>;
}

/** Pairs the lines that git prints with those who wait for them. */
function answersOf({ stdout, done }: GitProcess): () => Promise<string> {
  const waiting: ((line: string) => void)[] = [];
  createInterface({ input: stdout }).on('line', (line) => waiting.shift()?.(line));
  const ended = done.then(() => Promise.reject(new Error('git fast-import ended early')));
  ended.catch(() => undefined);
  return () => Promise.race([new Promise<string>((resolve) => waiting.push(resolve)), ended]);
}

function startStream({ git, gitDir, objectsDir }: Repository): Stream {
  // Worktrees of one repository share the objects, and each has a lock of its own.
  const isLinked = existsSync(join(gitDir, 'commondir'));
  const waiting = join(objectsDir, isLinked ? `${WAITING}-${basename(gitDir)}` : WAITING);
  const input = new PassThrough();
  const clear = (): void => rmSync(waiting, { recursive: true, force: true });
  const starting = (async () => {
    clear();
    mkdirSync(join(waiting, 'pack'), { recursive: true });
    // A run waits for the trees. A third of one is ids, which no compression makes smaller; upkeep keeps differences.
    const settings = ['-c', 'fastimport.unpackLimit=0', '-c', 'pack.compression=1'];
    const args = [...settings, 'fast-import', '--quiet', '--done', '--date-format=raw'];
    // What is there already is seen, too.
    const places = { GIT_OBJECT_DIRECTORY: waiting, GIT_ALTERNATE_OBJECT_DIRECTORIES: quoted(objectsDir) };
    const started = await git.start(args, { ...places, ...KEEP_MEMORY });
    input.pipe(started.stdin);
    return { started, answer: answersOf(started) };
  })();
  const done = starting.then(async ({ started }) => {
    try {
      await started.done;
    } catch (error) {
      clear();
      rmSync(join(gitDir, `fast_import_crash_${started.pid}`), { force: true });
      // Nothing reads it any more; a writer must not wait for that.
      input.resume();
      throw error;
    }
    const packs = join(waiting, 'pack');
    // Git looks for indexes: the packs go first.
    const names = readdirSync(packs).sort((a, b) => Number(a.endsWith('.idx')) - Number(b.endsWith('.idx')));
    for (const name of names) renameSync(join(packs, name), join(objectsDir, 'pack', name));
    clear();
  });
  done.catch(() => input.resume());
  return {
    input,
    answer: async () => (await starting).answer(),
    done,
    async kill() {
      await starting.then(({ started }) => started.kill()).catch(() => undefined);
      await done.catch(() => undefined);
      clear();
    },
  };
}

/** @throws GitFailure from its methods when git cannot write, say on a full disk */
export function createObjectWriter(repository: Repository): ObjectWriter {
  let stream: Stream | undefined;
  /** What waits for a process. */
  let waiting = '';
  let marks = new Map<string, number>();
  /** Many wait for it at once. */
  let draining: Promise<unknown> | undefined;

  function write(text: string): Stream {
    if (!stream) {
      stream = startStream(repository);
      stream.input.write(waiting);
      waiting = '';
    }
    stream.input.write(text);
    return stream;
  }

  async function treeAt(commit: string, path: string): Promise<string | undefined> {
    // `040000 tree <id>`, a tab and the path; or `missing`.
    const line = await write(`ls :${marks.get(commit)} ${quoted(path)}\n`).answer();
    return line.startsWith('040000 tree ') ? line.split(/[ \t]/)[2] : undefined;
  }

  async function drained(): Promise<void> {
    if (!stream?.input.writableNeedDrain) return;
    draining ??= Promise.race([once(stream.input, 'drain'), stream.done]).finally(() => {
      draining = undefined;
    });
    await draining;
  }

  return {
    blob(text) {
      const added = `blob\n${data(text)}`;
      if (stream || waiting.length + added.length > ENOUGH) write(added);
      else waiting += added;
    },
    drained,
    async commit(parent, commit) {
      const mark = marks.size + 1;
      const own = parent === undefined ? undefined : marks.get(parent);
      const from = own === undefined ? parent : `:${own}`;
      for (const pieces of [commitHead(mark, from, repository.committer, commit), changeLines(commit.changes)]) {
        for (const piece of pieces) {
          write(piece);
          await drained();
        }
      }
      const id = await write(`\nget-mark :${mark}\n`).answer();
      marks.set(id, mark);
      return { commit: id, tree: (await treeAt(id, '')) ?? '' };
    },
    treeAt,
    async flush() {
      if (!stream && waiting === '') return;
      const { input, done } = write(
        marks.size > 0 ? `reset ${BRANCH}\nfrom ${absentOid(repository.format)}\n\ndone\n` : 'done\n',
      );
      input.end();
      stream = undefined;
      marks = new Map();
      await done;
    },
    async discard() {
      waiting = '';
      await stream?.kill();
      stream = undefined;
      marks = new Map();
    },
  };
}
