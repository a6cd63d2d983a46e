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

/** The language of a text, from the file that the mirror keeps it in; YAML for what is not a text. */
export function languageOf(type: ResourceType | undefined, place: Place, isText: boolean): string | undefined {
  if (!isText) return 'yaml';
  const rule = Object.entries(type?.sideFiles ?? {}).find(([path]) => covers(path, place));
  return rule === undefined ? undefined : LANGUAGES[rule[1].extension];
}

function escapeHtml(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
}

/** A text as HTML, line by line: what spans several lines is closed at the end of each and opened again. */
export function highlightLines(text: string, language: string | undefined): string[] {
  const marked =
    language === undefined || text.length > LONGEST
      ? escapeHtml(text)
      : hljs.highlight(text, { language, ignoreIllegals: true }).value;
  let open: string[] = [];
  return marked.split('\n').map((line) => {
    const begin = open.join('');
    for (const [tag] of line.matchAll(/<span [^>]*>|<\/span>/g)) {
      if (tag === '</span>') open = open.slice(0, -1);
      else open.push(tag);
    }
    return `${begin}${line}${'</span>'.repeat(open.length)}`;
  });
}
