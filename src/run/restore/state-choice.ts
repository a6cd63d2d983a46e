import { AppError } from '../../core/errors.ts';
import { readPath, slugOf } from '../../core/layout.ts';
import type { Git } from '../../mirror/git.ts';
import type { Repository } from '../../mirror/repository.ts';
import { type MirrorState, type NamedCommit, readState, resolveAt } from '../../mirror/state.ts';
import type { RestoreDeps, RestoreRequest } from './request.ts';
import { NotInState, type Scope, selectScope } from './scope.ts';

/** Commit of the state: `--at`, or HEAD; for what HEAD no longer holds, the last one that did. */
export async function chooseState(
  repository: Repository,
  deps: RestoreDeps,
  request: RestoreRequest,
  commit: string | undefined,
): Promise<{ state: MirrorState; scope: Scope }> {
  const { git } = repository;
  const options = { withDependencies: request.withDependencies, transliterate: deps.transliterate };
  const named: NamedCommit | undefined =
    commit !== undefined || request.at !== undefined
      ? await resolveAt(git, commit ?? request.at ?? '', deps.now())
      : await resolveAt(git, 'HEAD', deps.now()).catch(() => undefined);
  if (!named) {
    throw new AppError('USAGE', `the repository ${repository.path} holds no mirror yet`, {
      hint: 'Make one with: celigo-mirror sync',
    });
  }
  const state = await readState(git, request.from, named);
  try {
    return { state, scope: await selectScope(state, request.what, options) };
  } catch (error) {
    if (!(error instanceof NotInState) || commit !== undefined || request.at !== undefined) throw error;
    const earlier = await lastWith(git, request.from, error.selector, deps);
    if (!earlier) throw error;
    const then = await readState(git, request.from, earlier);
    return { state: then, scope: await selectScope(then, request.what, options) };
  }
}

/** The last commit before the one that deleted what the selector means. */
export async function lastWith(
  git: Git,
  account: string,
  selector: string,
  deps: Pick<RestoreDeps, 'transliterate' | 'now'>,
): Promise<NamedCommit | undefined> {
  const inside = selector.startsWith(`${account}/`) ? selector.slice(account.length + 1) : selector;
  const slash = inside.indexOf('/');
  const word = inside.slice(0, Math.max(0, slash));
  const type = word.toLowerCase() === 'integration' ? 'integrations' : word;
  const name = inside.slice(slash + 1);
  const id = readPath(`${type}/${name}`)?.id ?? name;
  const patterns = [`${type || '*'}/*.${id}.yaml`, `${type || '*'}/${slugOf(name, deps.transliterate)}.*.yaml`];
  const out = await git.ask([
    'log',
    '-1',
    '--first-parent',
    '--diff-filter=D',
    '--no-renames',
    '--format=%H',
    '--',
    ...patterns.map((pattern) => `:(glob)${account}/${pattern}`),
  ]);
  const commit = out?.trim();
  return commit ? resolveAt(git, `${commit}~1`, deps.now()) : undefined;
}
