import { hash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ObjectFormat } from '../../src/core/digest.ts';
import type { GitObject } from '../../src/git/git.ts';
import { expectedTree } from '../../src/mirror/expected-tree.ts';
import type { TreeChange } from '../../src/mirror/object-writer.ts';
import type { Repository } from '../../src/mirror/repository.ts';
import { cases } from '../support/fuzz.ts';
import { writeTrees } from '../support/trees.ts';

type Files = ReadonlyMap<string, string>;

/** What {@link expectedTree} makes of the trees of some files. */
function expected(before: Files, changes: readonly TreeChange[], format: ObjectFormat = 'sha1', requests = 1) {
  const objects = new Map<string, Buffer>();
  const root = writeTrees(before, objects, format);
  const idAt = (path: string): string =>
    path === ''
      ? root
      : writeTrees(
          new Map(
            [...before].flatMap(([file, oid]) =>
              file.startsWith(`${path}/`) ? [[file.slice(path.length + 1), oid]] : [],
            ),
          ),
          new Map(),
          format,
        );
  const git = {
    find: async (names: readonly string[]) =>
      names.map((name): GitObject | undefined => {
        const id = idAt(name.slice('old:'.length));
        const bytes = objects.get(id);
        return bytes && { id, bytes };
      }),
  };
  const each = Math.max(1, Math.ceil(changes.length / requests));
  const parts = Array.from({ length: requests }, (_, i) => ({ changes: changes.slice(i * each, (i + 1) * each) }));
  return expectedTree({ git, format } as unknown as Repository, 'old', parts);
}

const id = (text: string, format: ObjectFormat = 'sha1'): string => hash(format, text);
const put = (path: string, oid: string): TreeChange => ({ path, oid });

// Names of which one begins, or ends, as another does, and that git sorts otherwise than texts.
const step = fc.constantFrom('a', 'aa', 'a-b', 'a.b', 'b', 'é', '\u{10000}', 'c.yaml');
const filesOf = (format: ObjectFormat) =>
  fc
    .uniqueArray(
      fc.array(step, { minLength: 1, maxLength: 3 }).map((steps) => steps.join('/')),
      { minLength: 1, maxLength: 14 },
    )
    .map((all) => all.filter((path) => !all.some((other) => other.startsWith(`${path}/`))))
    .map((paths) => new Map(paths.map((path) => [path, id(path, format)])));

describe('expectedTree', () => {
  it.each(['sha1', 'sha256'] as const)('is the tree that git makes of other contents (%s)', async (format) => {
    const changed = filesOf(format).chain((files) => fc.tuple(fc.constant(files), fc.subarray([...files.keys()])));
    await fc.assert(
      fc.asyncProperty(changed, fc.integer({ min: 1, max: 3 }), async ([files, paths], requests) => {
        const changes = paths.map((path) => put(path, id(`new ${path}`, format)));
        const after = new Map([...files, ...changes.map(({ path, oid = '' }) => [path, oid] as const)]);
        expect(await expected(files, changes, format, requests)).toEqual({
          tree: writeTrees(after, new Map(), format),
          replaced: new Map(paths.map((path) => [path, files.get(path)])),
        });
      }),
      cases(300),
    );
  });

  const held = new Map([
    ['prod/flows/a.yaml', id('a')],
    ['prod/flows/b.yaml', id('b')],
  ]);
  it.each<[string, readonly TreeChange[]]>([
    ['a new file', [put('prod/flows/c.yaml', id('c'))]],
    ['a new folder', [put('prod/imports/a.yaml', id('c'))]],
    ['a file that goes', [put('prod/flows/a.yaml', id('c')), { path: 'prod/flows/b.yaml', oid: undefined }]],
    ['a file that stays as it is', [put('prod/flows/a.yaml', id('c')), put('prod/flows/b.yaml', id('b'))]],
    ['a file in the place of a folder', [put('prod/flows', id('c'))]],
    ['a folder in one piece', [{ ...put('prod/flows', id('c')), folder: true }]],
    ['a link', [{ ...put('prod/flows/a.yaml', id('c')), mode: '120000' }]],
  ])('is not known of %s', async (_, changes) => {
    expect(await expected(held, changes)).toBeUndefined();
  });

  it('is not a tree of git where a name reads like the entry of another', async () => {
    const files = new Map([
      ['100644 a', id('x')],
      ['a', id('y')],
    ]);
    const wanted = writeTrees(new Map(files).set('a', id('z')), new Map());
    expect((await expected(files, [put('a', id('z'))]))?.tree).not.toBe(wanted);
  });

  it('is not known of more changes than are worth it', async () => {
    const many = new Map(Array.from({ length: 101 }, (_, i) => [`prod/${i}.yaml`, id(`${i}`)]));
    const changes = [...many.keys()].map((path) => put(path, id(`new ${path}`)));
    expect(await expected(many, changes)).toBeUndefined();
    expect((await expected(many, changes.slice(1)))?.replaced.size).toBe(100);
  });
});
