import { text } from 'node:stream/consumers';
import type { Catalogue } from '../catalogue/index.ts';
import { type MirrorDocument, parseDocumentFile, readMirrorDocument, sideFilesOf } from '../core/documents.ts';
import { AppError } from '../core/errors.ts';
import { keyOf, typeIn } from '../core/keys.ts';
import { readPath } from '../core/layout.ts';
import { type CommitFacts, readMessage } from '../core/message.ts';
import { edgeOf, isMoment, timeOf } from '../core/times.ts';
import { commitText, tipOf } from '../git/commits.ts';
import type { Git } from '../git/git.ts';
import { logFormat, logRecords } from '../git/log-records.ts';
import { findCommit } from '../git/object-reader.ts';
import { formerNames } from './renamed-folder.ts';

/** What a byte that is not UTF-8 becomes, but a person may write as well. */
const REPLACED = '\ufffd';

/** Documents read by one git process; more would only be held in memory for nothing. */
const CHUNK = 2_000;

/** The account's folder at one commit, or as it lies on the disk. Texts are read when asked for. */
export interface MirrorState {
  /** Where the state comes from, for people: a short commit id, or the folder. */
  readonly label: string;
  /** Absent for a folder on the disk. */
  readonly commit?: string;
  /** When the account was like this. */
  readonly date?: Date;
  /** The moment that was meant, where a time named the state. */
  readonly moment?: Date;
  readonly account: string;
  /** Object id of the folder: the same one means the same content. */
  readonly tree: string;
  /** Path inside the folder → object id (or any other name of its content). */
  readonly files: ReadonlyMap<string, string>;
  /** The documents among them, by `<type>/<id>`. */
  readonly documents: ReadonlyMap<string, DocumentEntry>;
  /** The type of a name, where documents are not read by the general catalogue. */
  readonly find?: Catalogue['find'];
  /** Texts of files, in the order of `paths`. Some thousand at a time. Bytes that are not UTF-8 become U+FFFD. */
  readonly texts: (paths: readonly string[]) => Promise<readonly string[]>;
  /** Those of some files that are not text in UTF-8: their texts are not what they hold. */
  readonly notUtf8: (paths: readonly string[]) => Promise<readonly string[]>;
  /**
   * Paths of files that hold one of a few words somewhere, and perhaps of some that do not: far quicker than reading
   * all. Absent where the files are not those of a commit.
   */
  readonly search?: (words: readonly string[]) => Promise<readonly string[]>;
}

/** A document of a state, as its path names it. */
export interface DocumentEntry {
  readonly path: string;
  readonly type: string;
  readonly id: string;
  readonly slug: string;
}

/** A commit that was named by a reference or a time. */
export interface NamedCommit {
  readonly commit: string;
  /** When the account was as the commit holds it: of a commit of the mirror, when it was read. */
  readonly date: Date;
  /** The moment that was meant, where a time named the commit. */
  readonly moment?: Date;
}

/** A commit that the mirror made. */
interface OwnCommit extends NamedCommit {
  /** It may hold changes of the account: it neither puts back what people committed nor brings in new rules. */
  readonly changes: boolean;
}

/** How a person names a state. */
export interface StateName {
  /** Any reference that git knows, or a time (`2026-11-23`, `2026-11-23T18:00Z`, `yesterday`, `3 days ago`). */
  readonly text: string;
  /** The option that it comes from: with `--before` the state just before is meant. */
  readonly option: '--at' | '--before' | '--from' | '--since' | '--to' | '--until';
  /** Whose days are meant; UTC when absent. */
  readonly zone?: string | undefined;
}

/** Clocks of machines that keep them need not agree to the second. */
const CLOCKS_MS = 5 * 60_000;

/** Options that mean the beginning of whole days: what changed in them is not in the state. */
const BEGINNING: readonly StateName['option'][] = ['--before', '--from', '--since'];

/** No commit of the mirror is named so. */
export class NoSuchState extends AppError {
  constructor(message: string, hint: string) {
    super('USAGE', message, { hint });
    this.name = 'NoSuchState';
  }
}

/** The commit that a reference names. */
export async function commitOf(git: Git, name: string): Promise<NamedCommit | undefined> {
  // The beginning of several ids is the name of none.
  const found = await findCommit(git, name);
  if (!found) return undefined;
  const { commit, time } = tipOf(found);
  const { readAt } = readTrailers(commitText(found).message);
  return { commit, date: readAt === undefined ? time : new Date(readAt) };
}

/** What the trailers of a commit say; its other lines may be thousands. */
function readTrailers(message: string): CommitFacts {
  return readMessage(message.slice(Math.max(0, message.trimEnd().lastIndexOf('\n\n'))));
}

