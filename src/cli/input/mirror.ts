import { resolve } from 'node:path';
import { plainRepository } from '../../config/plain.ts';
import type { Config, RepositoryConfig } from '../../config/schema.ts';
import { AppError } from '../../core/errors.ts';
import { accountInSelectors } from '../../core/selectors.ts';
import { createGit, type Git } from '../../git/git.ts';
import { headCommit, type MirrorState, readState, resolveState, type StateName } from '../../history/state.ts';
import { accountFolders, accountsInHead, isRepository, noMirror, repositoryAbove } from '../../mirror/folder.ts';
import type { GlobalOptions, Io } from '../ui/io.ts';
import { readingConfigOf } from './run-deps.ts';
import { sayState } from './time-option.ts';
import { accountAround, realOf, wordInside } from './words.ts';

/** A repository with mirrors that is only read: no lock, no token, and no file of its work tree. */
export interface MirrorPlace {
  readonly git: Git;
  readonly root: string;
  readonly repository: RepositoryConfig;
  /** The accounts of the configuration, or without one those of the last commit. */
  readonly accounts: readonly string[];
  /** The configuration of this mirror, where there is one. */
  readonly config?: Config;
}

/** The mirror of one account. */
export interface ReadOnlyMirror extends MirrorPlace {
  readonly account: string;
  /** What is to be read of it: paths are paths in the mirror. */
  readonly what: readonly string[];
}

function opened(io: Io, repository: RepositoryConfig): Omit<MirrorPlace, 'accounts'> {
  const root = repository.path;
  if (!isRepository(root)) throw noMirror(root);
  return { root, repository, git: createGit({ cwd: root, config: repository, env: io.env, signal: io.signal }) };
}

/** The mirror of a configuration. @throws AppError `USAGE` where there is none yet */
export function configuredPlace(io: Io, config: Config): MirrorPlace {
  return { ...opened(io, config.repository), accounts: config.accounts.map(({ name }) => name), config };
}

/** The repository that holds a folder which an argument names. @throws AppError `USAGE` where it holds no mirror */
export async function placeNamed(io: Io, folder: string): Promise<MirrorPlace> {
  const named = resolve(io.cwd, folder);
  const place = opened(io, plainRepository(repositoryAbove(named) ?? named));
  return { ...place, accounts: await accountFolders(place.git, place.root, undefined) };
}

/** The mirror that the working directory is in, if it is in one. */
async function placeHere(io: Io): Promise<MirrorPlace | undefined> {
  const root = repositoryAbove(io.cwd);
  if (root === undefined) return undefined;
  const place = opened(io, plainRepository(root));
  const accounts = await accountsInHead(place.git, root);
  return accounts.length > 0 ? { ...place, accounts } : undefined;
}

/**
 * The repository that an argument names, the one that the working directory is in, or that of the configuration.
 * @throws AppError `USAGE`
 */
export async function mirrorPlace(io: Io, globals: GlobalOptions, folder: string | undefined): Promise<MirrorPlace> {
  if (folder !== undefined) return placeNamed(io, folder);
  const here = globals.config === undefined ? await placeHere(io) : undefined;
  if (!here) return configuredPlace(io, await readingConfigOf(io, globals));
  // The configuration knows more of its own mirror, but a clone needs none.
  const config = await readingConfigOf(io, globals).catch((error: unknown) => {
    if (error instanceof AppError) return undefined;
    throw error;
  });
  return config && realOf(config.repository.path) === realOf(here.root) ? configuredPlace(io, config) : here;
}

/** The account of that name, or the only one. @throws AppError `USAGE` */
export function onlyAccount({ root, accounts, config }: MirrorPlace, account: string | undefined): string {
  if (account !== undefined && !accounts.includes(account)) {
    if (!config) throw noMirror(root, account, accounts);
    // The mirror may well hold one: an account that the configuration no longer has, or the target of a restore.
    throw new AppError('USAGE', `no account is called ${account}`, {
      hint: `Accounts in ${config.source}: ${accounts.join(', ')}. To read all that is in the mirror: --mirror ${root}`,
    });
  }
  const [only, ...more] = account === undefined ? accounts : [account];
  if (only !== undefined && more.length === 0) return only;
  throw new AppError('USAGE', `${root} holds several accounts`, {
    hint: `Name one with --account: ${accounts.join(', ')}`,
  });
}

/**
 * The mirror that a command reads, and the account in it: the one of `--account`, of a path, or of the folder that the
 * working directory is in, or the only one.
 * @throws AppError `USAGE`
 */
export async function openMirror(
  io: Io,
  globals: GlobalOptions,
  words: readonly string[],
  options: { readonly mirror?: string; readonly account?: string },
): Promise<ReadOnlyMirror> {
  const place = await mirrorPlace(io, globals, options.mirror);
  const { root, accounts } = place;
  const what = words.map((word) => wordInside(word, io.cwd, root, accounts));
  const named = options.account ?? accountInSelectors(what, accounts) ?? accountAround(io.cwd, root, accounts);
  return { ...place, account: onlyAccount(place, named), what };
}

/** The state that was named, or that of HEAD; reports which moment words mean. @throws AppError `USAGE` */
export async function stateOf(
  io: Io,
  { git, account }: Pick<ReadOnlyMirror, 'git' | 'account'>,
  name?: StateName,
): Promise<MirrorState> {
  const named = await (name ? resolveState(git, account, name, io.now()) : headCommit(git));
  sayState(io, name, named);
  return readState(git, account, named);
}
