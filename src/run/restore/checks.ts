import { findType } from '../../catalogue/index.ts';
import { AppError } from '../../core/errors.ts';
import { slugOf } from '../../core/layout.ts';
import { shownName } from '../../core/unseen.ts';
import type { Plan } from '../../plan/types.ts';
import type { Chosen } from './choose-state.ts';
import type { Fetched } from './fetch-target.ts';
import type { Planned } from './make-plan.ts';
import { guardDeletions } from './out-of-scope.ts';
import type { RestoreContext } from './request.ts';

/**
 * Refuses a request that does not fit the state.
 * @throws AppError `USAGE` for `--prune` without `all`, and for credentials of a resource that the state does not have
 */
export function checkRequest({ request, deps }: RestoreContext, { state, selection }: Chosen): void {
  if (request.prune && !selection.all) {
    throw new AppError('USAGE', '--prune needs "all": it deletes everything that the chosen state does not have', {
      hint: 'celigo-mirror restore all --prune',
    });
  }
  if (request.secrets.size === 0) return;
  const known = new Set<string>([...state.documents.keys(), ...selection.selected]);
  for (const { type, slug } of state.documents.values()) known.add(`${type}/${slug}`);
  for (const selector of request.secrets.keys()) {
    const slash = selector.indexOf('/');
    const [typeName, name] = [selector.slice(0, slash), selector.slice(slash + 1)];
    if (name === '*' || known.has(selector) || known.has(`${typeName}/${slugOf(name, deps.transliterate)}`)) continue;
    throw new AppError('USAGE', `--secrets: the mirror${state.commit ? ` at ${state.label}` : ''} has no ${selector}`, {
      hint: `Name a ${findType(typeName)?.noun ?? 'resource'} by its id or its exact name`,
    });
  }
}

/** Why credentials that stay must not be sent elsewhere without consent, or `undefined`. */
function targetRefusal({ steps }: Plan): AppError | undefined {
  const leading = steps.filter(({ targets = [] }) => targets.length > 0);
  if (leading.length === 0) return undefined;
  const names = leading.map(({ key, title, targets = [] }) => {
    return `${key} "${shownName(title)}" (${targets.map(({ field }) => field).join(', ')})`;
  });
  const message = `credentials that the account has would be sent elsewhere: ${names.join('; ')}`;
  return new AppError('GUARD', message, {
    hint:
      'Check these fields in the plan. If the new targets are right, add --allow-target-change; ' +
      'otherwise leave the resource out',
  });
}

/**
 * Why the plan must not be applied as it is: targets next to credentials, too many deletions, conflicts. `--force` is
 * consent to the last two.
 */
export function checkPlan({ request, deps }: RestoreContext, { live }: Fetched, { plan }: Planned): AppError[] {
  const target = request.allowTargetChange ? undefined : targetRefusal(plan);
  return [...(target ? [target] : []), ...(request.force ? [] : lossesOf(plan, live, deps))];
}

function lossesOf(plan: Plan, live: Fetched['live'], deps: RestoreContext['deps']): AppError[] {
  const guard = guardDeletions(plan, live, deps);
  const conflicts = plan.steps.filter((step) => step.conflict && step.action !== 'impossible');
  const names = conflicts.map(({ key, title }) => `${key} "${shownName(title)}"`).join(', ');
  const were = conflicts.length === 1 ? 'resource was' : 'resources were';
  return [
    ...(guard ? [guard] : []),
    ...(conflicts.length === 0
      ? []
      : [
          new AppError(
            'CONFLICT',
            `${conflicts.length} ${were} changed in the account since the mirror's last sync: ${names}`,
            {
              hint:
                'See what changed with celigo-mirror diff or git log -p; --force overwrites the changes, ' +
                'which stay in the history',
            },
          ),
        ]),
  ];
}
