import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Words that are no longer used, each with the one that took its place (docs/glossary.md). */
const REPLACED: readonly (readonly [RegExp, string])[] = [
  [/\bpassing (error|fault|failure|status|reason)s?\b|\bisPassing/i, 'transient, retryable'],
  [/\bground\b/i, 'head state'],
  [/\bremember(s|ed|ing)?\b/i, 'cache, known types, state store'],
  [/\b(told|tells)\b/i, 'reported, reports'],
  [/\bdoors?\b/i, 'source, channel'],
  [/\bsureness\b/i, 'certainty'],
  [/\b(slipped|ledger|unsure)\b/i, 'concurrent edit, write log, unknown outcome'],
  [/\b(twins?|followers?|gate)\b/i, 'matched, dependents, read-write lock'],
  [/\b(mend(s|ed|ing)?|hale|well again)\b/i, 'repair, healthy, recovered'],
  [/\b(takes? stock|weigh(s|ed)?|wonders?)\b/i, 'fetch, check, evaluate'],
  [/\bagenda\b/i, 'schedule'],
  [/\bin (the )?clear\b/i, 'in plain text'],
  [/\b(in part|in half(?! a)|read whole)\b/i, 'partly, completely'],
  [/\banew\b/i, 'again, recreated, starts over'],
  [/\b(some|no|any|every)body\b/i, 'a person, no one, you'],
  [/\bstands\b/i, 'is, is in'],
  [/(?<!there )\bis no\b(?! longer)/i, 'is not a valid …'],
  [/\bgoes on\b/i, 'continues, resumes'],
  [/\bcomes? to (its|an) end\b/i, 'ends'],
  [/\bby hand\b/i, 'manually'],
  [/\bunder way\b/i, 'in progress'],
  [/\bthe way on\b/i, 'remedy, what to do next'],
  [/\bsays? so\b/i, 'states this, names it'],
  [/\bat its place\b/i, 'where it is'],
  [/\b(shall|begun)\b/i, 'should, started'],
  [/\bfor good\b/i, 'permanently'],
  [/\bpass(es|ed) over\b/i, 'skip'],
];

/** What may say a replaced word, and why. */
const ALLOWED: readonly (readonly [path: RegExp, line: RegExp])[] = [
  // Names and texts of the invented account.
  [/^src\/emulator\/sample\//, /./],
  // Keys of JSON documents and columns of CSV files are kept.
  [/^(src|docs)\//, /\bsureness\b/],
  [/^src\/daemon\/state-store\.ts$/, /\btold\b/],
  [/^src\/run\/restore\/make-plan\.ts$/, /\bfollowers: dependents\b/],
  // Names of tests.
  [/^docs\/reliability\.md$/, /./],
];

/** A line with the words of its identifiers apart. */
function inWords(line: string): string {
  return line.replace(/([a-z])([A-Z])/g, '$1 $2');
}

/** The lines of every test file that give a test its title. */
function titles(): { path: string; lines: string[] }[] {
  return readdirSync(join(ROOT, 'test'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.test.ts'))
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => ({
      path: relative(ROOT, path),
      lines: readFileSync(path, 'utf8')
        .split('\n')
        .map((line) => (/^\s*(it|describe)[.(].*['"`]/.test(line) ? line : '')),
    }));
}

const files = ['src', 'docs', 'config', 'deploy']
  .flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && /\.(ts|md|ya?ml|json|service|timer)$/.test(entry.name))
      .map((entry) => join(entry.parentPath, entry.name)),
  )
  .concat(['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md'].map((name) => join(ROOT, name)))
  .map((path) => ({ path: relative(ROOT, path), lines: readFileSync(path, 'utf8').split('\n').map(inWords) }))
  .concat(titles());

describe('the words of code and documentation', () => {
  it.each(REPLACED)('do not include %s', (word, instead) => {
    const found = files.flatMap(({ path, lines }) =>
      lines.flatMap((line, at) =>
        word.test(line) && !ALLOWED.some(([paths, texts]) => paths.test(path) && texts.test(line))
          ? [`${path}:${at + 1}: ${line.trim()}`]
          : [],
      ),
    );

    expect(found, `say ${instead}`).toEqual([]);
  });
});
