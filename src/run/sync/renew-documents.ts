import { catalogueWith, findType } from '../../catalogue/index.ts';
import type { Change } from '../../core/changes.ts';
import { blobOid } from '../../core/digest.ts';
import type { MirrorDocument } from '../../core/documents.ts';
import { AppError } from '../../core/errors.ts';
import { withoutKnown } from '../../core/known-credentials.ts';
import { BINDING_FILE, type MirrorFile, renderResource } from '../../core/layout.ts';
import { commitMessage } from '../../core/message.ts';
import { createRenewer } from '../../core/normalise.ts';
import { documentPaths, filesState, type MirrorState, readDocuments } from '../../history/state.ts';
import type { TreeChange } from '../../mirror/object-writer.ts';
import { follow } from '../../mirror/work-tree.ts';
import { RULES, renderBinding } from '../binding.ts';
import type { CommitReport } from '../report.ts';
import { type AccountRun, serverNow } from './account-run.ts';
import { commitFolder, writeFiles } from './commit-folder.ts';
import { groupFiles } from './known-types.ts';
import { readPutBack } from './put-back.ts';
import type { StartingPoint } from './starting-point.ts';

/** Documents held in memory at a time. */
const BATCH = 500;

/** A document whose files the rules of this version write otherwise. */
interface Renewed {
  readonly change: Change;
  readonly put: readonly MirrorFile[];
}

/** The documents at `paths` that can be read: a damaged one is replaced by what the account has anyway. */
async function readable(state: MirrorState, paths: readonly string[]): Promise<MirrorDocument[]> {
  try {
    return await readDocuments(state, paths);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const [path, ...more] = paths;
    if (path === undefined || more.length === 0) return [];
    const half = Math.ceil(paths.length / 2);
    return [...(await readable(state, paths.slice(0, half))), ...(await readable(state, paths.slice(half)))];
  }
}

/** Looks for documents of HEAD that differ by the rules of this version, and gives each to `found`. */
async function findRenewed(
  { context, repository }: StartingPoint,
  state: MirrorState,
  found: (renewed: Renewed) => void,
): Promise<void> {
  const filesOf = groupFiles(state.files);
  const renewers = new Map<string, ReturnType<typeof createRenewer>>();
  const paths = documentPaths(state);
  for (let from = 0; from < paths.length; from += BATCH) {
    context.signal.throwIfAborted();
    for (const { type, id, path, title, doc } of await readable(state, paths.slice(from, from + BATCH))) {
      const renew = renewers.get(type.name) ?? createRenewer(type, context.normalise);
      renewers.set(type.name, renew);
      const files = renderResource(path.slice(0, -'.yaml'.length), renew(doc));
      const put = files.filter(({ path: file, text }) => state.files.get(file) !== blobOid(text, repository.format));
      const now = new Set(files.map((file) => file.path));
      const remove = (filesOf.get(type.name)?.get(id) ?? []).map(([old]) => old).filter((old) => !now.has(old));
      if (put.length + remove.length === 0) continue;
      const change = { type: type.name, id, kind: 'changed', title, path, remove, baseline: false } as const;
      found({
        change: { ...change, put: put.map(({ path: file, text }) => [file, blobOid(text, repository.format)]) },
        put,
      });
    }
  }
}

/**
 * Writes the documents of older rules by those of today, in a commit of its own, before anything is
 * compared: no one made what the rules change. What people committed in the folder is put back before that. Gives the
 * commits; none where nothing differs.
 */
export async function renewDocuments(run: AccountRun, start: StartingPoint): Promise<readonly CommitReport[]> {
  const { account, deps, options } = run;
  const { repository, headState, objects } = start;
  if (!headState.binding || !start.renewing || options.dryRun) return [];
  await start.repairing;
  const changes: Change[] = [];
  const tree: TreeChange[] = [];
  const inFolder = (path: string): string => `${account.name}/${path}`;
  const write = (files: readonly MirrorFile[]): void => {
    tree.push(
      ...writeFiles(
        repository,
        objects,
        files.map(({ path, text }) => ({ path: inFolder(path), text })),
      ),
    );
  };
  const { find } = catalogueWith(account.ignore);
  const state = { ...filesState(repository.git, account.name, await headState.files()), find };
  await findRenewed(start, state, ({ change, put }) => {
    write(put);
    tree.push(...change.remove.map((path) => ({ path: inFolder(path), oid: undefined })));
    changes.push(change);
  });
  if (changes.length === 0) return [];
  write([{ path: BINDING_FILE, text: renderBinding({ ...headState.binding, rules: RULES, ignore: account.ignore }) }]);
  const message = commitMessage({
    account: account.name,
    runId: deps.runId,
    changes: changes.sort((a, b) => (a.path < b.path ? -1 : 1)),
    coAuthors: [],
    certainty: 'unknown',
    audited: true,
    incomplete: [],
    first: false,
    renewed: headState.binding.rules < RULES ? 'version' : 'configuration',
    nounsOf: (name) => findType(name) ?? { noun: name, plural: name },
    clean: (text) => withoutKnown(start.context.normalise, text),
  });
  const { author } = deps.config.repository;
  const now = serverNow(run);
  const putBack = await readPutBack(run, start);
  const requests = [...(putBack ? [putBack.request] : []), { message, author, authorDate: now, changes: tree }];
  const known = { known: headState.tip, folder: account.name };
  const { commits, from, to, replaced } = await commitFolder(repository, objects, requests, now, known);
  if (!to || commits.length === 0) return [];
  if (putBack?.notice) run.notice(putBack.notice);
  for (const commit of commits) deps.report({ name: 'committed', account: account.name, commit });
  await follow(repository, account.name, { from: from?.commit, to: to.commit, replaced });
  return commits;
}
