import { isUtf8 } from 'node:buffer';
import { findType } from '../../catalogue/index.ts';
import { AppError, messageOf } from '../../core/errors.ts';
import { isArray, isObject, type Json, type JsonObject } from '../../core/json.ts';
import { typeIn } from '../../core/keys.ts';
import { ATTRIBUTES_FILE, BINDING_FILE, FEED_DIR, isGeneratedFile, readPath } from '../../core/layout.ts';
import { fileOf, joinFiles } from '../../core/markers.ts';
import { referencesOf } from '../../core/references.ts';
import { parseYaml, renderYaml, YamlError } from '../../core/yaml.ts';
import { readBinding } from '../binding.ts';
import { readFeedLine } from '../sync/audit-feed.ts';
import { type Difference, differencesFrom } from './uncommitted.ts';

/** A file that is not as the mirror would have written it. */
export interface Fault {
  readonly path: string;
  readonly line?: number;
  readonly problem: string;
}

/** A reference to something the mirror does not hold. */
interface OpenReference {
  readonly path: string;
  readonly place: string;
  readonly target: string;
  /** Others may provide it: no listing shows that (api-notes#unlisted). */
  readonly unlisted?: true;
}

/** What `verify` found in one account's folder. */
export interface VerifyReport {
  readonly account: string;
  readonly documents: number;
  readonly files: number;
  readonly references: number;
  readonly faults: readonly Fault[];
  /** References that do not resolve: Celigo's own iClients, resources that the token cannot see, or deleted ones. */
  readonly unresolved: readonly OpenReference[];
}

/** The fault of a document that can be read, but is not written as the mirror writes it. */
export const EDITED = 'was edited manually: it is not written as the mirror writes it';

const NO_TEXT = 'holds bytes that are not text in UTF-8';

/**
 * Checks one account's folder without the API: every document parses and renders to the same bytes, names say what the
 * content says, side files and documents belong together, every reference resolves or is listed.
 * @param files path inside the folder → bytes
 * @param head path inside the folder → object id, as the last commit has it; without it nothing is compared
 */
export function verifyFolder(
  account: string,
  files: ReadonlyMap<string, Buffer>,
  head?: ReadonlyMap<string, string>,
): VerifyReport {
  const faults: Fault[] = [];
  const documents = new Map<string, { type: string; id: string; doc: JsonObject }>();
  const sideFiles = new Set<string>();
  const claimed = new Set<string>();
  const seenIds = new Map<string, string>();
  const fault = (path: string, problem: string, line?: number): void => {
    faults.push({ path: `${account}/${path}`, problem, ...(line === undefined ? {} : { line }) });
  };

  const binding = files.get(BINDING_FILE);
  if (!binding) fault(BINDING_FILE, 'is missing: the folder is bound to no account');
  else checkBindingFile(binding, fault);
  if (!files.has(ATTRIBUTES_FILE)) fault(ATTRIBUTES_FILE, 'is missing: git might convert line ends');

  for (const [path, bytes] of files) {
    if (path.startsWith(`${FEED_DIR}/`) && isGeneratedFile(path)) checkFeed(path, bytes, fault);
    if (isGeneratedFile(path)) continue;
    const parts = readPath(path);
    if (!parts || !findType(parts.type)) {
      fault(path, 'is not a file of the mirror');
      continue;
    }
    if (parts.isDocument && !isUtf8(bytes)) {
      fault(path, NO_TEXT);
      continue;
    }
    if (!parts.isDocument) {
      sideFiles.add(path);
      continue;
    }
    const key = `${parts.type}/${parts.id}`;
    const other = seenIds.get(key);
    if (other) fault(path, `has the same _id as ${other}`);
    seenIds.set(key, path);
    const doc = readDocument(path, bytes, fault);
    if (!doc) continue;
    if (doc._id !== parts.id) fault(path, `holds the _id ${String(doc._id)}, its name says ${parts.id}`);
    documents.set(path, { type: parts.type, id: parts.id, doc });
  }

  for (const [path, { type: typeName, doc }] of documents) {
    for (const name of fileNames(doc)) {
      const side = `${typeName}/${name}`;
      claimed.add(side);
      const bytes = files.get(side);
      if (!bytes) fault(path, `refers to ${name}, which is missing`);
      else if (!isUtf8(bytes)) fault(path, `refers to ${name}, which ${NO_TEXT}`);
      else if (name.includes('/')) fault(path, `refers to ${name}, outside its folder`);
    }
  }
  for (const path of sideFiles) if (!claimed.has(path)) fault(path, 'belongs to no document');
  if (head) faults.push(...compareWithHead(account, files, head, new Set(faults.map(({ path }) => path))));

  const unresolved: OpenReference[] = [];
  let references = 0;
  for (const [path, { type: typeName, doc }] of documents) {
    const type = findType(typeName);
    if (!type) continue;
    for (const reference of referencesOf(type, joinedOrAsIs(doc, typeName, files))) {
      references += 1;
      if (reference.type === null || seenIds.has(`${reference.type}/${reference.id}`)) continue;
      unresolved.push({
        path: `${account}/${path}`,
        place: reference.place,
        target: `${reference.type}/${reference.id}`,
        ...(findType(reference.type)?.hasPublic ? { unlisted: true as const } : {}),
      });
    }
  }
  return { account, documents: documents.size, files: files.size, references, faults, unresolved };
}

