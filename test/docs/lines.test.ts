import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const MOST_CHARACTERS = 120;
const FOLDERS = ['src', 'test', 'bench', 'scripts', 'config'];

// The formatter breaks code, but no text and no comment.
it(`no line of code has more than ${MOST_CHARACTERS} characters`, () => {
  const long = FOLDERS.flatMap((folder) => readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile() && /\.(ts|mjs|sh|ya?ml)$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .flatMap((path) =>
      readFileSync(path, 'utf8')
        .split('\n')
        .flatMap((line, at) => ([...line].length > MOST_CHARACTERS ? [`${relative(ROOT, path)}:${at + 1}`] : [])),
    );

  expect(long).toEqual([]);
});
