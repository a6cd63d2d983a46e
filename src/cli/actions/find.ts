import type { ResourceType } from '../../catalogue/types.ts';
import type { Side } from '../../compare/sides.ts';
import { aboutJson, called } from '../../compare/view.ts';
import { partOf } from '../../core/cut.ts';
import type { MirrorDocument } from '../../core/documents.ts';
import { AppError } from '../../core/errors.ts';
import { readPath } from '../../core/layout.ts';
import { linesOf, type Occurrence, occurrencesIn, textSearch } from '../../core/occurrences.ts';
import { type AskedField, addFields, missingField } from '../../core/omitted-fields.ts';
import { placeText } from '../../core/places.ts';
import { typeNamed } from '../../core/selectors.ts';
import { jsonText } from '../../core/unseen.ts';
import {
  type Condition,
  fulfils,
  type Pattern,
  parseCondition,
  parsePattern,
  valuesAtPattern,
} from '../../core/where.ts';
import type { MirrorState } from '../../history/state.ts';
import { type Asked, type AskedFlags, visitAsked } from '../input/asked.ts';
import { boundedSearch, type Search } from '../input/bounded-regex.ts';
import type { GlobalOptions, Io } from '../ui/io.ts';
import { counted, printable, type Style, styleFor } from '../ui/style.ts';

export interface FindFlags extends AskedFlags {
  readonly regex?: boolean;
  readonly type?: readonly string[];
  readonly field?: string;
  readonly where?: readonly string[];
  readonly json?: boolean;
}

/** What is looked for. */
interface Query {
  /** Absent: any value. */
  readonly search?: Search;
  readonly field?: Pattern;
  readonly conditions: readonly Condition[];
  /** Names of types; `undefined`: all. */
  readonly types?: ReadonlySet<string>;
}

/** A resource with what was found in it; without occurrences where it was found as a whole. */
interface Hit {
  readonly side: Side;
  readonly document: MirrorDocument;
  readonly occurrences: readonly Occurrence[];
  /** Its side files, inside the account's folder. */
  readonly sideFiles: readonly string[];
}

/** Characters around what was found that are shown of a long line, and of a line in JSON. */
const AROUND = 60;
const LONGEST = 2_000;

/** @throws AppError `USAGE` */
function queryOf(text: string | undefined, flags: FindFlags): Query {
  const types = flags.type?.map((word) => {
    const type = typeNamed(word);
    if (type) return type.name;
    throw new AppError('USAGE', `--type: no resource type is called ${printable(word)}`, {
      hint: 'List the types with: celigo-mirror types',
    });
  });
  const field = flags.field === undefined ? undefined : parsePattern(flags.field, '--field');
  const conditions = (flags.where ?? []).map((condition) => parseCondition(condition, '--where'));
  if ((text ?? '') === '' && !field && conditions.length === 0) {
    throw new AppError('USAGE', 'nothing to look for', { hint: 'Name a text, or use --field or --where' });
  }
  const search =
    text === undefined || text === '' ? undefined : flags.regex ? boundedSearch(text, '--regex') : textSearch(text);
  return {
    conditions,
    ...(search ? { search } : {}),
    ...(field ? { field } : {}),
    ...(types ? { types: new Set(types) } : {}),
  };
}

function occurrences({ search, field }: Query, { doc }: MirrorDocument): readonly Occurrence[] {
  if (!search && !field) return [];
  const lines = linesOf(doc, field);
  return search ? occurrencesIn(lines, search) : lines.map((line) => ({ ...line, at: 0 }));
}

function sideFiles(state: MirrorState, { path }: MirrorDocument): string[] {
  const base = path.slice(0, -'yaml'.length);
  return [...state.files.keys()].filter(
    (file) => file !== path && file.startsWith(base) && readPath(file) !== undefined,
  );
}

/** The fields that a query asks for and that no resource so far has; all their fields, and types, are noted then. */
class UnknownFields {
  #asked: readonly AskedField[];
  readonly #types = new Set<ResourceType>();
  readonly #known = new Set<string>();

