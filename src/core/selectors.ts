import { findType, GROUPS, RESOURCE_TYPES } from '../catalogue/index.ts';
import type { ResourceType } from '../catalogue/types.ts';
import { AppError } from './errors.ts';
import { isObjectId } from './keys.ts';
import { readPath, slugOf, type Transliterate } from './layout.ts';
import { nearest } from './suggest.ts';
import { oneLine } from './unseen.ts';

/** What a person named, taken apart. */
export type Selector =
  | { readonly kind: 'all' }
  | { readonly kind: 'type'; readonly type: ResourceType }
  | OneSelector
  | { readonly kind: 'id'; readonly id: string };

/** One resource by whatever was given of it. */
export interface OneSelector {
  readonly kind: 'one';
  readonly type: ResourceType;
  /** Its id, if what was given is one or a path with one. */
  readonly id: string;
  /** What was given: a name or a file's slug, unless it is the id. */
  readonly name: string;
  /** `integration/…`: what is part of it is meant, too. */
  readonly parts: boolean;
}

/** The path inside the account's folder that a text may be. */
function insideOf(text: string, account: string): string {
  const clean = text.replace(/^\.\//, '').replace(/(?<!\/)\/+$/, '');
  return clean.startsWith(`${account}/`) ? clean.slice(account.length + 1) : clean;
}

/** The first of `accounts` that a selector begins with, as a path in the mirror does. */
export function accountInSelectors(texts: readonly string[], accounts: readonly string[]): string | undefined {
  const begins = (text: string, account: string): boolean =>
    text === account || text.replace(/^\.\//, '').startsWith(`${account}/`);
  return accounts.find((account) => texts.some((text) => begins(text, account)));
}

/** The type of a word: its name, or what one of them is called (`flow`, `lookup cache` in one word). */
export function typeNamed(word: string): ResourceType | undefined {
  const plain = word.toLowerCase().replace(/[^a-z0-9]/g, '');
  const isOne = ({ name, noun }: ResourceType): boolean =>
    [noun.toLowerCase().replace(/[^a-z0-9]/g, ''), name.replace(/ies$/, 'y'), name.replace(/s$/, '')].includes(plain);
  return findType(word.toLowerCase()) ?? RESOURCE_TYPES.find(isOne);
}

const SELECTORS =
  `A selector is all, ${GROUPS.noun}/<id or name>, <type>, <type>/<id or name>, an id, or a path in the mirror` +
  '; celigo-mirror types lists the types';

function unknownType(word: string, text: string): AppError {
  if (text.trim() === '') return new AppError('USAGE', 'a selector is empty', { hint: SELECTORS });
  const shown = oneLine(text);
  if (word === '') return new AppError('USAGE', `${shown} is not a path in the mirror`, { hint: SELECTORS });
  const guess = nearest(word.toLowerCase(), [...RESOURCE_TYPES.map(({ name }) => name), GROUPS.noun, 'all']);
  // It may well be the name of a resource.
  const named = guess || text.includes('/') ? '' : `To name a resource, begin with its type: flows/"${shown}". `;
  return new AppError(
    'USAGE',
    `${shown}: no resource type is called ${oneLine(word)}${guess ? ` (did you mean ${guess}?)` : ''}`,
    { hint: named + SELECTORS },
  );
}

/**
 * Reads `all`, `integration/<id or name>`, `<type>`, `<type>/<id or name>`, an id, or a path in the mirror of
 * `account`. A type may be named in the singular.
 * @throws AppError `USAGE` for anything else
 */
export function parseSelector(text: string, account: string): Selector {
  const inside = insideOf(text, account);
  if (inside === 'all' || inside === account) return { kind: 'all' };
  const slash = inside.indexOf('/');
  const written = slash < 0 ? inside : inside.slice(0, slash);
  const word = written.toLowerCase();
  if (slash < 0 && isObjectId(word)) return { kind: 'id', id: word };
  const parts = word === GROUPS.noun;
  const type = parts ? GROUPS : typeNamed(word);
  if (!type) throw unknownType(written, text);
  if (slash < 0) return { kind: 'type', type };
  const given = inside.slice(slash + 1);
  const fileId = readPath(`${type.name}/${given}`)?.id;
  const id = fileId ?? given;
  const isId = isObjectId(id.toLowerCase());
  return { kind: 'one', type, id: isId ? id.toLowerCase() : id, name: isId ? id : given, parts };
}

/** Candidates that are listed for a part of a name. */
export const MOST_CANDIDATES = 20;

/** What is said of a part of a name, and what to do: the resources that have it in theirs. */
export function candidatesOf(
  text: string,
  type: ResourceType,
  some: readonly { readonly id: string; readonly title: string }[],
  count: number,
): [message: string, hint: string] {
  const rows = some.map(({ id, title }) => `\n  ${type.name}/${id}  ${oneLine(title)}`);
  const more = count > some.length ? `\n  … and ${count - some.length} more` : '';
  const have = count === 1 ? `1 ${type.noun} has` : `${count} ${type.plural} have`;
  return [
    `${oneLine(text)}: no ${type.noun} is called this; ${have} it in the name:${rows.join('')}${more}`,
    'Name one by its id or its whole name',
  ];
}

/** Whether a selector may mean a resource: by its id, or by the name that its path had at some time. */
export function selectorFits(
  selector: Selector,
  transliterate: Transliterate,
): (resource: { readonly type: string; readonly id: string; readonly slug: string }) => boolean {
  if (selector.kind === 'all') return () => true;
  if (selector.kind === 'id') return ({ id }) => id === selector.id;
  if (selector.kind === 'type') return ({ type }) => type === selector.type.name;
  const slug = slugOf(selector.name, transliterate);
  return (one) => one.type === selector.type.name && (one.id === selector.id || one.slug === slug);
}

/** Patterns for git of the documents that {@link selectorFits} finds, inside the account's folder. */
export function selectorPatterns(selector: Selector, transliterate: Transliterate): readonly string[] {
  if (selector.kind === 'all') return ['*/*.yaml'];
  if (selector.kind === 'id') return [`*/*.${selector.id}.yaml`];
  if (selector.kind === 'type') return [`${selector.type.name}/*.yaml`];
  const { type, id, name } = selector;
  return [`${type.name}/*.${id}.yaml`, `${type.name}/${slugOf(name, transliterate)}.*.yaml`];
}
