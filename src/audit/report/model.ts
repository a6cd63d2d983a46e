import type { Person } from '../../core/changes.ts';
import { type FieldChange, fieldChange } from '../../core/field-diff.ts';
import type { JsonObject } from '../../core/json.ts';
import { compareCodePoints } from '../../core/order.ts';
import type { Git } from '../../git/git.ts';
import type { Entry, What } from '../trail.ts';
import { documentsOf, fieldsOf, readVersions } from '../versions.ts';

/** Entries whose documents are held in memory at once. */
const CHUNK = 2_000;

/** What a change looks like, drawn. Safe to put into a page: no name of the account is markup in it. */
export interface Picture {
  readonly mermaid: string;
  /** The colours of its classes are the page's. */
  readonly svg: string;
  /** Name of the flow, where the change is one of a step of it. */
  readonly flow?: string;
}

/** One change of one resource with what it changed. */
export interface ReportChange {
  readonly entry: Entry;
  /** Empty for a resource that came or went. */
  readonly fields: readonly FieldChange[];
  /** The document of a resource that came or went. */
  readonly document?: JsonObject;
  /** Of a flow that looks different by the change; `missing`: there are too many pictures already. */
  readonly picture?: Picture | 'missing';
}

/** Counts of one row of a summary. */
export type Counts = Readonly<Record<What, number>>;

export interface Tally<K> {
  readonly key: K;
  readonly counts: Counts;
  readonly total: number;
}

/** The changes of an account in a span of time. */
export interface Report {
  readonly account: string;
  /** `undefined`: from the beginning of the mirror. */
  readonly from: Date | undefined;
  readonly to: Date;
  readonly madeAt: Date;
  /** Newest first. */
  readonly changes: readonly ReportChange[];
  /** Resources that the first listing found in the span: they existed before. */
  readonly found: number;
  /** Where the history begins in a shallow clone; `null` where it is complete. */
  readonly cut: { readonly commit: string; readonly time: string } | null;
  /** Types, most changes first. */
  readonly byType: readonly Tally<string>[];
  readonly byPerson: readonly Tally<Person>[];
}

export const WHATS: readonly What[] = ['added', 'changed', 'renamed', 'deleted', 'restored'];

const NONE: Counts = { added: 0, changed: 0, renamed: 0, deleted: 0, restored: 0 };

function tally<K>(entries: readonly Entry[], keyOf: (entry: Entry) => { id: string; key: K }): Tally<K>[] {
  const rows = new Map<string, { key: K; counts: Counts; total: number }>();
  for (const entry of entries) {
    const { id, key } = keyOf(entry);
    const row = rows.get(id) ?? { key, counts: NONE, total: 0 };
    rows.set(id, {
      key: row.key,
      counts: { ...row.counts, [entry.what]: row.counts[entry.what] + 1 },
      total: row.total + 1,
    });
  }
  return [...rows].sort(([a, one], [b, other]) => other.total - one.total || (a < b ? -1 : 1)).map(([, row]) => row);
}

/** What to report on. */
interface ReportInput {
  readonly account: string;
  readonly from: Date | undefined;
  readonly to: Date;
  readonly madeAt: Date;
  readonly cut: Report['cut'];
  /** The entries of the span, in any order. */
  readonly entries: readonly Entry[];
}

/** Reads what each entry changed. @throws GitFailure when the history cannot be read */
export async function buildReport(git: Git, input: ReportInput): Promise<Report> {
  const { entries: all, ...span } = input;
  const entries = all
    .filter(({ baseline, cut }) => !baseline && !cut)
    .reverse()
    .sort((a, b) => b.time.getTime() - a.time.getTime());
  const changes = new Map<Entry, ReportChange>();
  // Resource by resource: what a change made is mostly what the next one began with, and read once for both.
  const byKey = [...entries].sort((a, b) => compareCodePoints(a.key, b.key));
  for (let from = 0; from < byKey.length; from += CHUNK) {
    const some = byKey.slice(from, from + CHUNK);
    const versions = await readVersions(git, input.account, some);
    for (const entry of some) {
      const { before, after } = documentsOf(entry, versions);
      const document = after ?? before;
      changes.set(entry, { entry, fields: fieldsOf(entry, versions), ...(document ? { document } : {}) });
    }
  }
  return {
    ...span,
    changes: entries.flatMap((entry) => changes.get(entry) ?? []),
    found: all.filter(({ baseline }) => baseline).length,
    byType: tally(entries, ({ type }) => ({ id: type, key: type })),
    byPerson: tally(entries, ({ by }) => ({ id: by.email, key: by })),
  };
}

/** The fields of a change; a document that came or went is one change of the document. */
export function reportedFields({ entry, fields, document }: ReportChange): readonly FieldChange[] {
  if (!document) return fields;
  return [entry.what === 'deleted' ? fieldChange([], document, undefined) : fieldChange([], undefined, document)];
}

/** A sentence about an incomplete history; empty for a complete one. */
export function cutSentence({ cut }: Report): string {
  return cut
    ? `The history is incomplete: the clone is shallow and holds nothing from before ${minuteOf(new Date(cut.time))}.`
    : '';
}

/** `2026-11-23 18:05 UTC`. */
export function minuteOf(time: Date): string {
  return `${time.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}
