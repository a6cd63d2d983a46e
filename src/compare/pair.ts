import type { MirrorDocument } from '../core/documents.ts';
import type { Key } from '../core/keys.ts';
import { equalJson, valueAt } from '../core/paths.ts';
import { keyFor, type Side } from './sides.ts';

/** The two accounts. */
export interface Sides {
  readonly left: Side;
  readonly right: Side;
}

/** Two resources that are the same one in two accounts. */
export interface Pair {
  readonly left: MirrorDocument;
  readonly right: MirrorDocument;
  /** How they were found: by a file of ids, or by type, name and integration. */
  readonly by: 'idmap' | 'name';
}

/** Which resource of one account is which of the other. */
export interface Pairing {
  /** In the order of the keys of the left ones. */
  readonly pairs: readonly Pair[];
  readonly toRight: ReadonlyMap<Key, Key>;
  readonly toLeft: ReadonlyMap<Key, Key>;
  readonly ambiguous: readonly Ambiguous[];
}

/**
 * Resources of the same type and name, in the same place: nothing shows which of the one account is which of the other.
 */
export interface Ambiguous {
  readonly left: readonly MirrorDocument[];
  readonly right: readonly MirrorDocument[];
}

/** Whether a resource of the left account may be one of the right. */
export type Fits = (left: MirrorDocument, right: MirrorDocument) => boolean;

/** Looks for pairs among what has none yet. */
class Matcher {
  readonly toRight = new Map<Key, Key>();
  readonly toLeft = new Map<Key, Key>();
  readonly #by = new Map<Key, Pair['by']>();
  readonly #sides: Sides;
  /** Resources without a pair, by type and name. */
  readonly #open = new Map<string, { left: MirrorDocument[]; right: MirrorDocument[] }>();

  constructor(sides: Sides) {
    this.#sides = sides;
  }

  pair(left: MirrorDocument, right: MirrorDocument, by: Pair['by']): void {
    this.toRight.set(keyFor(left), keyFor(right));
    this.toLeft.set(keyFor(right), keyFor(left));
    this.#by.set(keyFor(left), by);
  }

  /** The pairs of a file of ids: what both accounts have, and no other pair has. */
  byIds(ids: ReadonlyMap<string, string>): void {
    const { left, right } = this.#sides;
    const named = [...left.graph.nodes.values()].flatMap((document): [MirrorDocument, MirrorDocument][] => {
      const other = right.graph.nodes.get(`${document.type.name}/${ids.get(document.id) ?? ''}`);
      return other ? [[document, other]] : [];
    });
    // Where several lead to one, the one of its name is meant.
    named.sort(([a, b], [c, d]) => Number(c.title === d.title) - Number(a.title === b.title));
    for (const [one, other] of named) if (!this.toLeft.has(keyFor(other))) this.pair(one, other, 'idmap');
  }

