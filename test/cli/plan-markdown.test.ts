import { describe, expect, it } from 'vitest';
import { planMarkdown } from '../../src/cli/ui/plan-markdown.ts';
import { describePlan } from '../../src/cli/ui/restore-view.ts';
import { styleFor } from '../../src/cli/ui/style.ts';
import { AppError } from '../../src/core/errors.ts';
import type { Json } from '../../src/core/json.ts';
import type { UndoConflict } from '../../src/core/take-back.ts';
import { digestOfWork } from '../../src/plan/planfile.ts';
import type { Plan, Step } from '../../src/plan/types.ts';

function step(n: number, more: Partial<Step> = {}): Step {
  return {
    key: `flows/f${n}`,
    type: 'flows',
    id: `f${n}`,
    title: `Order sync ${n}`,
    path: `flows/order-sync.f${n}.yaml`,
    action: 'update',
    method: 'put',
    reason: 'differs',
    level: 0,
    changes: [{ place: ['description'], before: 'old', after: `new ${n}` }],
    late: [],
    credentials: [],
    conflict: false,
    enable: false,
    ...more,
  };
}

function planOf(steps: readonly Step[], warnings: readonly string[] = []): Plan {
  return {
    account: 'production',
    from: 'production',
    target: { baseUrl: 'https://api.integrator.io', userId: 'u1' },
    state: { commit: 'c0ffee', date: '2026-11-23T00:00:00.000Z' },
    applied: { base: 'a'.repeat(40), commit: 'b'.repeat(40) },
    steps,
    unchanged: 0,
    warnings,
  };
}

const PLAIN = styleFor(
  { env: { NO_COLOR: '1' } } as unknown as Parameters<typeof styleFor>[0],
  { color: false } as never,
);
const LIMIT = 60_000;
const LONG = 'word '.repeat(20_000);

describe('the plan for a pull request', () => {
  it.each<[what: string, steps: Step[]]>([
    ['hundreds of changes', Array.from({ length: 700 }, (_, n) => step(n))],
    [
      'many long changes',
      Array.from({ length: 12 }, (_, n) =>
        step(n, { changes: [{ place: ['x'], before: `${LONG}${n}`, after: LONG.replaceAll(' ', '\n') }] }),
      ),
    ],
    [
      'names as long as names can be',
      Array.from({ length: 50 }, (_, n) =>
        step(n, { title: `<${LONG}`, path: LONG, reason: LONG, key: `flows/${LONG}` }),
      ),
    ],
  ])('of %s has at most 60,000 characters and names what has no room', (_, steps) => {
    const text = planMarkdown(
      planOf(
        steps,
        Array.from({ length: 900 }, () => LONG),
      ),
      { refusals: [new AppError('GUARD', LONG, { hint: LONG })], diagram: `flowchart LR\n${LONG}` },
    );

    expect(text.length).toBeLessThanOrEqual(LIMIT);
    expect(text).toContain(`${steps.length} to update`);
    const [, names = '', more = '0'] =
      /No room for: (.*?)(?: and (\d+) more)?\. Without --format the plan is complete/.exec(text) ?? [];
    const folded = text.match(/^<details>/gm)?.length ?? 0;
    expect(text.match(/^<\/details>/gm)?.length ?? 0).toBe(folded);
    // Each resource is shown, named or counted.
    expect(folded + names.split(', ').length + Number(more)).toBe(steps.length);
    expect(text).toMatch(/and 850 more warnings/);
    expect(text).toContain('The flows that change are too large for a diagram.');
    expect(text).toContain(`Plan \`${digestOfWork(planOf(steps))}\``);
  });

  it('of few changes has room for all of it, and for the diagram', () => {
    const text = planMarkdown(planOf([step(1), step(2)]), { refusals: [], diagram: 'flowchart LR\n  n1' });

    expect(text).not.toContain('No room for');
    expect(text).toContain('```mermaid\nflowchart LR\n  n1\n```');
    expect(text.match(/^<details>/gm)).toHaveLength(2);
  });
});

describe('a conflict of a plan', () => {
  const rows = (...names: readonly string[]): Json => names.map((name) => ({ extract: `$.${name}`, generate: name }));
  const many = Array.from({ length: 40 }, (_, n) => `field${n}`);
  const plan = (conflict: UndoConflict): Plan => planOf([step(1, { action: 'blocked', conflicts: [conflict] })]);

  it('shows of lists, wherever they differ, what each side made of them', () => {
    const sides = { base: rows(...many), changed: rows(...many, 'mine'), live: rows(...many, 'theirs') };
    const one = plan({ place: ['mappings'], ...sides });
    for (const text of [planMarkdown(one, { refusals: [] }), describePlan(one, PLAIN)])
      expect(text).toMatch(
        /in Git[\s\S]*\+ +(?:- )?extract: \$\.mine[\s\S]*now:?[\s\S]*\+ +(?:- )?extract: \$\.theirs/,
      );
  });

  it('cuts long values where they differ, and none where they are the same', () => {
    const [base, changed, live] = ['old', 'mine', 'old'].map((end) => `${'select 1, '.repeat(50)}${end}`) as [
      string,
      string,
      string,
    ];
    const one = plan({ place: ['query'], base, changed, live, returned: true });
    for (const text of [planMarkdown(one, { refusals: [] }), describePlan(one, PLAIN)])
      expect(text).toMatch(/before:? +"select[\s\S]*in Git:? +….*mine"[\s\S]*now:? +"select/);
  });
});

describe('the digest of a plan', () => {
  const digest = digestOfWork(planOf([step(1), step(2)]));

  it.each<[what: string, plan: Plan, same: boolean]>([
    ['another order', planOf([step(2), step(1)]), true],
    ['another warning, state and name', { ...planOf([step(1, { title: 'x' }), step(2)], ['w']), unchanged: 7 }, true],
    [
      'another value',
      planOf([step(1, { changes: [{ place: ['description'], before: 'old', after: 'x' }] }), step(2)]),
      false,
    ],
    ['another live resource', planOf([step(1, { version: 'v2' }), step(2)]), false],
    ['a step less', planOf([step(1)]), false],
    [
      'another account',
      { ...planOf([step(1), step(2)]), target: { baseUrl: 'https://api.integrator.io', userId: 'u2' } },
      false,
    ],
  ])('of %s', (_, plan, same) => {
    expect(digestOfWork(plan) === digest).toBe(same);
  });
});