  constructor({ conditions, field }: Query, { field: path = '' }: FindFlags) {
    this.#asked = [
      ...(field ? [{ about: '--field', pattern: field, field: path }] : []),
      ...conditions.map((condition) => ({ about: '--where', ...condition })),
    ];
  }

  note(documents: readonly MirrorDocument[]): void {
    const isUnknown = ({ pattern }: AskedField): boolean =>
      !documents.some(({ doc }) => valuesAtPattern(doc, pattern).length > 0);
    this.#asked = this.#asked.filter(isUnknown);
    if (this.#asked.length === 0) return;
    for (const { type, doc } of documents) {
      this.#types.add(type);
      addFields(this.#known, doc);
    }
  }

  /** @throws AppError `USAGE` for a field that is never in the mirror */
  sentences(): string[] {
    return this.#asked.map((asked) => missingField([...this.#types], this.#known, asked));
  }
}

/** What an account has of what is looked for. */
function searched({ state, side, resources }: Asked, query: Query, unknown: UnknownFields): Hit[] {
  const searchable = resources.flatMap(([, document]) =>
    query.types && !query.types.has(document.type.name) ? [] : [document],
  );
  unknown.note(searchable);
  return searchable.flatMap((document): Hit[] => {
    if (!query.conditions.every((condition) => fulfils(document.doc, condition))) return [];
    const found = occurrences(query, document);
    if ((query.search || query.field) && found.length === 0) return [];
    const files = found.some(({ line }) => line !== undefined) ? sideFiles(state, document) : [];
    return [{ side, document, occurrences: found, sideFiles: files }];
  });
}

/** A line with only what is around the place where it was found, if it is long. */
function excerpt({ text, at }: Occurrence): string {
  if (text.length <= 2 * AROUND) return text;
  const from = Math.max(0, at - AROUND);
  return `${from > 0 ? '…' : ''}${partOf(text, from, at + AROUND)}${at + AROUND < text.length ? '…' : ''}`;
}

/** Where an occurrence is: a line of a side file, else a field. */
function whereIs({ side, sideFiles: [only, ...more] }: Hit, { place, line }: Occurrence): string {
  if (line === undefined) return placeText(place);
  return only !== undefined && more.length === 0 ? `${side.account}/${only}:${line}` : `${placeText(place)}:${line}`;
}

function describe(hit: Hit, style: Style): string[] {
  const { side, document } = hit;
  return [
    `${style.bold(printable(called(side, document)))}  ${style.dim(`${side.account}/${document.path}`)}`,
    ...hit.occurrences.map((one) => `  ${style.cyan(printable(whereIs(hit, one)))}: ${printable(excerpt(one).trim())}`),
  ];
}

function hitJson({ side, document, occurrences: found, sideFiles: files }: Hit) {
  return {
    ...aboutJson(side, document),
    files: files.map((file) => `${side.account}/${file}`),
    found: found.map(({ place, line, text, at }) => ({
      place: placeText(place),
      ...(line === undefined ? {} : { line }),
      column: at + 1,
      text: partOf(text, 0, LONGEST),
    })),
  };
}

/** @throws AppError `USAGE` */
export async function runFind(
  io: Io,
  globals: GlobalOptions,
  text: string | undefined,
  what: readonly string[],
  flags: FindFlags,
): Promise<void> {
  const query = queryOf(text, flags);
  const unknown = new UnknownFields(query, flags);
  const hits: Hit[] = [];
  const accounts = await visitAsked(io, globals, what, flags, (asked) => {
    for (const hit of searched(asked, query, unknown)) hits.push(hit);
  });
  for (const sentence of unknown.sentences()) io.err(`${printable(sentence)}\n`);
  if (flags.json) {
    io.out(jsonText({ version: 1, accounts, resources: hits.map(hitJson) }));
    return;
  }
  const style = styleFor(io, globals);
  io.out(hits.map((hit) => `${describe(hit, style).join('\n')}\n`).join(''));
  const count = hits.reduce((sum, hit) => sum + hit.occurrences.length, 0);
  const places = count > 0 ? `${counted(count, 'place')} in ` : '';
  io.err(hits.length === 0 ? 'Nothing found\n' : `${places}${counted(hits.length, 'resource')}\n`);
  if (hits.length === 0 && text !== undefined && query.conditions.length > 0 && typeNamed(text.split('/')[0] ?? ''))
    io.err(
      `→ ${printable(text)} was looked for as a text; to search only there: find "" ${printable(text)} --where …\n`,
    );
}
