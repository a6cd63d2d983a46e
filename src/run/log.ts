import { Writable } from 'node:stream';
import type { Logger } from 'pino';
import { escapeUnseen, terminalText } from '../core/unseen.ts';
import type { Reporter, RunEvent, SyncReport } from './report.ts';

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

/** Whether `level` is one that the log knows. */
export function isLogLevel(level: string): boolean {
  return (LEVELS as readonly string[]).includes(level);
}

interface LogOptions {
  readonly level: string;
  /** Readable lines instead of JSON. */
  readonly pretty: boolean;
  readonly colors: boolean;
  /** Values that must never appear, wherever they turn up in a message; read again for every line. */
  readonly secrets: Iterable<string>;
  readonly write: (line: string) => void;
}

/** Replaces every known secret, also in its URL-encoded form. */
export function scrub(text: string, secrets: Iterable<string>): string {
  let out = text;
  for (const secret of secrets) {
    if (secret.length < 4) continue;
    for (const form of new Set([secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)])) {
      out = out.replaceAll(form, '[secret]');
    }
  }
  return out;
}

/** A pino logger that writes complete lines through `write`, free of the given secrets. */
export async function createLog(options: LogOptions): Promise<Logger> {
  const { default: pino } = await import('pino');
  const shown = (line: string): string => (options.pretty ? terminalText(line, options.colors) : escapeUnseen(line));
  const stream = { write: (line: string) => options.write(shown(scrub(line, options.secrets))) };
  const settings = { level: options.level, base: null, timestamp: pino.stdTimeFunctions.isoTime };
  if (!options.pretty) return pino(settings, stream);
  const { default: pretty } = await import('pino-pretty');
  return pino(
    settings,
    pretty({ colorize: options.colors, destination: writable(stream.write), ignore: 'pid,hostname', sync: true }),
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
    const { level, message, fields } = lineOf(event);
    log[level]({ ...(event.runId ? { runId: event.runId } : {}), ...fields }, message);
  };
}

/**
 * Passes on what happens in a run only once it is worth a look: a commit, a warning, or an end other than "unchanged".
 * Then everything of that run follows, what came before included.
 */
export function quietReporter(report: Reporter): Reporter {
  /** Events of runs of which nothing has been passed on yet, by account. */
  const held = new Map<string, RunEvent[]>();
  return (event) => {
    const account = 'account' in event ? event.account : '';
    if (event.name === 'account.started') held.set(account, []);
    if (isWorthALook(event)) {
      for (const earlier of held.get(account) ?? []) report(earlier);
      held.delete(account);
    }
    const before = held.get(account);
    if (before) before.push(event);
    else report(event);
    if (event.name === 'account.done') held.delete(account);
  };
}

function isWorthALook(event: RunEvent): boolean {
  if (event.name === 'account.done') return event.report.verdict !== 'unchanged';
  const { level } = lineOf(event);
  return event.name === 'committed' || level === 'warn' || level === 'error';
}

interface Line {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

function lineOf(event: RunEvent): Line {
  switch (event.name) {
    case 'account.started':
      return { level: 'info', message: 'sync started', fields: { account: event.account } };
    case 'type.listed': {
      const { account, type, count, ms } = event;
      return { level: 'debug', message: 'type listed', fields: { account, type, count, ms } };
    }
    case 'type.incomplete': {
      const { account, type, reason } = event;
      return { level: 'warn', message: 'type incomplete', fields: { account, type, reason } };
    }
    case 'type.unavailable': {
      const { account, type, reason } = event;
      return { level: 'info', message: 'type unavailable', fields: { account, type, reason } };
    }
    case 'request.retried': {
      const { account, method, path, attempt, reason } = event;
      return { level: 'info', message: 'request retried', fields: { account, method, path, attempt, reason } };
    }
    case 'requests.counted': {
      const { account, statuses, retries, throttledMs } = event;
      const fields = { account, statuses, retries, throttledMs: Math.round(throttledMs) };
      return { level: 'debug', message: 'requests counted', fields };
    }
    case 'repository.measured':
      return { level: 'debug', message: 'repository measured', fields: { ...event.measures } };
    case 'notice':
      return { level: 'warn', message: 'notice', fields: { account: event.account, detail: event.message } };
    case 'committed': {
      const { id, subject, author } = event.commit;
      return { level: 'info', message: 'committed', fields: { account: event.account, commit: id, subject, author } };
    }
    case 'account.done':
      return doneLine(event.report);
  }
}

function doneLine(report: SyncReport): Line {
  const { account, verdict, exitCode, durationMs, requests, retries, throttledMs, error } = report;
  const fields = {
    account,
    verdict,
    exitCode,
    durationMs,
    requests,
    retries,
    throttledMs,
    resources: report.types.reduce((sum, { listed }) => sum + listed, 0),
    changes: report.changes.length,
    commits: report.commits.length,
    incomplete: report.incomplete,
    remote: report.remote.state,
  };
  if (!error) return { level: report.exitCode === 0 ? 'info' : 'warn', message: 'sync ended', fields };
  const why = { code: error.code, reason: error.message, hint: error.hint };
  return { level: 'error', message: 'sync ended', fields: { ...fields, ...why } };
}
