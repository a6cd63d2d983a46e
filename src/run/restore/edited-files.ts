import type { Catalogue } from '../../catalogue/index.ts';
import type { ResourceType } from '../../catalogue/types.ts';
import { digestOf } from '../../core/digest.ts';
import { checkEntries, parseFile, sideFilesOf, withSideFiles } from '../../core/documents.ts';
import { conflictMarker, typedCredentials, unwrittenFields } from '../../core/edited.ts';
import { AppError } from '../../core/errors.ts';
import { diffFields } from '../../core/field-diff.ts';
import { isObject, type JsonObject } from '../../core/json.ts';
import { isMiscasedId, isObjectId, type Key, keyOf, typeIn } from '../../core/keys.ts';
import { isGeneratedFile, isOverview, readPath } from '../../core/layout.ts';
import { NEVER_MIRRORED } from '../../core/normalise.ts';
import { equalJson, valueAt } from '../../core/paths.ts';
import { placeText } from '../../core/places.ts';
import { filesNotUtf8, readDocuments } from '../../history/state.ts';
import { inSetOrder, restorable } from '../../plan/body.ts';
import { writtenApart } from '../../plan/left-out.ts';
import type { EditedDocument, Edits } from './edits.ts';
import type { Renew } from './reader.ts';

/** What the edited files of an account's folder mean. */
interface EditedFiles {
  readonly documents: readonly EditedDocument[];
  readonly warnings: readonly string[];
}

/** A document file as a person left it. */
interface EditedFile {
  readonly type: ResourceType;
  readonly path: string;
  readonly id: string;
  readonly parsed: JsonObject;
  readonly sides: readonly string[];
}

function refused(message: string, hint: string): AppError {
  return new AppError('USAGE', message, { hint });
}

/** Reads what people changed in an account's folder. */
class Reading {
  readonly warnings: string[] = [];
  readonly #edits: Edits;
  readonly #find: Catalogue['find'];
  readonly #renew: Renew;

  constructor(edits: Edits, find: Catalogue['find'], renew: Renew) {
    this.#edits = edits;
    this.#find = find;
    this.#renew = renew;
  }

  shown(path: string): string {
    return `${this.#edits.after.account}/${path}`;
  }

