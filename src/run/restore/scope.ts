import { findType, RESOURCE_TYPES } from '../../catalogue/index.ts';
import type { ResourceType } from '../../catalogue/types.ts';
import type { MirrorDocument } from '../../core/documents.ts';
import { AppError } from '../../core/errors.ts';
import { type Key, keyOf } from '../../core/keys.ts';
import { readPath, slugOf, type Transliterate } from '../../core/layout.ts';
import { oneLine } from '../../core/message.ts';
import { referencesOf } from '../../core/references.ts';
import { nearest } from '../../core/suggest.ts';
import { type DocumentEntry, documentPaths, type MirrorState, readDocuments } from '../../mirror/state.ts';

/** Types whose documents name the integration that they are part of. */
const MEMBERS: ReadonlySet<string> = new Set(['flows', 'tools', 'apis', 'mcpservers', 'lookupcaches', 'syncs']);

/** What somebody asked for, as documents of a state. */
export interface Scope {
  /** Everything: also what the state does not have may be meant. */
  readonly all: boolean;
  readonly selected: ReadonlySet<Key>;
}

/** Nothing in the state fits a selector. */
export class NotInState extends AppError {
  readonly selector: string;
  constructor(selector: string, message: string, hint: string) {
    super('USAGE', message, { hint });
    this.name = 'NotInState';
    this.selector = selector;
  }
}

/** One selector, taken apart. */
type Selector =
  | { readonly kind: 'all' }
  | { readonly kind: 'type'; readonly type: ResourceType }
  | { readonly kind: 'one'; readonly type: ResourceType; readonly name: string }
  | { readonly kind: 'integration'; readonly name: string }
  | { readonly kind: 'id'; readonly id: string };

const OBJECT_ID = /^[0-9a-f]{24}$/;

function unknownType(word: string, text: string): AppError {
  const names = [...RESOURCE_TYPES.map(({ name: type }) => type), 'integration', 'all'];
  const guess = nearest(word, names);
  return new AppError(
    'USAGE',
    `${oneLine(text)}: no resource type is called ${oneLine(word)}${guess ? ` (did you mean ${guess}?)` : ''}`,
    {
      hint: 'A selector is all, integration/<id or name>, <type>/<id or name>, or a path in the mirror; celigo-mirror types lists the types',
    },
  );
}

