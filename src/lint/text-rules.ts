import { CAPTURED_FIELDS } from '../catalogue/common.ts';
import type { MirrorDocument } from '../core/documents.ts';
import { getOwn, isObject, type JsonObject } from '../core/json.ts';
import type { Key } from '../core/keys.ts';
import { secretOf } from '../core/markers.ts';
import { atPlace, covers, type Place, placeText, visitLeaves } from '../core/places.ts';
import { referencesOf } from '../core/references.ts';
import { secretPlaces } from '../core/secret-places.ts';
import { isNamedSecret, isPairedSecret } from '../core/secret-words.ts';
import { type AccountGraph, isForeign, type Mention, mentionsIn, nameOf } from '../graph/account-graph.ts';
import { findCredentials } from './find-credentials.ts';
import type { Problem, Rule } from './types.ts';

/** The line of a position in a text of several lines; nothing for a text of one. */
function lineAt(text: string, position: number): { line?: number } {
  return text.includes('\n') ? { line: text.slice(0, position).split('\n').length } : {};
}

interface Leaf {
  readonly place: Place;
  readonly text: string;
}

/** Texts of a document that people wrote: without masks, placeholders and the type's known secret fields. */
function textsOf({ type, doc }: MirrorDocument): Leaf[] {
  const known = type.secrets ?? [];
  const leaves: Leaf[] = [];
  visitLeaves(
    doc,
    (leaf, place) => {
      if (typeof leaf === 'string' && leaf.length >= 8 && !known.some((path) => covers(path, place))) {
        leaves.push({ place, text: leaf });
      }
    },
    (value, place) => !CAPTURED_FIELDS.has(String(place.at(-1))) && (!isObject(value) || secretOf(value) === undefined),
  );
  return leaves;
}

/** Whether the name of a field, or the name next to a `value`, says that its text is a credential. */
function isNamed(doc: JsonObject, { place, text }: Leaf): boolean {
  const name = place.at(-1);
  if (typeof name !== 'string') return false;
  if (isNamedSecret(name, text)) return true;
  const parent = atPlace(doc, place.slice(0, -1));
  return name === 'value' && isObject(parent) && isPairedSecret((field) => getOwn(parent, field));
}

/** Credentials that the API returns in plain text, and the mirror holds as fingerprints. */
function plainTextCredentials(key: Key, { type, doc }: MirrorDocument): Problem[] {
  if (type.holdsCredentials) return [];
  return secretPlaces(doc)
    .filter(
      ({ place, fingerprint }) =>
        fingerprint !== undefined && !(type.secrets ?? []).some((path) => covers(path, place)),
    )
    .map(({ place }) => ({
      key,
      place: placeText(place),
      message: 'plain-text credential, readable by everyone with access to the account; move it to a connection',
    }));
}

async function credentials(graph: AccountGraph): Promise<Problem[]> {
  const problems: Problem[] = [];
  for (const [key, document] of graph.nodes) {
    const leaves = textsOf(document);
    // One scan a document: a scan of each text would cost a hundred times as much.
    let joined = '';
    const starts = leaves.map(({ text }) => {
      const start = joined.length;
      // No pattern matches across the end of a text.
      joined += `${text}\n\0\n`;
      return start;
    });
    const found = new Set<Leaf>();
    for (const { kind, start } of joined === '' ? [] : await findCredentials(joined)) {
      const at = starts.findLastIndex((begin) => begin <= start);
      const leaf = leaves[at];
      if (!leaf) continue;
      found.add(leaf);
      problems.push({
        key,
        place: placeText(leaf.place),
        ...lineAt(leaf.text, start - (starts[at] ?? 0)),
        message: `plain-text credential (${kind}); move it to a connection`,
      });
    }
    for (const leaf of leaves) {
      if (found.has(leaf) || !isNamed(document.doc, leaf)) continue;
      problems.push({
        key,
        place: placeText(leaf.place),
        message: 'plain-text value of a credential; move it to a connection',
      });
    }
    problems.push(...plainTextCredentials(key, document));
  }
  return problems;
}

function ids(graph: AccountGraph): Problem[] {
  const byId = new Map([...graph.nodes].map(([key, { id }]) => [id, key]));
  return [...graph.nodes].flatMap(([key, document]) => {
    if (isForeign(document)) return [];
    const referred = new Set(referencesOf(document.type, document.doc).map(({ id }) => id));
    const places = new Map<string, { readonly first: Mention; readonly targets: Set<Key> }>();
    for (const mention of mentionsIn(document.doc)) {
      const target = byId.get(mention.id);
      if (!target || target === key || referred.has(mention.id)) continue;
      const place = placeText(mention.place);
      const known = places.get(place) ?? { first: mention, targets: new Set() };
      known.targets.add(target);
      places.set(place, known);
    }
    return [...places].map(([place, { first, targets }]): Problem => {
      const names = [...targets].map((target) => `"${nameOf(graph, target)}" (${target})`);
      const one = names.length === 1;
      return {
        key,
        place,
        ...lineAt(first.text, first.at),
        message:
          `contains the ${one ? 'id' : 'ids'} of ${names.join(', ')}, ` +
          `which ${one ? 'changes' : 'change'} in another account or after a restore`,
      };
    });
  });
}

/** Rules about what people wrote into code, settings and other free texts. */
export const TEXT_RULES: readonly Rule[] = [
  {
    id: 'hard-coded-credential',
    severity: 'error',
    about: 'a password, key or token in a script, setting or other text that everyone with access can read',
    check: credentials,
  },
  {
    id: 'hard-coded-id',
    severity: 'warning',
    about: 'the id of a resource in code or text, where a restore cannot update it',
    check: ids,
  },
];
