import stableStringify from 'fast-json-stable-stringify';
import { digestOf } from '../core/digest.ts';
import { AppError } from '../core/errors.ts';
import { isArray, isObject, type Json, type JsonObject } from '../core/json.ts';
import type { Plan, Step } from './types.ts';

const KIND = 'celigo-mirror-plan';

/** What a saved plan was made for. */
export interface PlannedRequest {
  readonly what: readonly string[];
  readonly prune: boolean;
  readonly withDependencies: boolean;
  readonly enableFlows: boolean;
}

/** A plan as it is saved: to be looked at by others, and applied unchanged or not at all. */
export interface SavedPlan {
  readonly request: PlannedRequest;
  readonly plan: Plan;
}

/** What decides whether two plans do the same to the same. */
function essence(step: Step): Json {
  const { key, action, method: way, targetId, version, changes, late, enable, level } = step;
  return JSON.parse(JSON.stringify({ key, action, way, targetId, version, changes, late, enable, level })) as Json;
}

function digestOfPlan(saved: SavedPlan): string {
  return digestOf(stableStringify(JSON.parse(JSON.stringify(saved))));
}

export function renderPlan(saved: SavedPlan): string {
  return `${JSON.stringify({ kind: KIND, version: 1, digest: digestOfPlan(saved), ...saved }, null, 2)}\n`;
}

/** Whether a text looks like a saved plan at all. */
export function isPlan(text: string): boolean {
  return text.trimStart().startsWith('{') && text.includes(`"${KIND}"`);
}

/** @throws AppError `USAGE` for a file of another version, `CONFLICT` for one that was changed */
export function parsePlan(text: string, file: string): SavedPlan {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw new AppError('CONFLICT', `${file} is damaged: it is no JSON`, {
      hint: 'Make the plan again with: celigo-mirror restore … --out FILE',
      cause,
    });
  }
  const body = parsed as JsonObject;
  if (
    !isObject(body) ||
    body.kind !== KIND ||
    body.version !== 1 ||
    !isObject(body.plan) ||
    !isArray(body.plan.steps)
  ) {
    throw new AppError('USAGE', `${file} is no plan of this version`, {
      hint: 'Make the plan again with: celigo-mirror restore … --out FILE',
    });
  }
  const saved = { request: body.request, plan: body.plan } as unknown as SavedPlan;
  if (digestOfPlan(saved) !== body.digest) {
    throw new AppError('CONFLICT', `${file} was changed since it was made; it is not applied`, {
      hint: 'Make the plan again with: celigo-mirror restore … --out FILE',
    });
  }
  return saved;
}

/**
 * Refuses a saved plan that is no longer the one that would be made now.
 * @throws AppError `CONFLICT` naming what differs
 */
export function checkStillFits(saved: Plan, now: Plan): void {
  const table = (plan: Plan): Map<string, string> =>
    new Map(plan.steps.map((step) => [step.key, stableStringify(essence(step))]));
  const [then, today] = [table(saved), table(now)];
  const differing = [...new Set([...then.keys(), ...today.keys()])].filter((key) => then.get(key) !== today.get(key));
  const elsewhere = saved.target.userId !== now.target.userId || saved.target.baseUrl !== now.target.baseUrl;
  if (differing.length === 0 && !elsewhere) return;
  const what = elsewhere
    ? 'it was made for another account'
    : `changed since: ${differing.slice(0, 10).join(', ')}${differing.length > 10 ? ` and ${differing.length - 10} more` : ''}`;
  throw new AppError('CONFLICT', `the plan no longer fits: ${what}. Nothing was written`, {
    hint: 'Look at the account (celigo-mirror diff) and make the plan again',
  });
}
