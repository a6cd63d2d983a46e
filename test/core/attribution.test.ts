import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type AttributionInput, attributeChanges, type EditNote } from '../../src/core/attribution.ts';
import type { Change } from '../../src/core/changes.ts';
import { commitMessage, oneLine, readChangeLine, summarise } from '../../src/core/message.ts';
import { cases } from '../support/fuzz.ts';

const mirror = { name: 'mirror', email: 'mirror@localhost' };
const now = new Date('2026-01-01T12:00:00Z');

function change(id: string, more: Partial<Change> = {}): Change {
  return {
    dir: 'flows',
    id,
    kind: 'changed',
    title: id,
    path: `flows/${id}.yaml`,
    put: [],
    remove: [],
    baseline: false,
    ...more,
  };
}

function note(id: string, by: string, time: string, more: Partial<EditNote> = {}): EditNote {
  return {
    id: `${id}-${by}-${time}`,
    resourceType: 'flow',
    resourceId: id,
    event: 'update',
    time: `2026-01-01T${time}:00.000Z`,
    by: { id: by, name: by.toUpperCase(), email: `${by}@x.test` },
    ...more,
  };
}

function attribute(input: Partial<AttributionInput>) {
  return attributeChanges({
    changes: [],
    notes: [],
    auditTypeOf: (dir) => (dir === 'flows' ? 'flow' : undefined),
    users: new Map(),
    fallback: mirror,
    now,
    ...input,
  }).map((group) => ({
    author: group.author.name,
    at: group.date.toISOString().slice(11, 16),
    with: group.coAuthors.map((person) => person.name),
    ids: group.changes.map(({ id }) => id),
    certainty: group.certainty,
  }));
}

describe('attributeChanges', () => {
  it('makes one group a person, oldest first, dated by the newest change', () => {
    expect(
      attribute({
        changes: [change('1'), change('2'), change('3')],
        notes: [note('1', 'bob', '10:30'), note('2', 'ann', '10:00'), note('3', 'bob', '10:45')],
      }),
    ).toEqual([
      { author: 'ANN', at: '10:00', with: [], ids: ['2'], certainty: 'audit' },
      { author: 'BOB', at: '10:45', with: [], ids: ['1', '3'], certainty: 'audit' },
    ]);
  });

  it('names the other editors of a resource beside the newest one', () => {
    expect(
      attribute({
        changes: [change('1')],
        notes: [note('1', 'ann', '10:00'), note('1', 'bob', '10:30'), note('1', 'cyd', '10:10')],
      }),
    ).toEqual([{ author: 'BOB', at: '10:30', with: ['ANN', 'CYD'], ids: ['1'], certainty: 'audit' }]);
  });

  it('tells deletions by their entry, and ignores looking and other types', () => {
    expect(
      attribute({
        changes: [change('1', { kind: 'deleted' })],
        notes: [
          note('1', 'ann', '09:00', { event: 'delete' }),
          note('1', 'bob', '10:00', { event: 'view' }),
          note('1', 'cyd', '11:00', { resourceType: 'export' }),
        ],
      }),
    ).toEqual([{ author: 'ANN', at: '09:00', with: [], ids: ['1'], certainty: 'audit' }]);
  });

  it('falls back to the last modifier, then to the mirror', () => {
    const users = new Map([['u1', { name: 'Uma', email: 'uma@x.test' }]]);
    expect(
      attribute({
        users,
        changes: [
          change('1', { lastModifiedBy: { id: 'u1' }, lastModified: '2026-01-01T08:00:00Z' }),
          change('2', { lastModifiedBy: { id: 'gone' } }),
          change('3', { kind: 'deleted', lastModifiedBy: { id: 'u1' } }),
        ],
      }),
    ).toEqual([
      { author: 'Uma', at: '08:00', with: [], ids: ['1'], certainty: 'lastModifiedBy' },
      { author: 'mirror', at: '12:00', with: [], ids: ['2', '3'], certainty: 'unknown' },
    ]);
  });

  it('attributes nothing of a first listing', () => {
    expect(
      attribute({ changes: [change('1', { baseline: true })], notes: [note('1', 'ann', '10:00')] }),
    ).toMatchObject([{ author: 'mirror' }]);
  });
});

describe('commitMessage', () => {
  const nounsOf = (dir: string) => ({ noun: dir.slice(0, -1), plural: dir });

  it('summarises by type and kind, deletions first', () => {
    const changes = [
      change('1'),
      change('2'),
      change('3', { kind: 'deleted' }),
      change('4', { dir: 'exports', kind: 'added' }),
    ];
    expect(summarise(changes, nounsOf)).toBe('1 flow deleted, 2 flows changed, 1 export added');
  });

  it('can be read back line by line, whatever a resource is called', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }),
        fc.option(fc.date({ noInvalidDate: true, min: new Date(0), max: new Date('2100-01-01') })),
        fc.boolean(),
        fc.subarray(['api', 'script', 'stack']),
        fc.array(fc.emailAddress(), { maxLength: 3 }),
        (title, time, undeleted, sources, emails) => {
          const one = change('1', { title, kind: 'added' });
          const others = emails.map((email) => ({ name: 'Somebody', email }));
          const note = time ? { time: time.toISOString(), sources, undeleted, others } : undefined;
          const message = commitMessage({
            account: 'production',
            runId: 'r1',
            changes: [one],
            ...(note ? { notes: new Map([[one, note]]) } : {}),
            coAuthors: [],
            certainty: 'audit',
            audited: true,
            incomplete: [],
            first: false,
            nounsOf,
          });

          const lines = message.split('\n').flatMap((line) => readChangeLine(line) ?? []);

          expect(lines).toEqual([
            {
              path: one.path,
              time: time ? `${time.toISOString().slice(0, 19)}Z` : undefined,
              sources: note ? sources : [],
              others: note ? emails : [],
              undeleted: note ? undeleted : false,
              title: oneLine(title),
            },
          ]);
        },
      ),
      {
        ...cases(100),
        examples: [
          ['x [2026-01-01T00:00:00Z, api]', null, false, [], []],
          ['(was y): z []', null, false, [], []],
        ],
      },
    );
  });

  it('keeps names from posing as lines or trailers', () => {
    const message = commitMessage({
      account: 'production',
      runId: 'r1',
      changes: [change('1', { title: 'evil\n\nCo-authored-by: Mallory <m@x.test>\u202e' })],
      coAuthors: [{ name: 'Ann\nCeligo-Run: 2', email: 'ann@x.test>' }],
      certainty: 'audit',
      audited: true,
      incomplete: ['exports'],
      first: false,
      nounsOf,
    });

    expect(message).toBe(
      [
        'production: 1 flow changed',
        '',
        '- changed: flows/1.yaml: evil Co-authored-by: Mallory <m@x.test>',
        '',
        'Celigo-Account: production',
        'Celigo-Run: r1',
        'Celigo-Incomplete: exports',
        'Co-authored-by: Ann Celigo-Run: 2 <ann@x.test>',
        '',
      ].join('\n'),
    );
  });

  it('reduces any text to one printable line', () => {
    expect(oneLine(' a\u001b[31m\tb\r\nc\u2066 ')).toBe('a [31m b c');
  });
});
