import { existsSync, readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { AccountConfig, Config } from '../../config/schema.ts';
import { readAllSecrets, textsOf, type ValuesByResource, valuesByResource } from '../../config/secrets-file.ts';
import { AppError } from '../../core/errors.ts';
import { identityOf } from '../../core/identity.ts';
import { readMessage } from '../../core/message.ts';
import { parseSelector } from '../../core/selectors.ts';
import { findCommit } from '../../git/object-reader.ts';
import type { StateName } from '../../history/state.ts';
import { isPlan, parsePlan, type SavedPlan } from '../../plan/planfile.ts';
import { interruptedRestores } from '../../run/restore/open-journals.ts';
import type { RestoreRequest } from '../../run/restore/request.ts';
import { newestOwn } from '../../run/sync/newest.ts';
import type { Io } from '../ui/io.ts';
import { accountNamed, sourceAccount, wordsFor } from './accounts.ts';
import { type ChangeFlags, readChanges } from './changes.ts';
import { configuredPlace } from './mirror.ts';
import { secretsSource } from './secret-program.ts';
import { type StateFlags, stateAsked } from './time-option.ts';

/** Options of every command that plans, asks and then writes to an account. */
export interface ApplyFlags {
  readonly account?: string;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly allowTargetChange?: boolean;
  readonly secrets?: string;
  readonly enableFlows?: boolean;
  readonly force?: boolean;
  /** The id of a restore, or `true` for the last one. */
  readonly resume?: string | boolean;
  readonly out?: string;
  readonly json?: boolean;
}

export interface RestoreFlags extends StateFlags, ApplyFlags {
  readonly to?: string;
  readonly prune?: boolean;
  readonly withDependencies?: boolean;
}

export interface UndoFlags extends ChangeFlags, ApplyFlags {}

export interface ApplyGitFlags extends ApplyFlags {
  readonly base?: string;
  readonly exitCode?: boolean;
  readonly format?: string;
  /** The digest of the plan that was reviewed: no other one is applied. */
  readonly digest?: string;
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
async function resumedAccount(
  io: Io,
  config: Config,
  name: string | undefined,
  { resume }: ApplyFlags,
): Promise<AccountConfig> {
  const named = name ? accountNamed(config, name, '--account') : undefined;
  const open = (await interruptedRestores(config, io.env)).filter(({ account }) => account === (named ?? account));
  const fitting = open.filter(({ id }) => typeof resume !== 'string' || id === resume);
  const [only, ...more] = new Set(fitting.map(({ account }) => account));
  if (only && more.length === 0) return only;
  if (only) {
    const names = [only, ...more].map((account) => account.name).join(', ');
    throw usage('restores into several accounts were interrupted', `Name one with --account: ${names}`);
  }
  const into = named ? ` into ${named.name}` : '';
  throw usage(
    typeof resume === 'string'
      ? `no interrupted restore${into} is called ${resume}`
      : `no restore${into} was interrupted`,
    open.length > 0
      ? `Interrupted: ${open.map(({ id }) => id).join(', ')}`
      : 'Start one with: celigo-mirror restore <what>',
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
    const target = await resumedAccount(io, config, flags.to ?? flags.account, flags);
    return { from: target.name, target };
  }
  const from = sourceAccount(config, what, flags.account, flags.to);
  return { from, target: accountNamed(config, flags.to ?? from, flags.to ? '--to' : '--account') };
}

/** What is asked alike of every command that plans, asks and then writes. @throws AppError `USAGE` */
function readApplying(
  io: Io,
  config: Config,
  target: AccountConfig,
  flags: ApplyFlags,
): Pick<RestoreRequest, 'dryRun' | 'enableFlows' | 'force' | 'allowTargetChange' | 'secrets' | 'overrides'> {
  const dryRun = flags.dryRun === true || flags.out !== undefined;
  if (!dryRun && !flags.yes && !io.ask)
    throw usage('cannot ask for confirmation: not a terminal', 'Review the plan with --dry-run, then add --yes');
  return {
    dryRun,
    enableFlows: flags.enableFlows ?? false,
    force: flags.force ?? false,
    allowTargetChange: flags.allowTargetChange ?? false,
    secrets: flags.secrets
      ? readAllSecrets(flags.secrets, secretsSource(io, flags.secrets, config.repository.path, config))
      : new Map(),
    overrides: overridesOf(config, target),
  };
}

/** What is other in an account than in the one that is restored into it. @throws AppError `USAGE` */
export function overridesOf(config: Config, target: AccountConfig): ValuesByResource {
  return valuesByResource(target.overrides ?? {}, (problem) =>
    usage(
      `${config.source}: accounts.${target.name}.overrides${problem}`,
      'Write it like this: "connections/<id or name>: { http.baseURI: https://… }"',
    ),
  );
}

function asking(request: RestoreRequest, { resume }: ApplyFlags, saved?: SavedPlan): AskedRestore {
  return {
    request,
    hidden: textsOf(request.secrets),
    ...(saved ? { saved } : {}),
    ...(resume === undefined ? {} : { resume: typeof resume === 'string' ? { id: resume } : {} }),
  };
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
  const { from, target } = await accountsOf(io, config, what, plan, flags);
  const applying = readApplying(io, config, target, flags);
  const { undo, apply } = saved?.request ?? {};
  const at: StateName | undefined = saved ? { text: saved.plan.state.commit, option: '--at' } : stateAsked(flags);
  const request: RestoreRequest = {
    what,
    ...(undo ? { undo: { commits: undo } } : {}),
    ...(apply ? { apply } : {}),
    ...(at ? { at } : {}),
    from,
    target,
    ...applying,
    prune: saved?.request.prune ?? flags.prune ?? false,
    withDependencies: saved?.request.withDependencies ?? flags.withDependencies ?? false,
    enableFlows: saved?.request.enableFlows ?? applying.enableFlows,
  };
  return asking(request, flags, saved);
}

/** The account whose changes commits are: what is not known yet may be in the remote. */
async function accountOfCommits(io: Io, config: Config, words: readonly string[]): Promise<string | undefined> {
  const { git } = configuredPlace(io, config);
  for (const word of words) {
    // Of a commit its own message, of a range those of all.
    const most = word.includes('..') ? [] : ['-1'];
    const format = ['--format=%B%x00', '--end-of-options', word, '--'];
    const messages = /^[^-]/.test(word) ? await git.ask(['log', ...most, ...format]) : undefined;
    const accounts = new Set((messages ?? '').split('\0').map((message) => readMessage(message).account));
    const [only, ...more] = config.accounts.filter(({ name }) => accounts.has(name));
    if (only) return more.length === 0 ? only.name : undefined;
  }
  return undefined;
}

/** @throws AppError `USAGE` for words and flags that choose no change */
function checkChosen(words: readonly string[], flags: UndoFlags): void {
  const { since, from, by, run } = flags;
  const resuming = flags.resume !== undefined;
  const options = [since, from, by, run].some((option) => option !== undefined);
  if (resuming && (options || words.length > 0 || (flags.until ?? flags.to) !== undefined))
    throw usage('--resume takes back what was named at the start', 'Leave out what to take back');
  if (resuming || options) return;
  const only = words.every((word) => isSelector(word));
  if (words.length === 0 || only)
    throw usage(
      words.length === 0 ? 'no change was named' : `${words.join(' ')}: which of its changes is not said`,
      'Name commits, or use --by, --since or --run; to list the changes with their commits: celigo-mirror log',
    );
}

function isSelector(word: string): boolean {
  try {
    parseSelector(word, '');
    return true;
  } catch {
    return false;
  }
}

/**
 * Reads the words and flags of `undo`, and the files they name.
 * @throws AppError `USAGE`
 */
export async function readUndoRequest(
  io: Io,
  config: Config,
  given: readonly string[],
  flags: UndoFlags,
): Promise<AskedRestore> {
  const words = wordsFor(io, config, given);
  checkChosen(words, flags);
  const named = flags.account ?? (flags.resume === undefined ? await accountOfCommits(io, config, words) : undefined);
  const target =
    flags.resume === undefined
      ? accountNamed(config, sourceAccount(config, words, named), '--account')
      : await resumedAccount(io, config, named, flags);
  const query = await readChanges(io, words, flags);
  const request: RestoreRequest = {
    what: [
      `undo of ${[...words, ...(query.by === undefined ? [] : [`changes by ${query.by}`])].join(' ') || 'changes'}`,
    ],
    undo: { query },
    from: target.name,
    target,
    ...readApplying(io, config, target, flags),
    prune: false,
    withDependencies: false,
  };
  return asking(request, flags);
}

/** The only account that has changes of people up to a commit; of one that is not there yet, nothing is known. */
async function accountChanged(
  io: Io,
  config: Config,
  ref: string,
  base: string | undefined,
): Promise<string | undefined> {
  const { git } = configuredPlace(io, config);
  const tip = (await findCommit(git, ref))?.id;
  if (tip === undefined) return undefined;
  const { branch, author } = config.repository;
  const clone = { git, gitDir: '', branch, committer: identityOf(author), stateless: false };
  const changed = await Promise.all(
    config.accounts.map(async ({ name }) => {
      const from = base ?? (await newestOwn(clone, name, tip))?.base.id;
      const files = from && (await git.ask(['diff', '--name-only', '--end-of-options', from, tip, '--', `${name}/`]));
      return files ? [name] : [];
    }),
  );
  const [only, ...more] = changed.flat();
  return more.length === 0 ? only : undefined;
}

/**
 * Reads the words and flags of `apply`, and the files they name.
 * @throws AppError `USAGE`
 */
export async function readApplyRequest(
  io: Io,
  config: Config,
  ref: string | undefined,
  flags: ApplyGitFlags,
): Promise<AskedRestore> {
  const { base, resume, format, exitCode, dryRun, out, digest } = flags;
  if (digest !== undefined && !/^[0-9a-f]{32}$/.test(digest))
    throw usage(
      `--digest: ${digest} is not the digest of a plan`,
      'Take it from apply --dry-run: 32 digits and letters',
    );
  if (resume !== undefined && digest !== undefined)
    throw usage('--resume finishes the plan that was started, whatever its digest', 'Leave out --digest');
  if (resume !== undefined && (ref ?? base) !== undefined)
    throw usage('--resume applies what was named at the start', 'Leave out the commit and --base');
  if (format !== undefined && !dryRun && out === undefined)
    throw usage('--format is for a plan that is not applied', 'Add --dry-run');
  if (exitCode && !dryRun && out === undefined)
    throw usage('--exit-code is for a plan that is not applied', 'Add --dry-run');
  const several = config.accounts.length > 1 && flags.account === undefined && resume === undefined;
  const named = flags.account ?? (several ? await accountChanged(io, config, ref ?? 'HEAD', base) : undefined);
  const target =
    resume === undefined
      ? accountNamed(config, sourceAccount(config, [], named), '--account')
      : await resumedAccount(io, config, named, flags);
  const request: RestoreRequest = {
    what: [`changes in Git up to ${ref ?? 'HEAD'}`],
    apply: { ref: ref ?? 'HEAD', ...(base === undefined ? {} : { base }) },
    from: target.name,
    target,
    ...readApplying(io, config, target, flags),
    prune: false,
    withDependencies: false,
  };
  return asking(request, flags);
}
