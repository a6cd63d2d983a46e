import type { Command } from 'commander';
import type { DoctorFlags } from './actions/doctor.ts';
import { JSON_RESULT } from './options.ts';
import type { GlobalOptions, Io } from './ui/io.ts';

export function registerDoctor(program: Command, io: Io, finish: (code: number) => void): void {
  program
    .command('doctor')
    .summary('check everything a run depends on')
    .description(
      'Checks the configuration, the token and what it may read, the clock, git, the repository and the remote. ' +
        'Names fields that this version does not know. Changes nothing: what it writes to see whether a run could, ' +
        'it removes again.',
    )
    .option('--offline', 'check only what needs no network')
    .option('--bundle [file]', 'also write a file for support, with all secrets removed')
    .option('--noise [commits]', 'instead: name the fields that change on their own, from the last commits (200)')
    .option(...JSON_RESULT)
    .addHelpText(
      'after',
      `
Examples:
  celigo-mirror doctor
  celigo-mirror doctor --bundle                   writes celigo-mirror-support-<time>.json; review it before you send it
  celigo-mirror doctor --offline                  neither the account nor the remote is asked
  celigo-mirror doctor --noise                    offline; prints the line for the configuration that ignores them
  celigo-mirror doctor --json | jq '.findings[] | select(.verdict == "fault")'

Exit codes:
  0   no faults
  1   a fault that prevents runs
  64  wrong configuration`,
    )
    .action(async (flags: DoctorFlags, command: Command) => {
      const { runDoctor } = await import('./actions/doctor.ts');
      finish(await runDoctor(io, command.optsWithGlobals<GlobalOptions>(), flags));
    });
}
