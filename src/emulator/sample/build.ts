import type { JsonObject } from '../../core/json.ts';
import { createdAt, ids } from './ids.ts';

const DAY = 86_400_000;
const LATEST_CHANGE = Date.parse('2026-05-20T16:00:00.000Z');

/** A number that depends on `text` alone; spreads dates and short codes evenly. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    value = Math.imul(value ^ text.charCodeAt(i), 0x01000193) >>> 0;
  }
  return value;
}

/** A short code of lower-case hex digits, like those that the server mints. */
export function code(text: string, length: number): string {
  return (hash(text).toString(16) + hash(`${text}+`).toString(16)).padEnd(length, '0').slice(0, length);
}

function lastModified(id: string): string {
  const created = Date.parse(createdAt(id));
  const days = Math.floor((LATEST_CHANGE - created) / DAY);
  return new Date(created + (hash(id) % days) * DAY + (hash(`${id}ms`) % DAY)).toISOString();
}

/** A moment in May 2026 that depends on `id`: last run, last heartbeat, last sign-in. */
export function lately(id: string): string {
  const start = Date.parse('2026-05-25T00:00:00.000Z');
  return new Date(start + (hash(`${id}run`) % (6 * DAY))).toISOString();
}

const EDITORS = [ids.people.priya, ids.people.mateo, ids.people.amara, ids.people.ingrid] as const;

/** A document with the server's bookkeeping; only some say who changed them last. */
export function doc(id: string, fields: JsonObject): JsonObject {
  const editor = hash(`${id}by`) % 3 === 0 ? EDITORS[hash(id) % EDITORS.length] : undefined;
  return {
    _id: id,
    createdAt: createdAt(id),
    lastModified: lastModified(id),
    ...(editor !== undefined && { lastModifiedBy: editor }),
    ...fields,
  };
}

/** As {@link doc}, for the types that say whether they belong to the sandbox. */
export function sandboxed(id: string, fields: JsonObject): JsonObject {
  return doc(id, { sandbox: false, ...fields });
}

/** The description that the platform writes by itself. */
export function summary(text: string, generatedOn = '2026-02-11T08:30:00.000Z'): JsonObject {
  return { aiDescription: { summary: text, generatedOn } };
}
