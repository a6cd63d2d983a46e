import { describe, expect, it } from 'vitest';
import { findType } from '../../src/catalogue/index.ts';
import { type Comparison, compareAccounts } from '../../src/compare/compare.ts';
import { comparisonMarkdown } from '../../src/compare/markdown.ts';
import type { MirrorDocument } from '../../src/core/documents.ts';
import type { JsonObject } from '../../src/core/json.ts';
import { placeText } from '../../src/core/places.ts';
import { buildGraph } from '../../src/graph/account-graph.ts';

/** An id of the left account, and of the right one. */
const L = (n: number): string => `6a00000000000000000000${n.toString(16).padStart(2, '0')}`;
const R = (n: number): string => `6b00000000000000000000${n.toString(16).padStart(2, '0')}`;

type Id = (n: number) => string;

function doc(type: string, id: string, name: string, fields: JsonObject = {}): MirrorDocument {
  const found = findType(type);
  if (!found) throw new Error(type);
  return { type: found, id, title: name, path: `${type}/x.${id}.yaml`, doc: { _id: id, name, ...fields } };
}

const integration = (id: Id, n: number, name: string, more: JsonObject = {}) => doc('integrations', id(n), name, more);

function flow(id: Id, n: number, name: string, inside: number, imports: readonly number[], more: JsonObject = {}) {
  const pageProcessors = imports.map((step) => ({ type: 'import', _importId: id(step) }));
  return doc('flows', id(n), name, { _integrationId: id(inside), pageProcessors, ...more });
}

const step = (id: Id, n: number, name: string, more: JsonObject = {}) => doc('imports', id(n), name, more);

function compare(left: MirrorDocument[], right: MirrorDocument[], ids: Record<string, string> = {}): Comparison {
  return compareAccounts({
    left: { account: 'left', graph: buildGraph(left) },
    right: { account: 'right', graph: buildGraph(right) },
    ids: new Map(Object.entries(ids)),
    all: false,
    overridden: () => [],
    asked: () => true,
  });
}

function shown({ differing, onlyLeft, onlyRight, ambiguous, paired }: Comparison): string[] {
  const short = ({ type, title, id }: MirrorDocument): string =>
    `${type.noun} ${title} ${Number.parseInt(id.slice(-2), 16)}`;
  return [
    `${paired} pairs`,
    ...differing.map(({ left, right, changes }) =>
      [
        `${short(left)} = ${Number.parseInt(right.id.slice(-2), 16)}:`,
        ...changes.map(({ place }) => placeText(place)),
      ].join(' '),
    ),
    ...onlyLeft.map(
      ({ document, candidates }) =>
        `- ${short(document)}${candidates.map((one) => ` (${one.differs}: ${short(one.document)})`).join('')}`,
    ),
    ...onlyRight.map(({ document }) => `+ ${short(document)}`),
    ...ambiguous.map(({ left, right }) => `? ${left.map(short).join(', ')} / ${right.map(short).join(', ')}`),
  ];
}

