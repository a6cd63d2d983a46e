import { accessSync, chmodSync, constants, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import type { TokenExpiry } from '../../celigo/tokens.ts';
import type { AccountConfig } from '../../config/schema.ts';
import { AppError, EXIT, messageOf } from '../../core/errors.ts';
import { createMetricsText } from '../../daemon/metrics-text.ts';
import { isRestorable, type TimedDrill } from '../../run/check/drill-report.ts';
import type { RunEvent, SyncReport } from '../../run/report.ts';
import { VERSION } from '../../version.ts';
import { tokenExpiries } from '../input/token-expiries.ts';
import type { Io } from '../ui/io.ts';
import { printable } from '../ui/style.ts';

/** The file of `--metrics-file`. Writing it never throws: a run that is done stays done. */
export interface MetricsFile {
  readonly event: (event: RunEvent) => void;
  /** @returns the exit code: that of the run, or 3 where the file could not be written */
  synced(reports: readonly SyncReport[], accounts: readonly AccountConfig[], code: number): Promise<number>;
  drilled(reports: readonly TimedDrill[], code: number): Promise<number>;
}

/** What is there; nothing of a file that is not. */
function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** In place of the old file at once, readable for all: the collector is another user. */
function replace(path: string, text: string): void {
  const temporary = `${path}.${process.pid}.new`;
  try {
    writeFileSync(temporary, text, { mode: 0o644 });
    // Whatever the umask.
    chmodSync(temporary, 0o644);
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/** @throws AppError `USAGE` before the run, for a file that cannot be written or would not be read */
export function openMetricsFile(io: Io, given: string): MetricsFile {
  const path = resolve(io.cwd, given);
  const hint = 'Name a file *.prom in the folder of the textfile collector, which this user may write to';
  if (!path.endsWith('.prom'))
    throw new AppError('USAGE', `--metrics-file: ${path} does not end with .prom, so no collector reads it`, { hint });
  try {
    accessSync(dirname(path), constants.W_OK);
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw new Error('it is a folder');
  } catch (cause) {
    throw new AppError('USAGE', `--metrics-file: ${path} cannot be written: ${messageOf(cause)}`, { hint, cause });
  }
  const text = createMetricsText({
    version: VERSION,
    now: io.now,
    before: readText(path),
    file: basename(path, '.prom'),
  });
  const write = async (content: Promise<string>, code: number): Promise<number> => {
    try {
      replace(path, await content);
      return code;
    } catch (error) {
      io.err(`--metrics-file: ${printable(`${path} could not be written: ${messageOf(error)}`)}\n`);
      return code === EXIT.done ? EXIT.partial : code;
    }
  };
  return {
    event: text.event,
    async synced(reports, accounts, code) {
      const tokens = new Map<string, readonly TokenExpiry[]>();
      for (const account of accounts.filter(({ name }) => reports.some((report) => report.account === name))) {
        try {
          tokens.set(account.name, await tokenExpiries(io, account, io.signal));
        } catch {
          // What was known before stays: the run itself says what is wrong with the account.
        }
      }
      const names = accounts.map(({ name }) => name);
      return write(text.synced(reports, names, tokens), code);
    },
    drilled(reports, code) {
      const drills = reports.map((report) => ({
        account: report.account,
        result: isRestorable(report) ? ('passed' as const) : ('failed' as const),
        durationMs: report.durationMs,
        documents: report.documents,
        restored: report.restored,
        commit: report.commit,
        restoreMs: report.restoreTime.atRateMs,
      }));
      return write(text.drilled(drills), code);
    },
  };
}
