import type { Person } from './changes.ts';

/** Line breaks, control and format characters (bidirectional ones too), halves of characters: none of it shows. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]+/gu;
/** A text of these alone shows nothing. */
const BLANK = /^[\p{Default_Ignorable_Code_Point}\p{Z}\u2800]*$/u;
/** What git takes from both ends of a name and of an address. */
const STRIPPED = ' .,:;"\'\\';

function stripped(text: string): string {
  let [from, to] = [0, text.length];
  while (from < to && STRIPPED.includes(text.charAt(from))) from += 1;
  while (to > from && STRIPPED.includes(text.charAt(to - 1))) to -= 1;
  return text.slice(from, to);
}

/** An e-mail address that can end neither its line nor the note or trailer that holds it, as git keeps it. */
export function plainEmail(text: string): string {
  return stripped(text.replace(UNSEEN, '').replace(/[<>[\],\s]/g, ''));
}

/**
 * A person as git keeps one. It refuses a name of which nothing is left without the characters that it strips: then the
 * address takes its place. Commits that are signed and those that are not, trailers and reports all have this form.
 */
export function identityOf({ name, email }: Person): Person {
  const address = plainEmail(email) || 'unknown';
  const plain = stripped(name.replace(UNSEEN, ' ').replace(/[<>]/g, ' ').replace(/\s+/g, ' '));
  return { name: BLANK.test(plain) ? address : plain, email: address };
}