/** @throws AppError `USAGE` for something that is no selector */
function parse(text: string, account: string): Selector {
  const clean = text.replace(/^\.\//, '').replace(/\/+$/, '');
  if (clean === 'all' || clean === account) return { kind: 'all' };
  const inside = clean.startsWith(`${account}/`) ? clean.slice(account.length + 1) : clean;
  const slash = inside.indexOf('/');
  if (slash < 0) {
    const type = findType(inside.toLowerCase());
    if (type) return { kind: 'type', type };
    if (OBJECT_ID.test(inside)) return { kind: 'id', id: inside };
    throw unknownType(inside, text);
  }
  const [word, name] = [inside.slice(0, slash), inside.slice(slash + 1)];
  if (word.toLowerCase() === 'integration') return { kind: 'integration', name };
  const type = findType(word.toLowerCase());
  if (!type) throw unknownType(word, text);
  const parts = readPath(`${type.name}/${name}`);
  const isFile = parts !== undefined && OBJECT_ID.test(parts.id);
  return { kind: 'one', type, name: isFile ? parts.id : name };
}

function candidatesOf(state: MirrorState, type: ResourceType): DocumentEntry[] {
  return [...state.documents.values()].filter(({ type: typeName }) => typeName === type.name);
}

/** The one document that `name` (an id, a name, or a file's slug) means. @throws AppError `USAGE` */
async function findOne(
  state: MirrorState,
  type: ResourceType,
  name: string,
  selector: string,
  transliterate: Transliterate,
): Promise<DocumentEntry> {
  const all = candidatesOf(state, type);
  const byId = all.find(({ id }) => id === name);
  if (byId) return byId;
  const slug = slugOf(name, transliterate);
  const similar = all.filter((candidate) => candidate.slug === slug || candidate.slug === name);
  const titles = (
    await readDocuments(
      state,
      similar.map(({ path }) => path),
    )
  ).map(({ title }) => title);
  const exact = similar.filter((_, i) => titles[i] === name);
  const found = exact.length > 0 ? exact : similar;
  if (found.length === 1) return found[0] as DocumentEntry;
  if (found.length > 1) {
    const rows = found.map(
      (candidate) => `\n  ${type.name}/${candidate.id}  ${oneLine(titles[similar.indexOf(candidate)] ?? '')}`,
    );
    throw new AppError(
      'USAGE',
      `${oneLine(selector)} is ambiguous: ${found.length} ${type.plural} are called so:${rows.join('')}`,
      {
        hint: 'Name one by its id',
      },
    );
  }
  const guess = nearest(
    slug,
    all.map((candidate) => candidate.slug),
  );
  const twin = all.find((candidate) => candidate.slug === guess);
  const [document] = twin ? await readDocuments(state, [twin.path]) : [];
  throw new NotInState(
    selector,
    `${oneLine(selector)}: the mirror${state.commit ? ` at ${state.label}` : ''} has no ${type.noun} with this id or name${document ? ` (did you mean "${oneLine(document.title)}", ${type.name}/${document.id}?)` : ''}`,
    `git log --diff-filter=D --name-only -- '${state.account}/${type.name}/*' shows deleted ones; --at names an earlier state`,
  );
}

/** Adds everything that the given documents refer to, as far as the state holds it. */
async function closure(
  state: MirrorState,
  start: readonly MirrorDocument[],
  follow: (type: string) => boolean,
): Promise<Set<Key>> {
  const found = new Set(start.map((document) => keyOf(document.type.name, document.id)));
  let front: readonly MirrorDocument[] = start;
  while (front.length > 0) {
    const next = new Set<string>();
    for (const document of front) {
      for (const { type: typeName, id } of referencesOf(document.type, document.doc)) {
        const path =
          typeName === null || !follow(typeName) ? undefined : state.documents.get(keyOf(typeName, id))?.path;
        if (typeName === null || path === undefined || found.has(keyOf(typeName, id))) continue;
        found.add(keyOf(typeName, id));
        next.add(path);
      }
    }
    front = await readDocuments(state, [...next]);
  }
  return found;
}

/** An integration, its parts, and everything that they use. */
async function integrationScope(state: MirrorState, root: DocumentEntry): Promise<Set<Key>> {
  const paths = documentPaths(state).filter((path) => MEMBERS.has(path.slice(0, path.indexOf('/'))));
  const texts = await state.texts(paths);
  // Parsing is dear: only what holds the id at all is looked at.
  const likely = paths.filter((_, i) => texts[i]?.includes(root.id));
  const members = (await readDocuments(state, likely)).filter(({ doc }) => doc._integrationId === root.id);
  const [integration] = await readDocuments(state, [root.path]);
  // Other integrations, and flows of theirs, are not part of this one.
  const found = await closure(
    state,
    integration ? [integration, ...members] : members,
    (typeName) => typeName !== 'integrations' && typeName !== 'flows',
  );
  // Who is told of them belongs to them.
  for (const { type, id, doc } of await readDocuments(state, documentPaths(state, 'notifications'))) {
    const targets = [keyOf('flows', String(doc._flowId)), keyOf('integrations', String(doc._integrationId))];
    if (targets.some((key) => found.has(key))) found.add(keyOf(type.name, id));
  }
  return found;
}

/**
 * The documents of the state that the selectors mean.
 * @throws AppError `USAGE` for an unknown type or an ambiguous name, NotInState where nothing fits
 */
export async function selectScope(
  state: MirrorState,
  what: readonly string[],
  options: { readonly withDependencies: boolean; readonly transliterate: Transliterate },
): Promise<Scope> {
  const selected = new Set<Key>();
  let all = false;
  for (const text of what) {
    const selector = parse(text, state.account);
    switch (selector.kind) {
      case 'all':
        all = true;
        for (const [key, { type }] of state.documents) {
          if (!findType(type)?.restore.onlyWhenNamed) selected.add(key);
        }
        break;
      case 'type':
        for (const { id } of candidatesOf(state, selector.type)) selected.add(keyOf(selector.type.name, id));
        break;
      case 'id': {
        const entry = [...state.documents].find(([, { id }]) => id === selector.id);
        if (!entry)
          throw new NotInState(
            text,
            `the mirror${state.commit ? ` at ${state.label}` : ''} has nothing with the id ${selector.id}`,
            "git log --all -- '*<id>*' shows whether it ever had",
          );
        selected.add(entry[0]);
        break;
      }
      case 'integration': {
        const root = await findOne(
          state,
          findType('integrations') as ResourceType,
          selector.name,
          text,
          options.transliterate,
        );
        for (const key of await integrationScope(state, root)) selected.add(key);
        break;
      }
      case 'one':
        selected.add(
          keyOf(
            selector.type.name,
            (await findOne(state, selector.type, selector.name, text, options.transliterate)).id,
          ),
        );
    }
  }
  if (!options.withDependencies || all) return { all, selected };
  const paths = pathsOf(state, selected);
  return { all, selected: await closure(state, await readDocuments(state, paths), () => true) };
}

/** Paths of the documents with these keys. */
export function pathsOf(state: MirrorState, keys: ReadonlySet<Key>): string[] {
  return [...state.documents].flatMap(([key, { path }]) => (keys.has(key) ? [path] : []));
}
