import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { catalogueWith } from '../../catalogue/index.ts';
import { plainConfig, plainRepository } from '../../config/plain.ts';
import type { AccountConfig, Config } from '../../config/schema.ts';
import type { MirrorDocument } from '../../core/documents.ts';
import { AppError, messageOf } from '../../core/errors.ts';
import { BINDING_FILE, type Transliterate } from '../../core/layout.ts';
import { equalJson } from '../../core/paths.ts';
import type { Git } from '../../git/git.ts';
import { documentPaths, headCommit, type MirrorState, readDocuments, readState } from '../../history/state.ts';
import { withoutLeftOut } from '../../plan/left-out.ts';
import { renewing } from '../restore/reader.ts';
import { normalisingFor } from '../sync/clear-credentials.ts';
import { EDITED, verifyFolder } from './verify.ts';

/** The mirror of one account that is rehearsed, and what a rehearsal needs from the outside. */
export interface DrillInput {
  readonly account: string;
  readonly label: string;
  /** Full id. */
  readonly commit: string;
  /** Path inside the account's folder → bytes. */
  readonly files: ReadonlyMap<string, Buffer>;
  readonly transliterate: Transliterate;
  readonly userAgent: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly now: () => Date;
  readonly signal: AbortSignal;
}

/** Who writes in a rehearsal: no person. */
export const OPERATOR = 'drill <drill@localhost>';

/** Files of documents that cannot be read, with the reason; the others are rehearsed all the same. */
export function unreadable(input: DrillInput): Map<string, string> {
  const faults = new Map<string, string>();
  for (const { path, problem, line } of verifyFolder(input.account, input.files).faults) {
    const inside = path.slice(input.account.length + 1);
    if (problem === EDITED || inside === BINDING_FILE || !inside.includes('/')) continue;
    faults.set(inside, line ? `line ${line} ${problem}` : problem);
  }
  return faults;
}

/** Copies the mirror's folder into a repository of its own, where a restore can read it as usual. */
export async function copyMirror(
  git: Git,
  folder: string,
  input: DrillInput,
  without: ReadonlySet<string>,
): Promise<void> {
  const folders = new Set<string>();
  for (const [path, bytes] of input.files) {
    if (without.has(path)) continue;
    const target = join(folder, input.account, path);
    if (!folders.has(dirname(target))) mkdirSync(dirname(target), { recursive: true });
    folders.add(dirname(target));
    writeFileSync(target, bytes);
  }
  await git.run(['init', '--quiet', '--initial-branch=main', '.']);
  await git.run(['add', '--all', '--force', '--', '.']);
  await git.run(['commit', '--quiet', '--allow-empty', '-m', 'the mirror as it is']);
}

/** Whether the mirror was written with `sampleData`. */
function holdsSamples(documents: readonly MirrorDocument[]): boolean {
  return documents.some(
    ({ type, doc }) => !equalJson(withoutLeftOut(type, doc, true), withoutLeftOut(type, doc, false)),
  );
}

/** The configuration of a rehearsal: a repository of its own, one account, and no limit of deletions. */
export function configOf(folder: string, target: AccountConfig, state: string): Config {
  return {
    ...plainConfig(state, plainRepository(folder, { name: 'drill', email: 'drill@localhost' }), target),
    guards: { maxDeletions: 1_000_000, maxDeletionShare: 1 },
  };
}

/** The mirror as a rehearsal reads it from its copy. */
export interface ReadCopy {
  /** In the form in which they are restored: an older version may have written them. */
  readonly documents: readonly MirrorDocument[];
  /** Files that are not part of the copy, since they cannot be read, with the reason. */
  readonly faults: ReadonlyMap<string, string>;
  readonly target: AccountConfig;
}

/**
 * Reads the copy. @param targetOf the account that is restored into; samples are compared where the mirror has them
 * @throws AppError `USAGE` for a mirror that cannot be read at all
 */
export async function readCopy(
  git: Git,
  account: string,
  faults: ReadonlyMap<string, string>,
  targetOf: (sampleData: boolean) => AccountConfig,
): Promise<ReadCopy> {
  const held = await readable(await readState(git, account, await headCommit(git)), faults);
  const target = targetOf(holdsSamples(held));
  const renew = renewing(catalogueWith(target.ignore), normalisingFor(target, ''));
  const documents = held.map((document) => ({ ...document, doc: renew(document.type, document.doc) }));
  return { documents, faults, target };
}

/** All documents of the state, without the files at fault. */
async function readable(state: MirrorState, faults: ReadonlyMap<string, string>): Promise<MirrorDocument[]> {
  const paths = documentPaths(state);
  try {
    return await readDocuments(state, paths);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    throw new AppError('USAGE', messageOf(error), {
      hint: `${faults.size} other files have faults; celigo-mirror verify lists all of them`,
    });
  }
}
