import { findType, REFERENCE_FIELDS, RESOURCE_TYPES } from '../catalogue/index.ts';
import type { MirrorDocument } from '../core/documents.ts';
import { AppError } from '../core/errors.ts';
import { type Key, keyOf } from '../core/keys.ts';
import { slugOf, type Transliterate } from '../core/layout.ts';
import { referencesOf } from '../core/references.ts';
import {
  candidatesOf,
  MOST_CANDIDATES,
  type OneSelector,
  parseSelector,
  type Selector,
  selectorPatterns,
} from '../core/selectors.ts';
import { nearest } from '../core/suggest.ts';
import { oneLine } from '../core/unseen.ts';
import type { Git } from '../git/git.ts';
import {
  commitOf,
  type DocumentEntry,
  headCommit,
  type MirrorState,
  type NamedCommit,
  NoSuchState,
  readDocuments,
  readState,
  resolveState,
  type StateName,
} from './state.ts';

/** What a person asked for, as documents of a state. */
export interface Selection {
  /** Everything: also what the state does not have may be meant. */
  readonly all: boolean;
  readonly selected: ReadonlySet<Key>;
}

/** Nothing in the state fits a selector. */
export class NotInState extends AppError {
  readonly selector: Selector;
  constructor(selector: Selector, message: string, hint: string) {
    super('USAGE', message, { hint });
    this.name = 'NotInState';
    this.selector = selector;
  }
}

/** A selector as it was given, for messages. */
type Given<T = Selector> = T & { readonly text: string };

function mirrorAt(state: MirrorState): string {
  return `the mirror${state.commit ? ` at ${state.label}` : ''}`;
}

function ofType(state: MirrorState, type: string): DocumentEntry[] {
  return [...state.documents.values()].filter((entry) => entry.type === type);
}

/** The one document that a selector means. @throws NotInState, or AppError `USAGE` for an ambiguous name */
async function findOne(
  state: MirrorState,
  selector: Given<OneSelector>,
  transliterate: Transliterate,
): Promise<DocumentEntry> {
  const { type, name } = selector;
  const all = ofType(state, type.name);
  const byId = all.find(({ id }) => id === selector.id);
  if (byId) return byId;
  const slug = slugOf(name, transliterate);
  const similar = all.filter((candidate) => candidate.slug === slug || candidate.slug === name);
  const documents = await readDocuments(state, similar.map(pathOf));
  const exact = documents.filter(({ title }) => title === name);
  const found = exact.length > 0 ? exact : documents;
  const [only] = similar.filter(({ id }) => id === found[0]?.id);
  if (only && found.length === 1) return only;
  if (only) {
    const rows = found.map(({ id, title }) => `\n  ${type.name}/${id}  ${oneLine(title)}`);
    throw new AppError(
      'USAGE',
      `${oneLine(selector.text)} is ambiguous: ${found.length} ${type.plural} have this name:${rows.join('')}`,
      { hint: 'Name one by its id' },
    );
  }
  const partly = all.filter((candidate) => candidate.slug.includes(slug));
  if (partly.length > 0) {
    const some = await readDocuments(state, partly.slice(0, MOST_CANDIDATES).map(pathOf));
    throw new NotInState(selector, ...candidatesOf(selector.text, type, some, partly.length));
  }
  const guess = nearest(
    slug,
    all.map((candidate) => candidate.slug),
  );
  const [near] = await readDocuments(
    state,
    all
      .filter((candidate) => candidate.slug === guess)
      .slice(0, 1)
      .map(pathOf),
  );
  const meant = near ? ` (did you mean "${oneLine(near.title)}", ${type.name}/${near.id}?)` : '';
  throw new NotInState(
    selector,
    `${oneLine(selector.text)}: ${mirrorAt(state)} has no ${type.noun} with this id or name${meant}`,
    `Use --at to name an earlier state. To list what existed and when: celigo-mirror log ${type.name}`,
  );
}

function pathOf({ path }: DocumentEntry): string {
  return path;
}

/** Keys of the given documents and of everything that they refer to, as far as the state holds it. */
async function withReferences(
  state: MirrorState,
  start: readonly MirrorDocument[],
  follow: (type: string) => boolean,
): Promise<Set<Key>> {
  const found = new Set(start.map((document) => keyOf(document.type.name, document.id)));
  let front: readonly MirrorDocument[] = start;
  while (front.length > 0) {
    const next = new Set<string>();
    for (const document of front) {
      for (const { type, id } of referencesOf(document.type, document.doc)) {
        const key = type !== null && follow(type) ? keyOf(type, id) : undefined;
        const path = key === undefined ? undefined : state.documents.get(key)?.path;
        if (key === undefined || path === undefined || found.has(key)) continue;
        found.add(key);
        next.add(path);
      }
    }
    front = await readDocuments(state, [...next]);
  }
  return found;
}

/** What a document is part of. */
export function ownersOf({ type, doc }: Pick<MirrorDocument, 'type' | 'doc'>): Key[] {
  return (type.partOf ?? []).map((field) => keyOf(REFERENCE_FIELDS[field] ?? '', String(doc[field])));
}

/** Whether a type is part of what refers to it: other groups, and flows that run by themselves, are not. */
export function isNeeded(type: string): boolean {
  return findType(type)?.dependence === undefined;
}

