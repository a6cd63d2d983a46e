import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readdirSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { AppError } from '../../core/errors.ts';
import { isObject, type JsonObject } from '../../core/json.ts';

/** One line of a restore's journal. */
type JournalEntry =
  /**
   * Written before the request leaves. `from`: fingerprint of what it replaces; `doc`: the same in the mirror's form,
   * where the mirror does not have it, since this restore wrote it.
   */
  | {
      readonly kind: 'intent';
      readonly key: string;
      readonly action: string;
      readonly from?: string;
      readonly doc?: JsonObject;
    }
  /**
   * Written when the answer is there. `id`: the resource's id in the target; `to`: fingerprint of what it is now;
   * `doc`: the same in the mirror's form, for what was not in the account before.
   */
  | {
      readonly kind: 'done';
      readonly key: string;
      readonly action: string;
      readonly id: string;
      readonly to?: string;
      readonly doc?: JsonObject;
    }
  /** New ids of a document's parts. */
  | { readonly kind: 'ids'; readonly pairs: readonly (readonly [string, string])[] }
  /** The operator chose an existing resource of the target. */
  | { readonly kind: 'match'; readonly key: string; readonly id: string }
  /** The restore continues after an interruption. `base`: HEAD before its next write. */
  | { readonly kind: 'resumed'; readonly base: string }
  | { readonly kind: 'applied' }
  | { readonly kind: 'end'; readonly exitCode: number };

/** The first line: what is needed to resume. */
export interface JournalHead {
  readonly version: 1;
  readonly id: string;
  /** The target. */
  readonly account: string;
  readonly from: string;
  readonly commit: string;
  readonly what: readonly string[];
  /** The changes that are taken back; absent where a state is restored. */
  readonly undo?: readonly { readonly commit: string; readonly keys: readonly string[] }[];
  /** What people changed in Git and is brought to the account, between two commits, full ids. */
  readonly apply?: { readonly ref: string; readonly base: string };
  /** What is deleted, `<type>/<id>`, where nothing else is done. */
  readonly remove?: readonly string[];
  readonly options: {
    readonly prune: boolean;
    readonly withDependencies: boolean;
    readonly enableFlows: boolean;
    readonly force: boolean;
    /** Whether credentials were supplied; they are not stored. */
    readonly secrets: boolean;
  };
  /** HEAD before the first write: what is not in it was made since. */
  readonly base: string;
  readonly startedAt: string;
  readonly operator: { readonly name: string; readonly email: string };
}

const text = z.string();
/** What a line must be for anything to be read from it; what it has beside that is kept. */
const HEAD = z.looseObject({
  ...{ version: z.literal(1), id: text, account: text, from: text, commit: text, what: z.array(text) },
  undo: z.array(z.object({ commit: text, keys: z.array(text) })).optional(),
  apply: z.object({ ref: text, base: text }).optional(),
  remove: z.array(text).optional(),
  options: z.looseObject({
    ...{ prune: z.boolean(), withDependencies: z.boolean(), enableFlows: z.boolean() },
    ...{ force: z.boolean(), secrets: z.boolean() },
  }),
  ...{ base: text, startedAt: text, operator: z.looseObject({ name: text, email: text }) },
});
const ENTRY = z.discriminatedUnion('kind', [
  z.looseObject({
    ...{ kind: z.literal('intent'), key: text, action: text, from: text.optional() },
    doc: z.record(text, z.unknown()).optional(),
  }),
  z.looseObject({
    ...{ kind: z.literal('done'), key: text, action: text, id: text, to: text.optional() },
    doc: z.record(text, z.unknown()).optional(),
  }),
  z.looseObject({ kind: z.literal('ids'), pairs: z.array(z.tuple([text, text])) }),
  z.looseObject({ kind: z.literal('match'), key: text, id: text }),
  z.looseObject({ kind: z.literal('resumed'), base: text }),
  z.looseObject({ kind: z.literal('applied') }),
  z.looseObject({ kind: z.literal('end'), exitCode: z.number() }),
]);

export interface Journal {
  readonly head: JournalHead;
  readonly entries: readonly JournalEntry[];
  /** Appends lines. `durable`: they are on the disk before this returns. */
  append(entries: readonly JournalEntry[], durable: boolean): void;
  close(): void;
}

function folderOf(stateDir: string, account: string): string {
  return join(stateDir, `${account}.restores`);
}

function open(path: string, head: JournalHead, entries: JournalEntry[], flags: 'a' | 'ax'): Journal {
  const handle = openSync(path, flags, 0o600);
  const write = (lines: readonly unknown[], durable: boolean): void => {
    const bytes = Buffer.from(lines.map((line) => `${JSON.stringify(line)}\n`).join(''), 'utf8');
    for (let done = 0; done < bytes.length; ) done += writeSync(handle, bytes, done);
    if (durable) fsyncSync(handle);
  };
  if (flags === 'ax') write([head], true);
  let closed = false;
  return {
    head,
    entries,
    append(more, durable) {
      write(more, durable);
      entries.push(...more);
    },
    close() {
      if (!closed) closeSync(handle);
      closed = true;
    },
  };
}

/** Begins a journal. @throws an `Error` of the file system */
export function createJournal(stateDir: string, head: JournalHead): Journal {
  const folder = folderOf(stateDir, head.account);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return open(join(folder, `${head.id}.ndjson`), head, [], 'ax');
}

/** Lines of a journal; a last one that a crash cut short counts as never written. */
function readLines(path: string): unknown[] {
  const lines = readFileSync(path, 'utf8').split('\n');
  lines.pop();
  return lines.flatMap((line): unknown[] => {
    try {
      return [JSON.parse(line)];
    } catch {
      return [];
    }
  });
}

/** @throws AppError `USAGE` for a journal of another version, or one that is damaged */
function readJournal(path: string): Journal | undefined {
  const [head, ...entries] = readLines(path);
  if (head === undefined) return undefined;
  if (isObject(head) && typeof head.version === 'number' && head.version !== 1) {
    throw new AppError('USAGE', `${path} was written by another version of celigo-mirror`, {
      hint: 'Resume it with the version that started it',
    });
  }
  const wrong = HEAD.safeParse(head).success ? entries.findIndex((one) => !ENTRY.safeParse(one).success) + 1 : 0;
  if (!HEAD.safeParse(head).success || wrong > 0) {
    throw new AppError('USAGE', `${path}:${wrong + 1} is not a line of a journal: the file is damaged`, {
      hint: 'Compare the account with the mirror (celigo-mirror diff), then move the file away',
    });
  }
  return open(path, head as JournalHead, entries as JournalEntry[], 'a');
}

/** All restores into this account, oldest first. */
export function journalsOf(stateDir: string, account: string): Journal[] {
  const folder = folderOf(stateDir, account);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.endsWith('.ndjson'))
    .sort()
    .flatMap((name) => readJournal(join(folder, name)) ?? []);
}

/** Restores into this account that were interrupted, oldest first. */
export function interrupted(stateDir: string, account: string): Journal[] {
  return journalsOf(stateDir, account).filter((journal) => {
    const isOpen = !journal.entries.some(({ kind }) => kind === 'end');
    if (!isOpen) journal.close();
    return isOpen;
  });
}
