/** A clock time with its zone, by name or offset. */
const ZONED = /:\d\d(?:\.\d+)?\s*(?:[a-z]{1,5}|[+-]\d\d(?::?\d\d)?)$/i;
const ISO = /^\d{4}-\d\d-\d\d[t ]/i;

/**
 * Milliseconds since 1970 of a time as a server writes it: ISO 8601, or a date of HTTP in any of its three forms. One
 * without a zone is in UTC, whatever the zone of this machine. NaN for anything else.
 */
export function serverTime(text: string): number {
  const said = text.trim();
  if (ZONED.test(said)) return Date.parse(said);
  // A date alone is in UTC as it is.
  if (ISO.test(said)) return Date.parse(`${said.replace(' ', 'T')}Z`);
  return Date.parse(/:\d\d/.test(said) ? `${said} GMT` : said);
}

/** The same as a text that means one moment everywhere; `undefined` for another text. */
export function serverTimeText(text: string): string | undefined {
  const ms = serverTime(text);
  if (!Number.isFinite(ms)) return undefined;
  const known = new Date(ms).toISOString();
  // Kept of each resource: the same text is kept once.
  return known === text ? text : known;
}
