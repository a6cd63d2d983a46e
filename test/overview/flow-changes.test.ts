import { createRequire } from 'node:module';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findType } from '../../src/catalogue/index.ts';
import type { MirrorDocument } from '../../src/core/documents.ts';
import type { Json, JsonObject } from '../../src/core/json.ts';
import { setPlace } from '../../src/core/paths.ts';
import { buildGraph } from '../../src/graph/account-graph.ts';
import { flowChangesDiagram, flowsWith } from '../../src/overview/flow-changes.ts';
import { commit, edit, fileOf } from '../compare/two.ts';
import { sample } from '../support/account.ts';
import { browser, open, WITHOUT_BROWSER } from '../support/browser.ts';
import { Workspace } from '../support/workspace.ts';

const id = (n: number): string => `6a00000000000000000000${n.toString(16).padStart(2, '0')}`;

function doc(typeName: string, n: number, name: string, fields: JsonObject = {}): MirrorDocument {
  const type = findType(typeName);
  if (!type) throw new Error(typeName);
  return { type, id: id(n), title: name, path: `${typeName}/x.${id(n)}.yaml`, doc: { _id: id(n), name, ...fields } };
}

const PARTS = [
  doc('exports', 10, 'Orders', { _connectionId: id(30) }),
  doc('imports', 20, 'Check'),
  doc('imports', 21, 'Book'),
  doc('imports', 22, 'Tag'),
  doc('connections', 30, 'Shop'),
];

const steps = (...numbers: number[]): Json => numbers.map((n) => ({ type: 'import', _importId: id(n) }));
const branch = (name: string, ...numbers: number[]): JsonObject => ({ name, pageProcessors: steps(...numbers) });

function flow(n: number, fields: JsonObject): MirrorDocument {
  return doc('flows', n, `Flow ${n}`, { pageGenerators: [{ _exportId: id(10) }], ...fields });
}

/** The marked lines of a diagram, without the definitions of the marks. */
function marked(diagram: string | undefined): string[] {
  return (diagram ?? 'none')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => /:::|==>|-\.->|^linkStyle|^none$/.test(line));
}

describe('a flow before and after', () => {
  it.each<[what: string, before: MirrorDocument[], after: MirrorDocument[], lines: string[]]>([
    ['the same', [...PARTS, flow(1, {})], [...PARTS, flow(1, { description: 'other' })], ['none']],
    [
      'a step more',
      [...PARTS, flow(1, { pageProcessors: steps(21) })],
      [...PARTS, flow(1, { pageProcessors: steps(20, 21) })],
      ['n2["+ Check"]:::added', 'n1 ==> n2', 'n2 ==> n3', 'n1 -.-> n3', 'linkStyle 0,1', 'linkStyle 2'],
    ],
    [
      'a step less',
      [...PARTS, flow(1, { pageProcessors: steps(20, 21) })],
      [...PARTS, flow(1, { pageProcessors: steps(20) })],
      ['n3["− Book"]:::removed', 'n2 -.-> n3', 'linkStyle 1'],
    ],
    [
      'a step with another mapping, in the flow or in the import itself',
      [...PARTS, flow(1, { pageProcessors: steps(20, 21) })],
      [
        ...PARTS.map((one) => (one.title === 'Check' ? doc('imports', 20, 'Check', { oneToMany: true }) : one)),
        flow(1, {
          pageProcessors: [...(steps(20) as Json[]), { type: 'import', _importId: id(21), proceedOnFailure: true }],
        }),
      ],
      ['n2["~ Check"]:::changed', 'n3["~ Book"]:::changed'],
    ],
    [
      'a schedule',
      [...PARTS, flow(1, {})],
      [...PARTS, flow(1, { pageGenerators: [{ _exportId: id(10), schedule: '? 5' }] })],
      ['n1(["~ Orders<br/>on Shop<br/>at #63; 5"]):::changed'],
    ],
    [
      'a branch that is renamed, and gets a step',
      [...PARTS, flow(1, { routers: [{ id: 'r1', name: 'Kind', branches: [branch('B2B', 20), branch('Else', 21)] }] })],
      [
        ...PARTS,
        flow(1, { routers: [{ id: 'r1', name: 'Kind', branches: [branch('B2B', 20, 22), branch('Others', 21)] }] }),
      ],
      [
        'n2{"~ Kind"}:::changed',
        'n4["+ Tag"]:::added',
        'n3 ==> n4',
        'n2 ==>|"+ Others"| n5',
        'n2 -.->|"− Else"| n5',
        'linkStyle 2,3',
        'linkStyle 4',
      ],
    ],
    ['a flow that came', PARTS, [...PARTS, flow(1, {})], ['n1(["+ Orders<br/>on Shop"]):::added']],
    ['a flow that went', [...PARTS, flow(1, {})], PARTS, ['n1(["− Orders<br/>on Shop"]):::removed']],
    [
      'the same step twice, of which one goes',
      [...PARTS, flow(1, { pageProcessors: steps(20, 21, 20) })],
      [...PARTS, flow(1, { pageProcessors: steps(20, 21) })],
      ['n4["− Check"]:::removed', 'n3 -.-> n4', 'linkStyle 2'],
    ],
  ])('%s', (_, before, after, lines) => {
    const diagram = flowChangesDiagram(buildGraph(before), buildGraph(after), [id(1)]);

    expect(marked(diagram).map((line) => line.replace(/ stroke:.*/, ''))).toEqual(lines);
  });

  it('several are drawn in frames, those that look the same are left out', () => {
    const before = buildGraph([...PARTS, flow(1, {}), flow(2, {}), flow(3, {})]);
    const after = buildGraph([
      ...PARTS,
      ...[1, 3].map((n) => flow(n, { pageProcessors: steps(20) })),
      flow(2, { description: 'other' }),
    ]);

    const diagram = flowChangesDiagram(before, after, [id(1), id(2), id(3)]);

    expect(diagram?.match(/subgraph .*/g)).toEqual(['subgraph f1["Flow 1"]', 'subgraph f2["Flow 3"]']);
    expect(diagram).toContain('linkStyle 0,1 stroke');
    expect(flowsWith([before, after], [`imports/${id(20)}`])).toEqual([id(1), id(3)]);
  });
});

