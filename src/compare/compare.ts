import type { MirrorDocument } from '../core/documents.ts';
import { diffFields, type FieldChange, fieldChange } from '../core/field-diff.ts';
import type { Json } from '../core/json.ts';
import type { Key } from '../core/keys.ts';
import type { AccountGraph } from '../graph/account-graph.ts';
import { innerIds, pairInnerIds, rewriteAllIds, rewriteIds } from '../plan/ids.ts';
import type { IdMap } from '../plan/types.ts';
import { type CommonIds, contentOf, formsOf, type What } from './forms.ts';
import { type Ambiguous, type Fits, type Pair, type Pairing, pairAccounts, type Sides } from './pair.ts';
import { keyFor, type Side, sideOf } from './sides.ts';

/** Most resources that are named as what another one may be. */
const MOST_CANDIDATES = 5;

/** A resource that only one of the accounts has. */
export interface Single {
  readonly document: MirrorDocument;
  /**
   * What of the other account it may be: neither a file of ids names it, nor are type, name and integration the same.
   */
  readonly candidates: readonly Candidate[];
}

/**
 * Why a resource may be the same one: `place`: of the same name elsewhere; `name`: it holds the same under another
 * name.
 */
export interface Candidate {
  readonly document: MirrorDocument;
  readonly differs: 'place' | 'name';
}

/** A pair that is not the same in both accounts; `before` is the left one. */
export interface Differing extends Pair {
  readonly changes: readonly FieldChange[];
}

/** What differs between two accounts. */
export interface Comparison {
  readonly sides: Sides;
  /** Number of pairs that were compared. */
  readonly paired: number;
  readonly onlyLeft: readonly Single[];
  readonly onlyRight: readonly Single[];
  readonly ambiguous: readonly Ambiguous[];
  readonly differing: readonly Differing[];
}

/** What to compare. */
export interface CompareInput extends What {
  readonly left: { readonly account: string; readonly graph: AccountGraph };
  readonly right: { readonly account: string; readonly graph: AccountGraph };
  /** Ids of the left account → ids of the right one, as files of ids have them. Parts of documents included. */
  readonly ids: IdMap;
  /** Whether a resource was asked for. */
  readonly asked: (side: 'left' | 'right', key: Key) => boolean;
}

/** An id that no account has, in the form of one. */
function madeUpId(number: number): string {
  return `ffffffffffff${number.toString(16).padStart(12, '0')}`;
}

/** Ids of both accounts so that what is the same one has one id, and nothing else has. */
function commonIds(
  sides: Sides,
  known: IdMap,
  { toRight, toLeft, ambiguous }: Pick<Pairing, 'toRight' | 'toLeft'> & Partial<Pairing>,
): CommonIds {
  const [left, right] = [new Map(known), new Map<string, string>()];
  const [ours, theirs] = [sides.left.graph.nodes, sides.right.graph.nodes];
  const rightIds = new Set([...theirs.values()].map(({ id }) => id));
  let made = 0;
  for (const [key, { id }] of ours) {
    const other = theirs.get(toRight.get(key) ?? '');
    if (other) left.set(id, other.id);
    // It may be the id of something else in the other account, for example in a copy of an emulated one.
    else if (rightIds.has(id)) left.set(id, madeUpId(made++));
  }
  for (const group of ambiguous ?? []) {
    const id = madeUpId(made++);
    for (const one of group.left) left.set(one.id, id);
    for (const other of group.right) if (!toLeft.has(keyFor(other))) right.set(other.id, id);
  }
  for (const [id, other] of left) if (id === other) left.delete(id);
  return { left, right };
}

/** Adds the ids of parts of documents (groups of flows, versions), which are others in each account. */
function withParts(pairs: readonly Pair[], { left, right }: CommonIds): CommonIds {
  const ids = new Map(left);
  for (const { left: one, right: other } of pairs) {
    if (innerIds(one.type, one.doc).size === 0) continue;
    for (const [id, there] of pairInnerIds(one.type, rewriteIds(one.doc, left), other.doc, false)) ids.set(id, there);
  }
  return { left: ids, right };
}

/** The id of the account for each id of the comparison. */
function ownIds(ids: IdMap, { graph }: Side): IdMap {
  const own = new Map<string, string>();
  for (const [id, common] of ids) if (!own.has(common)) own.set(common, id);
  // Where several ids lead to one, the one that exists.
  for (const { id } of graph.nodes.values()) own.set(ids.get(id) ?? id, id);
  return own;
}

function withOwnIds(change: FieldChange, left: IdMap, right: IdMap): FieldChange {
  const own = (value: Json | undefined, ids: IdMap): Json | undefined =>
    value === undefined ? undefined : rewriteAllIds(value, ids);
  return fieldChange(change.place, own(change.before, left), own(change.after, right));
}

