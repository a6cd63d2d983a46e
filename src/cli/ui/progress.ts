import yoctoSpinner from 'yocto-spinner';
import type { Config } from '../../config/schema.ts';
import { secretsOf } from '../../config/secrets-of.ts';
import { AppError } from '../../core/errors.ts';
import { createLog, isLogLevel, logReporter } from '../../run/log.ts';
import type { Reporter } from '../../run/report.ts';
import type { GlobalOptions, Io } from './io.ts';
import { printable, styleFor } from './style.ts';

/** The level of the log: flag, environment, then `fallback`. @throws AppError `USAGE` */
export function levelOf(io: Io, options: GlobalOptions, fallback: string): string {
  const level = options.logLevel ?? (io.env.LOG_LEVEL || fallback);
  if (isLogLevel(level)) return level;
  throw new AppError('USAGE', `--log-level: ${level} is not a valid log level`, {
    hint: 'Use one of trace, debug, info, warn, error, fatal, silent',
  });
}

/** Whether the log is for people. @throws AppError `USAGE` */
export function isPretty(io: Io, options: GlobalOptions): boolean {
  const format = options.logFormat ?? (io.env.LOG_FORMAT || (io.errIsTerminal ? 'pretty' : 'json'));
  if (format === 'pretty' || format === 'json') return format === 'pretty';
  throw new AppError('USAGE', `--log-format: ${format} is not a valid format`, { hint: 'Use json or pretty' });
}

export interface Progress {
  readonly report: Reporter;
  /** Replaces the text of the line of progress. */
  readonly say: (text: string) => void;
  /** Removes the line of progress. */
  readonly stop: () => void;
}

/** The log and, on a terminal, one line of progress. Without a log, its library is not loaded. */
export async function createReporter(
  io: Io,
  options: GlobalOptions,
  config: Config,
  hidden: readonly string[] = [],
): Promise<Progress> {
  const level = levelOf(io, options, io.errIsTerminal ? 'warn' : 'info');
  const style = styleFor(io, options, 'err');
  const log =
    level === 'silent'
      ? undefined
      : logReporter(
          await createLog({
            level,
            pretty: isPretty(io, options),
            colors: style.isColorSupported,
            secrets: [...secretsOf(config), ...hidden],
            write: io.err,
          }),
        );
  if (!io.errIsTerminal) return { report: (event) => log?.(event), say: () => undefined, stop: () => undefined };
  const spinner = yoctoSpinner({ text: 'connecting' }).start();
  return {
    report: (event) => {
      if (event.name === 'type.listed')
        spinner.text = `${event.account}: ${event.done}/${event.total} types, ${event.type} listed`;
      else if (event.name === 'account.started') spinner.text = `${event.account}: listing`;
      else log?.(event);
    },
    say: (text) => {
      if (!spinner.isSpinning) spinner.start();
      spinner.text = printable(text);
    },
    stop: () => spinner.stop(),
  };
}
