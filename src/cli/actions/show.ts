import { AppError } from '../../core/errors.ts';
import { readPath } from '../../core/layout.ts';
import { renderYaml } from '../../core/yaml.ts';
import { documentPaths, readDocuments } from '../../mirror/state.ts';
import { selectScope } from '../../run/restore/scope.ts';
import { openMirror, stateOf } from '../input/mirror.ts';
import { anyAscii } from '../input/transliterate.ts';
import type { GlobalOptions, Io } from '../ui/io.ts';
import { printable } from '../ui/style.ts';

export interface ShowFlags {
  readonly at?: string;
  readonly account?: string;
  readonly mirror?: string;
  readonly json?: boolean;
}

/** @throws AppError `USAGE` unless exactly one resource matches */
export async function runShow(io: Io, globals: GlobalOptions, what: string, flags: ShowFlags): Promise<void> {
  const mirror = await openMirror(io, globals, [what], flags);
  const state = await stateOf(mirror, flags.at, io.now(), { selector: { text: what, transliterate: anyAscii } });
  const { selected } = await selectScope(state, [what], { withDependencies: false, transliterate: anyAscii });
  const paths = documentPaths(state).filter((path) => {
    const parts = readPath(path);
    return parts && selected.has(`${parts.type}/${parts.id}`);
  });
  const [document, ...more] = await readDocuments(state, paths);
  if (!document || more.length > 0) {
    throw new AppError('USAGE', `${printable(what)} matches ${document ? more.length + 1 : 'no'} resources`, {
      hint: 'Name one: <type>/<id or name>',
    });
  }
  if (state.commit !== undefined) {
    const date = state.date ? ` (${state.date.toISOString()})` : '';
    io.err(`# ${mirror.account}/${document.path} as of ${state.label}${date}\n`);
  }
  io.out(flags.json ? `${JSON.stringify(document.doc, null, 2)}\n` : renderYaml(document.doc));
}
