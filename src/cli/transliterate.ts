import { createRequire } from 'node:module';

let table: ((text: string) => string) | undefined;

/** Any text in ASCII. The table behind it is large: it is read at the first name that needs it. */
export function anyAscii(text: string): string {
  table ??= (createRequire(import.meta.url)('any-ascii') as { default: (text: string) => string }).default;
  return table(text);
}