/** The newest commit. @throws NoSuchState in a repository without commits */
export async function headCommit(git: Git): Promise<NamedCommit> {
  const head = await commitOf(git, 'HEAD');
  if (head) return head;
  throw new NoSuchState('the repository has no commits yet', 'Make one with: celigo-mirror sync');
}

/** Whether a wrong clock dated something. */
function isFuture(date: Date, now: Date): boolean {
  return date.getTime() > now.getTime() + CLOCKS_MS;
}

const FIELDS = ['%H', '%ae', '%at', '%ct', '%B'] as const;

/**
 * The commits that the mirror made for an account, oldest first, wherever merges put them. Their dates are the times
 * at which the account was read, by the server's clock: those of git come from the clocks of all who commit. One that
 * a wrong clock dated before the mirror began is of the time of the one before it. A copy that a person made of one
 * (`git cherry-pick`) does not count.
 * @param most the newest ones only
 */
async function ownCommits(git: Git, account: string, now: Date, most?: number): Promise<OwnCommit[]> {
  const trailer = `^Celigo-Account: ${account.replace(/[.[\]*^$\\]/g, '\\$&')}$`;
  const flags = ['--topo-order', '--reverse', '--basic-regexp', `--grep=${trailer}`, '--no-show-signature'];
  const newest = most === undefined ? [] : [`--max-count=${most}`];
  const out = await git.ask(['log', ...flags, ...newest, logFormat(FIELDS), 'HEAD', '--']);
  const found: OwnCommit[] = [];
  const known = new Set<string>();
  /** When the mirror began, where all its commits are known. */
  let began: Date | undefined;
  for (const { values } of logRecords(out ?? '', FIELDS.length)) {
    const [commit = '', author = '', authored, seconds, message = ''] = values;
    const facts = readTrailers(message);
    const made = `${facts.run} ${author} ${authored} ${message.slice(0, message.indexOf('\n'))}`;
    if (facts.account !== account || (facts.run !== undefined && known.has(made))) continue;
    known.add(made);
    // For new rules the account is not read: the commit holds what the one before it did.
    const inherited = facts.renewed ? found.at(-1)?.date : undefined;
    const date = facts.readAt === undefined ? inherited : new Date(facts.readAt);
    const dated = date ?? new Date(Number(seconds) * 1000);
    if (!isFuture(dated, now) && most === undefined) began ??= dated;
    const before = found.findLast((one) => !isFuture(one.date, now))?.date;
    const isOdd = began !== undefined && dated < began;
    found.push({ commit, date: isOdd && before ? before : dated, changes: !facts.renewed });
  }
  return found;
}

/** Among so many commits is the newest, whatever order a merge put them in, and nearly always a change. */
const SOME = 16;

/** The last change of an account that the mirror holds. */
export async function lastChange(git: Git, account: string, now: Date): Promise<NamedCommit | undefined> {
  const newest = async (most?: number): Promise<NamedCommit | undefined> => {
    const changes = (await ownCommits(git, account, now, most)).filter((one) => one.changes);
    // What a wrong clock dated in the future is the last one only where there is no other.
    return newestOf(changes.filter(({ date }) => !isFuture(date, now))) ?? newestOf(changes);
  };
  return (await newest(SOME)) ?? (await newest());
}

/** The latest; of the same time, the last one made. */
function newestOf(commits: readonly NamedCommit[]): NamedCommit | undefined {
  return commits.reduce<NamedCommit | undefined>((best, one) => (best && best.date > one.date ? best : one), undefined);
}

/** What helps where the mirror made no commit for an account. A person may have moved its folder there. */
async function withoutCommits(git: Git, account: string): Promise<string> {
  const held = await git.ask(['rev-parse', '--verify', '--quiet', '--end-of-options', `HEAD:${account}`]);
  return held === undefined
    ? 'It has no commits yet; make one with: celigo-mirror sync'
    : `People made all commits that hold ${account}/: name one of them, such as HEAD`;
}

/**
 * The state of an account that a person names. A time means the last commit of the mirror that had read the account by
 * then; with `--before`, and at the beginning of days, before then.
 * @throws NoSuchState
 */
