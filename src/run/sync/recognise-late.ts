import { createRenewer } from '../../core/normalise.ts';
import { filesState, readDocuments } from '../../history/state.ts';
import type { AccountRun } from './account-run.ts';
import type { Collected } from './collect/types.ts';
import type { StartingPoint } from './starting-point.ts';

/** Documents held in memory at a time. */
const BATCH = 500;

/**
 * Takes out of what this run has rendered the credentials that it learnt after that, so that the order of reading does
 * not decide. Only the documents with such a value are rendered again.
 * @throws GitFailure
 */
export async function recogniseLate(
  { account, options, deps }: AccountRun,
  { repository, context, objects }: StartingPoint,
  collected: readonly Collected[],
): Promise<void> {
  const late = context.normalise.known?.late() ?? [];
  // A dry run has written nothing that could be read.
  if (late.length === 0 || options.dryRun) return;
  await objects.flush();
  for (const entry of collected) {
    const renew = createRenewer(entry.type, context.normalise);
    const changes = entry.changes.filter(({ put }) => put.length > 0);
    for (let from = 0; from < changes.length; from += BATCH) {
      deps.signal.throwIfAborted();
      const some = changes.slice(from, from + BATCH);
      const files = new Map(some.flatMap(({ id }) => entry.next.details().resources.get(id)?.files ?? []));
      const state = filesState(repository.git, account.name, files);
      for (const { id, doc } of await readDocuments(
        state,
        some.map(({ path }) => path),
      )) {
        const text = JSON.stringify(doc);
        if (late.some((value) => text.includes(JSON.stringify(value).slice(1, -1)))) entry.renew(id, renew(doc));
      }
    }
  }
}
