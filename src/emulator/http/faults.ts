import { isArray, isObject, type Json, type JsonObject } from '../../core/json.ts';
import type { Reply } from '../calls/reply.ts';
import { fault as refusal } from '../model/api-fault.ts';

/** What goes wrong with a request. */
export type Fault =
  /** A refusal in the form of the API, or the given body, instead of the real answer; nothing takes effect. */
  | { readonly kind: 'status'; readonly status: number; readonly body?: Json; readonly headers?: Headers }
  /** Any body as the answer of a request that succeeded. */
  | { readonly kind: 'body'; readonly body: Json; readonly status?: number; readonly headers?: Headers }
  /** A page of HTML, as a gateway sends it. */
  | { readonly kind: 'html'; readonly status?: number }
  /** The connection is cut before anything happens. */
  | { readonly kind: 'reset' }
  /** The answer never comes, or only after `ms`. */
  | { readonly kind: 'stall'; readonly ms?: number }
  /** The real answer, late. */
  | { readonly kind: 'delay'; readonly ms: number }
  /** The real answer, its body byte by byte with `ms` between two of them. */
  | { readonly kind: 'drip'; readonly ms: number }
  /** The real answer up to `bytes` (default: half of it), then the connection is cut. */
  | { readonly kind: 'truncate'; readonly bytes?: number }
  /** The request takes effect, the answer is lost. */
  | { readonly kind: 'applyThenReset' }
  /** The request takes effect, the answer is another one. */
  | { readonly kind: 'applyThenStatus'; readonly status: number; readonly body?: Json; readonly headers?: Headers }
  /** A list that is said to be complete and holds nothing. */
  | { readonly kind: 'emptyList' }
  /** A list page that lacks some of its records, without any sign of it. */
  | { readonly kind: 'dropRecords'; readonly count: number }
  /** A page without its `Link`. */
  | { readonly kind: 'noLink' }
  /** A page whose `Link` leads to the given address, or back to itself. */
  | { readonly kind: 'nextLink'; readonly url?: string };

type Headers = Readonly<Record<string, string>>;

/** Which requests a fault meets. */
export interface FaultMatch {
  readonly method?: string;
  /** Beginning of the path, or a pattern with `*`; the query does not count, nor does the case. */
  readonly path?: string;
  /** Parameters that must have these values; an empty value means an absent one. */
  readonly query?: Readonly<Record<string, string>>;
  /** The first one met is the n-th that matches, counted from 1. */
  readonly nth?: number;
}

export interface FaultRule {
  readonly match?: FaultMatch;
  /** How many requests are met; 1 unless given. */
  readonly times?: number | 'always';
  readonly fault: Fault;
}

/** Faults waiting for their requests. */
export interface Faults {
  readonly add: (rule: FaultRule) => void;
  readonly clear: () => void;
  /** Rules that have not met all their requests yet. */
  readonly pending: () => readonly FaultRule[];
  /** The fault of a request, if one is due. Counts the request. */
  readonly next: (method: string, path: string, query: URLSearchParams) => Fault | undefined;
}

function pathTest(pattern: string): (path: string) => boolean {
  const wanted = pattern.toLowerCase();
  if (!wanted.includes('*')) return (path) => path.startsWith(wanted);
  const source = wanted
    .split('*')
    .map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
    .join('.*');
  const test = new RegExp(`^${source}$`);
  return (path) => test.test(path);
}

