import { rmSync } from 'node:fs';
import * as z from 'zod';
import { AppError, EXIT } from '../../core/errors.ts';
import type { DrillAll, Drilled } from '../../daemon/drills.ts';
import { endProcesses } from '../../mirror/processes.ts';
import { temporaryFolder } from '../../mirror/temporary-folder.ts';
import type { StartProcess } from '../ui/io.ts';

/** How long a drill may take to end after SIGTERM, in milliseconds. */
const ENDS_MS = 2_000;
/** What is kept of its errors. Characters. */
const LONGEST_ERROR = 2_000;

const report = z.object({
  account: z.string(),
  commit: z.string(),
  documents: z.number(),
  restored: z.number(),
  credentials: z.number(),
  unexplained: z.array(z.object({ what: z.string(), why: z.string() })),
  restoreTime: z.object({ atRateMs: z.number() }),
});
const result = z.union([z.object({ accounts: z.array(report) }), report.transform((one) => ({ accounts: [one] }))]);
const receipts = z.object({ receipt: z.object({ problem: z.string().optional() }).optional() });

/** Why an account did not come back: the first resource, and how many there are. */
function problemOf({ unexplained }: z.output<typeof report>, ofReceipt: string | undefined): string | undefined {
  const [first] = unexplained;
  if (!first) return ofReceipt;
  const more = unexplained.length > 1 ? ` and ${unexplained.length - 1} more` : '';
  return `${first.what}: ${first.why}${more}`;
}

/** @throws AppError for an output without a result */
function readResult(code: number | null, out: string, said: string): readonly Drilled[] {
  const known: readonly (number | null)[] = [EXIT.done, EXIT.failed, EXIT.partial];
  try {
    if (!known.includes(code)) throw new Error('no result');
    const value: unknown = JSON.parse(out);
    const problem = receipts.parse(value).receipt?.problem;
    return result.parse(value).accounts.map((one) => {
      const why = problemOf(one, problem);
      return {
        account: one.account,
        result: one.unexplained.length === 0 ? 'passed' : 'failed',
        documents: one.documents,
        restored: one.restored,
        commit: one.commit,
        restoreMs: one.restoreTime.atRateMs,
        credentials: one.credentials,
        ...(why === undefined ? {} : { problem: why }),
      };
    });
  } catch (cause) {
    const text = linesOf(said).join(' ');
    throw new AppError('REPOSITORY', text === '' ? `the drill ended without a result (${code ?? 'killed'})` : text, {
      cause,
    });
  }
}

/**
 * Drills in a process of its own: it takes nothing from the runs but the time of a processor.
 * @param start starts this program with other arguments, in a process group of its own
 */
export function createDrillProcess(start: StartProcess): DrillAll {
  return ({ source, repository }, signal) =>
    new Promise((resolve, reject) => {
      signal.throwIfAborted();
      // A clone that is not kept must be pushed from; otherwise the next run pushes, and no run waits for the remote.
      const push = repository.stateless ? [] : ['--no-push'];
      // What a drill that is killed leaves behind is removed with it.
      const folder = temporaryFolder('drills');
      const child = start(['drill', '--json', ...push, ...(source === 'environment' ? [] : ['--config', source])], {
        TMPDIR: folder,
      });
      let [out, said] = ['', ''];
      child.stdout?.setEncoding('utf8').on('data', (text: string) => {
        out += text;
      });
      child.stderr?.setEncoding('utf8').on('data', (text: string) => {
        said = `${said}${text}`.slice(-LONGEST_ERROR);
      });
      let killing: NodeJS.Timeout | undefined;
      const stop = (): void => {
        if (child.pid === undefined) return;
        endProcesses(new Set([child.pid]));
        killing = setTimeout(() => {
          try {
            process.kill(-(child.pid ?? 0), 'SIGKILL');
          } catch {
            // It has ended by itself.
          }
        }, ENDS_MS);
      };
      const leave = (): void => {
        rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
        clearTimeout(killing);
        signal.removeEventListener('abort', stop);
      };
      signal.addEventListener('abort', stop, { once: true });
      child.once('error', (cause) => {
        leave();
        reject(new AppError('REPOSITORY', `the drill cannot be started: ${cause.message}`, { cause }));
      });
      child.once('close', (code) => {
        leave();
        if (signal.aborted) return reject(signal.reason);
        try {
          resolve(readResult(code, out, said));
        } catch (error) {
          reject(error);
        }
      });
    });
}

function linesOf(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}
