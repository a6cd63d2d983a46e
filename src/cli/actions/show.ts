import { GROUPS } from '../../catalogue/index.ts';
import { AppError } from '../../core/errors.ts';
import { jsonText } from '../../core/unseen.ts';
import { renderYaml } from '../../core/yaml.ts';
import { pathsOf, selectAt } from '../../history/selection.ts';
import { readDocuments } from '../../history/state.ts';
import { openMirror } from '../input/mirror.ts';
import { type StateFlags, sayState, stateAsked } from '../input/time-option.ts';
import { anyAscii } from '../input/transliterate.ts';
import type { GlobalOptions, Io } from '../ui/io.ts';
import { printable } from '../ui/style.ts';

export interface ShowFlags extends StateFlags {
  readonly account?: string;
  readonly mirror?: string;
  readonly json?: boolean;
}

/** @throws AppError `USAGE` unless exactly one resource matches */
export async function runShow(io: Io, globals: GlobalOptions, what: string, flags: ShowFlags): Promise<void> {
  const mirror = await openMirror(io, globals, [what], flags);
  const name = stateAsked(flags);
  const options = { at: name, now: io.now(), transliterate: anyAscii };
  const { state, selection } = await selectAt(mirror.git, mirror.account, mirror.what, options);
  const [document, ...more] = await readDocuments(state, pathsOf(state, selection.selected));
  if (!document || more.length > 0) {
    throw new AppError('USAGE', `${printable(what)} matches ${document ? more.length + 1 : 'no'} resources`, {
      hint: `Name exactly one: <type>/<id or name>, such as ${GROUPS.name}/<name> for the ${GROUPS.noun} alone`,
    });
  }
  sayState(io, name, state);
  if (state.commit !== undefined) {
    const date = state.date ? ` (${state.date.toISOString()})` : '';
    io.err(`# ${mirror.account}/${document.path} as of ${state.label}${date}\n`);
  }
  if (flags.json) io.out(jsonText(document.doc));
  else io.out(renderYaml(document.doc), 'exact');
}
