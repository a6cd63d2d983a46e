import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const notes = readFileSync(join(ROOT, 'docs', 'api-notes.md'), 'utf8');
const anchors = [...notes.matchAll(/<a id="([^"]+)"><\/a>/g)].map(([, id = '']) => id);

const sources = ['src', 'bench', 'test', 'scripts'].flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(ts|mjs)$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => path !== fileURLToPath(import.meta.url))
    .map((path) => ({ path: relative(ROOT, path), text: readFileSync(path, 'utf8') })),
);

describe('docs/api-notes.md', () => {
  it('has every fact that a comment cites', () => {
    const cited = sources.flatMap(({ path, text }) =>
      [...text.matchAll(/api-notes#([\w-]*)/g)].map(([, anchor = '']) => ({ path, anchor })),
    );

    expect(cited.length).toBeGreaterThan(100);
    expect(cited.filter(({ anchor }) => !anchors.includes(anchor))).toEqual([]);
  });

  it('is the only document that comments cite for facts of the API', () => {
    const others = sources.filter(({ text }) =>
      /celigo-(models|platform|reality|schemas)\b|open question \d/.test(text),
    );

    expect(others.map(({ path }) => path)).toEqual([]);
  });

  it('has each anchor once, below a heading of its own', () => {
    expect(anchors.filter((anchor, at) => anchors.indexOf(anchor) !== at)).toEqual([]);
    expect([...notes.matchAll(/^### .+\n<a id="/gm)]).toHaveLength(anchors.length);
  });

  it('names the evidence of every fact', () => {
    const facts = notes.split(/^### /m).slice(1);

    expect(facts.filter((fact) => !fact.includes('*Evidence:')).map((fact) => fact.split('\n')[0])).toEqual([]);
  });

  it('names a test for every fact that the program acts on', () => {
    const acting = sources
      .filter(({ path }) => path.startsWith('src'))
      .flatMap(({ text }) => [...text.matchAll(/api-notes#([\w-]+)/g)].map(([, anchor = '']) => anchor));
    const untested = notes
      .split(/^### /m)
      .filter((fact) => !/\*Test:\s/.test(fact))
      .map((fact) => /<a id="(.+)">/.exec(fact)?.[1]);

    expect(untested.filter((anchor) => anchor !== undefined && acting.includes(anchor))).toEqual([]);
  });

  it('names tests that exist', () => {
    const named = [...notes.replace(/\s+/g, ' ').matchAll(/\*Test: (.+?)\.\*/g)].flatMap(([, list = '']) =>
      [...list.matchAll(/`([\w/-]+)`, "([^"]+)"/g)].map(([, file = '', title = '']) => ({ file, title })),
    );
    const missing = named.filter(({ file, title }) => {
      const source = sources.find(({ path }) => path === `test/${file}.test.ts`);
      return !source?.text.includes(title);
    });

    expect(named.length).toBeGreaterThan(0);
    expect(missing).toEqual([]);
  });
});
