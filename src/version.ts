import { readFileSync } from 'node:fs';

/** Version from package.json, which stands one folder above both `src` and `dist`. */
export const VERSION: string = (
  JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }
).version;

export const USER_AGENT = `celigo-mirror/${VERSION}`;