/** Documents that name one of `owners` as what they are part of. */
async function partsOf(state: MirrorState, owners: ReadonlySet<Key>): Promise<MirrorDocument[]> {
  const likely: string[] = [];
  for (const { name, partOf = [] } of RESOURCE_TYPES) {
    const targets = new Set(partOf.map((field) => REFERENCE_FIELDS[field]));
    const ids = [...owners].flatMap((key) => {
      const owner = state.documents.get(key);
      return owner && targets.has(owner.type) ? [owner.id] : [];
    });
    if (ids.length === 0) continue;
    const paths = ofType(state, name).map(pathOf);
    const texts = await state.texts(paths);
    // Parsing is expensive: only what holds one of the ids at all is parsed.
    likely.push(...paths.filter((_, i) => ids.some((id) => texts[i]?.includes(id))));
  }
  return (await readDocuments(state, likely)).filter((document) => ownersOf(document).some((key) => owners.has(key)));
}

/** A resource, its parts and theirs, and everything that these need. */
async function withParts(state: MirrorState, root: DocumentEntry): Promise<Set<Key>> {
  const found = new Set<Key>();
  let front = await readDocuments(state, [root.path]);
  while (front.length > 0) {
    const keys = await withReferences(state, front, isNeeded);
    const fresh = new Set([...keys].filter((key) => !found.has(key)));
    for (const key of fresh) found.add(key);
    front = (await partsOf(state, fresh)).filter(({ type, id }) => !found.has(keyOf(type.name, id)));
  }
  return found;
}

async function keysOf(
  state: MirrorState,
  selector: Given,
  options: { readonly transliterate: Transliterate; readonly parts?: boolean },
): Promise<Iterable<Key>> {
  switch (selector.kind) {
    case 'all':
      return [...state.documents].flatMap(([key, { type }]) => (findType(type)?.restore.onlyWhenNamed ? [] : [key]));
    case 'type':
      return ofType(state, selector.type.name).map(({ type, id }) => keyOf(type, id));
    case 'id': {
      const key = [...state.documents].find(([, { id }]) => id === selector.id)?.[0];
      if (key !== undefined) return [key];
      throw new NotInState(
        selector,
        `${mirrorAt(state)} has nothing with the id ${selector.id}`,
        "git log --all -- '*<id>*' shows whether it ever had",
      );
    }
    case 'one': {
      const entry = await findOne(state, selector, options.transliterate);
      return selector.parts && options.parts !== false ? withParts(state, entry) : [keyOf(entry.type, entry.id)];
    }
  }
}

/**
 * The documents of a state that selectors mean.
 * @param options `withDependencies`: with everything that they refer to; `parts: false`: `integration/…` is the
 *   integration alone
 * @throws AppError `USAGE` for an unknown type or an ambiguous name, NotInState where nothing fits
 */
export async function select(
  state: MirrorState,
  what: readonly string[],
  options: { readonly transliterate: Transliterate; readonly withDependencies?: boolean; readonly parts?: boolean },
): Promise<Selection> {
  const selected = new Set<Key>();
  let all = false;
  for (const text of what) {
    const selector = { ...parseSelector(text, state.account), text };
    all ||= selector.kind === 'all';
    for (const key of await keysOf(state, selector, options)) selected.add(key);
  }
  if (!options.withDependencies || all) return { all, selected };
  return {
    all,
    selected: await withReferences(state, await readDocuments(state, pathsOf(state, selected)), () => true),
  };
}

/** Paths of the documents with these keys. */
export function pathsOf(state: MirrorState, keys: ReadonlySet<Key>): string[] {
  return [...state.documents].flatMap(([key, { path }]) => (keys.has(key) ? [path] : []));
}

/**
 * The state at `at`, and what the selectors mean in it. Without `at` it is that of HEAD, or for what HEAD no longer
 * holds the last one that did.
 * @throws AppError `USAGE`, NotInState
 */
export async function selectAt(
  git: Git,
  account: string,
  what: readonly string[],
  options: Parameters<typeof select>[2] & { readonly at: StateName | undefined; readonly now: Date },
): Promise<{ readonly state: MirrorState; readonly selection: Selection }> {
  const { at, now } = options;
  const named = await (at ? resolveState(git, account, at, now) : headCommit(git)).catch((error: unknown) => {
    if (at !== undefined || !(error instanceof NoSuchState)) throw error;
    throw new AppError('USAGE', `the repository holds no mirror of ${account} yet`, {
      hint: 'Make one with: celigo-mirror sync',
      cause: error,
    });
  });
  const state = await readState(git, account, named);
  try {
    return { state, selection: await select(state, what, options) };
  } catch (error) {
    if (!(error instanceof NotInState) || at !== undefined) throw error;
    const earlier = await lastWith(git, account, error.selector, options.transliterate);
    if (!earlier) throw error;
    const then = await readState(git, account, earlier);
    return { state: then, selection: await select(then, what, options) };
  }
}

/** The last commit before the one that deleted what the selector means. */
async function lastWith(
  git: Git,
  account: string,
  selector: Selector,
  transliterate: Transliterate,
): Promise<NamedCommit | undefined> {
  const patterns = selectorPatterns(selector, transliterate).map((pattern) => `:(glob)${account}/${pattern}`);
  // On whichever side of a merge the deletion is.
  const flags = ['-1', '--diff-filter=D', '--no-renames', '--format=%H'];
  const commit = (await git.ask(['log', ...flags, '--', ...patterns]))?.trim();
  return commit ? commitOf(git, `${commit}~1`) : undefined;
}
