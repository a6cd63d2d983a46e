import { join } from 'node:path';
import type { AccountConfig, Config } from '../../config/schema.ts';
import { readAllSecrets, textsOf } from '../../config/secrets-file.ts';
import { secretsOf } from '../../config/secrets-of.ts';
import { AppError } from '../../core/errors.ts';
import { readFiles } from '../../history/state.ts';
import { accountFolders } from '../../mirror/folder.ts';
import type { DrillInput } from '../../run/check/drill-copy.ts';
import { drillInto, resumeDrill } from '../../run/check/drill-into.ts';
import type { DrillReport } from '../../run/check/drill-report.ts';
import type { DrillInto } from '../../run/check/drill-state.ts';
import { accountNamed } from '../input/accounts.ts';
import { configuredPlace, type MirrorPlace, stateOf } from '../input/mirror.ts';
import { overridesOf } from '../input/restore-request.ts';
import { configOf, runDeps } from '../input/run-deps.ts';
import { secretsSource } from '../input/secret-program.ts';
import { type StateFlags, stateAsked } from '../input/time-option.ts';
import type { GlobalOptions, Io } from '../ui/io.ts';
import { createReporter } from '../ui/progress.ts';

export interface IntoFlags extends StateFlags {
  readonly account?: string;
  /** The real account to restore into. */
  readonly into?: string;
  readonly keep?: boolean;
  readonly resume?: boolean;
  readonly secrets?: string;
}

function usage(message: string, hint: string): AppError {
  return new AppError('USAGE', message, { hint });
}

/** @throws AppError `USAGE` for options that do not go together */
function checkFlags(flags: IntoFlags, folder: string | undefined): void {
  if (folder !== undefined)
    throw usage('--into restores the mirror of the configuration', 'Leave out the folder, or name a --config');
  const chosen = flags.at ?? flags.before ?? flags.account ?? flags.keep;
  if (flags.resume && chosen !== undefined)
    throw usage('--resume finishes the drill as it was started', 'Leave out --at, --before, --account and --keep');
}

/** The only account that can be meant, besides the one that is restored into. @throws AppError `USAGE` */
async function mirroredAccount(io: Io, config: Config, target: AccountConfig, flags: IntoFlags): Promise<string> {
  const { git, root } = configuredPlace(io, config);
  const folders = await accountFolders(git, root, flags.account);
  const drills = new Set(config.accounts.filter(({ drill }) => drill).map(({ name }) => name));
  const left = folders.filter((name) => name === flags.account || (name !== target.name && !drills.has(name)));
  const [only = target.name, ...more] = left;
  if (more.length === 0) return only;
  throw usage(`${root} holds several accounts`, `Name one with --account: ${left.join(', ')}`);
}

/**
 * Restores the mirror into a real, empty account, and deletes what that made.
 * @returns what it found, and the texts that must not be printed
 * @throws AppError
 */
export async function drillIntoAccount(
  io: Io,
  globals: GlobalOptions,
  into: string,
  folder: string | undefined,
  flags: IntoFlags,
): Promise<{ readonly report: DrillReport; readonly place: MirrorPlace; readonly hidden: readonly string[] }> {
  checkFlags(flags, folder);
  const config = await configOf(io, globals);
  if (config.repository.stateless)
    throw usage(
      'drill --into needs a clone that is kept: its journal there alone knows what the drill made in the account',
      'Set repository.stateless: false (or unset $MIRROR_STATELESS), with a repository.path that outlives the process',
    );
  const target = accountNamed(config, into, '--into');
  const place = configuredPlace(io, config);
  const { git, root } = place;
  const gitDir = (await git.run(['rev-parse', '--absolute-git-dir'])).trim();
  const secrets = flags.secrets
    ? readAllSecrets(flags.secrets, secretsSource(io, flags.secrets, config.repository.path, config))
    : new Map();
  const hidden = [...secretsOf(config), ...textsOf(secrets)];
  const progress = await createReporter(io, globals, config, textsOf(secrets));
  const given: DrillInto = {
    deps: {
      ...runDeps(io, { config, report: progress.report }),
      progress: (done, total) => progress.say(`drill: ${done} of ${total}`),
    },
    ...{ config, git, root, target, secrets },
    stateDir: join(gitDir, 'celigo-mirror'),
    overrides: overridesOf(config, target),
  };
  try {
    if (flags.resume) return { report: await resumeDrill(given), place, hidden };
    const account = await mirroredAccount(io, config, target, flags);
    const state = await stateOf(io, { git, account }, stateAsked(flags));
    const { transliterate, userAgent, env, now, signal } = given.deps;
    const input: DrillInput = {
      ...{ account, label: state.label, commit: state.commit ?? '', files: await readFiles(git, state) },
      ...{ transliterate, userAgent, env, now, signal },
    };
    return { report: await drillInto(given, input, flags.keep === true), place, hidden };
  } finally {
    progress.stop();
  }
}
