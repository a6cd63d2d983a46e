import { expect, it } from 'vitest';
import type { Json, JsonObject } from '../../src/core/json.ts';
import { parseYaml } from '../../src/core/yaml.ts';
import { sampleAccount } from '../../src/emulator/sample/index.ts';
import { sample } from '../support/account.ts';
import { random } from '../support/random.ts';
import { Workspace } from '../support/workspace.ts';

// Lists that contradict themselves, since an account changes while they are read: what one run keeps of such a list
// must not hide a change from the next.

type Doc = JsonObject & { readonly _id: string };

/** The n-th tag: sixteen share a chunk. */
const tagOf = (n: number, more: JsonObject = {}): Doc => ({
  _id: `6605a0b0c0d0e0f0${n.toString(16).padStart(8, '0')}`,
  tag: `tag ${n}`,
  ...more,
});
const TAGS = Array.from({ length: 48 }, (_, n) => tagOf(n));
const [FIRST, SECOND, THIRD] = [TAGS.slice(0, 16), TAGS.slice(16, 32), TAGS.slice(32)];
const X = tagOf(5);
const DELETED = tagOf(5, { deletedAt: '2026-11-30T00:00:00.000Z' });
const EDITED = tagOf(19, { tag: 'edited' });

const NOT_FOUND = { errors: [{ code: 'invalid_ref', message: 'not found' }] };

/** A mirror of tags whose list is two pages; what `byId` names is answered by its id, anything else by 404. */
async function mirrored(first: readonly Doc[], second: readonly Doc[]) {
  const seed = sampleAccount();
  const account = await sample({ seed: { ...seed, resources: { ...seed.resources, tags: TAGS } } });
  const include: Json = ['tags'];
  const space = new Workspace({ prod: { baseUrl: account.url, token: account.owner.token, include } });
  const { faults } = account.emulator;
  const link = { link: `<${account.url}/v1/tags?p=2>; rel="next"` };
  const serve = (one: readonly Doc[], two: readonly Doc[], byId: ReadonlyMap<string, Doc> = new Map()): void => {
    faults.clear();
    const fixed = { times: 'always' } as const;
    const notFound = { kind: 'status' as const, status: 404, body: NOT_FOUND };
    for (const [id, body] of byId) {
      faults.add({ ...fixed, match: { path: `/v1/tags/${id}` }, fault: { kind: 'body', body } });
    }
    faults.add({ ...fixed, match: { path: '/v1/tags/*' }, fault: notFound });
    const list = { path: '/v1*/tags' };
    faults.add({ ...fixed, match: { ...list, query: { p: '2' } }, fault: { kind: 'body', body: [...two] } });
    faults.add({ ...fixed, match: list, fault: { kind: 'body', body: [...one], headers: link } });
  };
  serve(first, second);
  await space.mirrored();
  const held = (): Json | undefined => {
    const file = space.files().find((path) => path.includes(X._id));
    return file === undefined ? undefined : parseYaml(space.read(`prod/${file}`));
  };
  return { space, serve, held };
}

it.each([
  ['behind, in a chunk', true, true],
  ['behind, on a page', true, false],
  ['before, in a chunk', false, true],
  ['before, on a page', false, false],
])(
  'a record that is deleted while the list shows it, %s, is gone when the list shows it no more',
  async (_, behind, edit) => {
    const page = (all: readonly Doc[], one: Doc = X): readonly Doc[] => all.with(5, one);
    const others = [...SECOND, ...THIRD];
    const turn = (live: readonly Doc[], rest: readonly Doc[]) =>
      behind ? ([live, rest] as const) : ([rest, live] as const);
    const { space, serve, held } = await mirrored(...turn(page(FIRST), others));
    serve(...turn(page(FIRST), [...others, DELETED]));
    await space.sync();

    const rest = edit ? others.with(3, EDITED) : others;
    serve(...turn(FIRST.toSpliced(5, 1), [...rest, DELETED]));
    const report = await space.sync();

    expect(report.changes).toContainEqual(expect.objectContaining({ what: 'deleted', id: X._id }));
    expect(held()).toBeUndefined();
  },
);

it('a record that a list shows before and after an edit is mirrored when it has its old bytes again', async () => {
  const { space, serve, held } = await mirrored(FIRST, [...SECOND, ...THIRD]);
  const more = tagOf(60);
  serve([...FIRST, more], [...SECOND, tagOf(5, { tag: 'new' }), ...THIRD]);
  await space.sync();
  expect(held()).toMatchObject({ tag: 'new' });

  serve([...FIRST, more, tagOf(61)], [...SECOND, ...THIRD]);
  await space.sync();

  expect(held()).toMatchObject({ tag: 'tag 5' });
});

