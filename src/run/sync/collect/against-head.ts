import type { ResourceType } from '../../../catalogue/types.ts';
import { type Change, editorOf, type FileEntry } from '../../../core/changes.ts';
import { blobOid } from '../../../core/digest.ts';
import { getOwn, isArray, isObject, type Json, type JsonObject } from '../../../core/json.ts';
import { basePath, filedDocument, readPath, renderResource, titleOf } from '../../../core/layout.ts';
import { createNormaliser, type Normalised } from '../../../core/normalise.ts';
import { withSteps } from '../../../core/paths.ts';
import { type Place, placeText, visitLeaves } from '../../../core/places.ts';
import { serverTimeText } from '../../../core/server-time.ts';
import { YamlError } from '../../../core/yaml.ts';
import { GitFailure } from '../../../git/git.ts';
import { type Fetched, inexactError, refusingDepth } from '../../fetch-document.ts';
import type { CachedType } from '../cache.ts';
import { type CachedResource, CachedResources, type Chunk, isKnown } from '../cached-resources.ts';
import type { CollectContext } from './types.ts';

/** A document ready to be compared with HEAD. */
export interface Prepared {
  readonly normalised: Normalised;
  /** The document as its file has it. */
  readonly filed: Json;
  readonly title: string;
  /** Of its file, inside the account's folder. */
  readonly path: string;
  /** All its files. */
  readonly files: readonly FileEntry[];
  /** What HEAD lacks of them, and what it has too many. */
  readonly put: readonly { readonly entry: FileEntry; readonly text: string }[];
  readonly remove: readonly string[];
}

/** The documents of one type compared with those in HEAD: what changed, and what the next run finds in its cache. */
export interface AgainstHead {
  /**
   * The mirror's form of a document, and its files. @throws ApiError when a number in it is not the one that the API
   * sent
   */
  readonly prepare: (id: string, fetched: Fetched) => Prepared;
  /** Whether the resource may have been edited since the last run, going by its copy in the list. */
  readonly isEdited: (id: string, listed: JsonObject, prepared: Prepared) => boolean;
  /**
   * Whether a copy of the list shows that it was edited, and lacks nothing that HEAD's document has: then the list left
   * out neither what the edit changed nor what was there before.
   */
  readonly showsEdit: (id: string, prepared: Prepared) => Promise<boolean>;
  /** Takes a document in place of what HEAD has. `raw`: digest of its record, `''` where it was not in a list. */
  readonly accept: (id: string, raw: string, listed: JsonObject, prepared: Prepared) => void;
  /** Takes a form of a changed document in place of the one that was accepted. */
  readonly renew: (id: string, normalised: Normalised) => void;
  /** Takes back what an earlier copy of the same resource led to in this run. */
  readonly undo: (id: string) => void;
  /** Leaves a resource as HEAD has it, unless this run accepted a newer document. */
  readonly keep: (id: string) => void;
  /** The same for the resources of a chunk of the last run. */
  readonly keepChunk: (chunk: Chunk) => void;
  /** Undoes everything set aside: a type that was not read completely keeps its files as they are. */
  readonly forget: () => void;
  /** Whether a document has something, in the mirror's form, that its copy in the list lacks. */
  readonly hasMore: (full: JsonObject, listed: JsonObject) => boolean;
  readonly resources: CachedResources;
  readonly changes: () => Change[];
}

/** What the documents of one type are compared with, and how. */
interface Comparison {
  readonly context: CollectContext;
  readonly type: ResourceType;
  readonly normalise: (doc: JsonObject) => Normalised;
  readonly inHead: (id: string) => CachedResource | undefined;
  /** The first listing of this type. */
  readonly baseline: boolean;
}

/** `lastModified` of a record, `''` where it has none. */
export function modifiedOf(doc: JsonObject): string {
  const value = getOwn(doc, 'lastModified');
  return typeof value === 'string' ? value : '';
}

function differs({ put, remove }: Prepared): boolean {
  return put.length + remove.length > 0;
}

/** Whether `full` has a field or an element, at any depth, that `listed` lacks: the listing is abridged then. */
function hasMore(full: Json, listed: Json): boolean {
  if (listed === null) return full !== null;
  if (isArray(full)) {
    if (!isArray(listed)) return true;
    return full.length > listed.length || full.some((item, i) => hasMore(item, listed[i] as Json));
  }
  if (!isObject(full)) return false;
  if (!isObject(listed)) return true;
  return Object.keys(full).some((key) => {
    const other = getOwn(listed, key);
    return other === undefined || hasMore(full[key] as Json, other);
  });
}

