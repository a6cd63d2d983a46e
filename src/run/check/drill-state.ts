import type { AccountConfig, Config } from '../../config/schema.ts';
import type { ValuesByResource } from '../../config/secrets-file.ts';
import type { Key } from '../../core/keys.ts';
import type { Git } from '../../git/git.ts';
import { interrupted, journalsOf } from '../restore/journal.ts';
import type { RestoreDeps } from '../restore/request.ts';
import { createdKeys } from '../restore/resume.ts';
import { configOf, OPERATOR } from './drill-copy.ts';
import type { DrillFolder, DrillRecord } from './drill-record.ts';

/** A drill into a real account, and what it needs from the outside. */
export interface DrillInto {
  readonly deps: RestoreDeps;
  /** The configuration with the target, and the repository of the mirror. */
  readonly config: Config;
  readonly git: Git;
  /** Folder of the repository of the mirror. */
  readonly root: string;
  /** Our own folder beside the clone. */
  readonly stateDir: string;
  readonly target: AccountConfig;
  readonly secrets: ValuesByResource;
  readonly overrides: ValuesByResource;
}

/** What the steps of one drill work with. */
export interface Drill extends DrillInto {
  readonly folder: DrillFolder;
  readonly ownGit: Git;
}

/** The target as a drill reads it: all of it. */
export function wholeTarget(target: AccountConfig, sampleData: boolean): AccountConfig {
  return {
    ...target,
    include: ['*'],
    exclude: [],
    lookupCacheData: true,
    auditFeed: false,
    overview: false,
    sampleData,
  };
}

export function restoreDeps({ deps, folder, target }: Drill, record: DrillRecord): RestoreDeps {
  return {
    ...deps,
    config: configOf(folder.repository, wholeTarget(target, false), record.label),
    env: { ...deps.env, CELIGO_MIRROR_OPERATOR: OPERATOR },
    resumedBy: resumeCommand(target),
  };
}

export function resumeCommand({ name }: AccountConfig): string {
  return `celigo-mirror drill --into ${name} --resume`;
}

function stateDirOf({ folder }: Drill): string {
  return `${folder.repository}/.git/celigo-mirror`;
}

/** What the drill made, by its ids in the target, in no order. Its journals alone know. */
export function madeBy(drill: Drill): Key[] {
  const journals = journalsOf(stateDirOf(drill), drill.target.name);
  for (const journal of journals) journal.close();
  return [...new Set(journals.flatMap((journal) => [...createdKeys(journal)]))];
}

export function journalsIn(drill: Drill): number {
  const journals = journalsOf(stateDirOf(drill), drill.target.name);
  for (const journal of journals) journal.close();
  return journals.length;
}

/** Whether a removal of what the drill made has written anything. */
export function isRemovalStarted(drill: Drill): boolean {
  const journals = journalsOf(stateDirOf(drill), drill.target.name);
  for (const journal of journals) journal.close();
  return journals.some(({ head }) => head.remove !== undefined);
}

/** Whether a restore or a removal of the drill was interrupted. */
export function isInterrupted(drill: Drill): boolean {
  const journals = interrupted(stateDirOf(drill), drill.target.name);
  for (const journal of journals) journal.close();
  return journals.length > 0;
}
