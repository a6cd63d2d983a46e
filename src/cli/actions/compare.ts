import { type Comparison, compareAccounts, isSame, type Single } from '../../compare/compare.ts';
import { comparisonMarkdown } from '../../compare/markdown.ts';
import type { Side } from '../../compare/sides.ts';
import { called, comparisonJson, countedTypes, namedReferences, whyCandidate } from '../../compare/view.ts';
import type { Config } from '../../config/schema.ts';
import { valuesByResource, valuesFor } from '../../config/secrets-file.ts';
import type { MirrorDocument } from '../../core/documents.ts';
import { AppError, EXIT } from '../../core/errors.ts';
import type { Key } from '../../core/keys.ts';
import { accountInSelectors } from '../../core/selectors.ts';
import { jsonText } from '../../core/unseen.ts';
import { createObjectReader } from '../../git/object-reader.ts';
import { type AccountGraph, buildGraph } from '../../graph/account-graph.ts';
import { NotInState, select } from '../../history/selection.ts';
import { documentPaths, type MirrorState, readDocuments } from '../../history/state.ts';
import { idsBetween } from '../../run/idmaps.ts';
import { type MirrorPlace, mirrorPlace, onlyAccount, stateOf } from '../input/mirror.ts';
import { type StateFlags, stateAsked } from '../input/time-option.ts';
import { anyAscii } from '../input/transliterate.ts';
import { wordInside } from '../input/words.ts';
import { describeChange } from '../ui/change-view.ts';
import type { GlobalOptions, Io } from '../ui/io.ts';
import { counted, printable, type Style, styleFor, summarised } from '../ui/style.ts';

export interface CompareFlags extends StateFlags {
  readonly all?: boolean;
  readonly exitCode?: boolean;
  readonly format: 'text' | 'md' | 'json';
  readonly json?: boolean;
  readonly mirror?: string;
}

/** The keys that a selector means in a state; none for a path of another account. */
async function keysOf(state: MirrorState, word: string, accounts: readonly string[]): Promise<ReadonlySet<Key>> {
  const named = accountInSelectors([word], accounts);
  if (named !== undefined && named !== state.account) return new Set();
  return (await select(state, [word], { transliterate: anyAscii })).selected;
}

/** What is asked for in each state; `undefined`: all. @throws NotInState for what neither has */
async function keysAsked(
  states: readonly MirrorState[],
  words: readonly string[],
): Promise<readonly (ReadonlySet<Key> | undefined)[]> {
  if (words.length === 0) return [];
  const accounts = states.map(({ account }) => account);
  const found = states.map(() => new Set<Key>());
  for (const word of words) {
    let missing: NotInState | undefined;
    let any = false;
    for (const [i, state] of states.entries()) {
      try {
        for (const key of await keysOf(state, word, accounts)) found[i]?.add(key);
        any ||= accountInSelectors([word], accounts) === undefined || word.startsWith(`${state.account}/`);
      } catch (error) {
        if (!(error instanceof NotInState)) throw error;
        missing ??= error;
      }
    }
    if (!any && missing) throw missing;
  }
  return found;
}

/** The places that the configuration of either account sets for a resource when it is restored there. */
function overriddenBy(
  config: Config | undefined,
  accounts: readonly string[],
): (left: MirrorDocument, right: MirrorDocument) => readonly string[] {
  const overrides = (config?.accounts ?? [])
    .filter(({ name }) => accounts.includes(name))
    .map(({ name, overrides: values }) =>
      valuesByResource(
        values ?? {},
        (problem) => new AppError('USAGE', `${config?.source}: accounts.${name}.overrides${problem}`),
      ),
    );
  return (...documents) =>
    documents.flatMap(({ type, id, title }) =>
      overrides.flatMap((values) => [...valuesFor(values, type.name, id, title).keys()]),
    );
}

function hasId(states: readonly { readonly account: string; readonly graph: AccountGraph }[]) {
  const ids = new Map(
    states.map(({ account, graph }) => [account, new Set([...graph.nodes.values()].map(({ id }) => id))]),
  );
  return (account: string, id: string): boolean => ids.get(account)?.has(id) ?? false;
}

async function readSide(state: MirrorState): Promise<{ account: string; graph: AccountGraph }> {
  return { account: state.account, graph: buildGraph(await readDocuments(state, documentPaths(state))) };
}

async function compared(
  io: Io,
  place: MirrorPlace,
  [one, other]: readonly [string, string],
  what: readonly string[],
  flags: CompareFlags,
): Promise<Comparison> {
  const { root, accounts } = place;
  const { close, ...reader } = createObjectReader(place.git.start, io.signal);
  // Everything is read by one process.
  const git = { ...place.git, ...reader };
  try {
    const words = what.map((word) => wordInside(word, io.cwd, root, accounts));
    const name = stateAsked(flags);
    const states = [
      await stateOf(io, { git, account: onlyAccount(place, one) }, name),
      await stateOf({ ...io, err: () => undefined }, { git, account: onlyAccount(place, other) }, name),
    ] as const;
    const asked = await keysAsked(states, words);
    // One is read while git finds the files of the other.
    const [left, right] = await Promise.all([readSide(states[0]), readSide(states[1])]);
    return compareAccounts({
      left,
      right,
      ids: await idsBetween(git, one, other, hasId([left, right])),
      all: flags.all ?? false,
      overridden: flags.all ? () => [] : overriddenBy(place.config, [one, other]),
      asked: (side, key) => asked[side === 'left' ? 0 : 1]?.has(key) ?? asked.length === 0,
    });
  } finally {
    close();
  }
}

