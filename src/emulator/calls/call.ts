import { isObject, type Json } from '../../core/json.ts';
import type { Account } from '../model/account.ts';
import type { Actor } from '../model/actors.ts';
import { type ApiFault, fault } from '../model/api-fault.ts';

/** One call of the API after authentication, as the handlers see it. */
export interface Call {
  readonly account: Account;
  readonly actor: Actor;
  readonly method: string;
  /** Path below `/v1`, decoded; words in lower case, ids and keys as they came. */
  readonly path: readonly string[];
  readonly query: URLSearchParams;
  /** The body, or `undefined` without one. @throws ApiFault 400 or 415 when it is not JSON or not said to be */
  readonly body: () => Json | undefined;
  /** Scheme, host and path as the client addressed them, for links. */
  readonly address: string;
  /** Runs the hook of a test before a write takes effect. */
  readonly beforeWrite: (type: string, id: string | undefined) => Promise<void>;
}

/**
 * Reads a body the way the API does: its type must be named (400 without, 415 for another one), and it must parse
 * (api-notes#statuses).
 */
export function parseBody(bytes: Buffer, contentType: string | undefined): Json | undefined {
  if (bytes.length === 0) return undefined;
  if (contentType === undefined) throw fault(400, 'invalid_header', 'Content-Type is required', 'Content-Type');
  if (!/^application\/json\s*(;|$)/i.test(contentType)) {
    throw fault(415, 'unsupported_media_type', 'Content-Type must be application/json', 'Content-Type');
  }
  try {
    return JSON.parse(bytes.toString('utf8')) as Json;
  } catch {
    throw fault(400, 'invalid_json', 'the body is not valid JSON');
  }
}

/** A body that has to be an array of strings. @throws ApiFault 400 */
export function stringsOf(body: Json | undefined, what: string): readonly string[] {
  if (Array.isArray(body) && body.every((item): item is string => typeof item === 'string')) return body;
  throw fault(400, 'invalid_field', `${what} must be an array of strings`);
}

/** A body that has to be an object. @throws ApiFault 400 */
export function objectBody(body: Json | undefined): { readonly [key: string]: Json } {
  if (isObject(body)) return body;
  throw fault(400, 'invalid_json', 'the body must be a JSON object');
}

/** 405 for a path that exists but not with this method. */
export function methodNotAllowed(method: string): ApiFault {
  return fault(405, 'method_not_allowed', `${method} is not possible here`);
}

/** @throws ApiFault 405 for a call by another method */
export function allowOnly(method: string, call: Call): void {
  if (call.method !== method) throw methodNotAllowed(call.method);
}

/** 404 for a path that the API does not have, or that is not emulated. */
export function unknownPath(): ApiFault {
  return fault(404, 'invalid_path', 'there is nothing at this path');
}
