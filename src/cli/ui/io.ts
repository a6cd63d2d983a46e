import type { ChildProcess } from 'node:child_process';
import type { Worker } from 'node:worker_threads';

/** Starts this program with other arguments and further variables, in a process group of its own. */
export type StartProcess = (args: readonly string[], env: Readonly<Record<string, string>>) => ChildProcess;

/** The outside world of a command. */
export interface Io {
  /**
   * Results; one JSON document with `--json`. What does not show is replaced (`core/unseen.ts`), unless a file or
   * program reads an `exact` text.
   */
  readonly out: (text: string, form?: 'exact') => void;
  /** Logs and progress. What becomes of them decides nothing. */
  readonly err: (text: string) => void;
  /** Why results did not arrive, once that is certain; `undefined` if they did, or if no one wanted more of them. */
  readonly lost?: () => Promise<Error | undefined>;
  /** Why logs are lost at the moment, if they are. */
  readonly logFailure?: () => Error | undefined;
  readonly outIsTerminal: boolean;
  readonly errIsTerminal: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Asks the user; absent if input and output are not a terminal. */
  readonly ask?: (question: string) => Promise<string>;
  readonly cwd: string;
  readonly now: () => Date;
  /** Aborted by SIGINT and SIGTERM. */
  readonly signal: AbortSignal;
  /** Calls the listener on SIGHUP, which otherwise ends the process. @returns how to stop listening */
  readonly onHangup?: (listener: () => void) => () => void;
  /** Starts the thread in which a daemon makes its runs; without it, they are made in the process's own. */
  readonly runThread?: () => Worker;
  /** Starts the process in which a daemon makes its drills; without it, there are none. */
  readonly startProcess?: StartProcess;
  /** Ends the process at once, whatever still runs; `killed`: without waiting for its threads, and without a code. */
  readonly leave?: (code: number | 'killed') => void;
}

/** Options that every command understands. */
export interface GlobalOptions {
  readonly config?: string;
  readonly logLevel?: string;
  readonly logFormat?: string;
  readonly color: boolean;
}
