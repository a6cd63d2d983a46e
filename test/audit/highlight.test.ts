import hljs from 'highlight.js';
import { describe, expect, it } from 'vitest';
import { highlightLines } from '../../src/audit/report/highlight.ts';

/** Statements, and what can span several lines. */
const CODE = `/* A comment; of
 * two lines; */
const one = 1; // one
var text = 'a; b'
  + "c"; /* open;
still open */ let two = \`a template; \${one; }
const inside = 1;

with an empty line \${ { a: [1,
  2] }.a };
end\`;
function map(options, { settings,
  other = () => { return /re;gex}/g; }
}) {
  if (options.a < 2 && "<b>") {
    return options.data.map((record) => {
      record.total = Number(record.total) || 0; // <sum>;
    });
  }

  // only a comment
  class Inner extends Base { get value() { return super.value; } }
  return { ...options, ok: true };
}
const late = async (a,
  b) => { await a; };
/* never closed;
const x = 1;
`;

/** Without its tags, and how each character is coloured: where a tag is closed and opened again says nothing. */
function coloursOf(markup: string): string[] {
  const open: string[] = [];
  return [...markup.matchAll(/<span class="([^"]*)">|<\/span>|\n|&\w+;|./gs)].flatMap(([part, name]) => {
    if (name !== undefined) open.push(name);
    else if (part === '</span>') open.pop();
    else return part === '\n' ? ['\n'] : [`${part} ${open.join(' ')}`];
    return [];
  });
}

describe('code in a report', () => {
  const whole = (text: string): string => hljs.highlight(text, { language: 'javascript', ignoreIllegals: true }).value;

  it('has the colours that it has as a whole, although it is highlighted statement by statement', () => {
    // From each line on, so that every line is once the first.
    for (const [i] of CODE.split('\n').entries()) {
      const text = CODE.split('\n').slice(i).join('\n');
      expect(coloursOf(highlightLines(text, 'javascript').join('\n'))).toEqual(coloursOf(whole(text)));
    }
  });

  it('closes on each line what it opens there', () => {
    for (const line of highlightLines(CODE, 'javascript')) {
      expect(line.match(/<span/g)?.length).toBe(line.match(/<\/span>/g)?.length);
    }
  });

  it('has as many lines as the text, with and without a line break at its end, and with nothing but one', () => {
    for (const text of ['', '\n', 'a', 'a;\n', 'a;\n\n', '/* a\n', '/* a\n\n']) {
      for (const language of ['javascript', 'yaml', undefined]) {
        expect(highlightLines(text, language), JSON.stringify(text)).toHaveLength(text.split('\n').length);
      }
    }
  });
});
