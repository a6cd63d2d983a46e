import { rateLimitOf } from '../../config/schema.ts';
import { secretsOf } from '../../config/secrets-of.ts';
import { AppError, messageOf } from '../../core/errors.ts';
import { GitFailure } from '../../git/git.ts';
import { isRepository, repositoryAbove } from '../../mirror/folder.ts';
import { restoreTime } from '../../plan/restore-time.ts';
import { type CloneDeps, withClone } from '../../run/check/clone.ts';
import type { DrillReport, TimedDrill } from '../../run/check/drill-report.ts';
import { type Kept, keepReceipt } from '../../run/check/keep-receipt.ts';
import { sealReceipt, statementOf } from '../../run/check/receipt.ts';
import { scrub } from '../../run/log.ts';
import { VERSION } from '../../version.ts';
import { type MirrorPlace, mirrorPlace } from '../input/mirror.ts';
import { configOf, readingConfigOf, runDeps } from '../input/run-deps.ts';
import type { StateFlags } from '../input/time-option.ts';
import type { GlobalOptions, Io } from '../ui/io.ts';
import { writeOutput } from '../ui/output-file.ts';
import { printable, type Style } from '../ui/style.ts';

export interface ReceiptFlags extends StateFlags {
  readonly receipt?: string;
  readonly account?: string;
  readonly into?: string;
  /** False with `--no-push`. */
  readonly push?: boolean;
}

/** What became of the receipts of a drill. */
export interface ReceiptResult {
  readonly signed: boolean;
  /** The file of `--receipt`. */
  readonly file?: string;
  /** Where the repository keeps it. */
  readonly kept?: Kept;
  /** Why it could not be signed, written, kept or pushed. */
  readonly problem?: string;
}

/** An account that nothing is known of has the pace of the defaults. */
const PLAIN = { rateLimit: rateLimitOf({}), concurrency: 6 };

/** How long a receipt waits for another process that works on the clone, in milliseconds. */
const LONGEST_WAIT_MS = 15 * 60_000;

function cloneDeps(io: Io, config: CloneDeps['config']): CloneDeps {
  const { lockWaitMs } = runDeps(io, { config, report: () => undefined });
  const notice = (message: string): void => io.err(`${printable(message)}\n`);
  return { config, env: io.env, now: io.now, signal: io.signal, lockWaitMs, notice };
}

/**
 * The mirror to rehearse. Of a configuration whose clone is not there yet, or is not kept, it is fetched first.
 * @throws AppError `USAGE`
 */
export async function drillPlace(io: Io, globals: GlobalOptions, folder: string | undefined): Promise<MirrorPlace> {
  const configured = folder === undefined && (globals.config !== undefined || repositoryAbove(io.cwd) === undefined);
  if (configured) {
    const { remote, stateless, path } = (await readingConfigOf(io, globals)).repository;
    if (remote !== undefined && (stateless || !isRepository(path)))
      await withClone(cloneDeps(io, await configOf(io, globals)), true, () => Promise.resolve());
  }
  return mirrorPlace(io, globals, folder);
}

/** A report with how long the restore takes at the pace of the account that it would be made in. */
export function timed({ config }: MirrorPlace, report: DrillReport): TimedDrill {
  const { target, account, requests } = report;
  const name = target.kind === 'account' ? target.name : account;
  const settings = config?.accounts.find((one) => one.name === name) ?? PLAIN;
  return { ...report, restoreTime: restoreTime(requests, settings) };
}

/**
 * Writes the receipt of a drill where it was asked for, and keeps it in the repository where `drill.receipts` is set
 * and the newest state was rehearsed, of all accounts or into a real one. What cannot be done is a problem, no failure
 * of the drill.
 * @returns `undefined` where no receipt is wanted
 */
export async function makeReceipt(
  io: Io,
  { config, repository }: MirrorPlace,
  drills: readonly TimedDrill[],
  { startedAt, hidden }: { readonly startedAt: Date; readonly hidden: readonly string[] },
  flags: ReceiptFlags,
): Promise<ReceiptResult | undefined> {
  const isWhole = flags.at === undefined && flags.before === undefined && (!flags.account || flags.into);
  const keeps = config?.drill.receipts === true && isWhole;
  if (flags.receipt === undefined && !keeps) return undefined;
  const key = repository.signingKeyFile;
  let done: ReceiptResult = { signed: false };
  try {
    const stated = statementOf(drills, { startedAt, finishedAt: io.now() }, VERSION);
    const secrets = [...hidden, ...(config ? secretsOf(config) : [])];
    const text = await sealReceipt(stated, key, io.env, (plain) => scrub(plain, secrets));
    done = { signed: key !== undefined };
    if (flags.receipt !== undefined) done = { ...done, file: writeOutput(io, '--receipt', flags.receipt, text) };
    if (!keeps) return done;
    // A run may be in progress, whose first listing takes long.
    const lockWaitMs = Math.min(LONGEST_WAIT_MS, config.drill.timeoutMs);
    const kept = await keepReceipt({ ...cloneDeps(io, config), lockWaitMs }, stated, text, flags.push !== false);
    const behind = kept.state === 'kept' && kept.remote.state === 'behind' ? kept.remote : undefined;
    return { ...done, kept, ...(behind ? { problem: `the receipt could not be pushed: ${behind.reason}` } : {}) };
  } catch (error) {
    if (!(error instanceof AppError) && !(error instanceof GitFailure)) throw error;
    const hint = error instanceof AppError && error.hint ? `. ${error.hint}` : '';
    return { ...done, problem: `${messageOf(error)}${hint}` };
  }
}

/** What became of the receipt, for a person. */
export function describeReceipt({ signed, file, kept, problem }: ReceiptResult, style: Style): string {
  const places = [...(file === undefined ? [] : [file]), ...(kept ? [`${kept.path} of the repository`] : [])];
  const unsigned = 'not signed, so that it proves nothing to others: set repository.signingKeyFile';
  const how =
    kept?.state === 'there' ? 'the receipt of this day says the same' : signed ? 'signed' : style.yellow(unsigned);
  return [
    ...(places.length > 0 ? [`receipt in ${printable(places.join(' and '))} (${how})\n`] : []),
    ...(problem === undefined ? [] : [`${style.red('receipt:')} ${printable(problem)}\n`]),
  ].join('');
}