it('the same where the edit comes first', async () => {
  const { space, serve, held } = await mirrored([...SECOND, ...THIRD], FIRST);
  serve([...SECOND, tagOf(5, { tag: 'new' }), ...THIRD], [...FIRST, tagOf(60)]);
  await space.sync();
  expect(held()).toMatchObject({ tag: 'new' });

  serve([...SECOND, ...THIRD], [...FIRST, tagOf(60), tagOf(61)]);
  await space.sync();

  expect(held()).toMatchObject({ tag: 'tag 5' });
});

it.each([
  ['whose chunk', [tagOf(60)], []],
  ['whose page', [], [tagOf(60)]],
])(
  'a draft %s stays as it was leaves the document as it is when lists prove to be abridged',
  async (_, first, second) => {
    const draft = tagOf(5, { tag: 'draft', draft: true });
    const withDraft = [...FIRST.with(5, draft), ...SECOND];
    const { space, serve, held } = await mirrored([...FIRST, ...SECOND], THIRD);
    serve(withDraft, THIRD);
    await space.sync();

    serve(
      [...withDraft, ...first],
      [...THIRD, ...second],
      new Map([
        [X._id, draft],
        [tagOf(60)._id, tagOf(60, { description: 'only by id' })],
      ]),
    );
    const report = await space.sync();

    expect(report.changes).toContainEqual(expect.objectContaining({ what: 'added', id: tagOf(60)._id }));
    expect(held()).toMatchObject({ tag: 'tag 5' });
  },
);

/** What the pages of a list show, and what the mirror then holds of each tag. */
function createWorld(next: () => number) {
  const live = new Map(TAGS.map((tag) => [tag._id, tag]));
  const bin = new Map<string, Doc>();
  const held = new Map<string, Json>();
  let made = TAGS.length;
  const steps: readonly (readonly [share: number, change: (tag: Doc) => void])[] = [
    // Old values come back now and then, with the very same bytes.
    [0.35, ({ _id }) => live.set(_id, { _id, tag: `tag ${_id.slice(-2)} ${Math.floor(next() * 3)}` })],
    [
      0.5,
      (tag) => {
        live.delete(tag._id);
        if (next() < 0.5) bin.set(tag._id, { ...tag, deletedAt: '2026-01-01T00:00:00.000Z' });
      },
    ],
    [0.65, () => live.set(tagOf(made)._id, tagOf(made++))],
    [0.8, (tag) => live.set(tag._id, { ...tag, draft: true })],
    [
      1,
      () => {
        for (const [id, { deletedAt: _, ...tag }] of [...bin].slice(0, 1)) {
          bin.delete(id);
          live.set(id, tag as Doc);
        }
      },
    ],
  ];
  return {
    live,
    change(): void {
      const tag = [...live.values()][Math.floor(next() * live.size)] ?? X;
      const share = next();
      steps.find(([most]) => share < most)?.[1](tag);
    },
    /** Two pages, which overlap now and then. */
    pages(): [Doc[], Doc[]] {
      const all = [...live.values(), ...bin.values()].sort((a, b) => (a._id < b._id ? -1 : 1));
      const cut = Math.floor(all.length * (0.3 + 0.4 * next()));
      return [all.slice(0, cut), all.slice(cut - Math.floor(next() * 3))];
    },
    /** Drafts leave what was there. */
    expected(): ReadonlyMap<string, Json> {
      for (const [id, { tag = null, draft }] of live) if (!draft) held.set(id, tag);
      for (const id of held.keys()) if (!live.has(id)) held.delete(id);
      return held;
    },
  };
}

it.each([1, 2, 3])('pages that overlap, with edits, deletions and drafts (%i)', { tags: 'slow' }, async (start) => {
  const next = random(start);
  const world = createWorld(next);
  const { space, serve } = await mirrored(...world.pages());
  world.expected();
  for (let run = 0; run < 14; run++) {
    for (let i = 0; i < 4; i++) world.change();
    serve(...world.pages(), world.live);

    expect(await space.sync('--allow-deletions')).toMatchObject({ code: 0 });

    const files = space.files().filter((path) => /^tags\/.*\.yaml$/.test(path));
    const docs = files.map((path) => parseYaml(space.read(`prod/${path}`)) as Doc);
    expect(new Map(docs.map(({ _id, tag = null }) => [_id, tag]))).toEqual(world.expected());
  }
  expect((await space.sync()).verdict).toBe('unchanged');
});
