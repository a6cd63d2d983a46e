import { sourceHash } from './markup.ts';
import { PAGE_SCRIPT } from './page-script.ts';
import { PAGE_STYLE } from './page-style.ts';

/** What the page of a report may do: its own style and script, and nothing from elsewhere. */
export const REPORT_POLICY = [
  `default-src 'none'; style-src ${sourceHash(PAGE_STYLE)}; script-src ${sourceHash(PAGE_SCRIPT)}`,
  `base-uri 'none'; form-action 'none'`,
].join('; ');
