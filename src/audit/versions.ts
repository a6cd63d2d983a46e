import { type MirrorDocument, readMirrorDocument } from '../core/documents.ts';
import { AppError } from '../core/errors.ts';
import { diffFields, type FieldChange, fieldChange } from '../core/field-diff.ts';
import type { JsonObject } from '../core/json.ts';
import { typeIn } from '../core/keys.ts';
import type { Git } from '../git/git.ts';
import { isUtf8 } from '../history/state.ts';
import { documentPath, type Entry, type Files } from './trail.ts';

/** Objects read by one git process. */
const CHUNK = 4_000;

/** Documents of the past, read by object id. */
export interface Versions {
  /** The document that these files are; `undefined` where they are none, or damaged. */
  document(files: Files): MirrorDocument | undefined;
}

/** Reads the documents before and after every entry, each object once. @throws GitFailure when one is missing */
export async function readVersions(git: Git, account: string, entries: readonly Entry[]): Promise<Versions> {
  const ids = [...new Set(entries.flatMap(({ before, after }) => [...before.values(), ...after.values()]))];
  const texts = new Map<string, string>();
  const notUtf8 = new Set<string>();
  for (let from = 0; from < ids.length; from += CHUNK) {
    const some = ids.slice(from, from + CHUNK);
    const objects = await git.objects(some);
    for (const [i, id] of some.entries()) {
      const bytes = objects[i] ?? Buffer.alloc(0);
      texts.set(id, bytes.toString('utf8'));
      if (!isUtf8(bytes)) notUtf8.add(id);
    }
  }
  const known = new Map<Files, MirrorDocument | undefined>();
  return {
    document(files) {
      if (known.has(files)) return known.get(files);
      const document = read(files, account, texts);
      const damaged = [...files].flatMap(([path, id]) => (notUtf8.has(id) ? [`${account}/${path}`] : []));
      known.set(files, document && damaged.length > 0 ? { ...document, notUtf8: damaged } : document);
      return known.get(files);
    },
  };
}

function read(files: Files, account: string, texts: ReadonlyMap<string, string>): MirrorDocument | undefined {
  const path = documentPath(files);
  const text = path === undefined ? undefined : texts.get(files.get(path) ?? '');
  if (path === undefined || text === undefined) return undefined;
  const folder = typeIn(path);
  try {
    return readMirrorDocument(path, text, `${account}/${path}`, (name) =>
      texts.get(files.get(`${folder}/${name}`) ?? ''),
    );
  } catch (error) {
    // A damaged file is still part of the history; git's own diff shows it.
    if (error instanceof AppError) return undefined;
    throw error;
  }
}

/** The document of a resource that came or went, before or after it did; neither where it stayed or cannot be read. */
export function documentsOf({ before, after }: Entry, versions: Versions): { before?: JsonObject; after?: JsonObject } {
  if (before.size > 0 && after.size > 0) return {};
  const [old, now] = [versions.document(before)?.doc, versions.document(after)?.doc];
  return { ...(old ? { before: old } : {}), ...(now ? { after: now } : {}) };
}

/** The fields that a change changed; none for a resource that came or went. */
export function fieldsOf(entry: Entry, versions: Versions): FieldChange[] {
  if (entry.before.size === 0 || entry.after.size === 0) return [];
  const [before, after] = [versions.document(entry.before), versions.document(entry.after)];
  return before && after ? diffFields(before.doc, after.doc) : [];
}

/** The fields that a change changed; a resource that came or went is one change of the document. */
export function changesOf(entry: Entry, versions: Versions): FieldChange[] {
  const { before, after } = documentsOf(entry, versions);
  return before || after ? [fieldChange([], before, after)] : fieldsOf(entry, versions);
}
