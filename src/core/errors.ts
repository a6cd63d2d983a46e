/** Exit codes of the program; scripts rely on them. */
export const EXIT = { done: 0, failed: 1, different: 2, partial: 3, refused: 4, usage: 64 } as const;

/** Every kind of failure a user can meet, and how the program ends on it. */
export const CODES = {
  /** Configuration or command line is wrong. */
  USAGE: { exit: EXIT.usage },
  /** 403: the token may not do what was asked. */
  RIGHTS: { exit: EXIT.failed },
  /** The account changed under a restore, or its plan no longer fits. */
  CONFLICT: { exit: EXIT.refused },
  /** 401: the token is missing, wrong, revoked or expired. */
  AUTH: { exit: EXIT.failed },
  /** The API could not be used (network, unexpected answer). */
  API: { exit: EXIT.failed },
  /** The mirror repository could not be read or written. */
  REPOSITORY: { exit: EXIT.failed },
  /** Another process works on the clone. */
  LOCKED: { exit: EXIT.failed },
  /** Stopped by a signal. */
  ABORTED: { exit: EXIT.failed },
  /** A run took longer than it may. */
  TIMEOUT: { exit: EXIT.failed },
  /** Someone was asked, and did not agree. */
  DECLINED: { exit: EXIT.refused },
  /** More would be deleted than the guard allows, or the account looks empty. */
  GUARD: { exit: EXIT.refused },
  /** The folder belongs to another account than the one behind the token. */
  BINDING: { exit: EXIT.refused },
} as const;

export type Code = keyof typeof CODES;

/**
 * A failure that a user can meet. The message names the thing and the cause, the hint the remedy; neither holds
 * a secret. Shown without a stack trace.
 */
export class AppError extends Error {
  readonly code: Code;
  readonly hint: string | undefined;

  constructor(code: Code, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.hint = options.hint;
  }
}

/** The text of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
