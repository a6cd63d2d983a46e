import { partOf } from '../core/cut.ts';
import { isArray, isObject, type Json } from '../core/json.ts';
import { oneLine } from '../core/unseen.ts';

/** Why one request gave no usable answer. Never holds the token or a header. */
export class ApiError extends Error {
  /** HTTP status, or `undefined` when no answer came (reset, time-out) or its body was unusable. */
  readonly status: number | undefined;
  /** The API's own code such as `invalid_ref`, where it gave one. */
  readonly apiCode: string | undefined;
  /** Ids in the sentences of the answer: what keeps a resource from being deleted, for example. */
  readonly named: readonly string[];
  /** Whether a retry may help. */
  readonly transient: boolean;

  constructor(
    message: string,
    options: {
      status?: number | undefined;
      apiCode?: string | undefined;
      named?: readonly string[];
      transient: boolean;
      cause?: unknown;
    },
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'ApiError';
    this.status = options.status;
    this.apiCode = options.apiCode;
    this.named = options.named ?? [];
    this.transient = options.transient;
  }
}

/** Statuses worth another try (api-notes#statuses); every unknown 5xx counts as transient too. */
export function isTransientStatus(status: number): boolean {
  return status === 408 || status === 429 || status >= 500;
}

/** What an error body says. */
interface ErrorBody {
  /** Its sentences. */
  readonly message: string;
  readonly apiCode: string | undefined;
  /** As in {@link ApiError}. */
  readonly named: readonly string[];
  /**
   * Which form of the API it has: that of all endpoints, or that of the layers before them. Gateways answer HTML,
   * nothing, or JSON of their own.
   */
  readonly form: 'errors' | 'message' | undefined;
}

/** What is read of a body that is too long for a refusal of the API. Characters. */
const LONGEST_ERRORS = 1_000_000;
const LONGEST_PAGE = 16_000;

/** Tags, and scripts and styles with what is in them: to their end, or to that of the page. */
const MARKUP = /<(script|style)\b[\s\S]*?(?:<\/\1>|$)|<[^<>]*>/gi;

function idsIn(text: string): string[] {
  return [...new Set(Array.from(text.matchAll(/\b[0-9a-f]{24}\b/g), ([id]) => id))];
}

/** The value as text; empty for one that is nested so deep that it cannot be written. */
function jsonOf(value: Json): string {
  try {
    return JSON.stringify(value);
  } catch {
    return '';
  }
}

function wordsOf(value: Json | undefined): string {
  if (value === undefined || value === null) return '';
  return typeof value === 'object' ? jsonOf(value) : String(value);
}

/**
 * The sentence inside an error body, in any of the documented shapes (api-notes#error-shapes): `{errors: [{code,
 * message, field?}]}`, `{message}`, plain text, HTML, nothing. `code` may be a number.
 */
export function readErrorBody(text: string): ErrorBody {
  const said = (message: string, most: number, form?: ErrorBody['form'], apiCode?: string): ErrorBody => ({
    message: oneLine(partOf(message, 0, most)),
    apiCode,
    named: idsIn(message),
    form,
  });
  let body: Json;
  try {
    body = text.length > LONGEST_ERRORS ? text : (JSON.parse(text) as Json);
  } catch {
    body = text;
  }
  if (!isObject(body)) {
    const plain = text.slice(0, LONGEST_PAGE).replace(MARKUP, ' ').replace(/\s+/g, ' ').trim();
    return said(plain, 200);
  }
  const errors = isArray(body.errors) ? body.errors.filter(isObject) : [];
  if (errors.length === 0)
    return said(wordsOf(body.message), 200, typeof body.message === 'string' ? 'message' : undefined);
  const message = errors
    .map((error) =>
      [wordsOf(error.field), wordsOf(error.message ?? error.code)].filter((part) => part !== '').join(': '),
    )
    .join('; ');
  const code = errors[0]?.code;
  return said(message, 2_000, message === '' ? undefined : 'errors', code === undefined ? undefined : wordsOf(code));
}