const EVIL = 'Check <b>"evil"</b> %%{init}%%';

/** A mirror with a commit that changes flows of the sample account. */
async function changed(): Promise<Workspace> {
  const account = await sample();
  const space = new Workspace({ prod: { baseUrl: account.url, token: account.owner.token } });
  await space.mirrored();
  const orders = fileOf(space, 'prod', 'flows', 'Orders: web shop → NetSuite');
  edit(orders, (flowDoc) => {
    const renamed = setPlace(flowDoc, 'routers[1].branches[1].name', EVIL);
    return setPlace(renamed, 'routers[0].branches[0].pageProcessors[1]', undefined);
  });
  edit(fileOf(space, 'prod', 'imports', 'Verify the address'), (one) => setPlace(one, 'description', 'stricter'));
  commit(space.mirror);
  return space;
}

it('diff --format mermaid draws the flows that differ between two states', async () => {
  const space = await changed();

  const { code, out, err } = await space.run('diff', '--from', 'HEAD~1', '--to', 'HEAD', '--format', 'mermaid');

  expect(code, err).toBe(0);
  expect(out).toMatch(/^flowchart LR\n/);
  expect(
    marked(out)
      .filter((line) => line.includes(':::'))
      .map((line) => line.replace(/.*"([+−~] [^<"]*).*:::/, '$1 ')),
  ).toEqual(['~ Carry out changed', '~ Verify the address changed', '− Hide names and addresses removed']);
  const live = await space.run('diff', '--format', 'mermaid');
  expect(live.code).toBe(64);
  expect(live.err).toContain('--format mermaid needs --from');
});

/** A mirror in which somebody changed that flow in the account. */
async function changedLive(): Promise<Workspace> {
  const account = await sample();
  const space = new Workspace({ prod: { baseUrl: account.url, token: account.owner.token } });
  await space.mirrored();
  const owner = account.emulator.act(account.owner.email);
  const held = (type: string, name: string): JsonObject =>
    account.emulator.state.all(type).find((one) => one.name === name) ?? {};
  const orders = held('flows', 'Orders: web shop → NetSuite');
  const renamed = setPlace(orders, 'routers[1].branches[1].name', EVIL);
  const { routers } = setPlace(renamed, 'routers[0].branches[0].pageProcessors[1]', undefined);
  owner.set('flows', String(orders._id), { routers });
  owner.set('imports', String(held('imports', 'Verify the address')._id), { description: 'stricter' });
  await space.sync();
  return space;
}

