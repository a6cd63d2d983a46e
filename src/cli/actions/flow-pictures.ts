import type { Picture, Report, ReportChange } from '../../audit/report/model.ts';
import { AppError } from '../../core/errors.ts';
import { type Key, keyOf } from '../../core/keys.ts';
import { type AccountGraph, buildGraph } from '../../graph/account-graph.ts';
import { pathsOf } from '../../history/selection.ts';
import { commitOf, type MirrorState, readDocuments, readState } from '../../history/state.ts';
import type { Git } from '../../mirror/git.ts';
import { flowChanges, flowChangesDiagram } from '../../overview/flow-changes.ts';
import { isDrawn, partsOf } from '../../overview/flow-parts.ts';
import { flowChangesSvg } from '../../overview/flow-svg.ts';

/** Pictures of one report: each reads what the flow consisted of, before and after. */
const MOST = 100;
/** A flow, its steps or the flow whose steps it has, their connections and scripts. */
const DEPTH = 3;

/** The report with a picture of each flow that looks different after a change. @throws GitFailure */
export async function withPictures(git: Git, report: Report): Promise<Report> {
  const states = new Map<string, Promise<MirrorState | undefined>>();
  const stateAt = (name: string): Promise<MirrorState | undefined> => {
    const known = states.get(name) ?? stateOf(git, report.account, name);
    // Changes of one commit are next to each other, mostly; a state of a large account takes a megabyte.
    if (states.size > 3) states.clear();
    states.set(name, known);
    return known;
  };
  let left = MOST;
  const changes: ReportChange[] = [];
  for (const change of report.changes) {
    if (!mayLookDifferent(change)) changes.push(change);
    else if (left === 0) changes.push({ ...change, picture: 'missing' });
    else {
      const picture = await drawn(change, stateAt);
      if (picture) left -= 1;
      changes.push(picture ? { ...change, picture } : change);
    }
  }
  return { ...report, changes };
}

function mayLookDifferent({ entry, fields, document }: ReportChange): boolean {
  return entry.type === 'flows' && (document !== undefined || fields.some(({ place }) => isDrawn(place)));
}

/** `undefined` where no such commit is in the clone, or it holds nothing of the account. */
async function stateOf(git: Git, account: string, name: string): Promise<MirrorState | undefined> {
  const commit = await commitOf(git, name);
  if (!commit) return undefined;
  return readState(git, account, commit).catch((error: unknown) => {
    if (error instanceof AppError) return undefined;
    throw error;
  });
}

async function drawn(
  { entry: { id, commit } }: ReportChange,
  stateAt: (name: string) => Promise<MirrorState | undefined>,
): Promise<Picture | undefined> {
  const [was, is] = [await stateAt(`${commit}~1`), await stateAt(commit)];
  if (!was || !is) return undefined;
  const [before, after] = [await graphAround(was, id), await graphAround(is, id)];
  const changes = flowChanges(before, after, id);
  const mermaid = flowChangesDiagram(before, after, [id]);
  return changes && mermaid !== undefined ? { mermaid, svg: flowChangesSvg(changes) } : undefined;
}

/** The part of an account that the drawing of a flow shows. A damaged document is none. */
async function graphAround(state: MirrorState, flow: string): Promise<AccountGraph> {
  const known = new Set<Key>();
  const documents = [];
  let next: Key[] = [keyOf('flows', flow)];
  for (let depth = 0; depth <= DEPTH && next.length > 0; depth++) {
    for (const key of next) known.add(key);
    const paths = pathsOf(state, new Set(next));
    const read = await readDocuments(state, paths).catch((error: unknown) => {
      if (error instanceof AppError) return [];
      throw error;
    });
    documents.push(...read);
    next = [...new Set(read.flatMap(partsOf))].filter((key) => !known.has(key));
  }
  return buildGraph(documents);
}
