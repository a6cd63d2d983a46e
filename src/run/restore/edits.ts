import type { ResourceType } from '../../catalogue/types.ts';
import type { AccountConfig } from '../../config/schema.ts';
import { AppError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import { keyOf } from '../../core/keys.ts';
import { commitOf, type MirrorState, type NamedCommit, NoSuchState, readState } from '../../history/state.ts';
import { type ManualCommit, manualCommits, ofSameResources } from '../../mirror/manual-edits.ts';
import { fetchNamed } from '../../mirror/remote.ts';
import type { Repository } from '../../mirror/repository.ts';
import { differing, type TreeDifference } from '../../mirror/tree-diff.ts';
import { withoutCleaned } from '../sync/left-out.ts';
import { newestOwn } from '../sync/newest.ts';
import type { GitAuthor } from '../sync/sync-deps.ts';

/** What people changed in Git is to be brought to the account: commits, by any name that git knows. */
export interface ApplyRequest {
  readonly ref: string;
  /** The newest commit of the mirror that `ref` contains, when absent. */
  readonly base?: string;
}

/** A resource that people changed in Git: before and after, in today's form; `undefined`: it is not there. */
export interface EditedDocument {
  readonly type: ResourceType;
  /** For a new resource whose file names no id that can be one, an id made of its path. */
  readonly id: string;
  readonly before: JsonObject | undefined;
  readonly after: JsonObject | undefined;
  /** Its files before and after, inside the account's folder. */
  readonly paths: ReadonlySet<string>;
  /** As of a document that was read. */
  readonly notUtf8?: readonly string[];
}

/** What people changed in the folder of an account. */
export interface Edits {
  readonly before: MirrorState;
  readonly after: MirrorState;
  /** Files that differ, by path inside the folder. */
  readonly files: ReadonlyMap<string, TreeDifference>;
  /** Types that the configuration leaves out, of which people removed files: these are not among them. */
  readonly cleaned: readonly string[];
  /** The commits of people that changed them, oldest first. */
  readonly commits: readonly ManualCommit[];
}

/** A commit by any name that git knows, in the clone or else in the remote. @throws NoSuchState */
async function named(
  repository: Repository,
  remote: string | undefined,
  name: string,
  option: string,
): Promise<NamedCommit> {
  const { git, path } = repository;
  const known = name === '' || name.startsWith('-') ? undefined : await commitOf(git, name);
  if (known) return known;
  const fetched = remote === undefined ? undefined : await fetchNamed(repository, remote, name);
  const found = fetched === undefined ? undefined : await commitOf(git, fetched);
  if (found) return found;
  throw new NoSuchState(
    `${option}${name} is not a commit, branch or tag of the mirror${remote === undefined ? '' : ' or its remote'}`,
    `To list the branches: git -C ${path} branch --all`,
  );
}

/**
 * What people changed between a commit of the mirror and a commit of theirs.
 * @throws AppError `USAGE` for a commit that is not there, or that holds no mirror of the account
 */
export async function readEdits(
  repository: Repository,
  remote: string | undefined,
  settings: AccountConfig,
  { ref, base }: ApplyRequest,
): Promise<Edits> {
  const account = settings.name;
  const changed = await named(repository, remote, ref, '');
  const own = base === undefined ? await newestOwn(repository, account, changed.commit) : undefined;
  if (base === undefined && !own)
    throw new AppError('USAGE', `${ref} contains no commit of the mirror of ${account}`, {
      hint: 'Name the commit that the changes were made on: --base <commit>',
    });
  const from = await named(repository, remote, own?.base.id ?? base ?? '', '--base: ');
  const before = await readState(repository.git, account, from);
  const after = await readState(repository.git, account, changed);
  const changes = before.tree === after.tree ? new Map() : await differing(repository, before.tree, after.tree);
  const { files, cleaned } = withoutCleaned(settings, changes);
  const range = `${from.commit}..${changed.commit}`;
  const commits = files.size === 0 ? [] : await manualCommits(repository, account, range, new Set(files.keys()));
  return { before, after, files, cleaned, commits };
}

/** The newest commit of a person in the history of `commit` that the mirror put back and no one applied, full id. */
export async function lastPutBack({ git }: Repository, account: string, commit: string): Promise<string | undefined> {
  const idsIn = async (trailer: string, ...range: readonly string[]): Promise<string[]> => {
    const grep = [`--grep=^Celigo-Account: ${account}$`, `--grep=^${trailer}: `, '--all-match', '--no-show-signature'];
    const found = await git.ask(['log', ...grep, `--format=%H %(trailers:key=${trailer},valueonly)`, ...range, '--']);
    return found?.match(/[0-9a-f]{40,}/g) ?? [];
  };
  const [putBack, ...edits] = await idsIn('Celigo-Put-Back', '--max-count=1', commit);
  const last = edits.at(-1);
  if (putBack === undefined || last === undefined) return undefined;
  const applied = await idsIn('Celigo-Applied', `${putBack}..${commit}`);
  return applied.includes(last) ? undefined : last;
}

/**
 * Who changed each resource: the last one, with everyone before. Who merged wrote nothing, unless the change is nowhere
 * but in the merge. By `<type>/<id>`, in the ids of today.
 */
export function authorsOf(
  { commits }: Edits,
  documents: readonly EditedDocument[],
  ids: ReadonlyMap<string, string>,
): ReadonlyMap<string, GitAuthor> {
  const authors = new Map<string, GitAuthor>();
  for (const { type, id, paths } of documents) {
    const isOwn = ofSameResources(paths);
    const touching = commits.filter(({ files }) => files.some(isOwn));
    const written = touching.filter(({ isMerge }) => !isMerge);
    const own = written.length > 0 ? written : touching;
    const last = own.at(-1);
    if (!last) continue;
    const people = new Map(
      own
        .flatMap(({ author, email, coAuthors }) => [{ name: author, email }, ...coAuthors])
        .map((person) => [person.email, person] as const),
    );
    people.delete(last.email);
    authors.set(keyOf(type.name, ids.get(id) ?? id), {
      author: { name: last.author, email: last.email },
      others: [...people.values()],
      commits: own.map((commit) => commit.id),
    });
  }
  return authors;
}
