import type { Picture, Report, ReportChange } from '../../audit/report/model.ts';
import type { MirrorDocument } from '../../core/documents.ts';
import { AppError } from '../../core/errors.ts';
import { type Key, keyOf } from '../../core/keys.ts';
import type { Git } from '../../git/git.ts';
import { type AccountGraph, buildGraph } from '../../graph/account-graph.ts';
import { pathsOf } from '../../history/selection.ts';
import { commitOf, type MirrorState, readDocuments, readState } from '../../history/state.ts';
import { flowChanges, flowChangesDiagram } from '../../overview/flow-changes.ts';
import { isDrawn, isStep, partsOf } from '../../overview/flow-parts.ts';
import { flowChangesSvg } from '../../overview/flow-svg.ts';

/** Pictures of one report: each reads what the flow consisted of, before and after. */
const MOST = 100;
/** A flow, its steps or the flow whose steps it has, their connections and scripts. */
const DEPTH = 3;

/** A flow that a change may make look different. */
interface Drawn {
  readonly id: string;
  /** Where the change is one of a step of it. */
  readonly name?: string;
}

/** The report with a picture of each flow that looks different after a change of it or of a step. @throws GitFailure */
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
  const own = new Set(report.changes.filter(mayLookDifferent).map(({ entry }) => `${entry.commit} ${entry.id}`));
  let users: Promise<ReadonlyMap<Key, Drawn>> | undefined;
  const flowOf = async (change: ReportChange): Promise<Drawn | undefined> => {
    const { type, id, key, commit } = change.entry;
    if (mayLookDifferent(change)) return { id };
    if (!isStep(type) || change.document) return undefined;
    users ??= flowsOfSteps(await stateAt('HEAD'));
    const flow = (await users).get(key);
    return flow && !own.has(`${commit} ${flow.id}`) ? flow : undefined;
  };
  const changes: ReportChange[] = [];
  for (const change of report.changes) {
    const flow = await flowOf(change);
    if (!flow) changes.push(change);
    else if (left === 0) changes.push({ ...change, picture: 'missing' });
    else {
      const picture = await drawn(change, flow, stateAt);
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

/** A flow for each step: the first one that uses it. */
async function flowsOfSteps(state: MirrorState | undefined): Promise<ReadonlyMap<Key, Drawn>> {
  const found = new Map<Key, Drawn>();
  const flows = [...(state?.documents.keys() ?? [])].filter((key) => key.startsWith('flows/'));
  if (!state) return found;
  for (const flow of await documentsOf(state, flows))
    for (const key of partsOf(flow)) if (!found.has(key)) found.set(key, { id: flow.id, name: flow.title });
  return found;
}

/** The documents of a state. A damaged one makes that there are none. */
async function documentsOf(state: MirrorState, keys: readonly Key[]): Promise<readonly MirrorDocument[]> {
  return readDocuments(state, pathsOf(state, new Set(keys))).catch((error: unknown) => {
    if (error instanceof AppError) return [];
    throw error;
  });
}

async function drawn(
  { entry: { commit } }: ReportChange,
  { id, name }: Drawn,
  stateAt: (name: string) => Promise<MirrorState | undefined>,
): Promise<Picture | undefined> {
  const [was, is] = [await stateAt(`${commit}~1`), await stateAt(commit)];
  if (!was || !is) return undefined;
  const [before, after] = [await graphAround(was, id), await graphAround(is, id)];
  const changes = flowChanges(before, after, id);
  const mermaid = flowChangesDiagram(before, after, [id]);
  if (!changes || mermaid === undefined) return undefined;
  return { mermaid, svg: flowChangesSvg(changes), ...(name === undefined ? {} : { flow: name }) };
}

/** The part of an account that the drawing of a flow shows. */
async function graphAround(state: MirrorState, flow: string): Promise<AccountGraph> {
  const known = new Set<Key>();
  const documents = [];
  let next: Key[] = [keyOf('flows', flow)];
  for (let depth = 0; depth <= DEPTH && next.length > 0; depth++) {
    for (const key of next) known.add(key);
    const read = await documentsOf(state, next);
    documents.push(...read);
    next = [...new Set(read.flatMap(partsOf))].filter((key) => !known.has(key));
  }
  return buildGraph(documents);
}
