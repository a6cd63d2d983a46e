import { hash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AlreadyThere, checkCommits } from '../../src/mirror/check-commits.ts';
import type { Repository } from '../../src/mirror/repository.ts';
import { cases } from '../support/fuzz.ts';
import { writeTrees } from '../support/trees.ts';

type Files = ReadonlyMap<string, string>;

/** Compares two states as commits, of which `asked` was to be made on the first. */
async function check(
  before: Files | undefined,
  after: Files,
  asked: readonly (readonly [string, string | undefined])[],
) {
  const objects = new Map<string, Buffer>();
  for (const [name, files] of [['old', before] as const, ['new', after] as const])
    if (files) objects.set(`${name}^{tree}`, objects.get(writeTrees(files, objects, 'sha1', 'any')) ?? Buffer.alloc(0));
  const git = {
    objects: async (names: readonly string[]) => names.map((name) => objects.get(name) ?? Buffer.alloc(0)),
    find: async (names: readonly string[]) =>
      names.map((name) => {
        const id = after.get(name.slice('new:'.length));
        return id === undefined ? undefined : { id, bytes: Buffer.alloc(0) };
      }),
  };
  const changes = asked.map(([path, oid]) => ({ path, oid }));
  await checkCommits({ git, format: 'sha1' } as unknown as Repository, before && 'old', 'new', [{ changes }], true);
}

const step = fc.constantFrom('a', 'b', 'é', 'c.yaml');
const files = fc
  .array(fc.tuple(fc.array(step, { minLength: 1, maxLength: 3 }), fc.constantFrom('1', '2', '3')), { maxLength: 12 })
  .map((all) => {
    const paths = new Map(all.map(([steps, text]) => [steps.join('/'), hash('sha1', text)]));
    // Nothing is a file and a folder.
    return new Map([...paths].filter(([path]) => ![...paths.keys()].some((other) => other.startsWith(`${path}/`))));
  });

function differences(before: Files, after: Files): [string, string | undefined][] {
  const paths = new Set([...before.keys(), ...after.keys()]);
  return [...paths].flatMap((path): [string, string | undefined][] =>
    before.get(path) === after.get(path) ? [] : [[path, after.get(path)]],
  );
}

describe('checkCommits', () => {
  it('finds a change that is there already: what is known of HEAD is wrong', async () => {
    const held = new Map([['prod/a.yaml', hash('sha1', 'a')]]);
    const now = new Map(held).set('prod/b.yaml', hash('sha1', 'b'));
    await expect(check(held, now, [...now])).rejects.toThrow(AlreadyThere);
    await check(held, now, differences(held, now));
  });

  it('takes commits that hold what was asked for, and no others', async () => {
    await fc.assert(
      fc.asyncProperty(files, files, fc.boolean(), async (before, after, first) => {
        const held = first ? undefined : before;
        const asked = differences(held ?? new Map(), after);
        await check(held, after, asked);
        const wrong = new Map(after).set('zz/more.yaml', hash('sha1', 'more'));
        await expect(check(held, wrong, asked)).rejects.toThrow('do not match what this run read: zz/more.yaml');
        const [some] = asked.find(([, oid]) => oid !== undefined) ?? [];
        if (some === undefined) return;
        const other = new Map(after).set(some, hash('sha1', 'other'));
        await expect(check(held, other, asked)).rejects.toThrow('do not match what this run read');
      }),
      cases(200),
    );
  });
});
