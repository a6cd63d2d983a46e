import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type Browser, chromium, type Page } from 'playwright-core';
import { onTestFinished } from 'vitest';

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** The browser of this machine; CI installs one. */
export const BROWSER = [process.env.CHROMIUM, ...PLACES].find((path) => path !== undefined && existsSync(path));

/** Whether tests that need a browser are left out: on a machine without one, but never in CI. */
export const WITHOUT_BROWSER = BROWSER === undefined && !process.env.CI;

const ARGUMENTS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** A browser that is closed when the test ends. */
export async function browser(): Promise<Browser> {
  if (BROWSER === undefined) throw new Error('Chromium is missing: install it, or name it in $CHROMIUM');
  const started = await chromium.launch({ executablePath: BROWSER, args: ARGUMENTS });
  onTestFinished(() => started.close());
  return started;
}

/** What axe-core finds wrong in a page, a text each. The page must have been opened with `bypassCSP`. */
export async function accessibilityFaults(page: Page): Promise<unknown> {
  await page.addScriptTag({ path: createRequire(import.meta.url).resolve('axe-core/axe.min.js') });
  return page.evaluate(
    `axe.run().then(({ violations }) => violations.map(({ id, nodes }) =>
      id + ': ' + nodes.map(({ html }) => html).join(' ').slice(0, 300)))`,
  );
}

/** What a page asked of the outside, and what went wrong in it. */
export interface Watched {
  readonly page: Page;
  /** Addresses beside the page's own. */
  readonly requests: readonly string[];
  readonly errors: readonly string[];
}

/** Opens a page in a browser, watched from before its first byte. */
export async function open(
  in_: Browser,
  url: string,
  options: Parameters<Browser['newPage']>[0] = {},
): Promise<Watched> {
  const page = await in_.newPage({ viewport: { width: 1200, height: 1000 }, ...options });
  const requests: string[] = [];
  const errors: string[] = [];
  page.on('request', (request) => {
    if (request.url() !== url) requests.push(request.url());
  });
  page.on('pageerror', (error) => errors.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text());
  });
  await page.goto(url);
  return { page, requests, errors };
}
