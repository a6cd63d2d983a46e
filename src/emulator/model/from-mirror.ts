import { findType } from '../../catalogue/index.ts';
import { readBelow } from '../../core/below.ts';
import {
  getOwn,
  isArray,
  isObject,
  type Json,
  type JsonObject,
  type MutableJsonObject,
  setOwn,
} from '../../core/json.ts';
import { BINDING_FILE, readPath } from '../../core/layout.ts';
import { joinFiles, secretOf } from '../../core/markers.ts';
import { isMask } from '../../core/secrets.ts';
import { parseYaml } from '../../core/yaml.ts';
import type { AccountSeed } from './seed.ts';

/** A mirror holds no credential: the emulated account gets invented ones in their places. */
function withInventedSecrets(value: Json): Json {
  if (isMask(value)) return 'emulated-credential';
  const fingerprint = secretOf(value);
  if (fingerprint !== undefined) return `emulated-credential-${fingerprint}`;
  if (isArray(value)) return value.map(withInventedSecrets);
  if (!isObject(value)) return value;
  const out: MutableJsonObject = {};
  for (const key of Object.keys(value)) setOwn(out, key, withInventedSecrets(value[key] as Json));
  return out;
}

/** The account's folder of a mirror: path inside it → bytes. */
type Files = ReadonlyMap<string, Buffer>;

function textOf(files: Files, path: string): string {
  const bytes = files.get(path);
  if (!bytes) throw new Error(`${path} is missing`);
  return bytes.toString('utf8');
}

function readDocument(files: Files, path: string): JsonObject {
  const parsed = parseYaml(textOf(files, path));
  const type = path.slice(0, path.indexOf('/'));
  // Markers are read before the files are joined: code may contain text that looks like one.
  const joined = joinFiles(withInventedSecrets(parsed), (name) => textOf(files, `${type}/${name}`));
  if (!isObject(joined)) throw new Error(`${path} holds no document`);
  return joined;
}

function userIdOf(files: Files): string {
  const binding = parseYaml(textOf(files, BINDING_FILE));
  const account = isObject(binding) ? getOwn(binding, 'account') : undefined;
  const id = isObject(account) ? getOwn(account, 'userId') : undefined;
  return typeof id === 'string' ? id : '650000000000000000000001';
}

/**
 * An account as a mirror's folder holds it, with an owner of the same id and invented credentials. People of the
 * mirror can sign in with the token `emulator-token-<user id>`.
 * @param files the account's folder, with its `mirror.yaml`
 * @throws YamlError, or an Error that names the file, for a mirror that is not sound
 */
export function seedFromMirror(files: Files): AccountSeed {
  const resources: Record<string, JsonObject[]> = {};
  const state: Record<string, Json> = {};
  const resourceState: Record<string, Record<string, Json>> = {};
  const lookupData: Record<string, { key: string; value: Json }[]> = {};
  for (const path of [...files.keys()].sort()) {
    const parts = readPath(path);
    const type = findType(parts?.type ?? '');
    if (!parts?.isDocument || !type) continue;
    const mirrored = readDocument(files, path);
    const below = readBelow(type, parts.id);
    const doc = below ? { ...mirrored, _id: below.own } : mirrored;
    if (type.list.shape === 'keys') {
      const scope = below ? `${below.parent.name}/${below.parentId}` : undefined;
      if (scope !== undefined) resourceState[scope] ??= {};
      const held = scope === undefined ? state : resourceState[scope];
      if (held) held[String(doc.key)] = doc.value ?? null;
    } else if (parts.type === 'lookupcaches' && typeof doc.data === 'string') {
      const { data, ...cache } = doc;
      lookupData[parts.id] = String(data)
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as { key: string; value: Json });
      resources.lookupcaches = [...(resources.lookupcaches ?? []), cache];
    } else resources[parts.type] = [...(resources[parts.type] ?? []), doc];
  }
  const people = (resources.ashares ?? []).flatMap((share) => {
    const user = share.sharedWithUser;
    if (!isObject(user) || typeof user._id !== 'string') return [];
    const role = share.accessLevel === 'administrator' ? ('administrator' as const) : ('monitor' as const);
    return [
      { _id: user._id, name: String(user.name), email: String(user.email), token: `emulator-token-${user._id}`, role },
    ];
  });
  const owner = {
    _id: userIdOf(files),
    name: 'Account owner',
    email: 'owner@example.test',
    token: 'emulator-token',
    role: 'owner' as const,
  };
  return { people: [owner, ...people], resources, lookupData, state, resourceState, audit: [] };
}