it('a report shows a flow before and after, as diff does', { tags: 'slow' }, async () => {
  const space = await changedLive();
  const { out: diagram } = await space.run('diff', '--from', 'HEAD~1', '--to', 'HEAD', '--format', 'mermaid');

  const { out: markdown } = await space.run('report', 'flows', '--from', 'yesterday', '--format', 'md');
  const { out: page } = await space.run('report', 'flows', '--from', 'yesterday', '--format', 'html');

  expect(/^```mermaid\n([\s\S]*?)```$/m.exec(markdown)?.[1]).toBe(diagram);
  const [svg = '', ...more] = page.match(/<svg class="flow"[\s\S]*?<\/svg>/g) ?? [];
  expect(more).toEqual([]);
  const shown = [...svg.matchAll(/<g class="(\w+)"><rect [^>]*><text [^>]*>(.*?)<\/text>/g)];
  expect(shown.filter(([, mark]) => mark !== 'same').map(([, mark, name]) => `${mark} ${name}`)).toEqual([
    'changed ~ Carry out',
    'changed ~ Verify the address',
    'removed − Hide names and addresses',
  ]);
  expect(svg).toContain('&lt;b&gt;');
  expect(svg).not.toMatch(/style=|<b>/);
  // With a step that changed comes the flow that it is of, once.
  const reported = async (...what: string[]): Promise<string> =>
    (await space.run('report', ...what, '--from', 'yesterday', '--format', 'html')).out;
  const imports = await reported('imports');
  expect(imports.match(/In the flow Orders: web shop → NetSuite:/g)).toHaveLength(1);
  expect(imports.match(/<svg class="flow"/g)).toHaveLength(1);
  expect((await reported()).match(/<svg class="flow"/g)).toHaveLength(1);
  expect((await space.run('report', 'imports', '--from', 'yesterday', '--format', 'md')).out).toMatch(
    /^In the flow \*\*Orders: web shop → NetSuite\*\*\n\n```mermaid$/m,
  );
});

describe.skipIf(WITHOUT_BROWSER)('the picture', { tags: 'slow' }, () => {
  it.each(['light', 'dark'] as const)('of a report is drawn in its page on a %s screen', async (colorScheme) => {
    const space = await changedLive();
    expect((await space.run('report', '--from', 'yesterday', '-o', 'report.html')).code).toBe(0);
    const options = { colorScheme, viewport: { width: 1500, height: 1000 } };
    const { page, errors, requests } = await open(await browser(), `file://${join(space.dir, 'report.html')}`, options);
    await page
      .locator('details.x')
      .filter({ has: page.locator('svg.flow') })
      .evaluate((one) => {
        (one as unknown as { open: boolean }).open = true;
      });

    const boxes = await page.locator('svg.flow g:has(rect)').evaluateAll((groups) =>
      groups.map((group) => {
        const inside = (what: string) =>
          [...group.querySelectorAll(what)].map((one) => {
            const { left, right, top, bottom } = one.getBoundingClientRect();
            return { left, right, top, bottom };
          });
        return { rect: inside('rect')[0], texts: inside('text') };
      }),
    );

    expect(boxes.length).toBeGreaterThan(8);
    for (const [i, { rect, texts }] of boxes.entries()) {
      if (!rect) throw new Error('no box');
      for (const text of texts)
        expect(text.left >= rect.left && text.right <= rect.right && text.bottom <= rect.bottom).toBe(true);
      for (const { rect: other } of boxes.slice(i + 1))
        if (other)
          expect(
            other.left >= rect.right ||
              other.right <= rect.left ||
              other.top >= rect.bottom ||
              other.bottom <= rect.top,
          ).toBe(true);
    }
    expect([errors, requests]).toEqual([[], []]);
    const shots = process.env.SCREENSHOTS;
    if (shots) {
      await page.locator('svg.flow').scrollIntoViewIfNeeded();
      await page.screenshot({ path: `${shots}/report-${colorScheme}.png` });
    }
  });

  it.each(['default', 'dark'])('is drawn by Mermaid in the theme %s, with marks that can be read', async (theme) => {
    const space = await changed();
    const { out } = await space.run('diff', '--from', 'HEAD~1', '--to', 'HEAD', '--format', 'mermaid');
    const page = await (await browser()).newPage({ viewport: { width: 1800, height: 900 } });
    const library = createRequire(import.meta.url)
      .resolve('mermaid')
      .replace(/mermaid\.core\.mjs$/, 'mermaid.min.js');
    await page.setContent(
      `<body style="background:${theme === 'dark' ? '#14171a' : '#fff'}"><div id="here"></div></body>`,
    );
    await page.addScriptTag({ path: library });
    await page.evaluate(`mermaid.initialize({ startOnLoad: false, securityLevel: 'strict', theme: '${theme}' })`);

    await page.evaluate(
      `mermaid.render('d', ${JSON.stringify(out)})
        .then(({ svg }) => { document.getElementById('here').innerHTML = svg; })`,
    );

    const texts = (mark: string): Promise<string[]> => page.locator(`#here .node.${mark}`).allTextContents();
    expect((await texts('changed')).length).toBe(2);
    expect((await texts('removed')).map((text) => text.trim().slice(0, 6))).toEqual(['− Hide']);
    expect(await page.locator('#here b').count()).toBe(0);
    const shots = process.env.SCREENSHOTS;
    if (shots) await page.screenshot({ path: `${shots}/flow-${theme}.png` });
  });
});
