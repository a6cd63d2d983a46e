/** One link of a `Link` header (RFC 8288). */
interface Link {
  /** As it was sent: absolute or relative. */
  readonly target: string;
  /** Relation types, in lower case. */
  readonly relations: readonly string[];
}

/** A name of a parameter (RFC 9110, 5.6.2), with the value behind `=`: in quotes, or up to the next separator. */
const PARAMETER =
  /[ \t]*([!#$%&'*+.^_`|~0-9a-z-]+)[ \t]*(?:=[ \t]*(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([^",; \t<>]*)))?[ \t]*/iy;
const TARGET = /[ \t]*<([^<>]*)>[ \t]*/y;

/**
 * The links of all `Link` headers of an answer: any number of headers, links and parameters, commas and semicolons
 * inside quotes and angle brackets, names and relations in any case. Single quotes, which some servers use, are quotes.
 * @returns `undefined` for a header that cannot be read to its end, or a link that does not say what it is: an end of
 * the list must not follow from it
 */
export function readLinks(header: string | readonly string[]): readonly Link[] | undefined {
  const links: Link[] = [];
  for (const line of typeof header === 'string' ? [header] : header) {
    const read = linksOf(line.replace(/\r?\n[ \t]+/g, ' '));
    if (!read) return undefined;
    links.push(...read);
  }
  return links;
}

function linksOf(text: string): Link[] | undefined {
  const links: Link[] = [];
  let at = 0;
  /** What the pattern finds here, if anything; the next one is searched behind it. */
  const take = (pattern: RegExp): RegExpExecArray | undefined => {
    pattern.lastIndex = at;
    const found = pattern.exec(text) ?? undefined;
    at = found ? pattern.lastIndex : at;
    return found;
  };
  while (at < text.length) {
    // Empty elements of a list mean nothing.
    if (take(/[ \t,]+/y)) continue;
    const target = take(TARGET)?.[1]?.trim();
    if (target === undefined) return undefined;
    let rel: string | undefined;
    while (take(/;[ \t]*/y)) {
      const [, name, double, single, bare] = take(PARAMETER) ?? [];
      // Of several, the first counts (RFC 8288, 3.3).
      if (name?.toLowerCase() === 'rel') rel ??= double?.replace(/\\(.)/g, '$1') ?? single ?? bare ?? '';
    }
    if (at < text.length && text[at] !== ',') return undefined;
    const relations = (rel ?? '')
      .toLowerCase()
      .split(/[ \t]+/)
      .filter((word) => word !== '');
    if (relations.length === 0) return undefined;
    links.push({ target, relations });
  }
  return links;
}
