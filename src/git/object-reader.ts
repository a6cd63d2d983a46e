import { GitFailure, unlessGitFails } from './failure.ts';
import type { GitProcess } from './process.ts';

/** An object of the repository. */
export interface GitObject {
  readonly id: string;
  readonly bytes: Buffer;
}

/** Reads objects by one git process, which begins with the first and stays for those that are asked for later. */
export interface ObjectReader {
  /** The objects of these names, in their order; `undefined` for one that is not there. @throws GitFailure */
  find(names: readonly string[]): Promise<readonly (GitObject | undefined)[]>;
  /** The objects with these ids, in their order. @throws GitFailure when one of them is missing */
  objects(ids: readonly string[]): Promise<readonly Buffer[]>;
  /** Ends the process. The next question begins another, which sees what has become of the repository. */
  readonly reopen: () => void;
  /** Ends the process permanently: what is still at work elsewhere begins no other one, which no one would end. */
  readonly close: () => void;
}

/** The commit that a name leads to; `undefined` for a name that leads to none, or to one that cannot be read. */
export async function findCommit({ find }: Pick<ObjectReader, 'find'>, name: string): Promise<GitObject | undefined> {
  return (await unlessGitFails(find([`${name}^{commit}`])))?.[0];
}

/** An object that was asked for. */
interface Question {
  readonly name: string;
  readonly resolve: (object: GitObject | undefined) => void;
  readonly reject: (cause: unknown) => void;
}

/** Objects in the output of `cat-file --batch` (`<id> <type> <size>`, a line end, the bytes, a line end). */
function createSplitter() {
  let chunks: Buffer[] = [];
  let length = 0;
  /** Bytes that the next object takes at least. */
  let needed = 0;
  return {
    /** Calls `take` with each object that is complete now, and its first line. */
    add(chunk: Buffer, take: (head: string, bytes: Buffer | undefined) => void): void {
      chunks.push(chunk);
      length += chunk.length;
      if (length < needed) return;
      let held = chunks.length === 1 ? chunk : Buffer.concat(chunks);
      needed = 0;
      for (let end = held.indexOf(0x0a); end >= 0; end = held.indexOf(0x0a)) {
        const head = held.toString('utf8', 0, end);
        const [, size] = / (\d+)$/.exec(head) ?? [];
        needed = size === undefined ? end + 1 : end + 2 + Number(size);
        if (held.length < needed) break;
        take(head, size === undefined ? undefined : held.subarray(end + 1, needed - 1));
        held = held.subarray(needed);
        needed = 0;
      }
      chunks = held.length > 0 ? [held] : [];
      length = held.length;
    },
  };
}

/** A git process, and the questions that it has not answered yet. */
interface Session {
  readonly process: Promise<GitProcess>;
  readonly waiting: Question[];
}

function answer({ waiting }: Session, head: string, bytes: Buffer | undefined): void {
  const question = waiting.shift();
  if (!question) return;
  const { name, resolve, reject } = question;
  if (bytes) resolve({ id: head.split(' ', 1)[0] ?? '', bytes });
  else if (head === `${name} missing`) resolve(undefined);
  else reject(new GitFailure('cat-file', `${name} cannot be read (${head})`, undefined));
}

type Start = (args: readonly string[]) => Promise<GitProcess>;

/** @param ended called once, when the process has, or could not begin */
function beginSession(start: Start, signal: AbortSignal, ended: (session: Session, cause: unknown) => void): Session {
  const session: Session = { process: start(['cat-file', '--batch']), waiting: [] };
  const splitter = createSplitter();
  session.process
    .then(async ({ stdout, done, kill }) => {
      stdout.on('data', (chunk: Buffer) => splitter.add(chunk, (head, bytes) => answer(session, head, bytes)));
      signal.addEventListener('abort', kill, { once: true });
      if (signal.aborted) kill();
      await done.finally(() => signal.removeEventListener('abort', kill));
      throw new GitFailure('cat-file', 'ended early', undefined);
    })
    .catch((cause: unknown) => ended(session, cause));
  return session;
}

/** @param start starts git @param signal ends the process, and every question */
export function createObjectReader(start: Start, signal: AbortSignal): ObjectReader {
  let current: Session | undefined;
  let isClosed = false;

  /** The process has ended over its first question: the others go to another one, unless it was to end. */
  async function ended(session: Session, cause: unknown): Promise<void> {
    const isCurrent = current === session;
    if (isCurrent) current = undefined;
    const isRunning = await session.process.then(
      () => true,
      () => false,
    );
    const [first, ...others] = session.waiting.splice(0);
    first?.reject(cause);
    if (isCurrent && isRunning) ask(others);
    else for (const { reject } of others) reject(cause);
  }

  function ask(questions: readonly Question[]): void {
    if (questions.length === 0) return;
    if (isClosed) {
      for (const { name, reject } of questions)
        reject(new GitFailure('cat-file', `${name} cannot be read (the clone was closed)`, undefined));
      return;
    }
    current ??= beginSession(start, signal, ended);
    current.waiting.push(...questions);
    const lines = questions.map(({ name }) => `${name}\n`).join('');
    // Where there is no process, that is heard of elsewhere.
    current.process.then(({ stdin }) => void stdin.write(lines)).catch(() => undefined);
  }

  async function find(names: readonly string[]): Promise<readonly (GitObject | undefined)[]> {
    const questions: Question[] = [];
    const answers = names.map(
      (name) =>
        new Promise<GitObject | undefined>((resolve, reject) => {
          // Nothing is called so, and git would take it for two names.
          if (name.includes('\n')) resolve(undefined);
          else questions.push({ name, resolve, reject });
        }),
    );
    ask(questions);
    return Promise.all(answers);
  }

  function reopen(): void {
    const ending = current?.process;
    current = undefined;
    ending?.then(({ kill }) => kill()).catch(() => undefined);
  }

  return {
    find,
    reopen,
    async objects(ids) {
      const found = await find(ids);
      return found.map((object, i) => {
        if (!object) throw new GitFailure('cat-file', `${ids[i]} cannot be read (missing)`, undefined);
        return object.bytes;
      });
    },
    close() {
      isClosed = true;
      reopen();
    },
  };
}
