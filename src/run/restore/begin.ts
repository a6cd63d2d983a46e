import { randomBytes } from 'node:crypto';
import { type Key, keyOf } from '../../core/keys.ts';
import { createGit } from '../../git/git.ts';
import { createJournal, type Journal } from './journal.ts';
import { findOperator } from './operator.ts';
import type { Prepared } from './prepared.ts';
import { isSameAccount, suppliedFor } from './request.ts';
import { stateBefore } from './resume.ts';
import { checkRights } from './rights.ts';
import type { ApplyContext } from './write-log.ts';

/**
 * The journal of this restore, with the matches that were decided: a new one, or that of the interrupted one.
 * @throws AppError `RIGHTS` for a token that may only read
 */
export async function startJournal(prepared: Prepared): Promise<Journal> {
  const { deps, client, matches, repository, resumed, userId } = prepared;
  if (!resumed) await checkRights(client, userId, deps.signal);
  const journal = resumed ?? (await newJournal(prepared));
  if (resumed) journal.append([{ kind: 'resumed', base: (await repository.head()) ?? '' }], false);
  if (matches.length > 0) {
    journal.append(
      matches.map((match) => ({ kind: 'match', ...match })),
      true,
    );
  }
  return journal;
}

async function newJournal({
  deps,
  request,
  repository,
  plan,
  undone,
  edits,
  client,
  userId,
}: Prepared): Promise<Journal> {
  const { env, signal } = deps;
  const userGit = createGit({ cwd: repository.path, config: deps.config.repository, env, signal });
  const startedAt = deps.now().toISOString();
  return createJournal(repository.stateDir, {
    version: 1,
    id: `${startedAt.replace(/[-:]|\.\d+/g, '')}-${randomBytes(3).toString('hex')}`,
    account: plan.account,
    from: plan.from,
    commit: plan.state.commit,
    what: request.what,
    ...(undone ? { undo: undone.commits } : {}),
    ...(edits ? { apply: { ref: edits.after.commit ?? '', base: edits.before.commit ?? '' } } : {}),
    ...(request.remove ? { remove: request.remove } : {}),
    options: {
      prune: request.prune,
      withDependencies: request.withDependencies,
      enableFlows: request.enableFlows,
      force: request.force,
      secrets: request.secrets.size > 0,
    },
    base: (await repository.head()) ?? '',
    startedAt,
    operator: await findOperator(env, userGit, client, userId, signal),
  });
}

/** What the writing stages work with. */
export async function applyContext(prepared: Prepared, journal: Journal): Promise<ApplyContext> {
  const { deps, request, client, writer, documents, ids, made } = prepared;
  return {
    client,
    writer,
    journal,
    documents,
    supplied: (document) => suppliedFor(request, document),
    made,
    sampleData: request.target.sampleData,
    ids,
    isOld: await oldIds(prepared, journal),
    foreign: !isSameAccount(request),
    concurrency: request.target.concurrency,
    progress: deps.progress ?? (() => undefined),
    signal: deps.signal,
  };
}

/** Ids that the target had before the restore began. */
async function oldIds(
  { repository, live, resumed }: Prepared,
  journal: Journal,
): Promise<(type: string, id: string) => boolean> {
  const state = await stateBefore(repository, journal).catch(() => undefined);
  const known = new Set<Key>(state?.documents.keys());
  // What an interrupted restore created counts as new until it is accounted for.
  if (!resumed) for (const key of live.keys()) known.add(key);
  return (typeName, id) => known.has(keyOf(typeName, id));
}
