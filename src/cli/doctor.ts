import type { Command } from 'commander';
import { EXIT } from '../core/errors.ts';
import type { Finding } from '../run/doctor.ts';
import type { GlobalOptions, Io } from './io.ts';
import { printable, type Style, styleFor } from './style.ts';

export function registerDoctor(program: Command, io: Io, finish: (code: number) => void): void {
  program
    .command('doctor')
    .summary('look at everything a run depends on')
    .description(
      'Checks configuration, token (reach per type), clock, git, repository and remote; changes nothing.',
    )
    .option('--json', 'print the findings as one JSON document')
    .addHelpText(
      'after',
      `
Examples:
  celigo-mirror doctor
  celigo-mirror doctor --json | jq '.findings[] | select(.verdict == "fault")'

Exit codes: 0 no fault, 1 a fault that keeps a run from working, 64 wrong configuration.`,
    )
    .action(async (flags: { json?: boolean }, command: Command) => {
      const globals = command.optsWithGlobals<GlobalOptions>();
      const [{ loadConfig }, { examine }, { USER_AGENT }, { scrub }, { secretsOf }] = await Promise.all([
        import('../config/load.ts'),
        import('../run/doctor.ts'),
        import('../version.ts'),
        import('../report/log.ts'),
        import('../config/secrets-of.ts'),
      ]);
      const config = await loadConfig({ file: globals.config, env: io.env, cwd: io.cwd });
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
      io.out(scrub(text, secretsOf(config)));
      finish(findings.some(({ verdict }) => verdict === 'fault') ? EXIT.failed : EXIT.done);
    });
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
    faults === 0
      ? style.green('No fault found.')
      : style.red(`${faults} ${faults === 1 ? 'fault' : 'faults'} found.`),
  );
  return `${lines.join('\n')}\n`;
}
