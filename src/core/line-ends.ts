/** What every line of a text ends with. `none`: it is one line; `mixed`: its lines end differently. */
type LineEnd = 'LF' | 'CRLF' | 'none' | 'mixed';

export function lineEndOf(text: string): LineEnd {
  let found: LineEnd = 'none';
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) {
    const end = text[at - 1] === '\r' ? 'CRLF' : 'LF';
    if (found !== 'none' && found !== end) return 'mixed';
    found = end;
  }
  return found;
}

/** A text whose lines end with CR LF, with LF instead. */
export function withLf(text: string): string {
  return text.replaceAll('\r\n', '\n');
}

/** A text whose lines end with LF, with another end. */
export function withLineEnd(text: string, end: LineEnd): string {
  return end === 'CRLF' ? text.replaceAll('\n', '\r\n') : text;
}
