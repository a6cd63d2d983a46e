import { serverTime } from '../core/server-time.ts';

type Headers = Readonly<Record<string, string | string[] | undefined>>;

const SECONDS = /^\d+(?:\.\d+)?$/;
/** Of HTTP or ISO 8601; `Date.parse` alone takes "2, 2" for one as well. */
const DATE = /^(?:[a-z]{3}|\d{4}-\d\d-\d\d)/i;

/**
 * How long the server asks to wait; `undefined` where it asks for nothing, by no header, `0`, a time that is over, or a
 * text that is neither seconds nor a date.
 * @param now the server's time as far as it is known, for answers without a `Date`
 */
export function retryAfterMs(headers: Headers, now: number): number | undefined {
  const text = String(headers['retry-after'] ?? '').trim();
  if (SECONDS.test(text)) return Number(text) > 0 ? Number(text) * 1000 : undefined;
  if (!DATE.test(text)) return undefined;
  // By the clock of the server that names the date, where it is shown.
  const date = serverTime(String(headers.date ?? ''));
  const wait = serverTime(text) - (Number.isFinite(date) ? date : now);
  return wait > 0 ? wait : undefined;
}
