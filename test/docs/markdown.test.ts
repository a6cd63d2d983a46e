import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const MOST_CHARACTERS = 160;

const pages = ['.', 'docs', 'bench', 'deploy', '.github'].flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: folder !== '.', withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.md'))
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => ({ path: relative(ROOT, path), text: readFileSync(path, 'utf8') })),
);

/** The page without its fenced blocks and code spans, which hold no links. */
function prose(text: string): string {
  return text.replace(/^```.*?^```$/gms, '').replace(/`[^`\n]*`/g, '');
}

/** Anchors of a page as forges make them: slugs of the headings, and explicit ones. */
function anchorsOf(text: string): Set<string> {
  const headings = [...text.replace(/^```.*?^```$/gms, '').matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replace(/ /g, '-'),
  );
  return new Set([...headings, ...[...text.matchAll(/<a id="([^"]+)">/g)].map(([, id = '']) => id)]);
}

describe('the Markdown of the repository', () => {
  it('has no link to a file or heading that does not exist', () => {
    const broken = pages.flatMap(({ path, text }) =>
      [...prose(text).matchAll(/\]\(([^)\s]+)\)|(?:src|srcset|href)="([^"]+)"/g)]
        .map(([, link, attribute]) => link ?? attribute ?? '')
        .filter((link) => !/^[a-z]+:/.test(link))
        .filter((link) => {
          const [file = '', anchor] = link.split('#');
          const target = file === '' ? join(ROOT, path) : join(ROOT, dirname(path), file);
          if (!existsSync(target)) return true;
          return anchor !== undefined && !anchorsOf(readFileSync(target, 'utf8')).has(anchor);
        })
        .map((link) => `${path}: ${link}`),
    );

    expect(pages.length).toBeGreaterThan(15);
    expect(broken).toEqual([]);
  });

  it(`has no line of more than ${MOST_CHARACTERS} characters`, () => {
    const long = pages.flatMap(({ path, text }) =>
      text.split('\n').flatMap((line, at) => ([...line].length > MOST_CHARACTERS ? [`${path}:${at + 1}`] : [])),
    );

    expect(long).toEqual([]);
  });
});