/** Normalises a document, refusing one whose mirrored part holds a number that JavaScript cannot. @throws ApiError */
function clean({ type, normalise }: Comparison, id: string, { doc, inexact }: Fetched): Normalised {
  const normalised = normalise(doc);
  if (inexact.length > 0) {
    // Most such numbers are in samples and counters, which are left out: only one that stays matters.
    const mark = (i: number): string => `\u0001${i}\u0001`;
    const marked = withSteps(
      doc,
      inexact.map(({ place }, i) => ({ place, value: mark(i) })),
    );
    const left = new Set<Json>();
    visitLeaves(normalise(marked).doc, (leaf) => left.add(leaf));
    const staying = inexact.filter((_, i) => left.has(mark(i)));
    if (staying.length > 0) throw inexactError(`${type.name}/${id}`, staying);
  }
  return normalised;
}

/** How the writer of YAML notes half of a surrogate pair; code may hold the same as plain text. */
const SPLIT_CHARACTER = /\\ud[89a-f]/;

/** Where a document holds half of a surrogate pair, in a text or a name. */
function splitCharacters(doc: JsonObject): string[] {
  const found = new Set<string>();
  const look = (text: Json, place: Place): void => {
    if (typeof text === 'string' && !text.isWellFormed()) found.add(placeText(place));
  };
  visitLeaves(doc, look, (value, place) => {
    if (isObject(value)) for (const key of Object.keys(value)) look(key, place);
    return true;
  });
  return [...found].map((place) => (place === '' ? 'a name' : place.toWellFormed()));
}

/** Reports what only some readers of YAML take: they refuse the whole file, not just the value. */
function reportUnreadable({ notice }: CollectContext, { normalised, put }: Prepared): void {
  for (const {
    entry: [path],
    text,
  } of put) {
    if (!path.endsWith('.yaml') || !SPLIT_CHARACTER.test(text)) continue;
    const places = splitCharacters(normalised.doc);
    if (places.length === 0) continue;
    notice?.(
      `${path}: half of a character (an unpaired surrogate) in ${places.join(', ')}: it is mirrored exactly, but ` +
        'other programs that read YAML with libyaml refuse the file; write that text again in Celigo',
    );
  }
}

const NONE: readonly never[] = [];

function prepareDocument({ context, type, inHead }: Comparison, id: string, normalised: Normalised): Prepared {
  const title = titleOf(type, normalised.doc);
  const base = basePath(type, id, title, context.transliterate);
  const rendered = renderResource(base, normalised);
  const files = rendered.map(({ path, text }): FileEntry => [path, blobOid(text, context.format)]);
  const old = inHead(id)?.files ?? [];
  const put = rendered
    .map(({ text }, i) => ({ text, entry: files[i] as FileEntry }))
    .filter(({ entry: [path, oid] }) => !old.some(([oldPath, oldOid]) => oldPath === path && oldOid === oid));
  const remove =
    old.length === 0 ? NONE : old.flatMap(([path]) => (files.some(([kept]) => kept === path) ? [] : [path]));
  const [path] = files[0] as FileEntry;
  return { normalised, filed: filedDocument(base, normalised), title, path, files, put, remove };
}

/** The document of a resource among its files. */
function documentIn(files: readonly FileEntry[] = []): FileEntry | undefined {
  return files.find(([path]) => readPath(path)?.isDocument);
}

async function showsEdit({ context, inHead }: Comparison, id: string, prepared: Prepared): Promise<boolean> {
  if (!differs(prepared)) return false;
  const now = prepared.put.find(({ entry }) => entry[0] === prepared.path);
  const [, oid] = documentIn(inHead(id)?.files) ?? [];
  // A side file alone differs: its field is in both.
  if (!now) return true;
  if (oid === undefined) return false;
  try {
    return !hasMore(await context.inHead(oid), prepared.filed);
  } catch (error) {
    if (!(error instanceof GitFailure) && !(error instanceof YamlError)) throw error;
    return false;
  }
}

