import { hash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ObjectFormat } from '../../src/core/digest.ts';
import { expectedTree } from '../../src/mirror/expected-tree.ts';
import type { Repository } from '../../src/mirror/repository.ts';
import { cases } from '../support/fuzz.ts';
import { writeTrees } from '../support/trees.ts';

type Files = ReadonlyMap<string, string>;
type Asked = readonly (readonly [path: string, oid: string | undefined])[];

/** What {@link expectedTree} makes of some files, and what the tree of the others is. */
async function trees(before: Files, after: Files, asked: Asked, format: ObjectFormat = 'sha1', requests = 1) {
  const objects = new Map<string, Buffer>();
  const old = writeTrees(before, objects, format);
  const wanted = writeTrees(after, objects, format);
  const git = {
    objects: async (names: readonly string[]) =>
      names.map((name) => objects.get(name === 'old^{tree}' ? old : name) ?? Buffer.alloc(0)),
  };
  const all = asked.map(([path, oid]) => ({ path, oid }));
  const each = Math.max(1, Math.ceil(all.length / requests));
  const parts = Array.from({ length: requests }, (_, i) => ({ changes: all.slice(i * each, (i + 1) * each) }));
  const expected = await expectedTree({ git, format } as unknown as Repository, 'old', parts);
  return { expected, wanted };
}

// Names that git sorts otherwise than texts: a folder as if its name ended with a slash.
const step = fc.constantFrom('a', 'a-b', 'a.b', 'b', 'é', '\u{10000}', '\uffff', 'c.yaml');
const paths = fc.uniqueArray(
  fc.array(step, { minLength: 1, maxLength: 3 }).map((steps) => steps.join('/')),
  { maxLength: 14 },
);
/** Two states in which nothing is a file here and a folder there. */
const states = (format: ObjectFormat) =>
  paths.chain((all) => {
    const free = all.filter((path) => !all.some((other) => other.startsWith(`${path}/`)));
    const text = fc.option(fc.constantFrom('1', '2'), { nil: undefined });
    const files = fc
      .tuple(...free.map(() => text))
      .map((texts) => new Map(free.flatMap((path, i) => (texts[i] ? [[path, hash(format, texts[i])] as const] : []))));
    return fc.tuple(files, files);
  });

function differences(before: Files, after: Files): Asked {
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((path) =>
    before.get(path) === after.get(path) ? [] : [[path, after.get(path)] as const],
  );
}

describe('expectedTree', () => {
  it.each(['sha1', 'sha256'] as const)('is the tree that git makes (%s)', async (format) => {
    await fc.assert(
      fc.asyncProperty(states(format), fc.integer({ min: 1, max: 3 }), async ([before, after], requests) => {
        const { expected, wanted } = await trees(before, after, differences(before, after), format, requests);
        expect(expected).toBe(wanted);
      }),
      cases(300),
    );
  });

  it('is that tree, or none that git makes, where a file takes the place of a folder', async () => {
    const some = (all: readonly string[]): Files =>
      new Map(
        all
          .filter((path) => !all.some((other) => other.startsWith(`${path}/`)))
          .map((path) => [path, hash('sha1', '1')]),
      );
    await fc.assert(
      fc.asyncProperty(paths, paths, async (here, there) => {
        const [before, after] = [some(here), some(there)];
        const objects = new Map<string, Buffer>();
        const { expected, wanted } = await trees(before, after, differences(before, after));
        // Git never has both of a name: what is expected then is no tree of it, and the files are compared.
        const clash = [...before.keys()].some((path) =>
          [...after.keys()].some((other) => other.startsWith(`${path}/`)),
        );
        if (expected !== wanted) {
          const back = [...after.keys()].some((path) =>
            [...before.keys()].some((other) => other.startsWith(`${path}/`)),
          );
          expect(clash || back).toBe(true);
          expect(expected).not.toBe(writeTrees(before, objects));
        }
      }),
      cases(300),
    );
  });

  it('is not known where a change changes nothing, and where there are very many', async () => {
    const files = new Map([['prod/flows/a.yaml', hash('sha1', 'a')]]);
    const none = await trees(files, files, [...files]);
    expect(none.expected).toBeUndefined();
    expect((await trees(files, files, [['prod/flows/b.yaml', undefined]])).expected).toBeUndefined();
    const many = Array.from({ length: 1_001 }, (_, i) => [`prod/flows/${i}.yaml`, hash('sha1', `${i}`)] as const);
    expect((await trees(files, files, many)).expected).toBeUndefined();
    expect((await trees(files, new Map([...files, ...many.slice(1)]), many.slice(1))).expected).toMatch(
      /^[0-9a-f]{40}$/,
    );
  });
});
