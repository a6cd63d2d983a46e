import hljs from 'highlight.js/lib/core';
import javascript from 'highlight.js/lib/languages/javascript';
import markdown from 'highlight.js/lib/languages/markdown';
import sql from 'highlight.js/lib/languages/sql';
import xml from 'highlight.js/lib/languages/xml';
import yaml from 'highlight.js/lib/languages/yaml';
import type { ResourceType } from '../../catalogue/types.ts';
import { covers, type Place } from '../../core/places.ts';

hljs.registerLanguage('javascript', javascript);
hljs.registerLanguage('markdown', markdown);
hljs.registerLanguage('sql', sql);
hljs.registerLanguage('xml', xml);
hljs.registerLanguage('yaml', yaml);

const LANGUAGES: Readonly<Record<string, string>> = {
  js: 'javascript',
  md: 'markdown',
  sql: 'sql',
  soql: 'sql',
  html: 'xml',
};

/** Longer texts are shown without colours: highlighting them is slow. Characters. */
const LONGEST = 200_000;

/** Characters of text whose markup is kept for later. */
const MOST_KEPT = 16_000_000;

/**
 * Lines after which a text may be cut, by language: where no comment or string is open, nothing that follows changes
 * the colours of what was before. A text in another language is one piece.
 */
const ENDS: Readonly<Record<string, RegExp>> = { javascript: /(?:^|[;}]|\*\/)\s*(?:\/\/[\s\S]*)?$/ };

/** The language of a text, from the file that the mirror keeps it in; YAML for what is not a text. */
export function languageOf(type: ResourceType | undefined, place: Place, isText: boolean): string | undefined {
  if (!isText) return 'yaml';
  const rule = Object.entries(type?.sideFiles ?? {}).find(([path]) => covers(path, place));
  return rule === undefined ? undefined : LANGUAGES[rule[1].extension];
}

function escapeHtml(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
}

/** What spans several lines is closed at the end of each and opened again. */
function splitMarkup(marked: string): string[] {
  let open: string[] = [];
  return marked.split('\n').map((line) => {
    const begin = open.join('');
    for (const [tag] of line.matchAll(/<span [^<>]*>|<\/span>/g)) {
      if (tag === '</span>') open = open.slice(0, -1);
      else open.push(tag);
    }
    return `${begin}${line}${'</span>'.repeat(open.length)}`;
  });
}

/** A text as HTML, and whether a comment, a string or the like is open at its end. */
interface Marked {
  readonly lines: readonly string[];
  readonly open: boolean;
}

const kept = new Map<string, Marked>();
let characters = 0;

/** Versions of a text have nearly all their statements in common, and each is shown in two changes. */
function markOnce(text: string, language: string, make: () => Marked): Marked {
  const key = `${language} ${text}`;
  let marked = kept.get(key);
  if (!marked) {
    marked = make();
    if (characters > MOST_KEPT) {
      kept.clear();
      characters = 0;
    }
    characters += text.length;
    kept.set(key, marked);
  }
  return marked;
}

function mark(text: string, language: string): Marked {
  const { value, _top } = hljs.highlight(text, { language, ignoreIllegals: true });
  return { lines: splitMarkup(value), open: _top !== undefined && 'parent' in _top };
}

/** Highlights statement by statement; one that is open at its end is taken together with as much again. */
function markPieces(lines: readonly string[], end: RegExp, language: string): Marked {
  const out: string[] = [];
  let open = false;
  while (out.length < lines.length) {
    const from = out.length;
    let to = from;
    for (let least = 1; to < lines.length; least = 2 * (to - from)) {
      to = Math.min(from + least, lines.length);
      while (to < lines.length && !end.test(lines[to - 1] ?? '')) to += 1;
      const piece = `${lines.slice(from, to).join('\n')}\n`;
      const marked = markOnce(piece, language, () => mark(piece, language));
      ({ open } = marked);
      if (open && to < lines.length) continue;
      for (let i = 0; i < to - from; i++) out.push(marked.lines[i] ?? '');
      break;
    }
  }
  return { lines: out, open };
}

/** A text as HTML, line by line. */
export function highlightLines(text: string, language: string | undefined): readonly string[] {
  if (language === undefined || text.length > LONGEST) return escapeHtml(text).split('\n');
  const end = ENDS[language];
  return markOnce(text, language, () => (end ? markPieces(text.split('\n'), end, language) : mark(text, language)))
    .lines;
}
