import { type Side, sideOf } from '../../compare/sides.ts';
import type { MirrorDocument } from '../../core/documents.ts';
import type { Key } from '../../core/keys.ts';
import { accountInSelectors } from '../../core/selectors.ts';
import { buildGraph } from '../../graph/account-graph.ts';
import { NotInState, select } from '../../history/selection.ts';
import { documentPaths, type MirrorState, readDocuments } from '../../history/state.ts';
import type { GlobalOptions, Io } from '../ui/io.ts';
import { mirrorPlace, onlyAccount, stateOf } from './mirror.ts';
import { type StateFlags, stateAsked } from './time-option.ts';
import { anyAscii } from './transliterate.ts';
import { accountAround, wordInside } from './words.ts';

export interface AskedFlags extends StateFlags {
  readonly account?: string;
  readonly mirror?: string;
}

/** What a command is about in one account. */
export interface Asked {
  readonly state: MirrorState;
  /** All resources of the account, to say which integration one belongs to. */
  readonly side: Side;
  readonly resources: readonly (readonly [Key, MirrorDocument])[];
}

/**
 * The resources that the words of a command name, or all, in the account that is named, that the working directory is
 * in, or in all of the mirror. `visit` is called account by account, so that one at a time is in memory.
 * @returns the names of the accounts
 * @throws AppError `USAGE`, also where no account has what a word names
 */
export async function visitAsked(
  io: Io,
  globals: GlobalOptions,
  words: readonly string[],
  flags: AskedFlags,
  visit: (asked: Asked) => void,
): Promise<readonly string[]> {
  const place = await mirrorPlace(io, globals, flags.mirror);
  const what = words.map((word) => wordInside(word, io.cwd, place.root, place.accounts));
  const named =
    flags.account ?? accountInSelectors(what, place.accounts) ?? accountAround(io.cwd, place.root, place.accounts);
  const accounts = named === undefined ? place.accounts : [onlyAccount(place, named)];
  const missing: NotInState[] = [];
  for (const account of accounts) {
    const state = await stateOf(io, { git: place.git, account }, stateAsked(flags));
    try {
      const chosen = what.length === 0 ? undefined : (await select(state, what, { transliterate: anyAscii })).selected;
      const side = sideOf(account, buildGraph(await readDocuments(state, documentPaths(state))));
      visit({ state, side, resources: [...side.graph.nodes].filter(([key]) => chosen?.has(key) ?? true) });
    } catch (error) {
      // Of several accounts, one has it.
      if (!(error instanceof NotInState)) throw error;
      missing.push(error);
    }
  }
  if (missing[0] && missing.length === accounts.length) throw missing[0];
  return accounts;
}
