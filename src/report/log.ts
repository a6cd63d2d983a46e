import { Writable } from 'node:stream';
import type { Logger } from 'pino';
import type { Reporter, RunEvent } from '../run/report.ts';

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

/** Whether `level` is one that the log knows. */
export function isLogLevel(level: string): boolean {
  return (LEVELS as readonly string[]).includes(level);
}

export interface LogOptions {
  readonly level: string;
  /** Readable lines instead of JSON. */
  readonly pretty: boolean;
  readonly colors: boolean;
  /** Values that must never appear, wherever they turn up in a message. */
  readonly secrets: readonly string[];
  readonly write: (line: string) => void;
}

/** Replaces every known secret, also in its URL-encoded form. */
export function scrub(text: string, secrets: readonly string[]): string {
  let out = text;
  for (const secret of secrets) {
    if (secret.length < 4) continue;
    for (const form of new Set([secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)])) {
      out = out.replaceAll(form, '[secret]');
    }
  }
  return out;
}

/** A pino logger that writes whole lines through `write`, free of the given secrets. */
export async function createLog(options: LogOptions): Promise<Logger> {
  const { default: pino } = await import('pino');
  const stream = { write: (line: string) => options.write(scrub(line, options.secrets)) };
  const settings = { level: options.level, base: null, timestamp: pino.stdTimeFunctions.isoTime };
  if (!options.pretty) return pino(settings, stream);
  const { default: pretty } = await import('pino-pretty');
  return pino(
    settings,
    pretty({
      colorize: options.colors,
      destination: writable(stream.write),
      ignore: 'pid,hostname',
      sync: true,
    }),
  );
}

/** The part of a stream that pino-pretty writes to. */
function writable(write: (line: string) => void): Writable {
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      write(chunk.toString());
      done();
    },
  });
}

/** Turns what happens during a run into log lines: a constant message, data in fields. */
export function logReporter(log: Logger): Reporter {
  return (event: RunEvent) => {
    switch (event.name) {
      case 'account.started':
        return log.info({ account: event.account }, 'sync started');
      case 'type.listed':
        return log.debug({ account: event.account, type: event.type, count: event.count }, 'type listed');
      case 'type.incomplete':
        return log.warn(
          { account: event.account, type: event.type, reason: event.reason },
          'type incomplete',
        );
      case 'type.unavailable':
        return log.info(
          { account: event.account, type: event.type, reason: event.reason },
          'type unavailable',
        );
      case 'request.retried':
        return log.info(
          {
            account: event.account,
            method: event.method,
            path: event.path,
            attempt: event.attempt,
            reason: event.reason,
          },
          'request retried',
        );
      case 'notice':
        return log.warn({ account: event.account, detail: event.message }, 'notice');
      case 'committed':
        return log.info(
          { account: event.account, commit: event.commit.id, subject: event.commit.subject },
          'committed',
        );
      case 'account.done': {
        const { account, runId, verdict, exitCode, durationMs, requests, retries, throttledMs, error } =
          event.report;
        const fields = { account, runId, verdict, exitCode, durationMs, requests, retries, throttledMs };
        return error
          ? log.error({ ...fields, code: error.code, reason: error.message, hint: error.hint }, 'sync ended')
          : log.info(fields, 'sync ended');
      }
    }
  };
}
