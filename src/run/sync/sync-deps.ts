import { randomBytes } from 'node:crypto';
import type { Config } from '../../config/schema.ts';
import type { Person } from '../../core/changes.ts';
import type { JsonObject } from '../../core/json.ts';
import type { MirrorFile, Transliterate } from '../../core/layout.ts';
import type { Reporter } from '../report.ts';

/** What `sync` was asked to do. */
export interface SyncOptions {
  /** Refetch everything, including unchanged resources. */
  readonly full: boolean;
  /** Report what would be committed; change nothing. */
  readonly dryRun: boolean;
  readonly push: boolean;
  /** The folder may be bound to another user: it is the same account, and bound to the token's user from now on. */
  readonly rebind?: boolean;
  /** Consent to deletions above the limits of the guards and to an empty account. */
  readonly allowDeletions: boolean;
  /**
   * What to do with more deletions than the guards allow: refuse the run, or hold these deletions back (their files
   * stay) and mirror the rest. `refuse` unless given.
   */
  readonly beyondGuards?: 'refuse' | 'hold';
  /** Called with every resource that is new or changed, and its document in the mirror's form. */
  readonly seen?: (type: string, id: string, doc: JsonObject) => void;
  /** Called where people committed in the account's folder: its files without that, path inside it → object id. */
  readonly unedited?: (files: ReadonlyMap<string, string>) => void;
  /** Fetch everything again when that was last done so many milliseconds ago, or never. */
  readonly fullSweepMs?: number;
  /** Measure the clone afterwards (`repository.measured`). */
  readonly measured?: boolean;
  /** This run commits what a restore did. */
  readonly restore?: RestoreCommit;
  /** People's edits in Git that are brought to the account: no notice says that they are put back. */
  readonly applying?: Applying;
}

/** Files that people changed in Git, and that are brought to the account. */
export interface Applying {
  /** Inside the account's folder. */
  readonly paths: ReadonlySet<string>;
  /** The account does not have them yet: they stay in the folder where the run has nothing else to commit. */
  readonly pending: boolean;
}

/** Who made a change in Git that was brought to the account. */
export interface GitAuthor {
  readonly author: Person;
  /** Others who changed the same resource there. */
  readonly others: readonly Person[];
  /** Their commits, full ids. */
  readonly commits: readonly string[];
}

/** How the changes of a restore are committed. */
export interface RestoreCommit {
  readonly id: string;
  readonly operator: Person;
  /** The commits that it takes back, if it is an undo, full ids. */
  readonly undone?: readonly string[];
  /** Who made the changes in Git, if it brings such to the account, by `<type>/<id>`. */
  readonly authors?: ReadonlyMap<string, GitAuthor>;
  /** The same of what may have been created without an answer, by `<type>/<name>`. */
  readonly unheard?: ReadonlyMap<string, GitAuthor>;
  /** Resources that the restore wrote, `<type>/<id>`; changes of others are attributed as ever. */
  readonly touched: ReadonlySet<string>;
  /** Those of them that came back from the recycle bin with their ids, `<type>/<id>`. */
  readonly undeleted: ReadonlySet<string>;
  /** Files outside the account folders to commit with it: path from the root of the repository, text. */
  readonly files: readonly MirrorFile[];
}

/** What a run needs from the outside. */
export interface SyncDeps {
  readonly config: Config;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly now: () => Date;
  readonly report: Reporter;
  readonly transliterate: Transliterate;
  readonly userAgent: string;
  /** How long to wait for another process that works on the clone, in milliseconds. */
  readonly lockWaitMs: number;
  /** Called when a run turns out to write very many files, and when it has listed them: then memory matters most. */
  readonly spareMemory: () => void;
  readonly signal: AbortSignal;
}

/** What the run of one account needs. */
export interface RunDeps extends SyncDeps {
  /** In every event, in the commits and in the report: `<time>-<random>`. */
  readonly runId: string;
}

/** Gives a run its id, and every event of it too. */
export function identified(deps: SyncDeps): RunDeps {
  const runId = `${deps
    .now()
    .toISOString()
    .replace(/[-:]|\.\d+/g, '')}-${randomBytes(3).toString('hex')}`;
  return { ...deps, runId, report: (event) => deps.report({ ...event, runId }) };
}
