/** A place to cut a text at: before a character of two halves, if it would be between them. */
export function wholeAt(text: string, at: number): number {
  return /[\udc00-\udfff]/.test(text[at] ?? '') && /[\ud800-\udbff]/.test(text[at - 1] ?? '') ? at - 1 : at;
}

/** What of a text is between two places, without half a character. */
export function partOf(text: string, from: number, to = text.length): string {
  return text.slice(wholeAt(text, from), wholeAt(text, to));
}

/** So many characters of a text, at most, with a mark where it has more. */
export function shortened(text: string, most: number, mark = '…'): string {
  return text.length > most ? `${partOf(text, 0, most)}${mark}` : text;
}
