import { AppError, messageOf } from '../core/errors.ts';

/** A git command that failed, with what git printed. */
export class GitFailure extends Error {
  readonly stderr: string;
  constructor(command: string, stderr: string, cause: unknown) {
    super(`git ${command}: ${stderr.trim() || messageOf(cause)}`, { cause });
    this.name = 'GitFailure';
    this.stderr = stderr;
  }
}

/** The remote cannot be followed without a decision of a person. Commits stay in the clone. */
export class RemoteRefusal extends AppError {
  declare readonly hint: string;

  constructor(message: string, hint: string) {
    super('REPOSITORY', message, { hint });
  }
}

/** What becomes of work with git, or `undefined` where git fails: for questions whose answer may be "no". */
export async function unlessGitFails<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof GitFailure) return undefined;
    throw error;
  }
}

/** Whether git failed, directly or as the cause of another failure. */
export function isGitFailure(error: unknown): boolean {
  if (error instanceof GitFailure) return true;
  return error instanceof Error && error.cause !== undefined && isGitFailure(error.cause);
}

/** A git that could not even be started. */
function notStarted(code: string, cause: unknown): AppError {
  const missing = code === 'ENOENT';
  return new AppError('REPOSITORY', `git cannot be run: ${missing ? 'there is none on the PATH' : code}`, {
    hint: missing
      ? 'Install git 2.30 or later, and make sure that it is on the PATH'
      : 'Check that this user may run git, and the limits of processes and memory of this machine',
    cause,
  });
}

/** What a failed command means: the reason of the abort, a git that is missing or too old, or a failure of git. */
export function failureOf(command: string, cause: unknown, signal: AbortSignal): unknown {
  if (signal.aborted) return signal.reason;
  if (cause instanceof AppError) return cause;
  const [, code] = /\bspawn git (E[A-Z]+)\b/.exec(messageOf(cause)) ?? [];
  if (code !== undefined) return notStarted(code, cause);
  if (/unsupported value for gpg\.format/.test(messageOf(cause))) {
    return new AppError('REPOSITORY', 'this version of git cannot create or verify SSH signatures', {
      hint: 'Install git 2.34 or later, or remove repository.signingKeyFile',
      cause,
    });
  }
  return new GitFailure(command, messageOf(cause), cause);
}

/** Whether git says of objects that were there a moment ago that they, or their files, are gone. */
function saysRemoved(message: string): boolean {
  return message.split('\n').some((line) => {
    if (/nonexistent object|tmp_objdir/i.test(line)) return true;
    const file = line.indexOf('/objects/');
    return file >= 0 && line.includes('No such file or directory', file);
  });
}

/**
 * Whether git failed because what it had just written was gone: a person tidied up the repository in the same moment
 * (`git gc --prune=now`), and objects that no branch names yet are rubbish to that.
 */
export function isTidiedAway(error: unknown): boolean {
  if (error instanceof GitFailure) return saysRemoved(error.message);
  return error instanceof Error && error.cause !== undefined && isTidiedAway(error.cause);
}
