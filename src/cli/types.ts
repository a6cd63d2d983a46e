import type { Command } from 'commander';
import { RESOURCE_TYPES } from '../catalogue/index.ts';
import type { ResourceType } from '../catalogue/types.ts';
import type { GlobalOptions, Io } from './ui/io.ts';
import { styleFor, table } from './ui/style.ts';

export function registerTypes(program: Command, io: Io): void {
  program
    .command('types')
    .summary('the resource types: what is mirrored, what can be restored')
    .description('Prints the catalogue: every resource type, its endpoint, what is mirrored and what can be restored.')
    .argument('[type...]', 'these types only, with every detail')
    .option('--json', 'print the catalogue as one JSON document')
    .addHelpText(
      'after',
      `
Examples:
  celigo-mirror types
  celigo-mirror types connections flows
  celigo-mirror types --json | jq -r '.types[].type'`,
    )
    .action(async (names: string[], flags: { json?: boolean }, command: Command) => {
      const chosen = await choose(names);
      if (flags.json) io.out(`${JSON.stringify({ version: 1, types: chosen.map(asJson) }, null, 2)}\n`);
      else if (names.length > 0) io.out(`${chosen.map((type) => details(type)).join('\n\n')}\n`);
      else io.out(overview(chosen, io, command.optsWithGlobals<GlobalOptions>()));
    });
}

async function choose(names: readonly string[]): Promise<readonly ResourceType[]> {
  if (names.length === 0) return RESOURCE_TYPES;
  const { requireType } = await import('./ui/suggest.ts');
  return names.map((name) => requireType(name));
}

const PRESENCE = { core: 'always', standard: 'where licensed', optIn: 'when named' } as const;
const RESTORE = {
  create: 'update, undelete, create',
  map: 'update, undelete; matched in another account',
  bulk: 'in one call for all',
  manual: 'by hand',
} as const;

function asJson(type: ResourceType): Record<string, unknown> {
  return {
    type: type.name,
    noun: type.noun,
    endpoint: type.list.path,
    alternativeEndpoint: type.list.alternative,
    mirrored: type.presence,
    ownOnly: type.ownOnly ?? false,
    listLeavesOut: type.hydrate?.fields ?? [],
    variants: Object.keys(type.variants ?? {}),
    volatile: type.volatile ?? [],
    samples: type.samples ?? [],
    secrets: type.secrets ?? [],
    sets: Object.keys(type.sets ?? {}),
    sideFiles: Object.keys(type.sideFiles ?? {}),
    audited: type.auditType ?? null,
    restore: type.restore.mode,
    restoreNote: type.restore.note,
    patchable: type.restore.patch ?? [],
    immutable: type.restore.immutable ?? [],
  };
}

function overview(types: readonly ResourceType[], io: Io, options: GlobalOptions): string {
  const style = styleFor(io, options);
  const rows = [['TYPE', 'ENDPOINT', 'MIRRORED', 'RESTORED']];
  for (const type of types) {
    rows.push([type.name, type.list.path, PRESENCE[type.presence], RESTORE[type.restore.mode]]);
    for (const [name, { field, value }] of Object.entries(type.variants ?? {})) {
      rows.push([`  ${name}`, `${type.list.path}, ${field} = ${value}`, 'as above', 'as above']);
    }
  }
  const body = table(rows, (cell, column, row) =>
    row === 0 ? style.dim(cell) : column === 0 ? style.bold(cell) : cell,
  );
  return `${body}\n\n"when named": only if the account's include lists the type.\n`;
}

function line(label: string, values: readonly string[] | string | undefined): string[] {
  const text = typeof values === 'string' ? values : (values ?? []).join(', ');
  return text === '' ? [] : [`  ${`${label}:`.padEnd(18)} ${text}`];
}

function details(type: ResourceType): string {
  const { restore, list } = type;
  return [
    `${type.name} (${type.noun})`,
    ...line('endpoint', list.alternative ? `${list.path}, else ${list.alternative}` : list.path),
    ...line(
      'query',
      Object.entries(list.query ?? {}).map(([key, value]) => `${key}=${value}`),
    ),
    ...line('mirrored', PRESENCE[type.presence] + (type.ownOnly ? ', the account’s own records only' : '')),
    ...line(
      'kinds',
      Object.entries(type.variants ?? {}).map(([name, { field, value }]) => `${name} (${field} = ${value})`),
    ),
    ...line('fetched by id', type.hydrate?.fields),
    ...line('left out', type.volatile),
    ...line('samples (opt-in)', type.samples),
    ...line('secrets', type.secrets),
    ...line('sorted sets', Object.keys(type.sets ?? {})),
    ...line(
      'own files',
      Object.entries(type.sideFiles ?? {}).map(([path, { extension }]) => `${path} → .${extension}`),
    ),
    ...line('audit log', type.auditType ?? 'not known to cover it'),
    ...line('restored', RESTORE[restore.mode] + (restore.switches ? '; created disabled' : '')),
    ...line('patchable', restore.patch),
    ...line('immutable', restore.immutable),
    ...line('note', restore.note),
  ].join('\n');
}
