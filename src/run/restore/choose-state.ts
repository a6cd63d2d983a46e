import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { catalogueWith } from '../../catalogue/index.ts';
import { AppError } from '../../core/errors.ts';
import { type Selection, selectAt } from '../../history/selection.ts';
import type { MirrorState } from '../../history/state.ts';
import type { RestoreContext } from './request.ts';

/** The state to restore, and what of it. */
export interface Chosen {
  readonly state: MirrorState;
  readonly selection: Selection;
}

/**
 * The state of the interrupted restore, of `--at`, or of HEAD; for what HEAD no longer holds, the last one that did.
 * @throws AppError `REPOSITORY` where there is no clone, `USAGE` for what the state does not hold
 */
export async function chooseState({ repository, deps, request, resumed }: RestoreContext): Promise<Chosen> {
  if (!existsSync(join(repository.gitDir, 'HEAD')))
    throw new AppError('REPOSITORY', `${repository.path} is not a git repository`, {});
  const { state, selection } = await selectAt(repository.git, request.from, request.what, {
    at: resumed ? { text: resumed.head.commit, option: '--at' } : request.at,
    now: deps.now(),
    withDependencies: request.withDependencies,
    transliterate: deps.transliterate,
  });
  // What the target ignores stays there as it is, also where an older state holds it.
  return { state: { ...state, find: catalogueWith(request.target.ignore).find }, selection };
}
