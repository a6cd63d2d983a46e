import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '../../core/errors.ts';
import { type Selection, selectAt } from '../../mirror/selection.ts';
import type { MirrorState } from '../../mirror/state.ts';
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
  return selectAt(repository.git, request.from, request.what, {
    at: resumed?.head.commit ?? request.at,
    now: deps.now(),
    withDependencies: request.withDependencies,
    transliterate: deps.transliterate,
  });
}
