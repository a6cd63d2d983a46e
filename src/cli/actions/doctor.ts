import type { Config } from '../../config/schema.ts';
import { secretsOf } from '../../config/secrets-of.ts';
import { AppError, EXIT } from '../../core/errors.ts';
import { jsonText } from '../../core/unseen.ts';
import { addressParts, makeBundle } from '../../run/check/bundle.ts';
import { examine } from '../../run/check/doctor.ts';
import type { Finding } from '../../run/check/finding.ts';
import { scrub } from '../../run/log.ts';
import { USER_AGENT, VERSION } from '../../version.ts';
import { configOf, readingConfigOf } from '../input/run-deps.ts';
import type { GlobalOptions, Io } from '../ui/io.ts';
import { writeOutput } from '../ui/output-file.ts';
import { counted, printable, type Style, styleFor } from '../ui/style.ts';
import { runNoise } from './doctor-noise.ts';

export interface DoctorFlags {
  readonly json?: boolean;
  readonly bundle?: string | true;
  readonly noise?: string | true;
  readonly offline?: boolean;
}

/** @returns the exit code. @throws AppError `USAGE` for a configuration that cannot be read */
export async function runDoctor(io: Io, globals: GlobalOptions, flags: DoctorFlags): Promise<number> {
  let config: Config;
  try {
    config = await (flags.noise === undefined ? configOf : readingConfigOf)(io, globals);
  } catch (error) {
    // The bundle may be about this very configuration.
    if (flags.bundle !== undefined && error instanceof AppError) {
      await writeBundle(io, flags.bundle, { problem: error.message }, [], (text) => text);
    }
    throw error;
  }
  if (flags.noise !== undefined) return runNoise(io, globals, config, { ...flags, noise: flags.noise });
  const clean = (text: string): string => scrub(text, secretsOf(config));
  const findings = await examine({
    config,
    env: io.env,
    userAgent: USER_AGENT,
    nodeVersion: process.version,
    offline: flags.offline ?? false,
    now: io.now,
    signal: io.signal,
  });
  const text = flags.json ? jsonText({ version: 1, findings }) : describe(findings, styleFor(io, globals));
  io.out(clean(text));
  if (flags.bundle !== undefined) {
    // Errors of git contain the address of the remote.
    const hidden = addressParts(config.repository.remote);
    // Home folders are usually named after a person.
    const home = (io.env.HOME ?? '').replace(/(?<!\/)\/+$/, '');
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
  const now = io.now();
  const name = `celigo-mirror-support-${now.toISOString().replace(/[-:]|\.\d+/g, '')}.json`;
  const bundle = await makeBundle({ version: VERSION, now, env: io.env, config, findings, signal: io.signal });
  const text = clean(jsonText(bundle));
  const path = writeOutput(io, '--bundle', file === true ? name : file, text);
  io.err(`Wrote ${path}; review it before you send it.\n`);
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
  lines.push(faults === 0 ? style.green('No faults found.') : style.red(`${counted(faults, 'fault')} found.`));
  return `${lines.join('\n')}\n`;
}
