import { CAPTURED_FIELDS } from '../catalogue/common.ts';
import { isArray, isObject, type Json } from './json.ts';
import { redactionsIn, secretOf } from './markers.ts';
import { type Place, visitLeaves } from './places.ts';
import { isMask } from './secrets.ts';

/** A credential in a document, as the mirror holds it. */
interface SecretPlace {
  readonly place: Place;
  /** Of a `{$secret}` marker, or of what was taken out of a text; absent for a mask. */
  readonly fingerprint?: string;
  /** The credential is a part of the text at this place. */
  readonly inText?: true;
}

/** Whether a place is in a record of another system: asterisks are the record's own there. */
function isCaptured(place: Place): boolean {
  return place.some((step) => typeof step === 'string' && CAPTURED_FIELDS.has(step));
}

/** Places of all masks and `{$secret}` markers, and of texts that something was taken out of. */
export function secretPlaces(doc: Json): SecretPlace[] {
  const found: SecretPlace[] = [];
  visitLeaves(
    doc,
    (leaf, place) => {
      if (isMask(leaf) && !isCaptured(place)) found.push({ place });
      const prints = typeof leaf === 'string' ? redactionsIn(leaf) : [];
      if (prints.length > 0) found.push({ place, fingerprint: prints.join(' '), inText: true });
    },
    (value, place) => {
      const fingerprint = secretOf(value);
      if (fingerprint === undefined) return true;
      found.push({ place, fingerprint });
      return false;
    },
  );
  return found;
}

/** Marks of credentials in keys, where no version of the mirror puts them. */
export function markedKeys(doc: Json): { readonly place: Place; readonly prints: readonly string[] }[] {
  const found: { place: Place; prints: readonly string[] }[] = [];
  const visit = (value: Json, place: Place): void => {
    if (isArray(value)) for (const [i, item] of value.entries()) visit(item, [...place, i]);
    else if (isObject(value)) {
      for (const key of Object.keys(value)) {
        const prints = redactionsIn(key);
        if (prints.length > 0) found.push({ place: [...place, key], prints });
        visit(value[key] as Json, [...place, key]);
      }
    }
  };
  visit(doc, []);
  return found;
}
