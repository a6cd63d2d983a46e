import type { Context, Hono } from 'hono';
import { REPORT_POLICY } from '../audit/report/page-policy.ts';
import { partOf } from '../core/cut.ts';
import { AppError, messageOf } from '../core/errors.ts';
import type { Pages } from './pages.ts';
import { messageHtml, STATUS_POLICY } from './status-page.ts';

/** Paths of the pages. */
export const PAGES: readonly string[] = ['/', '/report'];

/** Characters of a word of time. */
const LONGEST_WORD = 100;
const PARAMETERS: readonly string[] = ['account', 'from', 'to'];

interface PageOptions {
  /** `undefined`: they are off. */
  readonly pages: () => Pages | undefined;
  /** Removes the secrets from a text. */
  readonly scrub: (text: string) => string;
}

/** The parameters of a report. @throws AppError `USAGE` */
function wantedOf(context: Context, accounts: readonly string[]) {
  const given = context.req.queries();
  const unknown = Object.keys(given).find((name) => !PARAMETERS.includes(name));
  if (unknown !== undefined) {
    throw new AppError('USAGE', `a report has no parameter ${partOf(unknown, 0, LONGEST_WORD)}`, {
      hint: `It has: ${PARAMETERS.join(', ')}`,
    });
  }
  const [account, from, to] = PARAMETERS.map((name) => {
    const words = (given[name] ?? []).filter((word) => word !== '');
    const [word = ''] = words;
    // A control character, which no time and no name holds, cannot be passed to a process.
    if (words.length > 1 || word.length > LONGEST_WORD || /\p{Cc}/u.test(word)) {
      throw new AppError('USAGE', `${name} is given twice, is too long, or has a control character`, {
        hint: 'Give one short text',
      });
    }
    return words[0];
  });
  const chosen = account ?? (accounts.length === 1 ? accounts[0] : undefined);
  const hint = `Name one of: ${accounts.join(', ')}`;
  if (chosen === undefined) throw new AppError('USAGE', 'a report is of one account: account is missing', { hint });
  if (!accounts.includes(chosen)) throw new AppError('USAGE', `no account is called ${chosen}`, { hint });
  return { account: chosen, from, to };
}

/** Whether a page of somewhere else asks for it, other than by a link that a person follows. */
function isForeign(context: Context): boolean {
  const [site, kind] = ['sec-fetch-site', 'sec-fetch-dest'].map((name) => context.req.header(name));
  return (site === 'cross-site' || site === 'same-site') && kind !== 'document';
}

/** Adds the pages for people: they read, and only GET and HEAD are answered. One report is made at a time. */
export function addPages(app: Hono, { pages, scrub }: PageOptions): void {
  let busy = false;
  const page = (text: string, policy: string, status = 200, more: Record<string, string> = {}): Response =>
    new Response(scrub(text), {
      status,
      headers: {
        'content-type': 'text/html; charset=utf-8',
        'content-security-policy': `${policy}; frame-ancestors 'none'`,
        'cache-control': 'no-store',
        'cross-origin-opener-policy': 'same-origin',
        'cross-origin-resource-policy': 'same-origin',
        'referrer-policy': 'no-referrer',
        'x-content-type-options': 'nosniff',
        ...more,
      },
    });
  const message = (title: string, text: string, status: number, more: Record<string, string> = {}): Response =>
    page(messageHtml(title, scrub(text)), STATUS_POLICY, status, more);

  app.use('*', async (context, next) => {
    if (!PAGES.includes(context.req.path)) return next();
    if (!pages()) return context.notFound();
    if (!['GET', 'HEAD'].includes(context.req.method)) {
      return message('Not allowed', 'Pages are only read: use GET', 405, { allow: 'GET, HEAD' });
    }
    if (isForeign(context)) return message('Not allowed', 'Pages are not part of other pages', 403);
    return next();
  });
  app.get('/', async (context) => {
    const on = pages();
    return on ? page(await on.status(), STATUS_POLICY) : context.notFound();
  });
  app.get('/report', async (context) => {
    const on = pages();
    if (!on) return context.notFound();
    const again = { 'retry-after': '10' };
    if (busy) return message('Busy', 'Another report is being made. Try again in a moment.', 503, again);
    busy = true;
    try {
      return page(await on.report(wantedOf(context, on.accounts()), context.req.raw.signal), REPORT_POLICY);
    } catch (error) {
      if (error instanceof DOMException && error.name === 'TimeoutError') {
        const remedy = 'Choose a shorter period, or make it with: celigo-mirror report';
        return message('Too long', `The report took too long and was given up. ${remedy}`, 503);
      }
      const hint = error instanceof AppError ? (error.hint ?? '') : '';
      const isWrong = error instanceof AppError && error.code === 'USAGE';
      return message(isWrong ? 'No report' : 'The report failed', `${messageOf(error)}. ${hint}`, isWrong ? 400 : 503);
    } finally {
      busy = false;
    }
  });
}