describe('which resource of one account is which of the other', () => {
  it.each<
    [what: string, left: MirrorDocument[], right: MirrorDocument[], found: string[], ids?: Record<string, string>]
  >([
    ['nothing in both', [], [], ['0 pairs']],
    [
      'the same flow with other ids',
      [integration(L, 1, 'Shop'), flow(L, 2, 'Orders', 1, [3]), step(L, 3, 'Book')],
      [step(R, 9, 'Book'), flow(R, 8, 'Orders', 7, [9]), integration(R, 7, 'Shop')],
      ['3 pairs'],
    ],
    [
      'equal names in different integrations',
      [
        ...[integration(L, 1, 'Shop'), flow(L, 2, 'Orders', 1, [3]), step(L, 3, 'Book', { oneToMany: true })],
        ...[integration(L, 4, 'Desk'), flow(L, 5, 'Orders', 4, [6]), step(L, 6, 'Book')],
      ],
      [
        ...[integration(R, 1, 'Desk'), flow(R, 2, 'Orders', 1, [3], { schedule: 'x' }), step(R, 3, 'Book')],
        ...[integration(R, 4, 'Shop'), flow(R, 5, 'Orders', 4, [6]), step(R, 6, 'Book')],
      ],
      ['6 pairs', 'import Book 3 = 6: oneToMany', 'flow Orders 5 = 2: schedule'],
    ],
    [
      'equal names in one integration, used by different flows',
      [
        ...[integration(L, 1, 'Shop'), flow(L, 2, 'Orders', 1, [4]), flow(L, 3, 'Refunds', 1, [5])],
        ...[step(L, 4, 'Book'), step(L, 5, 'Book', { description: 'refunds' })],
      ],
      [
        ...[integration(R, 1, 'Shop'), flow(R, 2, 'Orders', 1, [5]), flow(R, 3, 'Refunds', 1, [4])],
        ...[step(R, 5, 'Book'), step(R, 4, 'Book', { description: 'refunds!' })],
      ],
      ['5 pairs', 'import Book 5 = 4: description'],
    ],
    [
      'equal names at one flow, of which one is unchanged',
      [
        integration(L, 1, 'Shop'),
        flow(L, 2, 'Orders', 1, [3, 4]),
        step(L, 3, 'Book'),
        step(L, 4, 'Book', { oneToMany: true }),
      ],
      [
        integration(R, 1, 'Shop'),
        flow(R, 2, 'Orders', 1, [3, 4]),
        step(R, 3, 'Book'),
        step(R, 4, 'Book', { description: 'b' }),
      ],
      ['4 pairs', 'import Book 4 = 4: description oneToMany'],
    ],
    [
      'what nothing shows is not guessed, and makes no difference where it is used',
      [
        integration(L, 1, 'Shop'),
        flow(L, 2, 'Orders', 1, [3, 4]),
        step(L, 3, 'Book', { description: 'a' }),
        step(L, 4, 'Book', { description: 'b' }),
      ],
      [
        integration(R, 1, 'Shop'),
        flow(R, 2, 'Orders', 1, [4, 3]),
        step(R, 3, 'Book', { description: 'c' }),
        step(R, 4, 'Book', { description: 'd' }),
      ],
      ['2 pairs', '? import Book 3, import Book 4 / import Book 3, import Book 4'],
    ],
    [
      'a file of ids decides it, and finds what was renamed',
      [integration(L, 1, 'Shop'), flow(L, 2, 'Orders', 1, []), flow(L, 3, 'Returns', 1, [])],
      [integration(R, 1, 'Shop'), flow(R, 2, 'Returns', 1, []), flow(R, 3, 'Refunds', 1, [])],
      ['3 pairs', 'flow Orders 2 = 2: name', 'flow Returns 3 = 3: name'],
      { [L(2)]: R(2), [L(3)]: R(3) },
    ],
    [
      'renamed: named as what it may be',
      [integration(L, 1, 'Shop'), flow(L, 2, 'Orders', 1, [], { schedule: 'x' })],
      [integration(R, 1, 'Shop'), flow(R, 2, 'All orders', 1, [], { schedule: 'x' }), flow(R, 3, 'Others', 1, [])],
      ['1 pairs', '- flow Orders 2 (name: flow All orders 2)', '+ flow All orders 2', '+ flow Others 3'],
    ],
    [
      'moved: not a pair, its steps are',
      [integration(L, 1, 'Shop'), integration(L, 2, 'Desk'), flow(L, 3, 'Orders', 1, [4]), step(L, 4, 'Book')],
      [integration(R, 1, 'Shop'), integration(R, 2, 'Desk'), flow(R, 3, 'Orders', 2, [4]), step(R, 4, 'Book')],
      ['3 pairs', '- flow Orders 3 (place: flow Orders 3)', '+ flow Orders 3'],
    ],
    [
      'steps of one name that different integrations use are two things',
      [
        integration(L, 1, 'Shop'),
        integration(L, 2, 'Desk'),
        flow(L, 3, 'Orders', 1, [4]),
        step(L, 4, 'Book', { description: 'a' }),
      ],
      [integration(R, 1, 'Shop'), integration(R, 2, 'Desk'), flow(R, 3, 'Tickets', 2, [4]), step(R, 4, 'Book')],
      ['2 pairs', '- flow Orders 3', '- import Book 4 (place: import Book 4)', '+ flow Tickets 3', '+ import Book 4'],
    ],
    [
      'a step that a further integration uses in one account is the same one',
      [
        integration(L, 1, 'Shop'),
        integration(L, 2, 'Desk'),
        flow(L, 3, 'Orders', 1, [4]),
        step(L, 4, 'Book'),
        flow(L, 5, 'New', 2, [4]),
      ],
      [integration(R, 1, 'Shop'), integration(R, 2, 'Desk'), flow(R, 3, 'Orders', 1, [4]), step(R, 4, 'Book')],
      ['4 pairs', '- flow New 5'],
    ],
    [
      'the order of a set of ids is none, an id in code is a reference',
      [
        doc('connections', L(1), 'A'),
        doc('connections', L(2), 'B'),
        integration(L, 3, 'Shop', { _registeredConnectionIds: [L(1), L(2)] }),
        doc('scripts', L(4), 'Hooks', { content: `call('/v1/connections/${L(2)}/ping')` }),
      ],
      [
        doc('connections', R(2), 'A'),
        doc('connections', R(1), 'B'),
        integration(R, 3, 'Shop', { _registeredConnectionIds: [R(1), R(2)] }),
        doc('scripts', R(4), 'Hooks', { content: `call('/v1/connections/${R(1)}/ping')` }),
      ],
      ['4 pairs'],
    ],
    [
      'an id that means something else in the other account is not the same one',
      [integration(L, 1, 'Shop'), flow(L, 2, 'Orders', 1, [3]), step(L, 3, 'Book'), step(L, 4, 'Only here')],
      [integration(L, 1, 'Shop'), flow(L, 2, 'Orders', 1, [4]), step(L, 4, 'Book')],
      ['3 pairs', '- import Only here 4'],
    ],
    [
      'connections of one name and different kinds are two things',
      [doc('connections', L(1), 'ERP', { type: 'http' })],
      [doc('connections', R(1), 'ERP', { type: 'netsuite' })],
      ['0 pairs', '- connection ERP 1 (place: connection ERP 1)', '+ connection ERP 1'],
    ],
  ])('%s', (_, left, right, found, ids) => {
    const comparison = compare(left, right, ids);

    expect(shown(comparison).sort()).toEqual([...found].sort());
  });

  it('shows what an id leads to where the same code leads elsewhere', () => {
    const account = (id: Id) => [
      doc('connections', id(1), 'Shop'),
      doc('scripts', id(2), 'Hooks', { content: `a();\nping('${L(1)}');\n` }),
    ];

    const lines = comparisonMarkdown(compare(account(L), account(R))).split('\n');

    expect(lines.filter((line) => /^[-+]/.test(line))).toEqual([
      `-   ping('connections/${L(1)} "Shop"');`,
      `+   ping('${L(1)}');`,
    ]);
  });

  it('is the same from the other side', () => {
    const left = [integration(L, 1, 'Shop'), flow(L, 2, 'Orders', 1, [3]), step(L, 3, 'Book', { oneToMany: true })];
    const right = [
      integration(R, 1, 'Shop'),
      flow(R, 2, 'Orders', 1, []),
      step(R, 3, 'Book'),
      flow(R, 4, 'New', 1, []),
    ];

    const [there, back] = [compare(left, right), compare(right, left)];

    const places = ({ differing }: Comparison): string[] =>
      differing.flatMap(({ changes }) => changes.map(({ place }) => placeText(place)));
    expect(places(back)).toEqual(places(there));
    expect(back.onlyLeft.map(({ document }) => document.id)).toEqual(
      there.onlyRight.map(({ document }) => document.id),
    );
  });
});
