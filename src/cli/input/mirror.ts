import { resolve } from 'node:path';
import { plainRepository } from '../../config/plain.ts';
import type { RepositoryConfig } from '../../config/schema.ts';
import { AppError } from '../../core/errors.ts';
import { accountFolders, isRepository, noMirror, repositoryAbove } from '../../mirror/folder.ts';
import { createGit, type Git } from '../../mirror/git.ts';
import { headCommit, type MirrorState, readState, resolveState, type StateName } from '../../mirror/state.ts';
import type { GlobalOptions, Io } from '../ui/io.ts';
import { sourceAccount } from './accounts.ts';
import { configOf } from './run-deps.ts';
import { sayState } from './time-option.ts';

/** A repository with mirrors that is only read: no lock, no token, and no file of its work tree. */
export interface MirrorPlace {
  readonly git: Git;
  readonly root: string;
  readonly repository: RepositoryConfig;
}

/** The mirror of one account. */
export interface ReadOnlyMirror extends MirrorPlace {
  readonly account: string;
}

function opened(io: Io, repository: RepositoryConfig): MirrorPlace {
  const root = repository.path;
  if (!isRepository(root)) throw noMirror(root);
  return { root, repository, git: createGit({ cwd: root, config: repository, env: io.env, signal: io.signal }) };
}

/** The repository that holds a folder which an argument names. @throws AppError `USAGE` */
export function placeNamed(io: Io, folder: string): MirrorPlace {
  const named = resolve(io.cwd, folder);
  return opened(io, plainRepository(repositoryAbove(named) ?? named));
}

/** The repository that an argument names, or that of the configuration. @throws AppError `USAGE` */
export async function mirrorPlace(io: Io, globals: GlobalOptions, folder: string | undefined): Promise<MirrorPlace> {
  return folder === undefined ? opened(io, (await configOf(io, globals)).repository) : placeNamed(io, folder);
}

/** The account of that name in a mirror, or its only one. @throws AppError `USAGE` */
export async function onlyAccount({ git, root }: MirrorPlace, account: string | undefined): Promise<string> {
  const folders = await accountFolders(git, root, account);
  const [only, ...more] = folders;
  if (only !== undefined && more.length === 0) return only;
  throw new AppError('USAGE', `${root} holds several accounts`, {
    hint: `Name one with --account: ${folders.join(', ')}`,
  });
}

/** The mirror of `--mirror`, or of the configuration, and the account in it. @throws AppError `USAGE` */
export async function openMirror(
  io: Io,
  globals: GlobalOptions,
  what: readonly string[],
  options: { readonly mirror?: string; readonly account?: string },
): Promise<ReadOnlyMirror> {
  if (options.mirror !== undefined) {
    const place = placeNamed(io, options.mirror);
    return { ...place, account: await onlyAccount(place, options.account) };
  }
  const config = await configOf(io, globals);
  const account = sourceAccount(config, what, options.account);
  return { ...opened(io, config.repository), account };
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
