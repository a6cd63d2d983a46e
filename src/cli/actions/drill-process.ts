import { rmSync } from 'node:fs';
import * as z from 'zod';
import { AppError, EXIT } from '../../core/errors.ts';
import type { DrillAll, Drilled } from '../../daemon/drills.ts';
import { temporaryFolder } from '../../git/temporary-folder.ts';
import type { StartProcess } from '../ui/io.ts';
import { runProcess } from './own-process.ts';

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
  return async ({ source, repository }, signal) => {
    // A clone that is not kept must be pushed from; otherwise the next run pushes, and no run waits for the remote.
    const push = repository.stateless ? [] : ['--no-push'];
    const args = ['drill', '--json', ...push, ...(source === 'environment' ? [] : ['--config', source])];
    // What a drill that is killed leaves behind is removed with it.
    const folder = temporaryFolder('drills');
    try {
      const { code, out, said } = await runProcess(start, args, { env: { TMPDIR: folder }, signal, what: 'the drill' });
      return readResult(code, out, said);
    } finally {
      rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
    }
  };
}

function linesOf(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}