export async function resolveState(git: Git, account: string, name: StateName, now: Date): Promise<NamedCommit> {
  const { text, option, zone } = name;
  const reference = option === '--before' ? `${text}^{commit}~1` : `${text}^{commit}`;
  const named = text.startsWith('-') ? undefined : await commitOf(git, reference);
  if (named) return named;
  if (option === '--before' && !text.startsWith('-') && (await commitOf(git, `${text}^{commit}`)))
    throw new NoSuchState(`--before: ${text} is the first commit of the mirror`, 'Name a later commit, or use --at');
  const when = await timeOf(text, now, zone);
  if (!when) {
    throw new NoSuchState(
      `${option}: ${text} is neither a commit, branch or tag of the mirror nor a valid time`,
      'List the commits with git log --oneline, or use a time such as 2026-11-23, 2026-11-23T18:00Z, yesterday, ' +
        '"3 days ago"',
    );
  }
  const beginning = BEGINNING.includes(option);
  const moment = edgeOf(when, beginning ? 'start' : 'end');
  // A commit of the very moment is in the state at that moment, and not in the one before it.
  const excluded = option === '--before' || (beginning && !isMoment(when));
  const second = (date: Date): number => Math.floor(date.getTime() / 1000);
  const fits = ({ date }: NamedCommit): boolean =>
    excluded ? second(date) < second(moment) : second(date) <= second(moment);
  let first: NamedCommit | undefined;
  for await (const commits of commitsByName(git, account, now)) {
    const found = newestOf(commits.filter(fits));
    if (found) return { commit: found.commit, date: found.date, moment };
    first = commits[0] ?? first;
  }
  throw new NoSuchState(
    `${option}: the mirror has no commit before ${moment.toISOString()}`,
    first ? `Its first commit is from ${first.date.toISOString()}` : await withoutCommits(git, account),
  );
}

/** What the mirror committed for an account: under its name, then under those that it had before, the newest first. */
async function* commitsByName(git: Git, account: string, now: Date): AsyncGenerator<readonly NamedCommit[]> {
  yield await ownCommits(git, account, now);
  for (const name of await formerNames(git, account)) yield await ownCommits(git, name, now);
}

/** What `git ls-tree` lists of an account's folder, and the name that the folder has in the commit. */
async function listFolder(git: Git, account: string, commit: string): Promise<{ folder: string; listed: string }> {
  const list = async (folder: string): Promise<string> => {
    // Megabytes, which simple-git would copy several times.
    const { stdout, done } = await git.start(['ls-tree', '-r', '-t', '-z', '--full-tree', commit, '--', `${folder}/`]);
    return (await Promise.all([text(stdout), done]))[0];
  };
  const listed = await list(account);
  if (listed !== '') return { folder: account, listed };
  for (const folder of await formerNames(git, account)) {
    const former = await list(folder);
    if (former !== '') return { folder, listed: former };
  }
  return { folder: account, listed };
}

/** The account's folder as a commit holds it. @throws AppError `USAGE` when the commit does not have it */
export async function readState(git: Git, account: string, named: NamedCommit): Promise<MirrorState> {
  const { folder, listed } = await listFolder(git, account, named.commit);
  const [, tree] = /^040000 tree (\w+)\t/.exec(listed) ?? [];
  if (!tree) {
    throw new AppError('USAGE', `commit ${named.commit.slice(0, 12)} holds no mirror of ${account}`, {
      hint: `List the commits that do with: git log -- ${account}`,
    });
  }
  const files = new Map<string, string>();
  for (let [at, end] = [0, listed.indexOf('\0')]; end >= 0; at = end + 1, end = listed.indexOf('\0', at)) {
    // 100644 blob <oid>\t<path>; a link in the folder is not ours, and following it would lead outside.
    if (!listed.startsWith('100', at)) continue;
    const tab = listed.indexOf('\t', at);
    files.set(listed.slice(tab + 2 + folder.length, end), listed.slice(at + 12, tab));
  }
  const documents = documentsAmong(files.keys());
  return {
    label: named.commit.slice(0, 10),
    commit: named.commit,
    date: named.date,
    ...(named.moment ? { moment: named.moment } : {}),
    account,
    tree,
    files,
    documents,
    search: (words) => search(git, tree, documents, words),
    ...contentsOf(git, files),
  };
}

/** Whether bytes are text in UTF-8: written again, they are the same. */
export function isUtf8(bytes: Buffer): boolean {
  const text = bytes.toString('utf8');
  return !text.includes(REPLACED) || Buffer.from(text).equals(bytes);
}

/** What reads the files of a state. @param files path inside the folder → object id */
function contentsOf(git: Git, files: ReadonlyMap<string, string>): Pick<MirrorState, 'texts' | 'notUtf8'> {
  const read = (paths: readonly string[]): Promise<readonly Buffer[]> =>
    git.objects(paths.map((path) => files.get(path) ?? ''));
  return {
    texts: async (paths) => (await read(paths)).map((bytes) => bytes.toString('utf8')),
    async notUtf8(paths) {
      const contents = await read(paths);
      return paths.filter((_, i) => !isUtf8(contents[i] ?? Buffer.alloc(0)));
    },
  };
}

