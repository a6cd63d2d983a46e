import { findType } from '../../catalogue/index.ts';
import { type ChangedFields, changedFields } from '../../core/changed-fields.ts';
import type { Change } from '../../core/changes.ts';
import { isArray, isObject, type Json, type MutableJsonObject, setOwn } from '../../core/json.ts';
import { fileMarker, fileOf } from '../../core/markers.ts';
import { YamlError } from '../../core/yaml.ts';
import { GitFailure } from '../../git/git.ts';
import type { StartingPoint } from './starting-point.ts';

/** Changes of one commit that are looked into: subjects and messages name no more. */
export const MOST_NAMED = 20;

/**
 * What changed in these resources, as far as it can be said: not of new and deleted ones, and not where a document was
 * too large to be kept.
 */
export async function readChangedFields(
  start: StartingPoint,
  changes: readonly Change[],
): Promise<ReadonlyMap<Change, ChangedFields>> {
  const found = await Promise.all(
    changes.map(async (change) => {
      const fields = change.baseline ? undefined : await fieldsOf(start, change);
      return fields ? [[change, fields] as const] : [];
    }),
  );
  return new Map(found.flat());
}

async function fieldsOf(start: StartingPoint, change: Change): Promise<ChangedFields | undefined> {
  const { type: typeName, id, path, oldPath = path, put } = change;
  const type = findType(typeName);
  const files = start.headState.known.get(typeName)?.details().resources.get(id)?.files;
  const [, oid] = files?.find(([file]) => file === oldPath) ?? [];
  if (!type || !files || oid === undefined) return undefined;
  try {
    const held = await start.context.inHead(oid);
    const putOid = (file: string): string | undefined => put.find(([name]) => name === file)?.[1];
    const nowOid = putOid(path);
    // A side file alone may differ.
    const now = nowOid === undefined ? held : start.documents.get(nowOid);
    if (now === undefined) return undefined;
    const heldOid = (name: string): string => files.find(([file]) => file === `${typeName}/${name}`)?.[1] ?? '';
    const before = byContent(held, heldOid);
    const after = byContent(now, (name) => putOid(`${typeName}/${name}`) ?? heldOid(name));
    return isObject(before) && isObject(after) ? changedFields(type, before, after) : undefined;
  } catch (error) {
    // The commit is right without it.
    if (!(error instanceof GitFailure) && !(error instanceof YamlError)) throw error;
    return undefined;
  }
}

/** The document with the ids of its side files in place of their names, which change with that of the resource. */
function byContent(value: Json, oidOf: (name: string) => string): Json {
  const name = fileOf(value);
  if (name !== undefined) return fileMarker(oidOf(name));
  if (isArray(value)) return value.map((item) => byContent(item, oidOf));
  if (!isObject(value)) return value;
  const out: MutableJsonObject = {};
  for (const key of Object.keys(value)) setOwn(out, key, byContent(value[key] as Json, oidOf));
  return out;
}
