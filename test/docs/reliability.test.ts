import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const page = readFileSync(join(ROOT, 'docs', 'reliability.md'), 'utf8');

/** The numbered failures, each with the test that is named. */
const rows = page.split(/^(?=\d+\. \*\*)/m).flatMap((item) => {
  const [, number, file = '', name = ''] = /^(\d+)\. \*\*.*?^ +Test: `([^`]+)`: (.+?)(?=\n\n|\n*$)/ms.exec(item) ?? [];
  return number === undefined ? [] : [{ number: Number(number), file, name }];
});

function sources(folder: string): { path: string; text: string }[] {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => ({ path, text: readFileSync(path, 'utf8') }));
}

/** Quotes as they are shown, whatever they are written in. */
function words(text: string): string {
  return text.replace(/\\(['"`])/g, '$1').replace(/\s+/g, ' ');
}

describe('docs/reliability.md', () => {
  it('has a row for each of the 78 failures', () => {
    expect(rows.map(({ number }) => number)).toEqual(Array.from({ length: 78 }, (_, i) => i + 1));
  });

  it('names tests that exist', () => {
    const missing = rows.filter(({ file, name }) => {
      const path = join(ROOT, 'test', file);
      return !existsSync(path) || !words(readFileSync(path, 'utf8')).includes(words(name));
    });
    expect(missing).toEqual([]);
  });

  it('is right that there is no push by force', () => {
    for (const { path, text } of sources('src')) {
      for (const [line] of text.matchAll(/^.*'push'.*$/gm)) expect(line, path).not.toMatch(/force|'\+|`\+/);
    }
  });

  it('is right that the measurement of memory is kept', () => {
    const bench = readFileSync(join(ROOT, 'bench', 'README.md'), 'utf8');
    const [, ratio] = /\| first run, memory \|.*?\| (\d\.\d+) \|/.exec(bench) ?? [];
    expect(Number(ratio)).toBeLessThan(2);
  });
});
