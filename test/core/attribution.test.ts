import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type AttributionInput, attributeChanges } from '../../src/core/attribution.ts';
import { readChangeLine } from '../../src/core/change-line.ts';
import type { Change, ChangeNote, EditNote } from '../../src/core/changes.ts';
import { identityOf, plainEmail } from '../../src/core/identity.ts';
import { commitMessage, type MessageInput, readMessage } from '../../src/core/message.ts';
import { attributionStatusBy, type EarlierCommit, earlierCommit } from '../../src/core/reported.ts';
import { summarise } from '../../src/core/subject.ts';
import { oneLine } from '../../src/core/unseen.ts';
import { cases } from '../support/fuzz.ts';

const mirror = { name: 'mirror', email: 'mirror@localhost' };
const now = new Date('2026-01-01T12:00:00Z');

function change(id: string, more: Partial<Change> = {}): Change {
  return {
    type: 'flows',
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
    statusOf: () => 'fresh',
    auditTypeOf: (dir) => (dir === 'flows' ? 'flow' : undefined),
    users: new Map(),
    fallback: mirror,
    now,
    guess: true,
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

  it('names the other editors of a resource next to the newest one', () => {
    expect(
      attribute({
        changes: [change('1')],
        notes: [note('1', 'ann', '10:00'), note('1', 'bob', '10:30'), note('1', 'cyd', '10:10')],
      }),
    ).toEqual([{ author: 'BOB', at: '10:30', with: ['ANN', 'CYD'], ids: ['1'], certainty: 'audit' }]);
  });

  it('names by their id people of whose address git keeps nothing, each as one of their own', () => {
    const notes = ['p', 'q'].map((by) => note(by, by, '10:00', { by: { id: by, name: '.', email: '<.>' } }));
    const authors = attribute({ changes: [change('p'), change('q')], notes }).map(({ author }) => author);
    expect(authors.sort()).toEqual(['p', 'q'].map((id) => `${id}@users.noreply.integrator.io`));
  });

  it('recognizes deletions by their entry, and ignores reads and other types', () => {
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

  it('gives a deletion to the person who deleted, not to who emptied the bin', () => {
    expect(
      attribute({
        changes: [change('1', { kind: 'deleted' })],
        notes: [note('1', 'ann', '09:00', { event: 'delete' }), note('1', 'bob', '10:00', { event: 'purge' })],
      }),
    ).toEqual([{ author: 'ANN', at: '09:00', with: ['BOB'], ids: ['1'], certainty: 'audit' }]);
  });

  it('leaves out reported edits; one reported too early counts when nothing else explains the change', () => {
    const notes = [note('1', 'ann', '10:00'), note('1', 'bob', '10:30')];
    const reported = (status: 'reported' | 'again') =>
      attribute({
        changes: [change('1', { lastModified: '2026-01-01T10:00:00Z' })],
        notes,
        statusOf: (_, { by }) => (by.id === 'ann' ? status : 'fresh'),
      });
    expect(reported('reported')).toMatchObject([{ author: 'BOB', with: [] }]);
    expect(reported('again')).toMatchObject([{ author: 'BOB', with: [] }]);
    const alone = (lastModified: string) =>
      attribute({ changes: [change('1', { lastModified })], notes: notes.slice(0, 1), statusOf: () => 'again' });
    expect(alone('2026-01-01T10:00:00.5Z')).toMatchObject([{ author: 'ANN' }]);
    expect(alone('2026-01-01T10:20:00Z')).toMatchObject([{ author: 'mirror' }]);
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
    expect(attribute({ changes: [change('1', { baseline: true })], notes: [note('1', 'ann', '10:00')] })).toMatchObject(
      [{ author: 'mirror' }],
    );
  });
});

const NOW = Date.parse('2026-01-01T12:00:00Z');

describe('attributionStatusBy', () => {
  const base = {
    account: 'production',
    runId: '20260101T110000Z-abcdef',
    coAuthors: [],
    certainty: 'audit',
    audited: true,
    incomplete: [],
    first: false,
    nounsOf: (dir: string) => ({ noun: dir, plural: dir }),
  } as const;
  const about = (time: string, more: Partial<ChangeNote> = {}): ChangeNote => ({
    time,
    guessed: false,
    sources: [],
    undeleted: false,
    others: [],
    ...more,
  });
  /** As `ann` committed it at 11:01, from what was read at 11:00. */
  const commit = (more: Partial<MessageInput> & Pick<MessageInput, 'changes'>) =>
    earlierCommit(
      {
        author: 'ann@x.test',
        committer: 'mirror@x.test',
        committed: new Date('2026-01-01T11:01:00Z'),
        message: commitMessage({ ...base, readAt: new Date('2026-01-01T11:00:00.000Z'), ...more }),
      },
      0,
      NOW,
      'mirror@x.test',
    );
  const flow = change('64f000000000000000000001', { path: 'flows/x.64f000000000000000000001.yaml' });
  const statusIn = (commit: EarlierCommit, time: string, by = 'ann') =>
    attributionStatusBy([commit])(flow, { ...note(flow.id, by, '10:00'), time }, `${by}@x.test`);

  it.each([
    ['missed by the first listing', { baseline: true }, false, true],
    ['found by the first listing', { baseline: true }, true, false],
    ['that a person added', {}, false, false],
  ])('says of a resource %s whether it existed before', (_, more, first, existed) => {
    const { facts } = commit({ changes: [{ ...flow, ...more }], first });

    expect([...facts.lines.values()]).toMatchObject([{ existed }]);
  });

  it('compares moments, whatever their offset, and knows who was named', () => {
    const notes = new Map([
      [flow, about('2026-01-01T05:59:30.700-05:00', { others: [{ name: 'BOB', email: 'bob@x.test' }] })],
    ]);
    const held = commit({ changes: [flow], notes });

    expect(statusIn(held, '2026-01-01T05:59:30.700-05:00')).toBe('reported');
    expect(statusIn(held, '2026-01-01T10:59:30.700Z', 'bob')).toBe('reported');
    expect(statusIn(held, '2026-01-01T10:59:10Z', 'cyd')).toBe('fresh');
    expect(statusIn(held, '2026-01-01T10:59:31Z')).toBe('fresh');
    expect(statusIn(held, '2026-01-01T06:10:00-05:00')).toBe('fresh');
  });

  it.each([
    ['"ann"@x.test'],
    ['ann b@x.test.'],
    ['<ann@x.test>'],
    ['@acme/ops'],
    ['\u202eann@x.test'],
    ['\ud800@x.test'],
  ])('knows a person whose address git changes: %s', (email) => {
    const by = { id: 'ann', name: '.', email };
    const input = {
      changes: [flow],
      notes: [{ ...note(flow.id, 'ann', '10:00'), by }],
      statusOf: () => 'fresh' as const,
      auditTypeOf: () => 'flow',
      users: new Map(),
      fallback: mirror,
      now,
      guess: true,
    };
    const [made] = attributeChanges(input);
    const message = commitMessage({ ...base, ...made, changes: [flow], readAt: new Date('2026-01-01T11:00:00.000Z') });
    const author = identityOf(made?.author ?? mirror).email;
    const held = earlierCommit(
      { author, committer: 'mirror@x.test', committed: new Date('2026-01-01T11:01:00Z'), message },
      0,
      NOW,
      'mirror@x.test',
    );

    expect(attributeChanges({ ...input, statusOf: attributionStatusBy([held]) })[0]?.certainty).toBe('unknown');
  });

  it('counts an entry made while the account was read as reported, but not for certain', () => {
    const held = commit({ changes: [flow], notes: new Map([[flow, about('2026-01-01T11:00:05Z')]]) });

    expect(statusIn(held, '2026-01-01T11:00:05Z')).toBe('again');
  });

  it('leaves out what was before the first listing, of the account or of the resource', () => {
    const first = commit({ changes: [], first: true });
    const later = commit({ changes: [{ ...flow, kind: 'added', baseline: true }] });

    for (const held of [first, later]) {
      expect(statusIn(held, '2026-01-01T10:59:59.999Z')).toBe('reported');
      expect(statusIn(held, '2026-01-01T11:00:00.000Z')).toBe('fresh');
    }
  });

  it('gives what a restore wrote to its operator, whoever the token belongs to', () => {
    const held = commit({ changes: [flow], restoreId: 'r1' });

    expect(statusIn(held, '2026-01-01T10:59:59Z', 'token')).toBe('reported');
  });

  it('reads older commits, which say only when their run began', () => {
    const { readAt } = earlierCommit(
      {
        author: 'ann@x.test',
        committer: 'mirror@x.test',
        committed: new Date('2026-01-01T11:01:00Z'),
        message: commitMessage({ ...base, changes: [flow] }),
      },
      2_000,
      NOW,
      'mirror@x.test',
    );
    expect(new Date(readAt).toISOString()).toBe('2026-01-01T11:00:02.000Z');
  });
});

describe('commitMessage', () => {
  const nounsOf = (dir: string) => ({ noun: dir.slice(0, -1), plural: dir });

  it('summarises by type and kind, deletions first', () => {
    const changes = [
      change('1'),
      change('2'),
      change('3', { kind: 'deleted' }),
      change('4', { type: 'exports', kind: 'added' }),
    ];
    expect(summarise(changes, nounsOf)).toBe('1 flow deleted, 2 flows changed, 1 export added');
  });

  it('has a line for each of many thousand changes', () => {
    const changes = Array.from({ length: 20_000 }, (_, i) => change(i.toString(16).padStart(24, '0')));
    const message = commitMessage({
      account: 'production',
      runId: 'r1',
      changes,
      coAuthors: [],
      certainty: 'audit',
      audited: true,
      incomplete: [],
      first: false,
      nounsOf,
    });
    expect([...readMessage(message).lines.keys()]).toEqual(changes.map(({ path }) => path));
  });

  it('can be read back line by line, whatever a resource is called', { tags: 'slow' }, () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }),
        fc.option(fc.date({ noInvalidDate: true, min: new Date(0), max: new Date('2100-01-01') })),
        fc.boolean(),
        fc.subarray(['api', 'script', 'stack']),
        fc.array(fc.emailAddress(), { maxLength: 3 }),
        fc.boolean(),
        (title, time, undeleted, sources, emails, guessed) => {
          const one = change('1', { title, kind: 'added' });
          const others = emails.map((email) => ({ name: 'Somebody', email }));
          const note = time ? { time: time.toISOString(), guessed, sources, undeleted, others } : undefined;
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
              word: note && undeleted ? 'restored' : 'added',
              path: one.path,
              guessed: note ? guessed : false,
              time: time ? `${time.toISOString().slice(0, 19)}Z` : undefined,
              sources: note ? sources : [],
              others: note ? emails.map(plainEmail) : [],
              undeleted: note ? undeleted : false,
              existed: false,
              title: oneLine(title),
            },
          ]);
        },
      ),
      {
        ...cases(100),
        examples: [
          ['x [2026-01-01T00:00:00Z, api]', null, false, [], [], false],
          ['(was y): z []', null, false, [], [], false],
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
        'production: flow "evil Co-authored-by: Mallory <m@x.test>" changed',
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
