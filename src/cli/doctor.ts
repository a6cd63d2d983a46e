import type { Command } from 'commander';
import type { Config } from '../config/schema.ts';
import { AppError, EXIT } from '../core/errors.ts';
import type { Finding } from '../run/check/finding.ts';
import type { GlobalOptions, Io } from './ui/io.ts';
import { writeOutput } from './ui/output-file.ts';
import { printable, type Style, styleFor } from './ui/style.ts';

interface DoctorFlags {
  readonly json?: boolean;
  readonly bundle?: string | true;
}

export function registerDoctor(program: Command, io: Io, finish: (code: number) => void): void {
  program
    .command('doctor')
    .summary('look at everything a run depends on')
    .description('Checks configuration, token (reach per type), clock, git, repository and remote; changes nothing.')
    .option('--bundle [file]', 'also write what a maintainer needs, with everything secret removed')
    .option('--json', 'print the findings as one JSON document')
    .addHelpText(
      'after',
      `
Examples:
  celigo-mirror doctor
  celigo-mirror doctor --bundle                   writes celigo-mirror-support-<time>.json; look at it before you send it
  celigo-mirror doctor --json | jq '.findings[] | select(.verdict == "fault")'

Exit codes: 0 no fault, 1 a fault that keeps a run from working, 64 wrong configuration.`,
    )
    .action(async (flags: DoctorFlags, command: Command) => {
      finish(await runDoctor(io, command.optsWithGlobals<GlobalOptions>(), flags));
    });
}

async function runDoctor(io: Io, globals: GlobalOptions, flags: DoctorFlags): Promise<number> {
  const [{ loadConfig }, { examine }, { addressParts }, { USER_AGENT }, { scrub }, { secretsOf }] = await Promise.all([
    import('../config/load.ts'),
    import('../run/check/doctor.ts'),
    import('../run/check/bundle.ts'),
    import('../version.ts'),
    import('../run/log.ts'),
    import('../config/secrets-of.ts'),
  ]);
  let config: Config;
  try {
    config = await loadConfig({ file: globals.config, env: io.env, cwd: io.cwd });
  } catch (error) {
    // A configuration that cannot be read is what a bundle may be about.
    if (flags.bundle !== undefined && error instanceof AppError) {
      await writeBundle(io, flags.bundle, { problem: error.message }, [], (text) => text);
    }
    throw error;
  }
  const clean = (text: string): string => scrub(text, secretsOf(config));
  const findings = await examine({
    config,
    env: io.env,
    userAgent: USER_AGENT,
    nodeVersion: process.version,
    signal: io.signal,
  });
  const text = flags.json
    ? `${JSON.stringify({ version: 1, findings }, null, 2)}\n`
    : describe(findings, styleFor(io, globals));
  io.out(clean(text));
  if (flags.bundle !== undefined) {
    // Git repeats the address of the remote when it complains.
    const hidden = addressParts(config.repository.remote);
    // Its name is, more often than not, that of a person.
    const home = (io.env.HOME ?? '').replace(/\/+$/, '');
    const shorten = (text: string): string => (home === '' ? text : text.replaceAll(home, '~'));
    await writeBundle(io, flags.bundle, config, findings, (bundle) => scrub(clean(shorten(bundle)), hidden));
  }
  return findings.some(({ verdict }) => verdict === 'fault') ? EXIT.failed : EXIT.done;
}

async function writeBundle(
  io: Io,
  file: string | true,
  config: Config | { readonly problem: string },
  findings: readonly Finding[],
  clean: (text: string) => string,
): Promise<void> {
  const [{ makeBundle }, { VERSION }] = await Promise.all([import('../run/check/bundle.ts'), import('../version.ts')]);
  const now = io.now();
  const name = `celigo-mirror-support-${now.toISOString().replace(/[-:]|\.\d+/g, '')}.json`;
  const bundle = await makeBundle({
    version: VERSION,
    now,
    env: io.env,
    config,
    findings,
    signal: io.signal,
  });
  const text = `${clean(JSON.stringify(bundle, null, 2))}\n`;
  const path = writeOutput(io, '--bundle', file === true ? name : file, text, 0o600);
  io.err(`Wrote ${path}; look at it before you send it.\n`);
}

function describe(findings: readonly Finding[], style: Style): string {
  const lines: string[] = [];
  const paint = { ok: style.green, note: style.yellow, fault: style.red };
  let area = '';
  for (const finding of findings) {
    if (finding.area !== area) lines.push(style.bold(finding.area));
    area = finding.area;
    lines.push(
      `  ${paint[finding.verdict](finding.verdict.padEnd(5))} ${finding.check.padEnd(18)} ${printable(finding.detail)}`,
    );
    if (finding.remedy) lines.push(`        ${style.cyan('→')} ${finding.remedy}`);
  }
  const faults = findings.filter(({ verdict }) => verdict === 'fault').length;
  lines.push(
    faults === 0 ? style.green('No fault found.') : style.red(`${faults} ${faults === 1 ? 'fault' : 'faults'} found.`),
  );
  return `${lines.join('\n')}\n`;
}
