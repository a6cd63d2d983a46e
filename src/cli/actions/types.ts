import { ALWAYS_DEFAULT, ALWAYS_VOLATILE, CAPTURED_FIELDS, VOLATILE_MEMBERS } from '../../catalogue/common.ts';
import { RESOURCE_TYPES } from '../../catalogue/index.ts';
import type { ResourceType } from '../../catalogue/types.ts';
import { AppError } from '../../core/errors.ts';
import { typeNamed } from '../../core/selectors.ts';
import { nearest } from '../../core/suggest.ts';
import { jsonText } from '../../core/unseen.ts';
import type { GlobalOptions, Io } from '../ui/io.ts';
import { styleFor, table } from '../ui/style.ts';

/** @throws AppError `USAGE` for an unknown type */
export function runTypes(io: Io, globals: GlobalOptions, names: readonly string[], { json }: { json?: boolean }): void {
  const chosen = names.length === 0 ? RESOURCE_TYPES : names.map(requireType);
  if (json) io.out(jsonText({ version: 1, types: chosen.map(asJson) }));
  else if (names.length > 0) io.out(`${chosen.map(details).join('\n\n')}\n`);
  else io.out(overview(chosen, io, globals));
}

/** The type called `name`. @throws AppError `USAGE` with a suggestion */
function requireType(name: string): ResourceType {
  const type = typeNamed(name);
  if (type) return type;
  const guess = nearest(
    name,
    RESOURCE_TYPES.map(({ name: typeName }) => typeName),
  );
  throw new AppError('USAGE', `no resource type is called ${name}${guess ? ` (did you mean ${guess}?)` : ''}`, {
    hint: 'To list the types: celigo-mirror types',
  });
}

const PRESENCE = { core: 'always', standard: 'if licensed', optIn: 'if included' } as const;
const RESTORE = {
  create: 'update, undelete, create',
  map: 'update, undelete; matched in another account',
  bulk: 'all in one request',
  manual: 'manually',
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
    volatile: [...ALWAYS_VOLATILE, ...(type.volatile ?? [])],
    volatileInApps: type.volatileInApps ?? [],
    volatileAnywhere: [...VOLATILE_MEMBERS.keys()],
    volatileOnly: Object.fromEntries([...VOLATILE_MEMBERS].flatMap(([name, { says }]) => (says ? [[name, says]] : []))),
    sameAsAbsent: { ...ALWAYS_DEFAULT, ...type.defaults },
    repeatExpression: type.expressions ?? [],
    emptyHooks: type.hooks ?? [],
    samples: [...CAPTURED_FIELDS],
    secrets: type.secrets ?? [],
    credentialTexts: type.credentialTexts ?? [],
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
  return `${body}\n\n"if included": only if the account's include names the type.\n`;
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
    ...line('omitted', [...ALWAYS_VOLATILE, ...(type.volatile ?? [])]),
    ...line('omitted in apps', type.volatileInApps),
    ...line(
      'omitted anywhere',
      [...VOLATILE_MEMBERS].map(([name, { says }]) => (says ? `${name} (${says})` : name)),
    ),
    ...line(
      'same as absent',
      Object.entries({ ...ALWAYS_DEFAULT, ...type.defaults }).map(
        ([path, value]) => `${path}: ${JSON.stringify(value)}`,
      ),
    ),
    ...line('same as absent', type.hooks && `hooks without values in ${type.hooks.join(', ')}`),
    ...line(
      'repeated',
      type.expressions && `rules and version beside the same ones in expression, in ${type.expressions.join(', ')}`,
    ),
    ...line('captured (opt-in)', `${[...CAPTURED_FIELDS].join(', ')}, anywhere`),
    ...line('secrets', type.secrets),
    ...line('secrets within', type.credentialTexts),
    ...line('sorted sets', Object.keys(type.sets ?? {})),
    ...line(
      'separate files',
      Object.entries(type.sideFiles ?? {}).map(([path, { extension }]) => `${path} → .${extension}`),
    ),
    ...line('audit log', type.auditType ?? 'not known to record it'),
    ...line('restored', RESTORE[restore.mode] + (restore.switches ? '; created disabled' : '')),
    ...line('patchable', restore.patch),
    ...line('immutable', restore.immutable),
    ...line('note', restore.note),
  ].join('\n');
}