/** Those of some files that are not text in UTF-8. @param texts of the files, by path inside the folder */
export async function filesNotUtf8(
  state: MirrorState,
  texts: Iterable<readonly [path: string, text: string]>,
): Promise<ReadonlySet<string>> {
  const perhaps = [...texts].flatMap(([path, text]) => (text.includes(REPLACED) ? [path] : []));
  return new Set(perhaps.length === 0 ? [] : await state.notUtf8(perhaps));
}

async function search(
  git: Git,
  tree: string,
  documents: ReadonlyMap<string, DocumentEntry>,
  words: readonly string[],
): Promise<readonly string[]> {
  // Finding nothing looks like a failure to git. A word that is certainly there makes the difference.
  const [some] = documents.values();
  if (!some || words.length === 0) return [];
  const patterns = [some.id, ...words].flatMap((word) => ['-e', word]);
  // -a: a file with a NUL is text as well. --no-textconv: no program of the configuration runs.
  const out = await git.run(['grep', '-l', '-z', '-a', '--no-textconv', '-F', ...patterns, tree, '--']);
  return out.split('\0').flatMap((line) => (line === '' ? [] : [line.slice(line.indexOf(':') + 1)]));
}

/** The documents among paths inside an account's folder. */
export function documentsAmong(paths: Iterable<string>): Map<string, DocumentEntry> {
  const documents = new Map<string, DocumentEntry>();
  for (const path of paths) {
    // Cheap before the pattern: side files of documents are many.
    const parts = path.endsWith('.yaml') ? readPath(path) : undefined;
    if (!parts?.isDocument) continue;
    const { type, id, slug } = parts;
    documents.set(keyOf(type, id), { path, type, id, slug });
  }
  return documents;
}

/** A state of an account's folder that no commit holds. @param files path inside the folder → object id */
export function filesState(git: Git, account: string, files: ReadonlyMap<string, string>): MirrorState {
  return {
    label: 'this run',
    account,
    tree: '',
    files,
    documents: documentsAmong(files.keys()),
    ...contentsOf(git, files),
  };
}

/** Every file of a state: path inside the folder → bytes. */
export async function readFiles(git: Git, { files }: MirrorState): Promise<Map<string, Buffer>> {
  const bytes = await git.objects([...files.values()]);
  return new Map([...files.keys()].map((path, i) => [path, bytes[i] ?? Buffer.alloc(0)]));
}

/** Paths of all documents of a state, or of one type. */
export function documentPaths(state: MirrorState, type?: string): string[] {
  const all = [...state.documents.values()];
  return (type === undefined ? all : all.filter((entry) => entry.type === type)).map(({ path }) => path);
}

/**
 * The documents at `paths`, side files joined. @throws AppError `USAGE` for a file that is not as the mirror writes it
 */
export async function readDocuments(state: MirrorState, paths: readonly string[]): Promise<MirrorDocument[]> {
  const out: MirrorDocument[] = [];
  for (let from = 0; from < paths.length; from += CHUNK) {
    const some = paths.slice(from, from + CHUNK);
    const texts = await state.texts(some);
    const wanted = new Set<string>();
    for (const [i, path] of some.entries()) {
      const text = texts[i] ?? '';
      if (!text.includes('$file')) continue;
      const type = typeIn(path);
      for (const name of sideFilesOf(parseDocumentFile(path, text, `${state.account}/${path}`))) {
        if (state.files.has(`${type}/${name}`)) wanted.add(`${type}/${name}`);
      }
    }
    const sidePaths = [...wanted];
    const sideTexts = await state.texts(sidePaths);
    const sides = new Map(sidePaths.map((path, i) => [path, sideTexts[i] ?? '']));
    const damaged = await filesNotUtf8(state, [...some.map((path, i) => [path, texts[i] ?? ''] as const), ...sides]);
    for (const [i, path] of some.entries()) {
      const typeName = typeIn(path);
      const used: string[] = [path];
      const document = readMirrorDocument(
        path,
        texts[i] ?? '',
        `${state.account}/${path}`,
        (name) => {
          used.push(`${typeName}/${name}`);
          return sides.get(`${typeName}/${name}`);
        },
        state.find,
      );
      const notUtf8 = used.filter((file) => damaged.has(file)).map((file) => `${state.account}/${file}`);
      out.push(notUtf8.length > 0 ? { ...document, notUtf8 } : document);
    }
  }
  return out;
}
