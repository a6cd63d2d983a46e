import { Command, CommanderError } from 'commander';
import { AppError, CODES, EXIT, messageOf } from '../core/errors.ts';
import { jsonText } from '../core/unseen.ts';
import type { KnownFailure } from '../run/failures.ts';
import { registerApply } from './apply.ts';
import { registerBlame } from './blame.ts';
import { registerCompare } from './compare.ts';
import { registerCompletion } from './completion.ts';
import { registerDaemon } from './daemon.ts';
import { registerDemo } from './demo.ts';
import { registerDiff } from './diff.ts';
import { registerDoctor } from './doctor.ts';
import { registerDrill } from './drill.ts';
import { registerEmulator } from './emulator.ts';
import { registerFind } from './find.ts';
import { registerImpact } from './impact.ts';
import { registerInit } from './init.ts';
import { registerLint } from './lint.ts';
import { registerList } from './list.ts';
import { registerLog } from './log.ts';
import { registerMan } from './man.ts';
import { registerMcp } from './mcp.ts';
import { registerReport } from './report.ts';
import { registerRestore } from './restore.ts';
import { registerSecrets } from './secrets.ts';
import { registerShow } from './show.ts';
import { registerSync } from './sync.ts';
import { registerTypes } from './types.ts';
import type { Io } from './ui/io.ts';
import { safeIo } from './ui/safe-io.ts';
import { indented, styleFor } from './ui/style.ts';
import { registerUndo } from './undo.ts';
import { registerVerify } from './verify.ts';
import { registerVersion } from './version.ts';
import { registerWatched } from './watched.ts';

/** The commands, in the order of the help. */
const COMMANDS = [
  registerSync,
  registerRestore,
  registerUndo,
  registerApply,
  registerDiff,
  registerCompare,
  registerList,
  registerShow,
  registerLog,
  registerBlame,
  registerReport,
  registerFind,
  registerImpact,
  registerLint,
  registerSecrets,
  registerDrill,
  registerDaemon,
  registerTypes,
  registerVerify,
  registerDoctor,
  registerInit,
  registerEmulator,
  registerDemo,
  registerCompletion,
  registerVersion,
  registerWatched,
  registerMan,
] as const;

/** The command line as a tree of words and flags. `finish` gets the exit code of the command that ran. */
function createProgram(io: Io, version: string, finish: (code: number) => void): Command {
  const program = new Command('celigo-mirror')
    .description('Mirrors a Celigo integrator.io account into a Git repository, and restores it from there.')
    .version(version, '-V, --version', 'print the version')
    .option(
      '-c, --config <file>',
      'configuration file (default: $CELIGO_MIRROR_CONFIG, ./celigo-mirror.yaml, /etc/celigo-mirror/)',
    )
    .option('--log-level <level>', 'trace, debug, info, warn, error, silent (default: $LOG_LEVEL)')
    .option('--log-format <format>', 'json or pretty (default: $LOG_FORMAT; pretty on a terminal)')
    .option('--no-color', 'turn off colours; $NO_COLOR does the same')
    .helpOption('-h, --help', 'show help')
    .helpCommand('help [command]', 'show help for a command')
    .configureOutput({ writeOut: io.out, writeErr: io.err })
    .showHelpAfterError('(to list the commands: celigo-mirror --help)')
    .exitOverride()
    .hook('preAction', (_, command) => checkValues(command));
  for (const register of COMMANDS) register(program, io, finish);
  registerMcp(program, io, (argv, inner) => runCli(argv, inner, version));
  for (const command of program.commands) {
    command
      .exitOverride()
      .configureOutput({ writeOut: io.out, writeErr: io.err })
      .showHelpAfterError(`(to list its options: celigo-mirror ${command.name()} --help)`);
  }
  return program;
}

