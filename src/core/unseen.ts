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

/** Makes text safe for one line of a terminal, a log or a commit message: nothing in it is hidden. */
export function oneLine(text: string): string {
  return replaceUnseen(text, ' ').replace(/\s+/g, ' ').trim();
}

/** Makes one line of a text safe to show, its indentation kept: what does not print becomes `�`. */
export function visibleLine(line: string): string {
  return replaceUnseen(line.replace(/\t/g, '  '), '�');
}

/** The longest name of the API, in characters: longer ones are cut where they are shown. */
const LONGEST_NAME = 100;

/** A name, safe to print on one line: of a very long one, its beginning. */
export function shownName(name: string): string {
  const line = oneLine(name);
  const letters = line.length > LONGEST_NAME ? [...line] : [];
  return letters.length > LONGEST_NAME ? `${letters.slice(0, LONGEST_NAME - 1).join('')}…` : line;
}

/** Letters of other alphabets that look like those of the Latin one. */
const ALIKE = {
  letters: 'аеорсухіјѕһԁԛԝАВЕКМНОРСТУХІЈЅοανρυΑΒΕΖΗΙΚΜΝΟΡΤΥΧ',
  latin: 'aeopcyxijshdqwABEKMHOPCTYXIJSoavpuABEZHIKMNOPTYX',
};
const LATIN = new Map([...ALIKE.letters].map((letter, at) => [letter, ALIKE.latin[at] ?? letter]));

/** What a person sees of a text. Where two look the same, {@link escapedText} shows what differs. */
export function lookOf(text: string): string {
  const line = visibleLine(text);
  if (PLAIN.test(line)) return line;
  return line
    .normalize('NFKC')
    .replace(/\s/gu, ' ')
    .replace(/[\u0370-\u052f]/g, (letter) => LATIN.get(letter) ?? letter);
}

/** A text in which every character beyond ASCII is escaped, tabs included. */
export function escapedText(text: string): string {
  const code = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return text.replaceAll('\t', '\\t').replace(/[^\x20-\x7e]/g, code);
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