  /** Sorts what has no pair by type and name. */
  collect(): void {
    const { left, right } = this.#sides;
    const add = (side: 'left' | 'right', document: MirrorDocument): void => {
      const name = `${document.type.name}/${document.title}`;
      const group = this.#open.get(name) ?? { left: [], right: [] };
      group[side].push(document);
      this.#open.set(name, group);
    };
    for (const [key, document] of left.graph.nodes) if (!this.toRight.has(key)) add('left', document);
    for (const [key, document] of right.graph.nodes) if (!this.toLeft.has(key)) add('right', document);
    for (const [name, group] of this.#open)
      if (group.left.length === 0 || group.right.length === 0) this.#open.delete(name);
  }

  /** Pairs what fits one other alone, while that fits nothing else. @returns whether there was any */
  pass(fits: Fits): boolean {
    let found = false;
    for (const [name, group] of this.#open) {
      const candidates = group.left.map((one) => group.right.filter((other) => fits(one, other)));
      const before = this.toRight.size;
      for (const [i, one] of group.left.entries()) {
        const [other, ...more] = candidates[i] ?? [];
        if (!other || more.length > 0) continue;
        if (candidates.filter((some) => some.includes(other)).length > 1) continue;
        this.pair(one, other, 'name');
      }
      if (this.toRight.size === before) continue;
      found = true;
      group.left = group.left.filter((one) => !this.toRight.has(keyFor(one)));
      group.right = group.right.filter((other) => !this.toLeft.has(keyFor(other)));
      if (group.left.length === 0 || group.right.length === 0) this.#open.delete(name);
    }
    return found;
  }

  /** Whether two resources of one type and name may be the same one: they are in the same place. */
  isPlaced(left: MirrorDocument, right: MirrorDocument): boolean {
    const { type } = left;
    const ours = this.#sides.left.owners(keyFor(left));
    const theirs = this.#sides.right.owners(keyFor(right));
    if (ours.length > 0 || theirs.length > 0)
      return ours.length === theirs.length && ours.every((key) => theirs.includes(this.toRight.get(key) ?? ''));
    if (type.partOf !== undefined) return true;
    if (type.restore.matchBy)
      return type.restore.matchBy.every((path) => equalJson(valueAt(left.doc, path), valueAt(right.doc, path)));
    const [from, to] = [this.#sides.left.groups.get(keyFor(left)), this.#sides.right.groups.get(keyFor(right))];
    if (type.dependence !== undefined || !from || !to) return true;
    return [...from].some((key) => to.has(this.toRight.get(key) ?? ''));
  }

  /** Whether something that is the same one in both accounts refers to both. */
  sharesUser(left: MirrorDocument, right: MirrorDocument): boolean {
    const users = new Set(this.#sides.right.graph.usedBy(keyFor(right)).map(({ from }) => from));
    return this.#sides.left.graph.usedBy(keyFor(left)).some(({ from }) => users.has(this.toRight.get(from) ?? ''));
  }

  get result(): Pairing {
    const { left, right } = this.#sides;
    const pairs = [...left.graph.nodes].flatMap(([key, document]): Pair[] => {
      const other = right.graph.nodes.get(this.toRight.get(key) ?? '');
      return other ? [{ left: document, right: other, by: this.#by.get(key) ?? 'name' }] : [];
    });
    return { pairs, toRight: this.toRight, toLeft: this.toLeft, ambiguous: this.#ambiguous() };
  }

  #ambiguous(): Ambiguous[] {
    const found: Ambiguous[] = [];
    for (const group of this.#open.values()) {
      const left = new Set(group.left);
      for (const first of left) {
        const some = { left: new Set([first]), right: new Set<MirrorDocument>() };
        for (const one of some.left) {
          for (const other of group.right.filter((it) => this.isPlaced(one, it))) some.right.add(other);
          for (const it of left) if ([...some.right].some((other) => this.isPlaced(it, other))) some.left.add(it);
        }
        for (const one of some.left) left.delete(one);
        if (some.right.size > 0) found.push({ left: [...some.left], right: [...some.right] });
      }
    }
    return found;
  }
}

/**
 * Finds which resource of one account is which of the other: by files of ids, else by type, name and integration. Where
 * several have the same name in the same integration, those are pairs that the same resources use, or that hold the
 * same. What remains is not guessed.
 * @param ids ids of the left account → ids of the right one, as files of ids have them
 * @param alike whether two resources hold the same, with the pairs that are known by then
 */
export function pairAccounts(
  sides: Sides,
  ids: ReadonlyMap<string, string>,
  alike: (toRight: ReadonlyMap<Key, Key>) => Fits,
): Pairing {
  const matcher = new Matcher(sides);
  matcher.byIds(ids);
  matcher.collect();
  const isPlaced: Fits = (one, other) => matcher.isPlaced(one, other);
  const passAlike = (): boolean => {
    const isAlike = alike(matcher.toRight);
    // A step that moved with its flow says nothing of a place itself.
    return (
      matcher.pass((one, other) => isPlaced(one, other) && isAlike(one, other)) ||
      matcher.pass((one, other) => one.type.partOf === undefined && isAlike(one, other))
    );
  };
  // Groups first: they say where everything else is.
  let found = true;
  while (found) found = matcher.pass((one, other) => one.type.dependence === 'group' && isPlaced(one, other));
  do {
    found =
      matcher.pass(isPlaced) ||
      matcher.pass((one, other) => isPlaced(one, other) && matcher.sharesUser(one, other)) ||
      passAlike();
  } while (found);
  return matcher.result;
}
