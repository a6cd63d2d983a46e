import type { AppError } from '../../core/errors.ts';
import { checkPlan, checkRequest } from './checks.ts';
import { type Chosen, chooseState } from './choose-state.ts';
import { type Fetched, fetchTarget, observeTarget, openClient } from './fetch-target.ts';
import { makePlan, type Planned } from './make-plan.ts';
import { type Matched, matchResources } from './match.ts';
import type { Prepared } from './prepared.ts';
import type { RestoreContext } from './request.ts';

/**
 * The stages before the first write: choose state, fetch live, match, plan, check. With `dryRun` nothing is written
 * anywhere; otherwise the target is mirrored first, so that the restore itself can be undone.
 * @throws AppError, ApiError, GitFailure; nothing was written to the account then
 */
export async function prepareRestore(context: RestoreContext): Promise<Prepared> {
  const choosing: Promise<Chosen> = chooseState(context).then((chosen) => {
    checkRequest(context, chosen);
    return chosen;
  });
  const stop = new AbortController();
  const observing = observeTarget(context, choosing, stop.signal);
  observing.catch(() => undefined);
  const client = openClient(context);
  try {
    const chosen = await choosing;
    const fetched: Fetched = await fetchTarget(context, chosen, client, await observing);
    const matched: Matched = await matchResources(context, chosen, fetched);
    const planned: Planned = await makePlan(context, chosen, fetched, matched);
    const refusals: AppError[] = checkPlan(context, fetched, planned);
    return { ...context, ...chosen, ...fetched, ...matched, ...planned, refusals, plannedAtMs: performance.now() };
  } catch (error) {
    stop.abort(error);
    await observing.catch(() => undefined);
    await client.close();
    throw error;
  }
}