/** What a document changes in HEAD. */
function filesChanged(
  { inHead }: Comparison,
  id: string,
  { title, path, files, put, remove }: Prepared,
): Pick<Change, 'kind' | 'title' | 'path' | 'oldPath' | 'put' | 'remove'> {
  const before = inHead(id);
  const [oldPath] = documentIn(before?.files) ?? [];
  return {
    kind: before === undefined ? 'added' : oldPath !== path ? 'renamed' : 'changed',
    title,
    path,
    ...(oldPath !== undefined && oldPath !== path ? { oldPath } : {}),
    // All of them, as a rule: then the list is the one that is kept of the resource.
    put: put.length === files.length ? files : put.map(({ entry }) => entry),
    remove,
  };
}

function changeOf(comparison: Comparison, id: string, listed: JsonObject, prepared: Prepared): Change {
  const { type, baseline } = comparison;
  const modified = serverTimeText(modifiedOf(listed));
  const created = serverTimeText(String(getOwn(listed, 'createdAt') ?? ''));
  const editor = editorOf(getOwn(listed, 'lastModifiedBy'));
  return {
    type: type.name,
    id,
    ...filesChanged(comparison, id, prepared),
    baseline,
    // No one made what was there before.
    ...(modified && !baseline ? { lastModified: modified } : {}),
    ...(created && !baseline ? { created } : {}),
    ...(editor && !baseline ? { lastModifiedBy: editor } : {}),
  };
}

/** @param baseline the first listing of this type */
export function compareWithHead(
  context: CollectContext,
  type: ResourceType,
  known: CachedType,
  baseline: boolean,
): AgainstHead {
  const normalise = refusingDepth(type, createNormaliser(type, context.normalise));
  const inHead = (id: string): CachedResource | undefined => known.details().resources.get(id);
  const comparison: Comparison = { context, type, normalise, inHead, baseline };
  const changes = new Map<string, Change>();
  const resources = new CachedResources();

  function undo(id: string): boolean {
    resources.delete(id);
    return changes.delete(id);
  }

  function keep(id: string): void {
    const entry = inHead(id);
    if (entry && !resources.has(id)) resources.set(id, entry);
  }

  function write(id: string, prepared: Prepared): void {
    const { filed, path, put } = prepared;
    for (const { entry, text } of put) {
      context.put(text);
      if (entry[0] === path && inHead(id)) context.edited?.(entry[1], filed, text);
    }
    reportUnreadable(context, prepared);
  }

  return {
    resources,
    changes: () => [...changes.values()],
    prepare: (id, fetched) => prepareDocument(comparison, id, clean(comparison, id, fetched)),
    accept(id, raw, listed, prepared) {
      const modified = modifiedOf(listed);
      // Pages shift while others edit: of two copies the newer one counts, whichever came last.
      if (modified !== '' && modified < (resources.get(id)?.modified ?? '')) return;
      const { normalised, path, files } = prepared;
      if (normalised.clear.length > 0) context.clear?.(path, normalised.clear);
      if (undo(id)) context.seen?.(type.name, id, normalised.doc);
      resources.set(id, { raw, modified, files });
      if (!differs(prepared)) return;
      write(id, prepared);
      context.seen?.(type.name, id, normalised.doc);
      changes.set(id, changeOf(comparison, id, listed, prepared));
      if (!baseline) context.changed?.();
    },
    renew(id, normalised) {
      const [change, resource] = [changes.get(id), resources.get(id)];
      if (!change || !resource) return;
      const prepared = prepareDocument(comparison, id, normalised);
      context.seen?.(type.name, id, normalised.doc);
      resources.set(id, { ...resource, files: prepared.files });
      const { oldPath: _, ...rest } = change;
      if (differs(prepared)) {
        write(id, prepared);
        changes.set(id, { ...rest, ...filesChanged(comparison, id, prepared) });
      } else changes.delete(id);
    },
    isEdited(id, listed, prepared) {
      const before = inHead(id);
      if (!before) return false;
      return (before.modified !== '' && before.modified !== modifiedOf(listed)) || differs(prepared);
    },
    showsEdit: (id, prepared) => showsEdit(comparison, id, prepared),
    hasMore: (full, listed) => hasMore(normalise(full).doc, normalise(listed).doc),
    undo: (id) => void undo(id),
    keep,
    keepChunk(chunk) {
      if (isKnown(chunk)) resources.keep(chunk);
      else for (const id of chunk.ids) keep(id);
    },
    forget() {
      for (const id of [...changes.keys()]) undo(id);
      resources.clear();
    },
  };
}