export function createFaults(): Faults {
  interface Waiting {
    readonly rule: FaultRule;
    readonly matchesPath: (path: string) => boolean;
    seen: number;
    met: number;
  }
  let waiting: Waiting[] = [];

  return {
    add(rule) {
      waiting.push({ rule, matchesPath: pathTest(rule.match?.path ?? '/'), seen: 0, met: 0 });
    },
    clear() {
      waiting = [];
    },
    pending: () => waiting.map(({ rule }) => rule),
    next(method, path, query) {
      for (const entry of waiting) {
        const { match = {}, times = 1 } = entry.rule;
        if (match.method !== undefined && match.method.toUpperCase() !== method) continue;
        if (!entry.matchesPath(path.toLowerCase())) continue;
        if (!Object.entries(match.query ?? {}).every(([name, value]) => (query.get(name) ?? '') === value)) continue;
        entry.seen += 1;
        if (entry.seen < (match.nth ?? 1)) continue;
        entry.met += 1;
        if (times !== 'always' && entry.met >= times) waiting = waiting.filter((other) => other !== entry);
        return entry.rule.fault;
      }
      return undefined;
    },
  };
}

/** What the API says with a status of its own; 5xx come from the layers before it. */
function refusalOf(status: number): Json | undefined {
  if (status < 400 || status >= 500) return undefined;
  return { errors: [{ code: `fault_${status}`, message: 'refused' }] };
}

/** The answer that replaces the real one before anything happened, for faults of that kind. */
export function replacement(fault: Fault): Reply | undefined {
  const written = (status: number, body: Json | undefined, headers: Headers = {}): Reply =>
    typeof body === 'string'
      ? { status, body, headers: { 'content-type': 'text/plain; charset=utf-8', ...headers } }
      : {
          status,
          body: body === undefined ? '' : JSON.stringify(body),
          headers: { 'content-type': 'application/json; charset=utf-8', ...headers },
        };
  switch (fault.kind) {
    case 'status':
    case 'applyThenStatus':
      return written(fault.status, fault.body ?? refusalOf(fault.status), fault.headers);
    case 'body':
      return written(fault.status ?? 200, fault.body, fault.headers);
    case 'html':
      return {
        status: fault.status ?? 502,
        body: '<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>',
        headers: { 'content-type': 'text/html' },
      };
    case 'emptyList':
      return written(200, []);
    default:
      return undefined;
  }
}

function withoutRecords(body: string, count: number): string {
  const parsed = JSON.parse(body === '' ? '[]' : body) as Json;
  return isArray(parsed) ? JSON.stringify(parsed.slice(0, Math.max(0, parsed.length - count))) : body;
}

/** The real answer as a fault changes it. `address` is the request's own URL. */
export function spoil(fault: Fault, reply: Reply, address: string): Reply {
  switch (fault.kind) {
    case 'applyThenStatus':
      return replacement(fault) ?? reply;
    case 'dropRecords':
      return { ...reply, body: withoutRecords(reply.body, fault.count) };
    case 'noLink': {
      const { link: _lost, ...headers } = reply.headers;
      return { ...reply, headers };
    }
    case 'nextLink':
      return { ...reply, headers: { ...reply.headers, link: `<${fault.url ?? address}>; rel="next"` } };
    default:
      return reply;
  }
}

const KINDS: readonly Fault['kind'][] = [
  'status',
  'body',
  'html',
  'reset',
  'stall',
  'delay',
  'drip',
  'truncate',
  'applyThenReset',
  'applyThenStatus',
  'emptyList',
  'dropRecords',
  'noLink',
  'nextLink',
];

/** A rule that came as JSON. @throws ApiFault 400 when it is none */
export function faultRule(body: Json | undefined): FaultRule {
  const fault: Json | undefined = isObject(body) ? body.fault : undefined;
  if (!isObject(body) || !isObject(fault) || !KINDS.some((kind) => kind === fault.kind)) {
    throw refusal(400, 'invalid_fault', `fault.kind must be one of ${KINDS.join(', ')}`, 'fault.kind');
  }
  const needed: Readonly<Record<string, string>> = {
    status: 'status',
    delay: 'ms',
    drip: 'ms',
    dropRecords: 'count',
    applyThenStatus: 'status',
  };
  const field = needed[String(fault.kind)];
  if (field !== undefined && typeof fault[field] !== 'number') {
    throw refusal(400, 'invalid_fault', `fault.${field} must be a number`, `fault.${field}`);
  }
  return body as JsonObject as unknown as FaultRule;
}