function describeSingle(
  sign: string,
  own: Side,
  other: Side,
  { document, candidates }: Single,
  style: Style,
): string[] {
  const path = style.dim(`${own.account}/${document.path}`);
  const head = `  ${sign} ${style.bold(printable(called(own, document)))}  ${path}`;
  const hints = candidates.map(
    (one) =>
      `      perhaps ${other.account}: ${printable(called(other, one.document))}, ${one.document.type.name}/` +
      `${one.document.id} (${whyCandidate(one)})`,
  );
  return [head, ...hints];
}

function section(title: string, rows: readonly string[]): string[] {
  return rows.length === 0 ? [] : ['', title, ...rows];
}

function describe(comparison: Comparison, style: Style): string {
  const { sides, paired, onlyLeft, onlyRight, ambiguous, differing } = comparison;
  const { left, right } = sides;
  const named = namedReferences(sides);
  const only = (own: Side, singles: readonly Single[]): string =>
    `Only in ${own.account}: ${countedTypes(singles.map(({ document }) => document))}`;
  const differ = `Different: ${countedTypes(differing.map(({ left: one }) => one))}`;
  const names = style.bold(`${left.account} → ${right.account}`);
  const pathsOf = (pair: { readonly left: MirrorDocument; readonly right: MirrorDocument }): string =>
    `${left.account}/${pair.left.path} ↔ ${right.account}/${pair.right.path}`;
  const summary = isSame(comparison)
    ? 'no differences'
    : `${counted(differing.length, 'resource differs', 'resources differ')}, ` +
      `${onlyLeft.length} only in ${left.account}, ${onlyRight.length} only in ${right.account}` +
      (ambiguous.length > 0 ? `, ${counted(ambiguous.length, 'name')} without a clear pair` : '');
  const lines = [
    ...section(
      only(left, onlyLeft),
      onlyLeft.flatMap((one) => describeSingle(style.red('-'), left, right, one, style)),
    ),
    ...section(
      only(right, onlyRight),
      onlyRight.flatMap((one) => describeSingle(style.green('+'), right, left, one, style)),
    ),
    ...section(
      differ,
      differing.flatMap((pair) => [
        `  ${style.yellow('~')} ${style.bold(printable(called(left, pair.left)))}  ${style.dim(pathsOf(pair))}`,
        ...pair.changes.flatMap((change) => describeChange(named(change), style).map((line) => `      ${line}`)),
      ]),
    ),
    ...section(
      'Not compared, because nothing shows which is which:',
      ambiguous.flatMap((group) => [
        `  ? ${style.bold(printable(called(left, group.left[0] as MirrorDocument)))}`,
        ...[left, right].flatMap((side) =>
          (side === left ? group.left : group.right).map((one) => `      ${side.account}: ${one.type.name}/${one.id}`),
        ),
      ]),
    ),
  ];
  return summarised(`${names}: ${summary} ${style.dim(`(${counted(paired, 'pair')} compared)`)}`, lines);
}

/** @returns the exit code. @throws AppError `USAGE` */
export async function runCompare(
  io: Io,
  globals: GlobalOptions,
  [one, other]: readonly [string | undefined, string | undefined],
  what: readonly string[],
  flags: CompareFlags,
): Promise<number> {
  const place = await mirrorPlace(io, globals, flags.mirror);
  if (one === undefined || other === undefined) {
    throw new AppError('USAGE', 'compare needs two accounts', {
      hint: `Accounts in ${place.root}: ${place.accounts.join(', ')}`,
    });
  }
  if (one === other) {
    throw new AppError('USAGE', `${printable(one)} cannot be compared with itself`, {
      hint: 'To compare two states of one account: celigo-mirror diff --from <ref or time>',
    });
  }
  const comparison = await compared(io, place, [one, other], what, flags);
  const format = flags.json ? 'json' : flags.format;
  if (format === 'json') io.out(jsonText({ version: 1, ...comparisonJson(comparison) }));
  else if (format === 'md') io.out(comparisonMarkdown(comparison));
  else io.out(describe(comparison, styleFor(io, globals)));
  const hasOpen = [...comparison.onlyLeft, ...comparison.onlyRight].some(({ candidates }) => candidates.length > 0);
  if (format !== 'json' && (hasOpen || comparison.ambiguous.length > 0)) {
    io.err(`→ To make two resources a pair, add their ids to idmaps/${one}-${other}.yaml and commit it\n`);
  }
  return flags.exitCode && !isSame(comparison) ? EXIT.different : EXIT.done;
}
