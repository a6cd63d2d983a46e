import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import type { Config } from '../../config/schema.ts';
import type { RunProgram, SecretsSource } from '../../config/secrets-file.ts';
import { secretsOf } from '../../config/secrets-of.ts';
import type { Io } from '../ui/io.ts';
import { insideOf } from './words.ts';

/** How long a program may take that prints a credential: it may ask a person. */
const LONGEST_MS = 120_000;

/**
 * Runs a program that prints a credential, such as that of a password manager. It gets the environment as it is, but
 * for this program's own variables, and any other that holds a token or password of the configuration.
 */
function programRunner(io: Io, config: Config | undefined): RunProgram {
  const own = new Set(config ? secretsOf(config) : []);
  const isOwn = (name: string, value = ''): boolean => /^(?:CELIGO|MIRROR)_/.test(name) || own.has(value);
  const env = Object.fromEntries(Object.entries(io.env).filter(([name, value]) => !isOwn(name, value)));
  return ([program = '', ...words]) => {
    const { error, status, signal, stdout } = spawnSync(program, words, {
      cwd: io.cwd,
      env,
      encoding: 'utf8',
      stdio: ['inherit', 'pipe', 'inherit'],
      timeout: LONGEST_MS,
    });
    const { code } = (error ?? {}) as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw new Error(`there is no program ${program}`);
    if (code === 'ETIMEDOUT') throw new Error(`${program} took more than ${LONGEST_MS / 60_000} minutes`);
    if (error) throw new Error(`${program} cannot be run (${code})`);
    if (status !== 0) throw new Error(`${program} ended with ${signal ?? `exit code ${status}`}`);
    return stdout;
  };
}

function refuseToRun(): never {
  throw new Error('no program is run for a file in the mirror, where others can push');
}

/** Where the values of a `--secrets` file come from. @param mirror folder of the mirror */
export function secretsSource(io: Io, file: string, mirror: string, config: Config | undefined): SecretsSource {
  const isPushed = insideOf(mirror, resolve(io.cwd, file)) !== undefined;
  return { env: io.env, cwd: io.cwd, runProgram: isPushed ? refuseToRun : programRunner(io, config) };
}
