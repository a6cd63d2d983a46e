import type { Person } from './changes.ts';
import { withoutCredentials } from './credential-text.ts';
import { replaceUnseen } from './unseen.ts';

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
  return stripped(replaceUnseen(text, '').replace(/[<>[\],\s]/g, ''));
}

/**
 * A person as git keeps one. A name is free text, and as an author's it stays in the history for ever: a credential in
 * it does not. It refuses a name of which nothing is left without the characters that it strips: then the address takes
 * its place. Commits that are signed and those that are not, trailers and reports all have this form.
 */
export function identityOf({ name, email }: Person): Person {
  const address = plainEmail(withoutCredentials(email)) || 'unknown';
  const plain = stripped(replaceUnseen(withoutCredentials(name), ' ').replace(/[<>]/g, ' ').replace(/\s+/g, ' '));
  return { name: BLANK.test(plain) ? address : plain, email: address };
}
