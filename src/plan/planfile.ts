import stableStringify from 'fast-json-stable-stringify';
import * as z from 'zod';
import { digestOf } from '../core/digest.ts';
import { AppError } from '../core/errors.ts';
import { isArray, isObject, type Json, type JsonObject } from '../core/json.ts';
import { jsonText } from '../core/unseen.ts';
import type { Plan, Step } from './types.ts';

const KIND = 'celigo-mirror-plan';
const MAKE_AGAIN = 'Create the plan again with: celigo-mirror restore … --out FILE';

/** What a saved plan was made for. */
interface PlannedRequest {
  readonly what: readonly string[];
  readonly prune: boolean;
  readonly withDependencies: boolean;
  readonly enableFlows: boolean;
  /** The changes to take back, instead of a state to restore: commits, with the resources that are meant. */
  readonly undo?: readonly { readonly commit: string; readonly keys: readonly string[] }[];
  /** The changes of people in Git to bring to the account, between two commits, full ids. */
  readonly apply?: { readonly ref: string; readonly base: string };
}

/** A plan as it is saved: for others to review, and applied unchanged or not at all. */
export interface SavedPlan {
  readonly request: PlannedRequest;
  readonly plan: Plan;
}

/** Of an account, which names a folder. */
const NAME = z.string().regex(/^[a-z0-9-]+$/);

/** What is used of a saved plan; a digest shows that a file was edited by accident, not by whoever made it up. */
const SHAPE = z.object({
  request: z.object({
    what: z.array(z.string()),
    ...{ prune: z.boolean(), withDependencies: z.boolean(), enableFlows: z.boolean() },
    undo: z.array(z.object({ commit: z.string(), keys: z.array(z.string()) })).optional(),
    apply: z.object({ ref: z.string(), base: z.string() }).optional(),
  }),
  plan: z.object({
    ...{ account: NAME, from: NAME },
    target: z.object({ baseUrl: z.string(), userId: z.string() }),
    state: z.object({ commit: z.string(), date: z.string() }),
    steps: z.array(z.object({ key: z.string(), action: z.string() })),
  }),
});

/** Members of a step → their keys in a saved plan, which are those of the first version. */
const FILE_KEYS: Readonly<Record<string, string>> = { type: 'dir', method: 'way' };
const STEP_KEYS = Object.fromEntries(Object.entries(FILE_KEYS).map(([member, key]) => [key, member]));

function withKeys(step: Json | undefined, keys: Readonly<Record<string, string>>): Json {
  if (!isObject(step)) return step ?? null;
  return Object.fromEntries(Object.entries(step).map(([key, value]) => [keys[key] ?? key, value]));
}

/** What decides whether two plans do the same to the same. */
function essence({ key, action, method, targetId, version, changes, late, enable, level }: Step): Json {
  return JSON.parse(JSON.stringify({ key, action, method, targetId, version, changes, late, enable, level })) as Json;
}

/**
 * Fingerprint of what a plan does, and to which account, as 32 hexadecimal digits: plans with the same one write the
 * same to resources that are the same, whenever they are made.
 */
export function digestOfWork({ target, steps }: Plan): string {
  const work = Object.fromEntries(steps.map((step) => [step.key, essence(step)]));
  const { baseUrl, userId } = target;
  return Buffer.from(digestOf(stableStringify({ baseUrl, userId, work })), 'base64url').toString('hex');
}

/** @param saved a plan in the form of the file */
function digestOfPlan(saved: JsonObject): string {
  return digestOf(stableStringify(saved));
}

/** The text of a plan file. */
export function renderPlan({ request, plan }: SavedPlan): string {
  const steps = plan.steps.map((step) => withKeys(step as unknown as JsonObject, FILE_KEYS));
  const saved = JSON.parse(JSON.stringify({ request, plan: { ...plan, steps } })) as JsonObject;
  return jsonText({ kind: KIND, version: 1, digest: digestOfPlan(saved), ...saved });
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
    throw new AppError('CONFLICT', `${file} is damaged: it is not JSON`, { hint: MAKE_AGAIN, cause });
  }
  const body = parsed as JsonObject;
  const { request = null, plan } = isObject(body) && body.kind === KIND && body.version === 1 ? body : {};
  if (!isObject(plan) || !isArray(plan.steps)) {
    throw new AppError('USAGE', `${file} is not a plan of this version of celigo-mirror`, { hint: MAKE_AGAIN });
  }
  if (digestOfPlan({ request, plan }) !== body.digest) {
    throw new AppError('CONFLICT', `${file} was edited after it was saved; it is not applied`, { hint: MAKE_AGAIN });
  }
  const steps = plan.steps.map((step) => withKeys(step, STEP_KEYS));
  if (!SHAPE.safeParse({ request, plan: { ...plan, steps } }).success)
    throw new AppError('CONFLICT', `${file} is damaged: it does not hold a plan`, { hint: MAKE_AGAIN });
  return { request, plan: { ...plan, steps } } as unknown as SavedPlan;
}

/**
 * Refuses a saved plan that differs from the one that would be made now.
 * @throws AppError `CONFLICT` naming what differs
 */
export function checkStillFits(saved: Plan, now: Plan): void {
  const table = (plan: Plan): Map<string, string> =>
    new Map(plan.steps.map((step) => [step.key, stableStringify(essence(step))]));
  const [then, today] = [table(saved), table(now)];
  const differing = [...new Set([...then.keys(), ...today.keys()])].filter((key) => then.get(key) !== today.get(key));
  const elsewhere = saved.target.userId !== now.target.userId || saved.target.baseUrl !== now.target.baseUrl;
  if (differing.length === 0 && !elsewhere) return;
  const more = differing.length > 10 ? ` and ${differing.length - 10} more` : '';
  const what = elsewhere
    ? 'it was created for another account'
    : `changed since: ${differing.slice(0, 10).join(', ')}${more}`;
  throw new AppError('CONFLICT', `the plan is out of date: ${what}. Nothing was written`, {
    hint: 'See what changed with celigo-mirror diff, then create the plan again',
  });
}
