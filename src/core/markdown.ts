import type { PhrasingContent, RootContent, TableRow } from 'mdast';
import { gfmToMarkdown } from 'mdast-util-gfm';
import { toMarkdown } from 'mdast-util-to-markdown';
import { breakDirectives } from './directives.ts';
import { oneLine, visibleLine } from './unseen.ts';

/** A literal text; no part of it is taken for markup, or for an instruction to a forge. */
export const text = (value: string): PhrasingContent => ({ type: 'text', value: breakDirectives(visibleLine(value)) });
export const strong = (value: string): PhrasingContent => ({ type: 'strong', children: [text(oneLine(value) || '-')] });
export const code = (value: string): PhrasingContent => ({ type: 'inlineCode', value: oneLine(value) });

/** A link that shows a text. */
export function link(url: string, shown: PhrasingContent): PhrasingContent {
  return { type: 'link', url, children: [shown as never] };
}

export function heading(depth: 1 | 2 | 3, ...children: PhrasingContent[]): RootContent {
  return { type: 'heading', depth, children };
}

export function paragraph(...children: PhrasingContent[]): RootContent {
  return { type: 'paragraph', children };
}

export function bullets(items: readonly (readonly PhrasingContent[])[]): RootContent[] {
  if (items.length === 0) return [];
  const children = items.map((item) => ({
    type: 'listItem' as const,
    children: [{ type: 'paragraph' as const, children: [...item] }],
  }));
  return [{ type: 'list', ordered: false, spread: false, children }];
}

function row(cells: readonly (readonly PhrasingContent[])[]): TableRow {
  return { type: 'tableRow', children: cells.map((cell) => ({ type: 'tableCell', children: [...cell] })) };
}

/** A table; columns after the first `words` ones hold numbers. Empty without rows. */
export function markdownTable(
  heads: readonly string[],
  rows: readonly (readonly (readonly PhrasingContent[])[])[],
  words = heads.length,
): RootContent[] {
  if (rows.length === 0) return [];
  return [
    {
      type: 'table',
      align: heads.map((_, i) => (i < words ? null : 'right')),
      children: [row(heads.map((head) => [text(head)])), ...rows.map(row)],
    },
  ];
}

/** The Markdown of these parts, in GitHub's dialect. */
export function renderMarkdown(children: readonly RootContent[]): string {
  return toMarkdown(
    { type: 'root', children: [...children] },
    { extensions: [gfmToMarkdown({ tablePipeAlign: false })], bullet: '-', fences: true },
  );
}
