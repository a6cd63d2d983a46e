import type { AccountGraph } from '../graph/account-graph.ts';
import type { MirrorState } from '../mirror/state.ts';
import type { GlobalOptions, Io } from './ui/io.ts';

/** Which resource refers to which, in one state of a mirror. */
export interface OpenGraph {
  readonly root: string;
  readonly account: string;
  readonly state: MirrorState;
  readonly graph: AccountGraph;
}

/**
 * Opens the mirror and reads every document of the state at `at`, or of HEAD.
 * @throws AppError `USAGE` when there is no such state, or a document of it is damaged
 */
export async function openGraph(
  io: Io,
  globals: GlobalOptions,
  what: readonly string[],
  options: { readonly at?: string; readonly mirror?: string; readonly account?: string },
): Promise<OpenGraph> {
  const [{ openMirror, stateOf }, { documentPaths, readDocuments }, { buildGraph }] = await Promise.all([
    import('./ui/states.ts'),
    import('../mirror/state.ts'),
    import('../graph/account-graph.ts'),
  ]);
  const { git, root, account } = await openMirror(io, globals, what, options);
  const state = await stateOf({ git, account }, options.at, io.now());
  const graph = buildGraph(await readDocuments(state, documentPaths(state)));
  return { root, account, state, graph };
}
