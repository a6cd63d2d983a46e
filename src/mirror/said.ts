import { partOf, shortened } from '../core/cut.ts';
import { messageOf } from '../core/errors.ts';
import { oneLine } from '../core/unseen.ts';

/** What is kept of the words of git, and of the server behind it, in characters. */
const LONGEST = 1_000;
/** Lines that say why: a server may print a banner before them, and a page of help after them. */
const TELLING =
  /\b(?:error|fatal|reject|refus|den(?:y|ied)|declin|forbid|not allowed|must|protect|rule|violat|secret|GH\d{3}\b)/i;
const GAP = '…';

/** The lines of a text that say something, each once: no frames, and no sign that the server speaks. */
function linesIn(text: string): string[] {
  const lines = text.split(/[\r\n]+/).map((line) =>
    line
      .replace(/^remote:\s*/, '')
      .replace(/[-=*#_~+]{4,}/g, ' ')
      .replace(/\s+/g, ' ')
      .trim(),
  );
  return [...new Set(lines.filter((line) => /[\p{L}\p{N}]/u.test(line)))];
}

/** The middle of a line goes where it is too long. */
function cutLine(line: string): string {
  if (line.length <= LONGEST) return line;
  const half = LONGEST / 2;
  return `${shortened(line, half, GAP)}${partOf(line, line.length - half)}`;
}

/**
 * What a failed command said, on one line. Of a long text the lines that tell why are kept, then those at the end: what
 * comes first is a banner more often than not.
 */
export function reasonOf(error: unknown): string {
  const text = messageOf(error);
  const command = /^git [a-z-]+: /.exec(text)?.[0] ?? '';
  const lines = linesIn(text.slice(command.length)).map(cutLine);
  const order = lines.map((line, i) => ({ i, line, telling: TELLING.test(line) }));
  order.sort((a, b) => Number(b.telling) - Number(a.telling) || b.i - a.i);
  const kept = new Set<number>();
  let length = 0;
  for (const { i, line } of order) {
    if (kept.size > 0 && length + line.length > LONGEST) break;
    length += line.length + 1;
    kept.add(i);
  }
  const words = lines.flatMap((line, i) => (kept.has(i) ? [line] : kept.has(i - 1) || i === 0 ? [GAP] : []));
  return oneLine(`${command}${words.join(' ')}`);
}
