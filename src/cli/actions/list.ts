import { aboutJson } from '../../compare/view.ts';
import type { MirrorDocument } from '../../core/documents.ts';
import { valueAt } from '../../core/paths.ts';
import { jsonText } from '../../core/unseen.ts';
import { switchesOf } from '../../plan/body.ts';
import { type AskedFlags, visitAsked } from '../input/asked.ts';
import type { GlobalOptions, Io } from '../ui/io.ts';
import { counted, printable, styleFor, table } from '../ui/style.ts';

export interface ListFlags extends AskedFlags {
  readonly json?: boolean;
}

/** What is listed of a resource. */
type Row = ReturnType<typeof aboutJson> & { readonly state?: 'enabled' | 'disabled' };

/** Whether a resource is switched on; nothing where it has no switch. */
function stateNow({ type, doc }: MirrorDocument): Pick<Row, 'state'> {
  const switches = switchesOf(type, doc);
  if (switches.length === 0) return {};
  return { state: switches.some((path) => valueAt(doc, path) === true) ? 'disabled' : 'enabled' };
}

/** @throws AppError `USAGE` */
export async function runList(
  io: Io,
  globals: GlobalOptions,
  what: readonly string[],
  flags: ListFlags,
): Promise<void> {
  const rows: Row[] = [];
  const accounts = await visitAsked(io, globals, what, flags, ({ side, resources }) => {
    for (const [, document] of resources) rows.push({ ...aboutJson(side, document), ...stateNow(document) });
  });
  rows.sort((a, b) => compare(a.account, b.account) || compare(a.type, b.type) || compare(a.name, b.name));
  if (flags.json) {
    io.out(jsonText({ version: 1, accounts, resources: rows }));
    return;
  }
  const style = styleFor(io, globals);
  const cells = rows.map(({ account, type, id, name, integrations, state }) =>
    [...(accounts.length > 1 ? [account] : []), type, id, name, state ?? '', integrations.join(', ')].map(printable),
  );
  const head = [...(accounts.length > 1 ? ['ACCOUNT'] : []), 'TYPE', 'ID', 'NAME', 'STATE', 'INTEGRATION'];
  if (rows.length > 0) io.out(`${table([head, ...cells], (cell, _, row) => (row === 0 ? style.dim(cell) : cell))}\n`);
  io.err(rows.length === 0 ? 'Nothing found\n' : `${counted(rows.length, 'resource')}\n`);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
