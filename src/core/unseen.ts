/** Selects a form of the character before it: harmless alone, but a row of them can carry any hidden text. */
const SELECTOR = String.raw`\ufe00-\ufe0f\u{e0100}-\u{e01ef}`;
/**
 * What a person does not see, or what changes how the rest is shown: control characters, line ends of all kinds,
 * direction marks, characters without width, tags, and halves of characters.
 */
const HIDDEN = String.raw`\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Default_Ignorable_Code_Point}\ufffe\uffff`;
const UNSEEN = new RegExp(`(?![${SELECTOR}])[${HIDDEN}]|[${SELECTOR}]{2,}`, 'gu');
/** Most texts. */
const PLAIN = /^[\x20-\x7e]*$/;

/** The text with something else in place of every character that does not show. */
export function replaceUnseen(text: string, by: string | ((unseen: string) => string)): string {
  if (PLAIN.test(text)) return text;
  return typeof by === 'string' ? text.replaceAll(UNSEEN, by) : text.replaceAll(UNSEEN, by);
}

/** Text of JSON in which each character that does not show is escaped: the same value, and nothing in it is hidden. */
export function escapeUnseen(json: string): string {
  return replaceUnseen(json, (unseen) => {
    if (unseen === '\n' || unseen === '\t') return unseen;
    let out = '';
    for (let at = 0; at < unseen.length; at++) out += `\\u${unseen.charCodeAt(at).toString(16).padStart(4, '0')}`;
    return out;
  });
}

/** A value as an output of the program in JSON. `indent`: 0 for one line. Ends with a line break. */
export function jsonText(value: unknown, indent = 2): string {
  return `${escapeUnseen(JSON.stringify(value, null, indent))}\n`;
}

/** The colours that the program itself uses. */
const COLOUR = /\x1b\[(?:0|1|2|22|3[1-6]|39|90)m/y;

/**
 * A text as a terminal may show it, whatever is quoted in it: lines, indentation and, where `colours` are on, those of
 * the program. Everything else that does not show becomes `�`.
 */
export function terminalText(text: string, colours: boolean): string {
  if (PLAIN.test(text)) return text;
  let kept = 0;
  return text.replaceAll(UNSEEN, (unseen, at: number) => {
    if (unseen === '\n' || unseen === '\t' || at < kept) return unseen;
    COLOUR.lastIndex = at;
    if (!colours || unseen !== '\x1b' || !COLOUR.test(text)) return '�';
    kept = COLOUR.lastIndex;
    return unseen;
  });
}
