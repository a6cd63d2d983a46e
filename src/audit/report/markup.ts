import { createHash } from 'node:crypto';
import { html, raw } from 'hono/html';

/** Markup that is safe to put into other markup. */
export type Markup = ReturnType<typeof raw>;

/** Markup with its values escaped. */
export function markup(strings: TemplateStringsArray, ...values: unknown[]): Markup {
  return html(strings, ...values) as Markup;
}

/** Joins markup. */
export function joined(parts: readonly Markup[]): Markup {
  return raw(parts.join(''));
}

/** A script or style of a page, as its Content-Security-Policy names it. */
export function sourceHash(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}
