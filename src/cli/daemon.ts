import type { Command } from 'commander';
import type { DaemonFlags } from './actions/daemon.ts';
import { QUIET } from './options.ts';
import type { GlobalOptions, Io } from './ui/io.ts';

export function registerDaemon(program: Command, io: Io, finish: (code: number) => void): void {
  program
    .command('daemon')
    .summary('sync every account on its schedule, until stopped')
    .description(
      'Runs sync on the configured schedules, serves health and metrics, and sends the configured notifications.',
    )
    .option('--listen <host:port>', 'address to serve (default: daemon.listen, else 127.0.0.1:8080); off disables it')
    .option(...QUIET)
    .addHelpText(
      'after',
      `
Examples:
  celigo-mirror daemon
  celigo-mirror daemon --listen 0.0.0.0:8080      in a container
  kill -HUP <pid>                                 reload the configuration

Serves /healthz, /readyz, /metrics, /status, and POST /sync if daemon.triggerToken is configured.
SIGTERM lets the current run finish, and abandons it after daemon.shutdownGrace; a second SIGTERM exits at once.

Exit codes:
  0   stopped
  1   a run did not stop in time
  64  wrong configuration, or the address is in use`,
    )
    .action(async (flags: DaemonFlags, command: Command) => {
      const { startDaemon } = await import('./actions/daemon.ts');
      finish(await startDaemon(io, command.optsWithGlobals<GlobalOptions>(), flags));
    });
}
