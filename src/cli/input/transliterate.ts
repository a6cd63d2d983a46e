import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';

/** Where the build puts the library, since only a file of its own can be read late and at once. */
const BESIDE = './any-ascii.js';

let table: ((text: string) => string) | undefined;

/** Any text in ASCII. The table behind it is large: it is read at the first name that needs it. */
export function anyAscii(text: string): string {
  if (!table) {
    const built = existsSync(new URL(BESIDE, import.meta.url));
    const library: unknown = createRequire(import.meta.url)(built ? BESIDE : 'any-ascii');
    table = (library as { default: (text: string) => string }).default;
  }
  return table(text);
}
