import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';

/** Where the build puts the library: only a file of its own can be loaded late and synchronously. */
const BUNDLED = './any-ascii.js';

let table: ((text: string) => string) | undefined;

/** Any text in ASCII. Its table is large: it is loaded for the first name that needs it. */
export function anyAscii(text: string): string {
  if (!table) {
    const built = existsSync(new URL(BUNDLED, import.meta.url));
    const library: unknown = createRequire(import.meta.url)(built ? BUNDLED : 'any-ascii');
    table = (library as { default: (text: string) => string }).default;
  }
  return table(text);
}
