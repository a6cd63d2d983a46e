import type { Json } from '../../core/json.ts';

/** A refusal by the API, as a client sees it (api-notes#error-shapes). */
export class ApiFault extends Error {
  readonly status: number;
  readonly body: Json;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, body: Json, headers: Readonly<Record<string, string>> = {}) {
    super(typeof body === 'string' ? body : JSON.stringify(body));
    this.name = 'ApiFault';
    this.status = status;
    this.body = body;
    this.headers = headers;
  }
}

/** A refusal by a handler: `{errors: [{code, message, field?}]}`. */
export class HandlerFault extends ApiFault {
  readonly code: string;
  readonly reason: string;
  readonly field: string | undefined;

  constructor(status: number, code: string, reason: string, field: string | undefined) {
    super(status, { errors: [{ code, message: reason, ...(field === undefined ? {} : { field }) }] });
    this.code = code;
    this.reason = reason;
    this.field = field;
  }
}

/** A refusal by a handler. */
export function fault(status: number, code: string, message: string, field?: string): HandlerFault {
  return new HandlerFault(status, code, message, field);
}

/** 401. The layer that checks tokens answers without an `errors` list (api-notes#error-shapes). */
export function unauthorized(message: 'Unauthorized' | 'Bearer Authentication Failed'): ApiFault {
  return new ApiFault(401, { message });
}

/** 404 for an id that does not exist, was deleted, or is of another kind. */
export function notFound(noun: string): ApiFault {
  return fault(404, 'invalid_ref', `${noun} not found`);
}

/** 403 for something the token may not do. */
export function forbidden(message = 'Your access does not allow this'): ApiFault {
  return fault(403, 'access_restricted', message);
}

/** 422 for a value that cannot be accepted. */
export function invalid(field: string, message: string, code = 'invalid_field'): HandlerFault {
  return fault(422, code, message, field);
}

/** 422 for a field without which nothing is stored. */
export function missing(field: string, message = `${field} is required`): HandlerFault {
  return invalid(field, message, 'missing_required_field');
}
