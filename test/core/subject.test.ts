import { describe, expect, it } from 'vitest';
import { findType } from '../../src/catalogue/index.ts';
import { changedFields } from '../../src/core/changed-fields.ts';
import type { Change } from '../../src/core/changes.ts';
import type { JsonObject } from '../../src/core/json.ts';
import { commitMessage } from '../../src/core/message.ts';

const FLOWS = findType('flows');
if (!FLOWS) throw new Error('no flows');
const flow = changedFields.bind(undefined, FLOWS);

function nounsOf(name: string): { noun: string; plural: string } {
  return findType(name) ?? { noun: name, plural: name };
}

function change(title: string, kind: Change['kind'] = 'changed', more: Partial<Change> = {}): Change {
  const path = `flows/${title}.yaml`;
  return { type: 'flows', id: 'an-id', kind, title, path, put: [], remove: [], baseline: false, ...more };
}

function subject(changes: readonly Change[], fields: readonly (readonly [JsonObject, JsonObject] | undefined)[] = []) {
  const details = new Map(
    changes.flatMap((one, i) => {
      const [before, after] = fields[i] ?? [];
      return before && after ? [[one, flow(before, after)] as const] : [];
    }),
  );
  const rest = { coAuthors: [], certainty: 'audit', audited: true, incomplete: [], first: false } as const;
  return commitMessage({ account: 'production', runId: 'r1', changes, details, nounsOf, ...rest }).split('\n')[0];
}

const BEFORE = { name: 'Order sync', disabled: false, schedule: '? 0 * * * *', a: { b: 1, c: 2 } };

describe('the subject of a commit with one resource says which and what:', () => {
  it.each<[JsonObject, string]>([
    [{ ...BEFORE, disabled: true, schedule: '? 5 * * * *' }, 'disabled, schedule changed'],
    [{ ...BEFORE, name: 'Orders', disabled: true }, 'renamed, disabled'],
    [{ ...BEFORE, a: { b: 1, c: 3 } }, 'a.c changed'],
    [{ ...BEFORE, a: { b: 1 }, schedule: '', x: 1, y: 2 }, 'a.c, schedule, x and 1 more field changed'],
    [{ ...BEFORE, a: 5, schedule: '' }, 'a and schedule changed'],
    // Keys that people chose may be data.
    [{ ...BEFORE, a: { ...BEFORE.a, 'jane@acme.example': 1 } }, 'a changed'],
    [BEFORE, 'changed'],
  ])('%j', (after, words) => {
    expect(subject([change('Order sync')], [[BEFORE, after]])).toBe(`production: flow "Order sync" ${words}`);
    expect(subject([change('Order sync')], [[{ ...BEFORE, disabled: true }, BEFORE]])).toMatch(/"Order sync" enabled$/);
  });
});

describe('the subject of a commit', () => {
  it('names up to three resources, then counts', () => {
    const four = ['A', 'B', 'C', 'D'].map((title) => change(title));
    const renamed = [BEFORE, { ...BEFORE, name: 'B', disabled: true }] as const;

    expect(subject(four.slice(0, 2))).toBe('production: flows "A", "B" changed');
    expect(subject(four.slice(0, 2), [undefined, renamed])).toBe(
      'production: flow "A" changed, flow "B" renamed, disabled',
    );
    expect(subject([change('A'), change('X', 'deleted'), change('S', 'added', { type: 'scripts' })])).toBe(
      'production: flow "X" deleted, flow "A" changed, script "S" added',
    );
    expect(subject(four)).toBe('production: 4 flows changed');
    expect(subject([change('A', 'added', { baseline: true })])).toBe('production: 1 flow added');
  });

  it('holds any name on one line, and an id where there is none', () => {
    expect(subject([change(' a\nb\u202e ')])).toBe('production: flow "a b" changed');
    expect(subject([change('')])).toBe('production: flow an-id changed');
    expect(subject([change('😀'.repeat(80))])).toBe(`production: flow "${'😀'.repeat(59)}…" changed`);
  });
});
