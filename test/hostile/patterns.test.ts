import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { parseAst } from 'vitest/node';

/** Patterns that see nothing of anyone but the operator: file of `src`, beginning of the pattern. */
const OWN_INPUT: readonly (readonly [file: string, source: string])[] = [
  // Fallbacks of variables in the configuration.
  ['config/values.ts', String.raw`\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-`],
  // Conditions of a search, from the command line.
  ['core/where.ts', String.raw`^\s*((?:`],
];

const SOURCES = resolve(import.meta.dirname, '../../src');

interface Found {
  readonly file: string;
  readonly pattern: RegExp;
}

function filesOfSource(): string[] {
  return readdirSync(SOURCES, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
}

/** All patterns that are written as such. */
function literalsIn(file: string): Found[] {
  const found: Found[] = [];
  const visit = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return;
    const { regex } = node as { regex?: { pattern: string; flags: string } };
    if (regex) found.push({ file, pattern: new RegExp(regex.pattern, regex.flags) });
    for (const inner of Object.values(node)) visit(inner);
  };
  visit(parseAst(readFileSync(join(SOURCES, file), 'utf8'), { lang: 'ts' }));
  return found;
}

/** All patterns that modules put together when they are loaded. */
async function composedIn(files: readonly string[]): Promise<Found[]> {
  const found: Found[] = [];
  let file = '';
  vi.resetModules();
  vi.stubGlobal(
    'RegExp',
    new Proxy(RegExp, {
      construct(target, [source, flags]: [string, string]) {
        const pattern = new target(source, flags);
        // Not those of libraries.
        if (new Error('where').stack?.split('\n')[2]?.includes('/src/')) found.push({ file, pattern });
        return pattern;
      },
    }),
  );
  onTestFinished(() => void vi.unstubAllGlobals());
  for (file of files) await import(join(SOURCES, file));
  vi.unstubAllGlobals();
  return found;
}

const MEMBERS = [...' \t\r\n"\'<>/\\=:;,.-_@{}[]()#$%&*+!?|~^`aAzfexyJ0159'];

/** One character for each part of a pattern, in their order: pieces of what it matches. */
function piecesOf({ source, flags }: RegExp): string[] {
  const bare = source.replace(/\(\?(?:[:=!]|<[=!]|<[a-z]+>)/gi, '(').replace(/\{\d+,?\d*\}/g, '');
  const parts =
    bare.match(/\\(?:x[0-9a-f]{2}|u[0-9a-f]{4}|p\{[^}]*\}|.)|\[(?:\\.|[^\]\\])*\]|[^\\[\](){}|*+?^$]/gis) ?? [];
  return parts.flatMap((part) => {
    if (!/^[\\[.]/.test(part)) return [part];
    if (/^\\[bBk\d]/.test(part)) return [];
    const one = new RegExp(`^${part}$`, flags.replace(/[gym]/g, ''));
    return MEMBERS.filter((member) => one.test(member)).slice(0, 1);
  });
}

interface Hostile {
  readonly head: string;
  readonly again: string;
  readonly tail: string;
}

/**
 * Texts that nearly match, again and again: pieces in a row, with and without what comes before them.
 * @param longest so many pieces in a row; with several, other characters are tried as well
 */
function hostileTo(pattern: RegExp, longest: number): Hostile[] {
  const pieces = piecesOf(pattern);
  const found = new Map<string, Hostile>();
  const add = (head: string, again: string): void => {
    if (again === '') return;
    for (const tail of longest > 1 ? ['\0', '\n\0'] : ['\0'])
      found.set([head, again, tail].join('\u0001'), { head, again, tail });
  };
  for (const first of pieces.keys()) {
    const head = pieces.slice(0, first).join('');
    for (let count = 1; count <= longest; count++) {
      const again = pieces.slice(first, first + count).join('');
      add('', again);
      if (count <= 2) add(head, again);
    }
    add('', head);
  }
  if (longest === 1) return [...found.values()];
  for (const one of [...MEMBERS, '"\\', 'a=', 'a:', 'a.', 'Aa', '0a', '\0\r']) {
    add('', one);
    add(pieces.join(''), one);
  }
  return [...found.values()];
}

/** The least time of several, in milliseconds of the processor: other programs do not count. */
function timeOf(work: () => unknown, enough: number): number {
  let least = Number.POSITIVE_INFINITY;
  for (let times = 0; times < 5 && least > enough; times++) {
    const before = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(before);
    least = Math.min(least, (user + system) / 1_000);
  }
  return least;
}

/**
 * A hostile text for which a pattern takes more than in proportion to its length. Short texts come first: some
 * patterns would take years for the long ones. On a busy machine a linear one can be slow, too: what is slow for the
 * longest is judged by the time for four times the length, which is 4 times as long for a line and 16 for a square. A
 * part with a limit of thousands of characters is a line only beyond it: then sixteen times the length decides.
 */
function slowFor(pattern: RegExp, longest: number): string | undefined {
  const texts = hostileTo(pattern, longest);
  for (const [length, mostMs] of [
    [26, 3],
    [600, 6],
    [6_000, 5],
  ] as const) {
    for (const { head, again, tail } of texts) {
      const msFor = (times: number, enough: number): number => {
        const text = head + again.repeat(Math.ceil((times * length) / again.length)) + tail;
        return timeOf(() => text.replace(pattern, ''), enough);
      };
      const isLine = (times: number, before: number): boolean => msFor(times, 8 * before) <= 8 * before;
      const ms = msFor(1, mostMs);
      if (ms <= mostMs || (length === 6_000 && isLine(4, ms))) continue;
      if (length === 6_000 && /\{\d+,\d{4}\}/.test(pattern.source) && isLine(16, msFor(4, 0))) continue;
      return `${JSON.stringify(head)}, ${JSON.stringify(again)} × ${length}: ${ms.toFixed(1)} ms`;
    }
  }
  return undefined;
}

function slowAmong(found: readonly Found[], longest: number): string[] {
  return found.flatMap(({ file, pattern }) => {
    if (OWN_INPUT.some(([path, source]) => path === file && pattern.source.startsWith(source))) return [];
    const why = slowFor(pattern, longest);
    return why === undefined ? [] : [`${file}: ${String(pattern).slice(0, 160)} takes long for ${why}`];
  });
}

it('finds patterns whose time grows with the square of a text', { tags: 'slow' }, () => {
  const square = [/\s+$/, /<(script)[\s\S]*?<\/\1>|<[^>]*>/gi, /^\s*([^<>]+?)\s*<(\S+)>$/, /(\d+)\.(\d+)/];
  for (const pattern of square) expect(slowFor(pattern, 3), String(pattern)).toBeDefined();
  for (const pattern of [/\s+/g, /<[^<>]*>/g, /(?<!\s)\s+$/])
    expect(slowFor(pattern, 3), String(pattern)).toBeUndefined();
});

async function allPatterns(): Promise<Found[]> {
  const files = filesOfSource();
  const composing = files.filter((file) => readFileSync(join(SOURCES, file), 'utf8').includes('new RegExp('));
  const found = [...files.flatMap(literalsIn), ...(await composedIn(composing))];
  expect(found.length).toBeGreaterThan(300);
  return found;
}

it('the time of every pattern grows with the length of a text alone: one piece again and again', {
  tags: 'slow',
}, async () => {
  expect(slowAmong(await allPatterns(), 1)).toEqual([]);
});

it('the same for several pieces in a row', { tags: 'slow' }, async () => {
  expect(slowAmong(await allPatterns(), 10)).toEqual([]);
});
