import type { MirrorDocument } from '../core/documents.ts';
import { isObject } from '../core/json.ts';
import { secretOf } from '../core/markers.ts';
import { covers, type Place, placeText, visitLeaves } from '../core/places.ts';
import { referencesOf } from '../core/references.ts';
import { findCredentials, looksSecret } from '../detect/credentials.ts';
import { type AccountGraph, isForeign, mentionsIn, nameOf } from '../graph/account-graph.ts';
import type { Problem, Rule } from './types.ts';

/** Keys under which a person would put a credential into free settings. */
const CREDENTIAL_KEY = /(?:password|passwd|secret|api[_-]?key|access[_-]?key|private[_-]?key|token)$/i;

/** The line of a position in a text of several lines; nothing for a text of one. */
function lineAt(text: string, position: number): { line?: number } {
  return text.includes('\n') ? { line: text.slice(0, position).split('\n').length } : {};
}

interface Leaf {
  readonly place: Place;
  readonly text: string;
}

/** Texts of a document that people wrote: no masks, no placeholders, no fields whose secrets are taken care of. */
function textsOf({ type, doc }: MirrorDocument): Leaf[] {
  const known = [...(type.secrets ?? []), ...(type.samples ?? [])];
  const leaves: Leaf[] = [];
  visitLeaves(
    doc,
    (leaf, place) => {
      if (typeof leaf === 'string' && leaf.length >= 8 && !known.some((path) => covers(path, place))) {
        leaves.push({ place, text: leaf });
      }
    },
    (value) => !isObject(value) || secretOf(value) === undefined,
  );
  return leaves;
}

async function credentials(graph: AccountGraph): Promise<Problem[]> {
  const problems: Problem[] = [];
  for (const [key, document] of graph.nodes) {
    const leaves = textsOf(document);
    // One look at each document: a look at each text would cost a hundred times as much.
    let whole = '';
    const starts = leaves.map(({ text }) => {
      const start = whole.length;
      whole += `${text}\n`;
      return start;
    });
    const told = new Set<number>();
    for (const { kind, start } of whole === '' ? [] : await findCredentials(whole)) {
      const at = starts.findLastIndex((begin) => begin <= start);
      const leaf = leaves[at];
      if (!leaf) continue;
      told.add(at);
      problems.push({
        key,
        place: placeText(leaf.place),
        ...lineAt(leaf.text, start - (starts[at] ?? 0)),
        message: `a ${kind} stands here in clear`,
      });
    }
    for (const [i, { place, text }] of leaves.entries()) {
      const name = place.findLast((step) => typeof step === 'string');
      if (told.has(i) || !CREDENTIAL_KEY.test(String(name ?? '')) || !looksSecret(text)) continue;
      if (!place.some((step) => step === 'settings' || step === 'settingsForm')) continue;
      problems.push({
        key,
        place: placeText(place),
        message: 'the value of a credential stands here in clear',
      });
    }
  }
  return problems;
}

function ids(graph: AccountGraph): Problem[] {
  const byId = new Map([...graph.nodes].map(([key, { id }]) => [id, key]));
  return [...graph.nodes].flatMap(([key, document]) => {
    if (isForeign(document)) return [];
    const referred = new Set(referencesOf(document.type, document.doc).map(({ id }) => id));
    const told = new Set<string>();
    return mentionsIn(document.doc).flatMap(({ id, place, at, text }): Problem[] => {
      const target = byId.get(id);
      const where = `${placeText(place)} ${id}`;
      if (!target || target === key || referred.has(id) || told.has(where)) return [];
      told.add(where);
      return [
        {
          key,
          place: placeText(place),
          ...lineAt(text, at),
          message: `holds the id of "${nameOf(graph, target)}" (${target}), which is another one in any other account and after a restore`,
        },
      ];
    });
  });
}

/** Rules about what people wrote into code, settings and other free texts. */
export const TEXT_RULES: readonly Rule[] = [
  {
    id: 'hard-coded-credential',
    severity: 'error',
    about: 'a password, key or token in a script, a setting or another text, where everybody can read it',
    check: credentials,
  },
  {
    id: 'hard-coded-id',
    severity: 'warning',
    about: 'the id of a resource in code or text, where no restore can replace it',
    check: ids,
  },
];
