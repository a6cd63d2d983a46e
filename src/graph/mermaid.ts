import { replaceUnseen } from '../core/unseen.ts';

/**
 * Text for a Mermaid label in quotes. Whatever Mermaid could take for markup becomes one of its own character codes
 * (`#60;` for `<`), so that no name can open a tag, end the label or begin a directive.
 */
export function mermaidText(text: string, longest = 60): string {
  const plain = [...replaceUnseen(text, ' ')];
  const cut = plain.length > longest ? [...plain.slice(0, longest - 1), '…'] : plain;
  return (
    cut
      .map((char) => (/[\p{L}\p{N} .,:/()+…→·-]/u.test(char) || char > '\x7f' ? char : `#${char.codePointAt(0)};`))
      .join('') || ' '
  );
}

/** A node of a flowchart in the shape that its kind of resource has everywhere. */
export function mermaidNode(id: string, type: string, text: string): string {
  const [open, close] = SHAPES[type] ?? ['["', '"]'];
  return `${id}${open}${text}${close}`;
}

const SHAPES: Readonly<Record<string, readonly [string, string]>> = {
  connections: ['[("', '")]'],
  integrations: ['[["', '"]]'],
  scripts: ['[/"', '"/]'],
  flows: ['(["', '"])'],
};
