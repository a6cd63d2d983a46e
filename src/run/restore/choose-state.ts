import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readTrail } from '../../audit/trail.ts';
import { chooseUndone, type History } from '../../audit/undone.ts';
import { catalogueWith } from '../../catalogue/index.ts';
import { AppError } from '../../core/errors.ts';
import { readCut, readHistory } from '../../history/commits.ts';
import { type Selection, selectAt } from '../../history/selection.ts';
import { headCommit, type MirrorState, readState } from '../../history/state.ts';
import { keysToday } from '../idmaps.ts';
import { type ApplyRequest, type Edits, readEdits } from './edits.ts';
import type { RestoreContext, UndoRequest } from './request.ts';
import { stateBefore } from './resume.ts';
import type { Undone } from './undo.ts';

/** The state to restore, and what of it; where changes are merged, the newest state. */
export interface Chosen {
  readonly state: MirrorState;
  readonly selection: Selection;
  /** What is taken back, instead of restoring the state. */
  readonly undone?: Undone;
  /** What people changed in Git and is brought to the account, instead. */
  readonly edits?: Edits;
}

/**
 * The state of the interrupted restore, of `--at`, or of HEAD; for what HEAD no longer holds, the last one that did.
 * @throws AppError `REPOSITORY` where there is no clone, `USAGE` for what the state does not hold
 */
export async function chooseState(context: RestoreContext): Promise<Chosen> {
  const { repository, deps, request, resumed } = context;
  if (!existsSync(join(repository.gitDir, 'HEAD')))
    throw new AppError('REPOSITORY', `${repository.path} is not a git repository`, {});
  if (request.undo) return chooseChanges(context, request.undo);
  if (request.apply) return chooseEdits(context, request.apply);
  if (request.remove) return { state: await newestState(context), selection: NOTHING };
  const { state, selection } = await selectAt(repository.git, request.from, request.what, {
    at: resumed ? { text: resumed.head.commit, option: '--at' } : request.at,
    now: deps.now(),
    withDependencies: request.withDependencies,
    transliterate: deps.transliterate,
  });
  // What the target ignores stays there as it is, also where an older state holds it.
  return { state: { ...state, find: catalogueWith(request.target.ignore).find }, selection };
}

const NOTHING: Selection = { all: false, selected: new Set() };

async function newestState({ repository: { git }, request: { from, target } }: RestoreContext): Promise<MirrorState> {
  const state = await readState(git, from, await headCommit(git));
  return { ...state, find: catalogueWith(target.ignore).find };
}

/** What people changed in Git, and the newest state. */
async function chooseEdits(context: RestoreContext, apply: ApplyRequest): Promise<Chosen> {
  const { deps, repository, request } = context;
  const edits = await readEdits(repository, deps.config.repository.remote, request.target, apply);
  return { state: await newestState(context), selection: NOTHING, edits };
}

/** The changes to take back, and the newest state. A resumed undo asks for neither again: it may have made them. */
async function chooseChanges(context: RestoreContext, undo: UndoRequest): Promise<Chosen> {
  const { repository, deps, request, resumed } = context;
  const { git } = repository;
  const { from } = request;
  const state = await newestState(context);
  const commits = await readHistory(git, from, resumed ? resumed.head.base : 'HEAD');
  const cut = await readCut(git);
  const trail = readTrail(commits, from, cut?.commit);
  const history: History = { commits, trail, today: await keysToday(git, from, trail) };
  const { commits: chosen, leftOut } =
    'commits' in undo
      ? { commits: undo.commits, leftOut: [] }
      : await chooseUndone(git, from, history, undo.query, deps.transliterate);
  const before = resumed ? { before: await stateBefore(repository, resumed) } : {};
  return {
    state,
    selection: { all: false, selected: new Set(chosen.flatMap(({ keys }) => keys)) },
    undone: { commits: chosen, leftOut, history, ...before },
  };
}
