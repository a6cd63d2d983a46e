import { findType } from '../catalogue/index.ts';
import type { MirrorDocument } from '../core/documents.ts';
import { type FieldChange, fieldChange, fieldChangeJson } from '../core/field-diff.ts';
import type { Json } from '../core/json.ts';
import { idIn, type Key } from '../core/keys.ts';
import { equalJson } from '../core/paths.ts';
import { oneLine } from '../core/unseen.ts';
import { rewriteAllIds, rewriteIds } from '../plan/ids.ts';
import type { Candidate, Comparison, Single } from './compare.ts';
import { groupNames, keyFor, type Side } from './sides.ts';

/** Integrations that are named of a resource. */
const MOST_PLACES = 3;

/** A resource for people: `flow "Order sync" in Webshop`. */
export function called(side: Side, { type, title, id }: MirrorDocument): string {
  const places = groupNames(side, keyFor({ type, id })).map((name) => `"${oneLine(name)}"`);
  const more = places.length > MOST_PLACES ? ` and ${places.length - MOST_PLACES} more` : '';
  const where = places.length === 0 ? '' : ` in ${places.slice(0, MOST_PLACES).join(', ')}${more}`;
  return `${type.noun} ${title === '' ? id : `"${oneLine(title)}"`}${where}`;
}

/** What a candidate has to do with the resource that has no pair. */
export function whyCandidate({ differs }: Candidate): string {
  return differs === 'place' ? 'the same name in another place' : 'another name, or the same content under it';
}

/**
 * Replaces each id of a resource by its type and name, so that a change of a reference can be read. Inside a longer
 * text it stays, unless the texts differ in nothing but what the same id leads to.
 */
export function namedReferences({ left, right }: Comparison['sides']): (change: FieldChange) => FieldChange {
  const names = ({ graph }: Side): Map<string, string> =>
    new Map([...graph.nodes].map(([key, { title }]): [string, string] => [idIn(key), nameOf(key, title)]));
  const [ours, theirs] = [names(left), names(right)];
  return ({ place, before, after }) => {
    const rewrite = equalJson(before, after) ? rewriteAllIds : rewriteIds;
    const named = (value: Json | undefined, ids: ReadonlyMap<string, string>): Json | undefined =>
      value === undefined ? undefined : rewrite(value, ids);
    return fieldChange(place, named(before, ours), named(after, theirs));
  };
}

function nameOf(key: Key, title: string): string {
  return title === '' ? key : `${key} "${oneLine(title)}"`;
}

/** What a document is called and where it is, as data. */
export function aboutJson(side: Side, document: MirrorDocument) {
  const { type, id, title, path } = document;
  return {
    account: side.account,
    type: type.name,
    id,
    name: title,
    path: `${side.account}/${path}`,
    integrations: groupNames(side, keyFor(document)),
  };
}

/** The comparison as data: ids and values as each account has them. */
export function comparisonJson({ sides, paired, onlyLeft, onlyRight, ambiguous, differing }: Comparison) {
  const { left, right } = sides;
  const single = (own: Side, other: Side) => (one: Single) => ({
    ...aboutJson(own, one.document),
    candidates: one.candidates.map((candidate) => ({
      ...aboutJson(other, candidate.document),
      differs: candidate.differs,
    })),
  });
  return {
    left: left.account,
    right: right.account,
    paired,
    differing: differing.map((pair) => ({
      type: pair.left.type.name,
      name: pair.left.title,
      by: pair.by,
      left: aboutJson(left, pair.left),
      right: aboutJson(right, pair.right),
      changes: pair.changes.map(fieldChangeJson),
    })),
    onlyLeft: onlyLeft.map(single(left, right)),
    onlyRight: onlyRight.map(single(right, left)),
    ambiguous: ambiguous.map((group) => ({
      type: group.left[0]?.type.name,
      name: group.left[0]?.title,
      left: group.left.map((one) => aboutJson(left, one)),
      right: group.right.map((one) => aboutJson(right, one)),
    })),
  };
}

/** `2 flows, 1 script`, most first. */
export function countedTypes(documents: readonly MirrorDocument[]): string {
  const counts = new Map<string, number>();
  for (const { type } of documents) counts.set(type.name, (counts.get(type.name) ?? 0) + 1);
  return [...counts]
    .sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
    .map(([name, count]) => `${count} ${(count === 1 ? findType(name)?.noun : findType(name)?.plural) ?? name}`)
    .join(', ');
}
