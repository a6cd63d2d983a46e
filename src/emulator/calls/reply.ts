import type { Json } from '../../core/json.ts';

/** An answer before it is sent. */
export interface Reply {
  readonly status: number;
  /** Text of the body; empty for none. */
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

const JSON_TYPE = { 'content-type': 'application/json; charset=utf-8' };

/** A JSON answer whose text exists already. */
export function jsonText(body: string, status = 200, headers: Readonly<Record<string, string>> = {}): Reply {
  return { status, body, headers: { ...JSON_TYPE, ...headers } };
}

/** Any value as a JSON answer. */
export function json(value: Json | object, status = 200, headers: Readonly<Record<string, string>> = {}): Reply {
  return jsonText(JSON.stringify(value), status, headers);
}

/** An answer without a body: 204, or 200 where documented. */
export function empty(status = 204): Reply {
  return { status, body: '', headers: {} };
}

/** Plain text, as the state endpoints answer (api-notes#plain-text). */
export function plain(body: string, status = 200): Reply {
  return { status, body, headers: { 'content-type': 'text/plain; charset=utf-8' } };
}
