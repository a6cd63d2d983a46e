import { isObject, type Json, type JsonObject } from '../../core/json.ts';
import { equalJson, mapPath, setPlace, valueAt, withKey } from '../../core/paths.ts';
import { codeOf } from '../model/ids.ts';
import { withKnownConnector } from './connector-pointers.ts';
import type { Context } from './draft.ts';

/** Most of `concurrencyLevel` in a block (api-notes#clamped). */
const MOST = 25;
const MOST_OF: Readonly<Record<string, number>> = { rest: 100 };
const LEVELS = ['concurrencyLevel', 'targetConcurrencyLevel'] as const;

function clamped(block: JsonObject, most: number): JsonObject {
  let out = block;
  for (const field of LEVELS) {
    const value = block[field];
    if (typeof value === 'number') out = withKey(out, field, Math.min(most, Math.max(1, Math.trunc(value))));
  }
  return out;
}

/**
 * While it recovers from rate limits by itself, the platform manages the level: a write can set the target only. When
 * it does not, a target means nothing (api-notes#clamped).
 * @param before the block while it recovered before
 */
function managed(block: JsonObject, recovers: boolean, before: JsonObject | undefined): JsonObject {
  if (!recovers) return withKey(block, 'targetConcurrencyLevel', undefined);
  const level = block.concurrencyLevel;
  const target = block.targetConcurrencyLevel ?? level;
  if (target === undefined) return block;
  const kept = before && equalJson(before.targetConcurrencyLevel, target) ? before.concurrencyLevel : target;
  return { ...block, targetConcurrencyLevel: target, concurrencyLevel: kept ?? target };
}

/** The document with the numbers of connections as the server stores them. */
function withLevels(doc: JsonObject, stored: JsonObject | undefined): JsonObject {
  const { autoRecoverRateLimitErrors: recovers } = doc;
  const before = stored?.autoRecoverRateLimitErrors === true ? stored : undefined;
  let out = doc;
  for (const [name, block] of Object.entries(doc)) {
    if (!isObject(block)) continue;
    const earlier = before?.[name];
    const limited = clamped(block, MOST_OF[name] ?? MOST);
    const next =
      typeof recovers === 'boolean' ? managed(limited, recovers, isObject(earlier) ? earlier : undefined) : limited;
    if (next !== block) out = withKey(out, name, next);
  }
  return out;
}

const FTP_PORTS: Readonly<Record<string, number>> = { sftp: 22, ftp: 21, ftps: 21 };
const IMPLICIT_FTPS = 990;

function portOf(ftp: JsonObject): number {
  if (ftp.type === 'ftps' && ftp.useImplicitFtps === true) return IMPLICIT_FTPS;
  return FTP_PORTS[String(ftp.type)] ?? 21;
}

/** Versions of the web services that become `next`; all others become `latest` (api-notes#server-changes). */
const NEXT: ReadonlySet<Json> = new Set(['next', '2023.1']);

/** What the server makes of a written connection. */
export function normaliseConnection(doc: JsonObject, context: Context): JsonObject {
  const { id, stored, account } = context;
  let out = withLevels(withKnownConnector(doc, context), stored);
  if (account.behaviour.validation !== 'record') {
    out = mapPath(out, 'netsuite.wsdlVersion', (value) => (NEXT.has(value) ? 'next' : 'latest'));
  }
  if (isObject(out.ftp) && out.ftp.type !== undefined && out.ftp.port === undefined) {
    out = setPlace(out, 'ftp.port', portOf(out.ftp));
  }
  if (isObject(out.as2) && valueAt(out, 'as2.encrypted.userPrivateKey') === undefined) {
    out = setPlace(out, 'as2.encrypted.userPrivateKey', codeOf(`${id}-private`, 64));
    if (valueAt(out, 'as2.unencrypted.userPublicKey') === undefined) {
      out = setPlace(out, 'as2.unencrypted.userPublicKey', codeOf(`${id}-public`, 64));
    }
  }
  // Registered at once, and not part of the document (api-notes#written-apart).
  return withKey(out, '__integrationIds', undefined);
}
