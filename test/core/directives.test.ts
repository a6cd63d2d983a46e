import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Change } from '../../src/core/changes.ts';
import { breakDirectives, joinDirectives } from '../../src/core/directives.ts';
import { commitMessage, readMessage } from '../../src/core/message.ts';
import { oneLine } from '../../src/core/unseen.ts';
import { cases } from '../support/fuzz.ts';

/** What forges, trackers and build servers look for, as their documentation or source has it. */
const READERS: readonly RegExp[] = [
  // GitHub, GitLab, Gitea: issues, merge requests, epics, people.
  /#\d+/,
  /\bgh-\d+/i,
  /[!&]\d+/,
  /\/(?:issues|pull|merge_requests|work_items|epics)\/\d+/,
  /(?:^|[^a-z0-9_])@[a-z0-9][a-z0-9-]*/i,
  /\b(?:clos(?:e[sd]?|ing)|fix(?:e[sd]|ing)?):? +(?:issues? +)?(?:#\d|[a-z][a-z0-9_]+-\d)/i,
  /\b(?:resolv(?:e[sd]?|ing)|implement(?:s|ed|ing)?):? +(?:issues? +)?(?:#\d|[a-z][a-z0-9_]+-\d)/i,
  // Jira, YouTrack, Azure Boards.
  /#[a-z]/i,
  /\^[a-z]+-\d+/i,
  /AB#\d/i,
  // Builds.
  /\[(?:ci *skip|skip *ci|ci[ _-]skip|skip[ _-]ci|no ci|skip actions|actions skip|cf-pages-skip)\]/i,
  /\[(?:skip|no)[ -][a-z-]+\]|\[[a-z-]+[ -]skip\]/i,
  /\*{3}NO_CI\*{3}/i,
  /skip-checks: ?true/i,
  /--skip-ci|skip ci|ci skip|\bno ci/i,
];

const WORDS = [
  'Closes #12 [skip ci] @acme/ops',
  'fixes org/repo#1',
  'Resolves: GH-7',
  'see https://github.com/acme/shop/issues/12 and https://gitlab.com/acme/shop/-/merge_requests/3',
  'Fixes https://dev.acme.test/work_items/4',
  'closes SHOP-12, SHOP-13',
  'Fixed issue EDI-850 mapping',
  'SHOP-12 #close #time 2h done',
  '^SHOP-12 fixed, AB#99',
  'see !123 and group/project!45, &6',
  '@team',
  '(@team), "@octo-cat" and /@a',
  '[ci skip]',
  '[CI-Skip] [skip_ci] [skipci] [no ci] [skip actions] [actions skip] [skip netlify] [CF-Pages-Skip] [skip azp]',
  '***NO_CI***',
  'skip-checks: true',
  'skip-checks:true',
  'deploy --skip-ci now',
  'please skip ci',
];

const ORDINARY = [
  'Order sync',
  'ann@acme.example',
  'Orders & returns, 50 % off!',
  'C# to Ruby, no. 4',
  'Skip duplicates',
  'Fix address of SHOP',
  'NetSuite [prod] → Shopify (v2.1)',
  'Amazon EU-1 orders',
];

describe('words that a forge acts on', () => {
  it.each(WORDS)('are broken, and read back: %s', (text) => {
    const broken = breakDirectives(text);

    expect(READERS.some((reader) => reader.test(text))).toBe(true);
    expect(READERS.filter((reader) => reader.test(broken))).toEqual([]);
    expect(joinDirectives(broken)).toBe(text);
    expect(breakDirectives(broken)).toBe(broken);
  });

  it.each(ORDINARY)('are no others: %s', (text) => expect(breakDirectives(text)).toBe(text));

  it('are in no text whatever', () => {
    const pieces = fc.oneof(fc.constantFrom(...WORDS, ' ', '\n', '[', ']', '#', '@'), fc.string({ unit: 'binary' }));
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 6 }), (parts) => {
        const text = oneLine(parts.join(''));
        const broken = breakDirectives(text);
        expect(READERS.filter((reader) => reader.test(broken))).toEqual([]);
        expect(joinDirectives(broken)).toBe(text);
      }),
      cases(100),
    );
  });

  it('cost little in a long name', () => {
    for (const text of ['['.repeat(20_000), 'closes '.repeat(5_000), '#'.repeat(20_000), 'a-'.repeat(10_000)]) {
      const began = performance.now();
      breakDirectives(text);
      expect(performance.now() - began, text.slice(0, 7)).toBeLessThan(1_000);
    }
  });

  it('are broken in names of people and notes as well, and the trailers remain', () => {
    const named = { type: 'flows', id: '1', title: WORDS.join(' '), path: 'flows/1.yaml' };
    const change: Change = { ...named, kind: 'changed', put: [], remove: [], baseline: false };
    const others = [{ name: '@acme/ops closes #1', email: '@acme/ops' }];
    const message = commitMessage({
      account: 'prod',
      runId: 'r1',
      changes: [change],
      notes: new Map([
        [change, { time: '2026-01-01T00:00:00Z', guessed: false, sources: [], undeleted: false, others }],
      ]),
      coAuthors: others,
      certainty: 'audit',
      audited: true,
      incomplete: [],
      first: false,
      nounsOf: (dir) => ({ noun: dir.slice(0, -1), plural: dir }),
    });

    expect(READERS.filter((reader) => reader.test(message))).toEqual([]);
    const { lines, coAuthors } = readMessage(message);
    expect(lines.get('flows/1.yaml')).toMatchObject({ title: change.title, others: ['@acme/ops'] });
    expect(coAuthors).toEqual(others);
  });
});