/** @throws AppError `USAGE` for an option without a value: an empty `--by` would mean everyone */
function checkValues(command: Command): void {
  for (const { options } of [command, command.parent].filter((one) => one !== null))
    for (const option of options) {
      const values = [command.optsWithGlobals()[option.attributeName()]].flat();
      if (values.some((value) => typeof value === 'string' && value.trim() === ''))
        throw new AppError('USAGE', `${option.long}: the value is empty`, {
          hint: 'Give it a value, or leave the option out. Is a variable of your shell not set?',
        });
    }
}

/**
 * Runs one command line to its end.
 * @param argv the words after the program's name
 * @returns the exit code
 */
export async function runCli(argv: readonly string[], outside: Io, version: string): Promise<number> {
  const io = safeIo(outside);
  const code = await runCommand(argv, io, version);
  // A command that was stopped waits for no reader.
  const lost = io.signal.aborted ? undefined : await io.lost?.();
  if (!lost) return code;
  io.err(`error: standard output cannot be written; the result is incomplete: ${messageOf(lost)}\n`);
  io.err('→ Free some space, or write the result somewhere else. Everything else that the command did is done\n');
  return code === EXIT.done ? EXIT.failed : code;
}

/** Whether standard output is to be one JSON document, also where the words say nothing that can be carried out. */
function wantsJson(argv: readonly string[]): boolean {
  const end = argv.indexOf('--');
  const words = argv.slice(0, end < 0 ? undefined : end);
  return words.some(
    (word, i) => word === '--json' || word === '--format=json' || (word === 'json' && words[i - 1] === '--format'),
  );
}

/** What went wrong, in the form in which the report of a run has it. */
type Failure = Omit<KnownFailure, 'code'> & { readonly code: KnownFailure['code'] | 'INTERNAL' };

async function runCommand(argv: readonly string[], outside: Io, version: string): Promise<number> {
  let code: number = EXIT.done;
  let isPrinted = false;
  const io: Io = {
    ...outside,
    out(text, form) {
      isPrinted ||= text !== '';
      outside.out(text, form);
    },
  };
  const fail = (exitCode: number, error: Failure): number => {
    if (wantsJson(argv) && !isPrinted) io.out(jsonText({ version: 1, exitCode, error: { ...error } }));
    return exitCode;
  };
  const program = createProgram(io, version, (result) => {
    code = result;
  });
  try {
    if (argv.length === 0) {
      program.outputHelp({ error: true });
      return EXIT.usage;
    }
    await program.parseAsync([...argv], { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return EXIT.done;
      const message = error.code === 'commander.help' ? unnamed(program, io) : error.message.replace(/^error: /, '');
      return fail(EXIT.usage, { code: 'USAGE', message });
    }
    if (io.signal.aborted && !(error instanceof AppError)) {
      const message = 'stopped; no partial commit was made, the next run cleans up';
      io.err(`celigo-mirror: ${message}\n`);
      return fail(EXIT.failed, { code: 'ABORTED', message });
    }
    const { knownFailure } = await import('../run/failures.ts');
    const known = knownFailure(error);
    const exit = explain(error, known, io, program.opts().color !== false);
    const { unusedOnFailure } = await import('./input/run-deps.ts');
    io.err(unusedOnFailure(io, program.opts().config));
    return fail(exit, known ?? { code: 'INTERNAL', message: messageOf(error) });
  }
}

/** Why the help was shown: the message of that error is the name of an event. `help <name>` of none names it. */
function unnamed({ args: [, name] }: Command, io: Io): string {
  if (name === undefined) return 'no command was named';
  const message = `unknown command '${name}'`;
  io.err(`\nerror: ${message}\n`);
  return message;
}

/** Prints what went wrong in the user's terms; an error in the program itself with its stack trace. */
function explain(error: unknown, known: KnownFailure | undefined, io: Io, color: boolean): number {
  const style = styleFor(io, { color }, 'err');
  if (known) {
    io.err(`${style.red('error:')} ${indented(known.message)}\n`);
    if (known.hint) io.err(`${style.cyan('→')} ${indented(known.hint)}\n`);
    return CODES[known.code].exit;
  }
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  io.err(`${style.red('internal error')} (please report it): ${text}\n`);
  return EXIT.failed;
}