/** Groups what may be the same one by a text that both have. */
function byText(
  documents: readonly MirrorDocument[],
  text: (one: MirrorDocument) => string,
): Map<string, MirrorDocument[]> {
  const groups = new Map<string, MirrorDocument[]>();
  for (const one of documents) {
    const key = `${one.type.name} ${text(one)}`;
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  return groups;
}

/** Letter case and everything between words aside. */
function plainName({ title }: MirrorDocument): string {
  return title
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim();
}

/** What each account alone has, with what it may be of the other. */
function singlesOf(
  left: readonly MirrorDocument[],
  right: readonly MirrorDocument[],
  ids: CommonIds,
): { readonly left: Single[]; readonly right: Single[] } {
  const single = (
    ours: readonly MirrorDocument[],
    own: IdMap,
    others: readonly MirrorDocument[],
    their: IdMap,
  ): Single[] => {
    const named = byText(others, plainName);
    const holding = byText(others, (one) => contentOf(one, their));
    return ours.map((document) => {
      const alike = (named.get(`${document.type.name} ${plainName(document)}`) ?? []).map(
        (one): Candidate => ({ document: one, differs: one.title === document.title ? 'place' : 'name' }),
      );
      const same = (holding.get(`${document.type.name} ${contentOf(document, own)}`) ?? [])
        .filter((one) => !alike.some((candidate) => candidate.document === one))
        .map((one): Candidate => ({ document: one, differs: 'name' }));
      return { document, candidates: [...alike, ...same].slice(0, MOST_CANDIDATES) };
    });
  };
  return { left: single(left, ids.left, right, ids.right), right: single(right, ids.right, left, ids.left) };
}

function isAlike(sides: Sides, known: IdMap): (toRight: ReadonlyMap<Key, Key>) => Fits {
  return (toRight) => {
    const ids = commonIds(sides, known, { toRight, toLeft: new Map() });
    const contents = new Map<MirrorDocument, string>();
    const content = (one: MirrorDocument, own: IdMap): string => {
      const text = contents.get(one) ?? contentOf(one, own);
      contents.set(one, text);
      return text;
    };
    return (one, other) => content(one, ids.left) === content(other, ids.right);
  };
}

/**
 * Compares two accounts: what only one of them has, and how the others differ. Resources are the same by the files of
 * ids, else by type, name and integration; references are the same where they lead to the same resource. Depends on
 * nothing but its input.
 */
export function compareAccounts(input: CompareInput): Comparison {
  const sides = {
    left: sideOf(input.left.account, input.left.graph),
    right: sideOf(input.right.account, input.right.graph),
  };
  const pairing = pairAccounts(sides, input.ids, isAlike(sides, input.ids));
  const ids = withParts(pairing.pairs, commonIds(sides, input.ids, pairing));
  const [leftOwn, rightOwn] = [ownIds(ids.left, sides.left), ownIds(ids.right, sides.right)];
  const isAsked = ({ left, right }: Pair): boolean =>
    input.asked('left', keyFor(left)) || input.asked('right', keyFor(right));
  const asked = pairing.pairs.filter(isAsked);
  const differing = asked.flatMap((pair): Differing[] => {
    const { left, right } = pair;
    const forms = formsOf(left, right, ids, input.all, input.overridden(left, right));
    const changes = diffFields(forms.left, forms.right).map((change) => withOwnIds(change, leftOwn, rightOwn));
    return changes.length > 0 ? [{ ...pair, changes }] : [];
  });
  const unclear = new Set(pairing.ambiguous.flatMap(({ left, right }) => [...left, ...right]));
  const alone = (side: Side, paired: ReadonlyMap<Key, Key>): MirrorDocument[] =>
    [...side.graph.nodes].flatMap(([key, document]) => (paired.has(key) || unclear.has(document) ? [] : [document]));
  const singles = singlesOf(alone(sides.left, pairing.toRight), alone(sides.right, pairing.toLeft), ids);
  return {
    sides,
    paired: asked.length,
    onlyLeft: singles.left.filter(({ document }) => input.asked('left', keyFor(document))),
    onlyRight: singles.right.filter(({ document }) => input.asked('right', keyFor(document))),
    ambiguous: pairing.ambiguous.filter(
      ({ left, right }) =>
        left.some((one) => input.asked('left', keyFor(one))) || right.some((one) => input.asked('right', keyFor(one))),
    ),
    differing,
  };
}

/** Whether the accounts are the same, as far as was asked. */
export function isSame({ onlyLeft, onlyRight, ambiguous, differing }: Comparison): boolean {
  return onlyLeft.length + onlyRight.length + ambiguous.length + differing.length === 0;
}
