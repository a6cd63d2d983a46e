import stableStringify from 'fast-json-stable-stringify';
import { describe, expect, it } from 'vitest';
import { digestOf } from '../../src/core/digest.ts';
import { parsePlan, renderPlan, type SavedPlan } from '../../src/plan/planfile.ts';

const SAVED: SavedPlan = {
  request: { what: ['all'], prune: false, withDependencies: false, enableFlows: false },
  plan: {
    account: 'production',
    from: 'production',
    target: { baseUrl: 'https://api.integrator.io', userId: 'u1' },
    state: { commit: 'c0ffee', date: '2026-11-23T00:00:00.000Z' },
    unchanged: 3,
    warnings: [],
    steps: [
      {
        key: 'flows/f1',
        type: 'flows',
        id: 'f1',
        title: 'Order sync',
        path: 'flows/order-sync.f1.yaml',
        action: 'update',
        method: 'patch',
        reason: 'differs',
        level: 0,
        changes: [{ place: ['type'], before: 'a', after: 'b' }],
        late: [],
        credentials: [],
        conflict: false,
        enable: false,
      },
    ],
  },
};

/** The same plan as the first version saved it. */
function firstVersion(): string {
  const [{ type: dir, method: way, ...step } = {}] = SAVED.plan.steps.map((one) => ({ ...one }));
  const body = { request: SAVED.request, plan: { ...SAVED.plan, steps: [{ ...step, dir, way }] } };
  const digest = digestOf(stableStringify(JSON.parse(JSON.stringify(body))));
  return JSON.stringify({ kind: 'celigo-mirror-plan', version: 1, digest, ...body });
}

describe('a saved plan', () => {
  it('is read as it was written', () => {
    expect(parsePlan(renderPlan(SAVED), 'plan.json')).toEqual(SAVED);
  });

  it('of the first version is read, and has the digest of today', () => {
    const old = firstVersion();
    expect(parsePlan(old, 'plan.json')).toEqual(SAVED);
    expect(JSON.parse(renderPlan(SAVED)).digest).toBe(JSON.parse(old).digest);
  });

  it('that was edited is refused', () => {
    const edited = renderPlan(SAVED).replace('"way": "patch"', '"way": "put"');
    expect(() => parsePlan(edited, 'plan.json')).toThrow('plan.json was edited after it was saved; it is not applied');
  });
});