  /** Files that differ and are those of resources; others are left alone, and named where someone may expect more. */
  async #changed(): Promise<string[]> {
    for (const type of this.#edits.cleaned)
      this.warnings.push(
        `the configuration leaves out ${type}: removing files from ${this.shown(type)}/ deletes nothing in the account`,
      );
    const outside: string[] = [];
    const changed = [...this.#edits.files.keys()].filter((path) => {
      if (isOverview(path)) return false;
      if (isGeneratedFile(path)) {
        this.warnings.push(`${this.shown(path)} is kept by the mirror: what was changed in it is not applied`);
        return false;
      }
      const isIn = this.#find(typeIn(path)) !== undefined && !path.slice(typeIn(path).length + 1).includes('/');
      if (!isIn && /\.(?:ya?ml|json)$/.test(path) && this.#edits.after.files.has(path)) {
        this.warnings.push(`${this.shown(path)} is not in the folder of a type of resources: it is not applied`);
        outside.push(path);
      }
      return isIn;
    });
    await this.#checkMoved([...outside, ...changed.filter((path) => /\.(?:yml|json)$/.test(path))]);
    return changed;
  }

  /** @throws AppError `USAGE` for a document that was moved to where it is none: that deletes nothing */
  async #checkMoved(paths: readonly string[]): Promise<void> {
    const { before, after } = this.#edits;
    const gone = [...before.documents.values()].filter(({ path }) => !after.files.has(path));
    if (gone.length === 0) return;
    const texts = await after.texts(paths);
    for (const [i, path] of paths.entries()) {
      const id = /^ {0,8}"?_id"?: ?"?([^"\s,]+)/m.exec(texts[i] ?? '')?.[1];
      const from = gone.find((one) => one.id === id);
      if (!from) continue;
      throw refused(
        `${this.shown(from.path)} was moved to ${this.shown(path)}, which is not the place of a document`,
        `Move it back: a document is ${after.account}/<type>/<name>.yaml. ` +
          `To delete the resource ${from.type}/${from.id}, delete its file`,
      );
    }
  }

  /** Paths of the documents that differ, or of which a side file does. */
  #documentPaths(changed: readonly string[]): Set<string> {
    const { before, after } = this.#edits;
    const paths = new Set(changed.filter((path) => path.endsWith('.yaml')));
    for (const path of changed) {
      if (paths.has(path)) continue;
      const parts = readPath(path);
      const key = parts && keyOf(parts.type, parts.id);
      const owners = [before, after].flatMap(({ documents }) => (key && documents.get(key)?.path) || []);
      for (const owner of owners) paths.add(owner);
    }
    return paths;
  }

  async #textsOf(paths: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const { before, after, files } = this.#edits;
    const texts = await after.texts(paths);
    for (const [i, path] of paths.entries()) {
      if (!files.has(path) || conflictMarker(texts[i] ?? '') === undefined) continue;
      const [was] = before.files.has(path) ? await before.texts([path]) : [];
      const line = conflictMarker(texts[i] ?? '', was);
      if (line !== undefined)
        throw refused(
          `${this.shown(path)}:${line}: a merge left its conflict marker in the file`,
          'Decide between the two sides, remove the lines with <<<<<<<, |||||||, ======= and >>>>>>>, and commit',
        );
    }
    return new Map(paths.map((path, i) => [path, texts[i] ?? '']));
  }

  async #notUtf8(paths: readonly string[]): Promise<ReadonlySet<string>> {
    const { after } = this.#edits;
    const texts = await after.texts(paths);
    return filesNotUtf8(
      after,
      paths.map((path, i) => [path, texts[i] ?? '']),
    );
  }

  /** The id of an edited document file. @throws AppError `USAGE` for one that is that of another file */
  #idOf(type: ResourceType, path: string, parsed: JsonObject): string {
    const { before, after } = this.#edits;
    const parts = readPath(path);
    const inName = parts?.isDocument ? parts.id : undefined;
    const held = typeof parsed._id === 'string' ? parsed._id : undefined;
    const miscased = [held, /\.(\w{24})\.yaml$/.exec(path)?.[1]].find((id) => id !== undefined && isMiscasedId(id));
    if (miscased !== undefined)
      throw refused(
        `${this.shown(path)}: the id ${miscased} is not in lower case, as all ids of this kind are`,
        'To change that resource, edit its own file; for a new one, use a name and a document without the id',
      );
    if (before.files.has(path)) {
      if (inName !== undefined && held === inName) return inName;
      throw refused(
        `${this.shown(path)}: its _id is ${inName}, and was changed`,
        'Give the file its _id back; for another resource, add a file without an _id',
      );
    }
    const known = held === undefined ? undefined : before.documents.get(keyOf(type.name, held));
    if (held !== undefined && known) {
      if (!after.files.has(known.path)) return held;
      throw refused(
        `${this.shown(path)} has the _id of ${this.shown(known.path)}`,
        'For another resource, remove the _id from the new file',
      );
    }
    const id = held ?? inName;
    const other = [...before.documents.values()].find((one) => one.id === id && one.type !== type.name);
    if (other)
      throw refused(
        `${this.shown(path)} has the id of ${this.shown(other.path)}, which is of another type`,
        'A resource keeps its type: move the file back; for another resource, use a name and a document without the id',
      );
    if (isObjectId(held)) return held;
    if (held === undefined && isObjectId(inName)) {
      const named = before.documents.get(keyOf(type.name, inName));
      if (!named || !after.files.has(named.path)) return inName;
    }
    return digestOf(path).slice(0, 24);
  }

  async #edited(paths: readonly string[]): Promise<EditedFile[]> {
    const { after } = this.#edits;
    const texts = await this.#textsOf(paths);
    const taken = new Map<Key, string>();
    return paths.map((path) => {
      const type = this.#find(typeIn(path)) as ResourceType;
      const parsed = parseFile(texts.get(path) ?? '', this.shown(path));
      if (!isObject(parsed))
        throw refused(`${this.shown(path)} holds no document`, 'A document is a mapping of fields to values');
      const id = this.#idOf(type, path, parsed);
      const other = taken.get(keyOf(type.name, id));
      if (other)
        throw refused(
          `${this.shown(path)} and ${this.shown(other)} are the same resource: ${id}`,
          'Remove one of the two files, or its _id',
        );
      taken.set(keyOf(type.name, id), path);
      const sides = sideFilesOf(parsed).map((name) => `${type.name}/${name}`);
      return { type, path, id, parsed, sides: sides.filter((side) => after.files.has(side)) };
    });
  }

  /**
   * The document of an edited file in today's form. @throws AppError `GUARD` for a credential that was typed into it
   */
  #documentOf(
    { type, path, id, parsed }: EditedFile,
    before: JsonObject | undefined,
    sides: ReadonlyMap<string, string>,
  ) {
    const shown = this.shown(path);
    const foreign = NEVER_MIRRORED.filter((key) => parsed[key] !== undefined);
    const own = Object.fromEntries(Object.entries(parsed).filter(([key]) => !foreign.includes(key)));
    const doc = withSideFiles({ ...own, _id: id }, shown, (name) => sides.get(`${type.name}/${name}`));
    checkEntries(type, doc, own, shown);
    const after = this.#renew(type, doc);
    const typed = typedCredentials(before, doc, after);
    if (typed.length > 0)
      throw new AppError('GUARD', `${shown} holds a credential in plain text: ${typed.join(', ')}`, {
        hint:
          'Revoke it, since Git keeps it, and take the commit out of the branch. The marker stays in the file; the ' +
          'new credential goes into the file of --secrets',
      });
    const changed = new Set(diffFields(before, after).map(({ place }) => placeText(place)));
    // A person need not know that a list is a set, and how the mirror sorts it.
    const dropped = diffFields(before, inSetOrder(type, doc)).flatMap(({ place }) => {
      const name = placeText(place);
      return name === '' || changed.has(name) || [...changed].some((one) => one.startsWith(name)) ? [] : [name];
    });
    for (const field of [...foreign, ...dropped]) {
      const why = foreign.includes(field) ? '' : ', or a default, or a copy of another field';
      this.warnings.push(`${shown}: ${field} is kept by the server${why}: what was changed in it is not applied`);
    }
    if (before) this.#warnUnwritten(shown, type, before, after);
    return after;
  }

  #warnUnwritten(shown: string, type: ResourceType, before: JsonObject, after: JsonObject): void {
    const parts = [before, after].map((doc) => restorable(type, doc, new Map()));
    const [was, is] = parts as [JsonObject, JsonObject];
    const apart = new Set(writtenApart(type).map(String));
    for (const field of unwrittenFields({ before, after }, { before: was, after: is }))
      if (!apart.has(field.split(/[.[]/)[0] ?? ''))
        this.warnings.push(`${shown}: ${field} cannot be written: what was changed in it is not applied`);
    for (const path of type.restore.switches ?? []) {
      const value = valueAt(after, path);
      if (value !== undefined && typeof value !== 'boolean' && !equalJson(value, valueAt(before, path)))
        this.warnings.push(
          `${shown}: ${path} is ${JSON.stringify(value)}, neither true nor false: this change is not applied`,
        );
    }
  }

  async read(): Promise<EditedFiles> {
    const { before, after, files } = this.#edits;
    const changed = await this.#changed();
    const paths = [...this.#documentPaths(changed)].sort();
    for (const path of changed) {
      const entry = files.get(path)?.after;
      if (entry !== undefined && !entry.startsWith('100'))
        throw refused(`${this.shown(path)} is not an ordinary file`, 'Links and submodules are not applied');
    }
    const edited = await this.#edited(paths.filter((path) => after.files.has(path)));
    const sides = await this.#textsOf([...new Set(edited.flatMap((one) => one.sides))]);
    const damaged = await this.#notUtf8(edited.flatMap((one) => [one.path, ...one.sides]));
    const claimed = new Set([...sides.keys(), ...paths]);
    for (const path of changed)
      if (after.files.has(path) && !claimed.has(path))
        this.warnings.push(`${this.shown(path)} belongs to no document: it is not applied`);
    const former = await readDocuments(
      before,
      [...paths.filter((path) => before.files.has(path)), ...renamedFrom(edited, this.#edits)].filter(
        (path, i, all) => all.indexOf(path) === i,
      ),
    );
    const old = new Map(former.map((document) => [keyOf(document.type.name, document.id), document]));
    const filesOf = (key: Key, ...more: readonly string[]): Set<string> => {
      const own = [...files.keys()].filter((path) => {
        const parts = readPath(path);
        return parts !== undefined && keyOf(parts.type, parts.id) === key;
      });
      return new Set([...own, ...more]);
    };
    const documents = edited.map((one): EditedDocument => {
      const key = keyOf(one.type.name, one.id);
      const held = old.get(key);
      old.delete(key);
      const was = held && this.#renew(held.type, held.doc);
      const notUtf8 = [one.path, ...one.sides].filter((path) => damaged.has(path)).map((path) => this.shown(path));
      return {
        type: one.type,
        id: one.id,
        before: was,
        after: this.#documentOf(one, was, sides),
        paths: filesOf(key, one.path, ...one.sides),
        ...(notUtf8.length > 0 ? { notUtf8 } : {}),
      };
    });
    const deleted = [...old].map(
      ([key, { type, id, path, doc }]): EditedDocument => ({
        type,
        id,
        before: this.#renew(type, doc),
        after: undefined,
        paths: filesOf(key, path),
      }),
    );
    return { documents: [...documents, ...deleted], warnings: this.warnings };
  }
}

/** Where renamed documents were before. */
function renamedFrom(edited: readonly EditedFile[], { before }: Edits): string[] {
  return edited.flatMap(({ type, id }) => before.documents.get(keyOf(type.name, id))?.path ?? []);
}

/**
 * The resources that people changed in an account's folder, whatever they did to the files: edited, added, renamed or
 * deleted, a document or the code beside it.
 * @throws AppError `USAGE` for a file that is not a document (with its line), `GUARD` for a credential in plain text
 */
export function readEditedFiles(edits: Edits, find: Catalogue['find'], renew: Renew): Promise<EditedFiles> {
  return new Reading(edits, find, renew).read();
}
