import { existsSync, readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { AccountConfig, Config } from '../../config/schema.ts';
import { readSecretsFile, textsOf, valuesByResource } from '../../config/secrets-file.ts';
import { AppError } from '../../core/errors.ts';
import type { StateName } from '../../history/state.ts';
import { isPlan, parsePlan, type SavedPlan } from '../../plan/planfile.ts';
import { interruptedAccounts } from '../../run/restore/open-journals.ts';
import type { RestoreRequest } from '../../run/restore/request.ts';
import type { Io } from '../ui/io.ts';
import { accountNamed, sourceAccount, wordsFor } from './accounts.ts';
import { type StateFlags, stateAsked } from './time-option.ts';

export interface RestoreFlags extends StateFlags {
  readonly to?: string;
  readonly account?: string;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly prune?: boolean;
  readonly withDependencies?: boolean;
  readonly secrets?: string;
  readonly enableFlows?: boolean;
  readonly force?: boolean;
  readonly allowTargetChange?: boolean;
  /** The id of a restore, or `true` for the last one. */
  readonly resume?: string | boolean;
  readonly out?: string;
  readonly json?: boolean;
}

/** What a command line asks of a restore. */
export interface AskedRestore {
  readonly request: RestoreRequest;
  /** The saved plan to apply. */
  readonly saved?: SavedPlan;
  /** The interrupted restore to resume: the last one, or the one with this id. */
  readonly resume?: { readonly id?: string };
  /** Credentials that must not be printed. */
  readonly hidden: readonly string[];
}

function usage(message: string, hint: string): AppError {
  return new AppError('USAGE', message, { hint });
}

/** The saved plan that the only word names, with its file. @throws AppError `USAGE` for a file that is not one */
function readPlan(io: Io, words: readonly string[]): { file: string; saved: SavedPlan } | undefined {
  const [only, ...more] = words;
  if (only === undefined || more.length > 0) return undefined;
  const file = resolve(io.cwd, only);
  if (/^[^/]+\.json$/.test(only) && !existsSync(file))
    throw usage(`${file}: there is no such plan`, 'Save a plan with: celigo-mirror restore <what> --out <file>');
  if (!existsSync(file) || !statSync(file).isFile() || /\.ya?ml$/.test(file)) return undefined;
  const text = readFileSync(file, 'utf8');
  if (isPlan(text)) return { file, saved: parsePlan(text, file) };
  throw usage(
    `${file} is neither a saved plan nor a path in the mirror`,
    'To see what you can name: celigo-mirror restore --help',
  );
}

/** @throws AppError `USAGE` for words and flags that do not go together */
function checkWords(what: readonly string[], saved: SavedPlan | undefined, flags: RestoreFlags): void {
  const resuming = flags.resume !== undefined;
  if (what.length === 0 && !resuming)
    throw usage(
      'nothing to restore was named',
      'Name it: all, integration/<name>, <type>/<name>, or a path in the mirror',
    );
  if (what.length > 0 && resuming)
    throw usage('--resume restores what was named at the start', 'Leave out what to restore');
  if (
    saved &&
    (flags.at ?? flags.before ?? flags.to ?? flags.prune ?? flags.withDependencies ?? flags.enableFlows) !== undefined
  )
    throw usage(
      'a saved plan is applied as it is',
      'Leave out --at, --before, --to, --prune, --with-dependencies and --enable-flows',
    );
}

/** The account that an interrupted restore was writing to. */
async function resumedAccount(io: Io, config: Config, { to, account, resume }: RestoreFlags): Promise<AccountConfig> {
  const name = to ?? account;
  if (name) return accountNamed(config, name, '--account');
  const id = typeof resume === 'string' ? resume : undefined;
  const [only, ...more] = await interruptedAccounts(config, io.env, id);
  if (only && more.length === 0) return only;
  if (only) {
    const names = [only, ...more].map((open) => open.name).join(', ');
    throw usage('restores into several accounts were interrupted', `Name one with --account: ${names}`);
  }
  const [configured, ...others] = config.accounts;
  if (configured && others.length === 0 && id === undefined) return configured;
  throw usage(
    id === undefined ? 'no restore was interrupted' : `no interrupted restore is called ${id}`,
    'Start one with: celigo-mirror restore <what>',
  );
}

/** The account whose mirror is restored, and the one that is written to. */
async function accountsOf(
  io: Io,
  config: Config,
  what: readonly string[],
  plan: ReturnType<typeof readPlan>,
  flags: RestoreFlags,
): Promise<Pick<RestoreRequest, 'from' | 'target'>> {
  if (plan) {
    const { from, account } = plan.saved.plan;
    return { from, target: accountNamed(config, account, plan.file) };
  }
  if (flags.resume !== undefined) {
    const target = await resumedAccount(io, config, flags);
    return { from: target.name, target };
  }
  const from = sourceAccount(config, what, flags.account, flags.to);
  return { from, target: accountNamed(config, flags.to ?? from, flags.to ? '--to' : '--account') };
}

/**
 * Reads the words and flags of `restore`, and the files they name.
 * @throws AppError `USAGE`
 */
export async function readRestoreRequest(
  io: Io,
  config: Config,
  words: readonly string[],
  flags: RestoreFlags,
): Promise<AskedRestore> {
  const plan = readPlan(io, words);
  const saved = plan?.saved;
  const what = saved ? saved.request.what : wordsFor(io, config, words);
  checkWords(what, saved, flags);
  const secrets = flags.secrets ? readSecretsFile(flags.secrets, io.env, io.cwd) : new Map();
  const { from, target } = await accountsOf(io, config, what, plan, flags);
  const dryRun = flags.dryRun === true || flags.out !== undefined;
  if (!dryRun && !flags.yes && !io.ask)
    throw usage('cannot ask for confirmation: not a terminal', 'Review the plan with --dry-run, then add --yes');
  const at: StateName | undefined = saved ? { text: saved.plan.state.commit, option: '--at' } : stateAsked(flags);
  const request: RestoreRequest = {
    what,
    ...(at ? { at } : {}),
    from,
    target,
    dryRun,
    prune: saved?.request.prune ?? flags.prune ?? false,
    withDependencies: saved?.request.withDependencies ?? flags.withDependencies ?? false,
    enableFlows: saved?.request.enableFlows ?? flags.enableFlows ?? false,
    force: flags.force ?? false,
    allowTargetChange: flags.allowTargetChange ?? false,
    secrets,
    overrides: valuesByResource(target.overrides ?? {}, (problem) =>
      usage(
        `${config.source}: accounts.${target.name}.overrides${problem}`,
        'Write it like this: "connections/<id or name>: { http.baseURI: https://… }"',
      ),
    ),
  };
  return {
    request,
    hidden: textsOf(secrets),
    ...(saved ? { saved } : {}),
    ...(flags.resume === undefined ? {} : { resume: typeof flags.resume === 'string' ? { id: flags.resume } : {} }),
  };
}
