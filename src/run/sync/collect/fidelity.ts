import { ApiError } from '../../../celigo/errors.ts';
import type { JsonObject } from '../../../core/json.ts';
import type { Fetched } from '../../fetch-document.ts';
import { modifiedOf } from './against-head.ts';
import type { PageRecord } from './page.ts';
import { createSample } from './sample.ts';

export type ParsedRecord = Extract<PageRecord, { kind: 'parsed' }>;

/** New records of a type that are compared with the answer to `GET /{id}`, besides the largest and the smallest. */
const SAMPLE = 20;
/** After so many refusals of `GET /{id}` without a single document, the type is taken not to offer it. */
const MOST_REFUSALS = 3;

/** Whether the lists of a type show complete documents, found by comparing some of them with `GET /{id}` (ADR 0003). */
export interface Fidelity {
  /** Whether lists leave fields out, as far as this run has found out. */
  readonly abridged: () => boolean | undefined;
  /** Whether it is still unknown if the type offers `GET /{id}`. */
  readonly untried: () => boolean;
  /** Ids whose document is the answer to `GET /{id}`, or equal to it. */
  readonly byId: Set<string>;
  /**
   * Compares the copy of a list with the document itself. Gives the document when it has more, or is a newer one;
   * `undefined` when the copy will do, also where there is no other.
   * @throws ApiError when a later run may find that out
   */
  readonly complete: (id: string, listed: JsonObject) => Promise<Fetched | undefined>;
  /** Offers a record for the comparison: it is not known yet whether the list shows it completely. */
  readonly sample: (record: ParsedRecord) => void;
  /** Compares a few of the records offered. */
  readonly decide: () => Promise<void>;
}

export interface FidelityOptions {
  /** What earlier runs found; `undefined`: nothing yet. */
  readonly before: boolean | undefined;
  /** Do not rely on it. */
  readonly afresh: boolean;
  /** `GET /{id}`; `undefined` where there is none. @throws ApiError */
  readonly read: (id: string) => Promise<Fetched | undefined>;
  /** Whether the document has something that its copy in the list lacks. */
  readonly hasMore: (full: JsonObject, listed: JsonObject) => boolean;
}

export function createFidelity({ before, afresh, read, hasMore }: FidelityOptions): Fidelity {
  let abridged = afresh ? undefined : before;
  const candidates = createSample<ParsedRecord>(SAMPLE);
  const byId = new Set<string>();
  /** Whether the type has `GET /{id}` at all. */
  let offered: boolean | undefined;
  let refusals = 0;
  let compared = 0;

  async function complete(id: string, listed: JsonObject): Promise<Fetched | undefined> {
    if (offered === false) return undefined;
    let full: Fetched | undefined;
    try {
      full = await read(id);
    } catch (error) {
      // Not every type offers GET by id; the listing is then all there is.
      if (!(error instanceof ApiError) || error.transient) throw error;
    }
    compared += 1;
    if (!full) {
      refusals += 1;
      if (offered === undefined && refusals >= MOST_REFUSALS) offered = false;
      return undefined;
    }
    offered = true;
    // Edited between the two answers: they cannot be compared.
    if (modifiedOf(full.doc) !== modifiedOf(listed)) return full;
    if (!hasMore(full.doc, listed)) {
      byId.add(id);
      return undefined;
    }
    abridged = true;
    return full;
  }

  return {
    abridged: () => abridged,
    untried: () => offered === undefined,
    byId,
    complete,
    sample: (record) => candidates.add(record),
    async decide() {
      let failed = false;
      await Promise.all(
        candidates.chosen().map(async ({ id, doc }) => {
          try {
            await complete(id, doc);
          } catch (error) {
            if (!(error instanceof ApiError)) throw error;
            failed = true;
          }
        }),
      );
      if (!abridged) abridged = failed ? undefined : compared > 0 ? false : before;
    },
  };
}
