import { ALWAYS_DEFAULT, ALWAYS_VOLATILE, SERVER_MANAGED } from '../../catalogue/common.ts';
import { findType, REFERENCE_FIELDS } from '../../catalogue/index.ts';
import { PUBLISHED_FIELDS, PUBLISHED_KINDS } from '../../catalogue/published-fields.ts';
import type { ResourceType } from '../../catalogue/types.ts';
import { counted } from '../../core/counted.ts';
import { AppError } from '../../core/errors.ts';
import { isArray, isObject, type Json } from '../../core/json.ts';
import { compareCodePoints } from '../../core/order.ts';
import { parseYaml } from '../../core/yaml.ts';
import { type Git, GitFailure } from '../../git/git.ts';
import { documentPaths, headCommit, type MirrorState, readState } from '../../history/state.ts';
import type { Finding } from './finding.ts';

/** Documents read at once. */
const BATCH = 2_000;
/** Names that are shown of one type. */
const MOST_NAMED = 10;
/** A key at the left edge: the mirror writes the fields of a document so, and nothing else. */
const FIELD = /^(?:([^\s"'#:-][^:\n\r\u2028\u2029]*)|("(?:[^"\\\n]|\\.)*")):/gm;

const REMEDY = 'Nothing is lost: they are mirrored and restored as they are. A newer version may know them';

/** Every name of a field that an entry of the catalogue mentions, whatever it says of it. */
function mentioned(rule: Json, names: Set<string>): void {
  if (typeof rule === 'string') names.add(rule.split(/[.[]/, 1)[0] ?? '');
  else if (isArray(rule)) for (const item of rule) mentioned(item, names);
  else if (isObject(rule)) {
    for (const [key, value] of Object.entries(rule)) {
      mentioned(key, names);
      mentioned(value, names);
    }
  }
}

function knownFields(type: ResourceType, published: ReadonlySet<string>): ReadonlySet<string> {
  const general = [
    ...ALWAYS_VOLATILE,
    ...Object.keys(ALWAYS_DEFAULT),
    ...SERVER_MANAGED,
    ...Object.keys(REFERENCE_FIELDS),
  ];
  const names = new Set([...published, ...general]);
  mentioned(type as unknown as Json, names);
  return names;
}

/** Names of the fields of a document, from its text: parsing every document would take many times as long. */
function fieldsIn(text: string): string[] {
  return [...text.matchAll(FIELD)].map(([, plain, quoted]) =>
    quoted === undefined ? (plain ?? '') : String(parseYaml(quoted)),
  );
}

/** The kind of a document, from its text. */
function kindIn(text: string, field: string): string | undefined {
  return new RegExp(`^${field}: ([\\w.-]+)$`, 'm').exec(text)?.[1];
}

async function namesIn(state: MirrorState, type: ResourceType): Promise<{ fields: Set<string>; kinds: Set<string> }> {
  const [fields, kinds] = [new Set<string>(), new Set<string>()];
  const kind = PUBLISHED_KINDS[type.name];
  const paths = documentPaths(state, type.name);
  for (let from = 0; from < paths.length; from += BATCH) {
    for (const text of await state.texts(paths.slice(from, from + BATCH))) {
      for (const name of fieldsIn(text)) fields.add(name);
      const value = kind && kindIn(text, kind.field);
      if (value !== undefined) kinds.add(value);
    }
  }
  return { fields, kinds };
}

function noted(area: string, names: Iterable<string>, what: (count: number) => string): Finding[] {
  const all = [...names].sort(compareCodePoints);
  if (all.length === 0) return [];
  const more = all.length > MOST_NAMED ? ` and ${all.length - MOST_NAMED} more` : '';
  const verb = all.length === 1 ? 'is' : 'are';
  const detail = `${what(all.length)} ${verb} unknown to this version: ${all.slice(0, MOST_NAMED).join(', ')}${more}`;
  return [{ area, check: 'unknown', verdict: 'note', detail, remedy: REMEDY }];
}

/**
 * Names the types, fields and kinds (adaptors) in the mirror of an account that this version does not know. Read from
 * the newest commit: that costs no request.
 */
export async function examineUnknown(git: Git, account: string): Promise<Finding[]> {
  try {
    return await unknownIn(git, account);
  } catch (error) {
    // A clone that cannot be read is a finding of its own.
    if (!(error instanceof AppError) && !(error instanceof GitFailure)) throw error;
    return [];
  }
}

/** @throws AppError, GitFailure */
async function unknownIn(git: Git, account: string): Promise<Finding[]> {
  if ((await git.ask(['rev-parse', '--verify', '--quiet', `HEAD:${account}`])) === undefined) return [];
  const state = await readState(git, account, await headCommit(git));
  const names = new Set([...state.documents.values()].map(({ type }) => type));
  const findings = noted(
    account,
    [...names].filter((name) => !findType(name)),
    (count) => counted(count, 'type'),
  );
  for (const name of names) {
    const [type, published] = [findType(name), PUBLISHED_FIELDS[name]];
    if (!type || !published) continue;
    const { fields, kinds } = await namesIn(state, type);
    const known = knownFields(type, published);
    const { field = '', values } = PUBLISHED_KINDS[name] ?? {};
    findings.push(
      ...noted(
        account,
        [...fields].filter((one) => !known.has(one)),
        (count) => `${counted(count, 'field')} of ${type.plural}`,
      ),
      ...noted(
        account,
        [...kinds].filter((one) => !values?.has(one)),
        (count) => `${counted(count, 'value')} of ${field} of ${type.plural}`,
      ),
    );
  }
  return findings;
}
