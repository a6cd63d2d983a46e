import type { Command } from 'commander';
import { isListenAddress } from '../config/daemon-schema.ts';
import type { Config } from '../config/schema.ts';
import { AppError } from '../core/errors.ts';
import { proxiesOf } from '../net/proxies.ts';
import type { GlobalOptions, Io } from './ui/io.ts';
import { onManyFiles } from './ui/spare-memory.ts';

interface DaemonFlags {
  readonly listen?: string;
}

/** How long a run waits for another process, such as a restore, that works on the clone. */
const LONGEST_WAIT_MS = 15 * 60_000;

export function registerDaemon(program: Command, io: Io, finish: (code: number) => void): void {
  program
    .command('daemon')
    .summary('mirror every account on its schedule, until stopped')
    .description(
      'Runs sync on the schedule of the configuration, serves health and metrics, tells the channels of `notifications`.',
    )
    .option('--listen <host:port>', 'where to serve (default: daemon.listen, 127.0.0.1:8080); off = nowhere')
    .addHelpText(
      'after',
      `
Examples:
  celigo-mirror daemon
  celigo-mirror daemon --listen 0.0.0.0:8080      in a container
  kill -HUP <pid>                                 reads the configuration again

Serves /healthz, /readyz, /metrics, /status, and POST /sync where daemon.triggerToken is configured.
SIGTERM lets the run under way finish, or abandons it after daemon.shutdownGrace; a second one exits at once.

Exit codes: 0 stopped, 1 a run did not end even when told to, 64 wrong configuration, or the address is taken.`,
    )
    .action(async (flags: DaemonFlags, command: Command) => {
      const globals = command.optsWithGlobals<GlobalOptions>();
      finish(await start(io, globals, flags));
    });
}

async function start(io: Io, globals: GlobalOptions, flags: DaemonFlags): Promise<number> {
  const { loadConfig } = await import('../config/load.ts');
  const load = (): Promise<Config> => loadConfig({ file: globals.config, env: io.env, cwd: io.cwd });
  const config = await load();
  if (flags.listen !== undefined && !isListenAddress(flags.listen)) {
    throw new AppError('USAGE', `--listen: ${flags.listen} is no address`, {
      hint: 'host:port such as 127.0.0.1:8080, or off',
    });
  }
  const proxies = proxiesOf(io.env);
  const [
    { runDaemon },
    { syncAccounts },
    { createLog, logReporter },
    { isPretty, levelOf },
    { secretsOf },
    { styleFor },
    { clientOf },
    { fetchTokenExpiries },
    { existingStateDir },
    { anyAscii },
    { USER_AGENT, VERSION },
  ] = await Promise.all([
    import('../daemon/daemon.ts'),
    import('../run/sync/sync.ts'),
    import('../run/log.ts'),
    import('./ui/progress.ts'),
    import('../config/secrets-of.ts'),
    import('./ui/style.ts'),
    import('../celigo/client.ts'),
    import('../celigo/tokens.ts'),
    import('../mirror/state-dir.ts'),
    import('./ui/transliterate.ts'),
    import('../version.ts'),
  ]);
  // Grows with every configuration: an old secret stays one.
  const secrets = new Set<string>();
  const log = await createLog({
    level: levelOf(io, globals, 'info'),
    pretty: isPretty(io, globals),
    colors: styleFor(io, globals, 'err').isColorSupported,
    secrets,
    write: io.err,
  });
  const exitCode = await runDaemon({
    config,
    reload: load,
    listen: flags.listen,
    sync: async (current, account, { full, report, signal }) => {
      const [result] = await syncAccounts(
        {
          config: current,
          env: io.env,
          now: io.now,
          report,
          transliterate: anyAscii,
          userAgent: USER_AGENT,
          lockWaitMs: Math.min(LONGEST_WAIT_MS, current.daemon.runTimeoutMs),
          onManyFiles,
          signal,
        },
        [account],
        {
          full,
          dryRun: false,
          push: true,
          allowDeletions: false,
          fullSweepMs: current.fullSweepMs,
          upkeep: true,
        },
      );
      if (!result) throw signal.reason;
      return result;
    },
    tokenExpiries: async (account, signal) => {
      const client = clientOf(account, io.env, { userAgent: USER_AGENT, retries: 0 });
      try {
        return await fetchTokenExpiries(client, signal);
      } finally {
        await client.close();
      }
    },
    stateDir: (current) => existingStateDir(current.repository, io.env),
    now: io.now,
    random: Math.random,
    log,
    report: logReporter(log),
    onConfig: (current) => {
      for (const secret of secretsOf(current)) secrets.add(secret);
    },
    version: VERSION,
    userAgent: USER_AGENT,
    proxies,
    onHangup: io.onHangup ?? (() => () => undefined),
    signal: io.signal,
    onListening: (url) => io.out(`celigo-mirror daemon at ${url}\n`),
  });
  // A run that does not even end when told to must not keep the process: no signal came that would end it.
  io.leave?.(exitCode);
  return exitCode;
}
