import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findType, RESOURCE_TYPES } from '../../src/catalogue/index.ts';
import { anyAscii } from '../../src/cli/input/transliterate.ts';
import { basePath, isSafeId, readPath, renderResource, slugOf } from '../../src/core/layout.ts';
import { cases } from '../support/fuzz.ts';

const ID = '64f0a1b2c3d4e5f601020304';

describe('slugOf', () => {
  it.each([
    ['Order Sync', 'order-sync'],
    ['preSavePage hook', 'presavepage-hook'],
    ['Shopify → NetSuite', 'shopify-netsuite'],
    ['Ünïcödé Ñame', 'unicode-name'],
    ['Hartmann & Söhne', 'hartmann-sohne'],
    ['日本', 'riben'],
    ['🔥', 'unnamed'],
    ['', 'unnamed'],
    ['../../etc/passwd', 'etc-passwd'],
    ['a\u0000b\nc', 'a-b-c'],
    ['con', 'con-'],
    ['---', 'unnamed'],
  ])('makes %j to %s', (title, slug) => {
    expect(slugOf(title, anyAscii)).toBe(slug);
  });

  it('never leads outside its folder, whatever the name', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (title) => {
        expect(slugOf(title, anyAscii)).toMatch(/^[a-z0-9-]{1,61}$/);
      }),
      cases(2000),
    );
  });
});

describe('paths', () => {
  it('say type and id, for documents and side files', () => {
    const script = findType('scripts');
    if (!script) throw new Error('no scripts');
    const base = basePath(script, ID, 'A hook', anyAscii);
    const files = renderResource(base, {
      doc: { _id: ID, content: 'x' },
      texts: [{ place: ['content'], extension: 'js', text: 'x' }],
    });

    expect(files).toEqual([
      { path: `scripts/a-hook.${ID}.yaml`, text: `_id: "${ID}"\ncontent:\n  $file: a-hook.${ID}.js\n` },
      { path: `scripts/a-hook.${ID}.js`, text: 'x' },
    ]);
    expect(files.map((file) => readPath(file.path))).toEqual([
      { type: 'scripts', id: ID, slug: 'a-hook', isDocument: true },
      { type: 'scripts', id: ID, slug: 'a-hook', isDocument: false },
    ]);
  });

  it.each(['README.md', 'scripts/notes.txt', 'scripts/.hidden', 'scripts/a b.64f0.yaml', 'a/b/c.64f0.yaml'])(
    'do not claim %s',
    (path) => {
      expect(readPath(path)).toBeUndefined();
    },
  );

  it.each(['', '..', 'a/b', 'a.b', 'a b', 'x'.repeat(200), 5, null])('refuse the id %j', (id) => {
    expect(isSafeId(id)).toBe(false);
  });
});

describe('the catalogue', () => {
  it('has unique folders and models, and references only types that exist', () => {
    const dirs = RESOURCE_TYPES.map(({ name: dir }) => dir);
    expect(new Set(dirs).size).toBe(dirs.length);
    expect(new Set(RESOURCE_TYPES.map(({ model }) => model)).size).toBe(dirs.length);
    for (const type of RESOURCE_TYPES) {
      expect(type.name).toMatch(/^[a-z]+$/);
      for (const target of Object.values(type.refs ?? {})) expect(dirs).toContain(target);
    }
  });

  it('never marks one field as volatile and as something to keep', () => {
    for (const type of RESOURCE_TYPES) {
      const kept = [...Object.keys(type.sideFiles ?? {}), ...(type.secrets ?? []), ...Object.keys(type.sets ?? {})];
      for (const path of kept) expect(type.volatile ?? [], `${type.name}.${path}`).not.toContain(path);
    }
  });
});
