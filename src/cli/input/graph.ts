import type { Config } from '../../config/schema.ts';
import type { Git } from '../../git/git.ts';
import { type AccountGraph, buildGraph } from '../../graph/account-graph.ts';
import { documentPaths, type MirrorState, readDocuments } from '../../history/state.ts';
import type { GlobalOptions, Io } from '../ui/io.ts';
import { openMirror, stateOf } from './mirror.ts';
import { type StateFlags, stateAsked } from './time-option.ts';

/** Which resource refers to which, in one state of a mirror. */
interface OpenGraph {
  readonly git: Git;
  readonly root: string;
  readonly account: string;
  readonly what: readonly string[];
  readonly state: MirrorState;
  readonly graph: AccountGraph;
  /** The configuration of this mirror, where there is one. */
  readonly config?: Config;
}

/**
 * Opens the mirror and reads every document of the state that is asked for, or of HEAD.
 * @throws AppError `USAGE` if there is no such state, or a document in it is damaged
 */
export async function openGraph(
  io: Io,
  globals: GlobalOptions,
  what: readonly string[],
  options: StateFlags & { readonly mirror?: string; readonly account?: string },
): Promise<OpenGraph> {
  const mirror = await openMirror(io, globals, what, options);
  const state = await stateOf(io, mirror, stateAsked(options));
  const graph = buildGraph(await readDocuments(state, documentPaths(state)));
  return { ...mirror, state, graph };
}
