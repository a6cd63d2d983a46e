import type { ResourceType } from '../catalogue/types.ts';
import { getOwn, isObject, type Json, type JsonObject, setOwn } from './json.ts';
import { fileMarker } from './markers.ts';
import type { Normalised, SideText } from './normalise.ts';
import { renderYaml } from './yaml.ts';

/** Longest slug of a file name, in characters. */
const SLUG_LENGTH = 60;
const SAFE_ID = /^[A-Za-z0-9_-]{1,160}$/;
/** Names that Windows reserves whatever the extension. */
const RESERVED_NAME = /^(?:con|prn|aux|nul|com\d|lpt\d)$/;
/** `<slug>.<_id>.yaml` and its side files `<slug>.<_id>[.<place>].<extension>`. */
const FILE_NAME = /^([a-z0-9-]{1,61})\.([A-Za-z0-9_-]{1,160})(?:\.([a-z0-9-]+))?\.([a-z]+)$/;

/** The file of the account folder that binds it to one account. */
export const BINDING_FILE = 'mirror.yaml';
/** Keeps git from converting line ends in the account folder. */
export const ATTRIBUTES_FILE = '.gitattributes';

/** The account's audit log by months, where it is kept. */
export const FEED_DIR = 'audit';
const FEED_FILE = /^audit\/\d{4}-\d{2}\.ndjson$/;
/** The page that explains the account, and those of its integrations, where they are made. */
export const OVERVIEW_FILE = 'README.md';
const OVERVIEW_PAGE = /^overview\/[a-z0-9-]{1,61}\.[A-Za-z0-9_-]{1,160}\/README\.md$/;

/** First line of every such page, which distinguishes it from a page that a person wrote. */
export const OVERVIEW_MARK = '<!-- made by celigo-mirror: edits are undone -->';

/** Whether a path inside the account folder is a page that this program makes from the documents. */
export function isOverview(path: string): boolean {
  return path === OVERVIEW_FILE || OVERVIEW_PAGE.test(path);
}

/** Whether a path inside the account folder is a file of this program beside the documents. */
export function isBeside(path: string): boolean {
  return path === BINDING_FILE || path === ATTRIBUTES_FILE || FEED_FILE.test(path) || isOverview(path);
}

/** A file of the mirror: path inside the account folder (`flows/order-sync.64f0….yaml`) and its text. */
export interface MirrorFile {
  readonly path: string;
  readonly text: string;
}

/** Turns text beyond ASCII into ASCII. Passed in, so that the table behind it is loaded only when needed. */
export type Transliterate = (text: string) => string;

/** Whether an id of the API can be part of a file name as it is. */
export function isSafeId(id: unknown): id is string {
  return typeof id === 'string' && SAFE_ID.test(id);
}

/** The name by which people know a resource, or the empty string. */
export function titleOf(type: ResourceType, doc: JsonObject): string {
  let value: Json | undefined = doc;
  for (const key of (type.title ?? 'name').split('.')) value = isObject(value) ? getOwn(value, key) : undefined;
  return typeof value === 'string' ? value : '';
}

/** `[a-z0-9-]`, at most 60 characters, `unnamed` when nothing is left. */
export function slugOf(title: string, transliterate: Transliterate): string {
  // Arrows, emoji and other signs separate words; only letters and digits are spelt out.
  const words = title.normalize('NFC').replace(/[^\p{L}\p{M}\p{N}'’`]+/gu, '-');
  const ascii = /^[\x00-\x7f]*$/.test(words) ? words : transliterate(words);
  const slug = ascii
    .toLowerCase()
    .replace(/['’`]/g, '')
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+/, '')
    .slice(0, SLUG_LENGTH)
    .replace(/-+$/, '');
  if (slug === '') return 'unnamed';
  return RESERVED_NAME.test(slug) ? `${slug}-` : slug;
}

/** Path of a resource's files up to the extension, such as `flows/order-sync.64f0…2a`. */
export function basePath(type: ResourceType, id: string, title: string, transliterate: Transliterate): string {
  return `${type.name}/${slugOf(title, transliterate)}.${id}`;
}

/** What a path inside the account folder says, or `undefined` for a file that is not the mirror's. */
export function readPath(path: string): { type: string; id: string; slug: string; isDocument: boolean } | undefined {
  const slash = path.indexOf('/');
  const match = slash < 0 ? null : FILE_NAME.exec(path.slice(slash + 1));
  if (!match) return undefined;
  return {
    type: path.slice(0, slash),
    slug: match[1] as string,
    id: match[2] as string,
    isDocument: match[3] === undefined && match[4] === 'yaml',
  };
}

function sideFileName(base: string, side: SideText): string {
  const name = base.slice(base.indexOf('/') + 1);
  const infix =
    side.place.length > 1
      ? `.${side.place
          .join('-')
          .toLowerCase()
          .replace(/[^a-z0-9]+/g, '-')}`
      : '';
  return `${name}${infix}.${side.extension}`;
}

function replaceAt(value: Json, place: readonly (string | number)[], replacement: Json): Json {
  const [step, ...rest] = place;
  if (step === undefined) return replacement;
  if (Array.isArray(value)) return value.map((item, i) => (i === step ? replaceAt(item, rest, replacement) : item));
  const out = {};
  for (const key of Object.keys(value as JsonObject)) {
    const held = (value as JsonObject)[key] as Json;
    setOwn(out, key, key === step ? replaceAt(held, rest, replacement) : held);
  }
  return out;
}

/** The files of one resource: the document first, then its side files. */
export function renderResource(base: string, normalised: Pick<Normalised, 'doc' | 'texts'>): readonly MirrorFile[] {
  let doc: Json = normalised.doc;
  const files: MirrorFile[] = [];
  for (const side of normalised.texts) {
    const name = sideFileName(base, side);
    doc = replaceAt(doc, side.place, fileMarker(name));
    files.push({ path: `${base.slice(0, base.indexOf('/'))}/${name}`, text: side.text });
  }
  return [{ path: `${base}.yaml`, text: renderYaml(doc) }, ...files];
}
