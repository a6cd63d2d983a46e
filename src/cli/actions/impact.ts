import { AppError } from '../../core/errors.ts';
import { jsonText } from '../../core/unseen.ts';
import { impactOf } from '../../graph/impact.ts';
import { impactDot, impactJson, impactMermaid, impactTree } from '../../graph/impact-view.ts';
import { select } from '../../history/selection.ts';
import { openGraph } from '../input/graph.ts';
import type { StateFlags } from '../input/time-option.ts';
import { anyAscii } from '../input/transliterate.ts';
import type { GlobalOptions, Io } from '../ui/io.ts';
import { printable } from '../ui/style.ts';

export interface ImpactFlags extends StateFlags {
  readonly format: 'tree' | 'mermaid' | 'dot' | 'json';
  readonly account?: string;
  readonly mirror?: string;
  readonly json?: boolean;
}

/** @throws AppError `USAGE` unless exactly one resource matches */
export async function runImpact(io: Io, globals: GlobalOptions, what: string, flags: ImpactFlags): Promise<void> {
  const { graph, account, state, what: words } = await openGraph(io, globals, [what], flags);
  const { selected } = await select(state, words, { transliterate: anyAscii, parts: false });
  const [start, ...more] = selected;
  const { selected: whole } = await select(state, words, { transliterate: anyAscii });
  if (!start || more.length > 0) {
    throw new AppError('USAGE', `${printable(what)} matches ${start ? selected.size : 'no'} resources`, {
      hint: 'Name exactly one: <type>/<id or name>',
    });
  }
  const impact = impactOf(
    graph,
    start,
    [...whole].filter((key) => key !== start),
  );
  const format = flags.json ? 'json' : flags.format;
  if (format === 'json') io.out(jsonText(impactJson(graph, account, impact)));
  else if (format === 'mermaid') io.out(impactMermaid(graph, impact));
  else io.out(format === 'dot' ? impactDot(graph, impact) : impactTree(graph, impact));
}