/** How the folder differs from the last commit, where no other fault names the file. */
function compareWithHead(
  account: string,
  files: ReadonlyMap<string, Buffer>,
  head: ReadonlyMap<string, string>,
  known: ReadonlySet<string>,
): Fault[] {
  const differences = differencesFrom(head, files);
  const left = new Set([...files.keys()].map(typeIn));
  // One line for a folder that is gone: its files are of no interest then.
  const isLost = ({ path, how }: Difference): boolean =>
    how === 'gone' && typeIn(path) !== '' && !left.has(typeIn(path));
  const folders = new Set(differences.filter(isLost).map(({ path }) => typeIn(path)));
  const lines = [
    ...[...folders].map((path) => ({
      path,
      problem: 'is gone, or a link is in its place: the last commit has files there',
    })),
    ...differences.filter((one) => !isLost(one)).map(({ path, how }) => ({ path, problem: HOW[how] })),
  ];
  return lines
    .map(({ path, problem }) => ({ path: `${account}/${path}`, problem }))
    .filter(({ path }) => !known.has(path));
}

const HOW: Readonly<Record<Difference['how'], string>> = {
  gone: 'is gone: the last commit has it',
  new: 'is not in the last commit',
  changed: 'differs from the last commit',
};

function joinedOrAsIs(doc: JsonObject, type: string, files: ReadonlyMap<string, Buffer>): JsonObject {
  const joined = joinFiles(doc, (name) => files.get(`${type}/${name}`)?.toString('utf8') ?? '');
  return isObject(joined) ? joined : doc;
}

function checkBindingFile(bytes: Buffer, fault: (path: string, problem: string) => void): void {
  try {
    readBinding(parseYaml(bytes.toString('utf8')), BINDING_FILE);
  } catch (error) {
    if (!(error instanceof AppError) && !(error instanceof YamlError)) throw error;
    fault(BINDING_FILE, messageOf(error));
  }
}

/** Each line of the audit feed is one entry of the file's month, and none occurs twice. */
function checkFeed(path: string, bytes: Buffer, fault: (path: string, problem: string, line?: number) => void): void {
  const month = path.slice(FEED_DIR.length + 1, -'.ndjson'.length);
  const seen = new Set<string>();
  const lines = bytes.toString('utf8').split('\n');
  if (lines.pop() !== '') fault(path, 'ends in the middle of a line', lines.length + 1);
  for (const [i, line] of lines.entries()) {
    const entry = readFeedLine(line);
    if (!entry) fault(path, 'is not an entry of the audit log', i + 1);
    else if (!entry.time.startsWith(month)) fault(path, `holds an entry of ${entry.time}`, i + 1);
    else if (seen.has(entry.id)) fault(path, `holds the entry ${entry.id} twice`, i + 1);
    if (entry) seen.add(entry.id);
  }
}

function readDocument(
  path: string,
  bytes: Buffer,
  fault: (path: string, problem: string, line?: number) => void,
): JsonObject | undefined {
  const text = bytes.toString('utf8');
  let value: Json;
  try {
    value = parseYaml(text);
  } catch (error) {
    if (!(error instanceof YamlError)) throw error;
    fault(path, `is not valid YAML: ${error.message}`, error.line);
    return undefined;
  }
  if (!isObject(value)) {
    fault(path, 'holds no document');
    return undefined;
  }
  const again = renderYaml(value);
  if (again !== text) fault(path, EDITED, firstDifference(text, again));
  return value;
}

function firstDifference(a: string, b: string): number {
  const left = a.split('\n');
  const right = b.split('\n');
  return 1 + left.findIndex((line, i) => line !== right[i]);
}

/** Names in the `{$file}` markers of a document. */
function fileNames(value: Json): string[] {
  const name = fileOf(value);
  if (name !== undefined) return [name];
  if (isArray(value)) return value.flatMap(fileNames);
  return isObject(value) ? Object.values(value).flatMap(fileNames) : [];
}
