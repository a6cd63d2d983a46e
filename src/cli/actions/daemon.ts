import { dirname } from 'node:path';
import { isListenAddress } from '../../config/daemon-schema.ts';
import type { Config } from '../../config/schema.ts';
import { secretsOf } from '../../config/secrets-of.ts';
import { AppError } from '../../core/errors.ts';
import { runDaemon } from '../../daemon/daemon.ts';
import { removeOwnLock } from '../../mirror/lock.ts';
import { existingStateDir } from '../../mirror/state-dir.ts';
import { proxiesOf } from '../../net/proxies.ts';
import { createLog, logReporter, quietReporter } from '../../run/log.ts';
import { USER_AGENT, VERSION } from '../../version.ts';
import { mirroredAccounts } from '../input/accounts.ts';
import { configOf } from '../input/run-deps.ts';
import { tokenExpiries } from '../input/token-expiries.ts';
import type { GlobalOptions, Io } from '../ui/io.ts';
import { isPretty, levelOf } from '../ui/progress.ts';
import { styleFor } from '../ui/style.ts';
import { createSyncOne } from './daemon-run.ts';
import { createDrillProcess } from './drill-process.ts';
import { createMirrorReader } from './mirror-reader.ts';
import { openRunThread } from './run-thread.ts';

export interface DaemonFlags {
  readonly listen?: string;
  readonly quiet?: boolean;
}

/** How long a thread may take to end; the engine looks at that now and then only. */
const THREAD_ENDS_MS = 1_000;

/** Runs until a signal stops it. @returns the exit code. @throws AppError `USAGE` */
export async function startDaemon(
  io: Io,
  globals: GlobalOptions,
  { listen, quiet = false }: DaemonFlags,
): Promise<number> {
  const config = withoutDrills(await configOf(io, globals));
  if (listen !== undefined && !isListenAddress(listen)) {
    throw new AppError('USAGE', `--listen: ${listen} is not a valid address`, {
      hint: 'Use host:port such as 127.0.0.1:8080, or off',
    });
  }
  const proxies = proxiesOf(io.env);
  // Grows with every configuration: an old secret stays one.
  const secrets = new Set<string>();
  const log = await createLog({
    level: levelOf(io, globals, 'info'),
    pretty: isPretty(io, globals),
    colors: styleFor(io, globals, 'err').isColorSupported,
    secrets,
    write: io.err,
  });
  const thread = io.runThread && openRunThread(io.runThread, io.signal);
  let inForce = config;
  const exitCode = await runDaemon({
    config,
    reload: async () => withoutDrills(await configOf(io, globals)),
    listen,
    sync: thread?.sync ?? createSyncOne(io),
    drill: io.startProcess && createDrillProcess(io.startProcess),
    reader: io.startProcess && createMirrorReader(io.startProcess, io.env),
    tokenExpiries: (account, signal) => tokenExpiries(io, account, signal),
    stateDir: (current) => existingStateDir(current.repository, io.env),
    now: io.now,
    random: Math.random,
    log,
    report: quiet ? quietReporter(logReporter(log)) : logReporter(log),
    quiet,
    onConfig: (current) => {
      inForce = current;
      for (const secret of secretsOf(current)) secrets.add(secret);
    },
    version: VERSION,
    userAgent: USER_AGENT,
    proxies,
    onHangup: io.onHangup ?? (() => () => undefined),
    signal: io.signal,
    logFailure: () => io.logFailure?.()?.message,
    onListening: (url) => io.out(`celigo-mirror daemon at ${url}\n`),
  });
  // A run that does not stop in time must not keep the process alive: no further signal would end it.
  if (!thread) io.leave?.(exitCode);
  else if (await thread.end(THREAD_ENDS_MS)) {
    // The next process need not be on this machine, and would wait until the lock expires.
    const stateDir = await existingStateDir(inForce.repository, io.env);
    if (stateDir !== undefined) removeOwnLock(dirname(stateDir));
    io.leave?.(exitCode);
  } else io.leave?.('killed');
  return exitCode;
}

/** Accounts for drills have no schedule: they are not mirrored. @throws AppError `USAGE` */
function withoutDrills(config: Config): Config {
  return { ...config, accounts: mirroredAccounts(config) };
}
