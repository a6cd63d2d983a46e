import { type Change, countChanges } from '../../core/changes.ts';
import { AppError } from '../../core/errors.ts';
import type { MirrorFile } from '../../core/layout.ts';
import { type Binding, RULES } from '../binding.ts';
import type { TypeReport } from '../report.ts';
import { formerFolder } from '../unowned.ts';
import type { AccountRun } from './account-run.ts';
import type { Collected } from './collect/types.ts';
import { decideDeletions } from './deletions.ts';
import { renderGeneratedFiles } from './generated-files.ts';
import { settingsFiles } from './head-state.ts';
import { recogniseLate } from './recognise-late.ts';
import type { StartingPoint } from './starting-point.ts';

/** From so many milliseconds on, a clock that differs from the server's is reported. */
const CLOCK_SKEW_MS = 30_000;

/** What a run is going to commit, and what it could not find out. */
export interface Decision {
  readonly changes: readonly Change[];
  /** Deletions that the guards held back, `<type>/<id>`. */
  readonly held: readonly string[];
  readonly types: readonly TypeReport[];
  /** Names of what could not be read completely. */
  readonly incomplete: readonly string[];
  /** Files of our own that change: inside the account folder. */
  readonly generated: { readonly put: readonly MirrorFile[]; readonly remove: readonly string[] };
  /** Start of the run by the server's clock. */
  readonly serverTime: Date;
}

/** Decides what the run commits. @throws AppError `GUARD`, `BINDING`: nothing may be committed then */
export async function decide(
  run: AccountRun,
  start: StartingPoint,
  collected: readonly Collected[],
): Promise<Decision> {
  const { options, client, notice } = run;
  await checkFolder(run, start);
  if (start.headState.binding === undefined) await reportFormer(run, start);
  start.credentials.report(notice);
  const { deletions, doubts, held } = await decideDeletions(run, start, collected);
  // What was missing has been asked for after its type was listed.
  if (collected.some(({ missing }) => missing.length > 0)) await start.checkAccount();
  if (held.length > 0)
    notice(`${held.length} resources are gone, more than the guards allow: their files were kept (${held[0]}, …)`);
  await recogniseLate(run, start, collected);
  const changes = [...collected.flatMap((entry) => entry.changes), ...deletions];
  const types = collected.map((entry) => reportType(entry, deletions, doubts.get(entry.type.name)));
  reportGaps(run, types);
  const serverTime = new Date(run.startTime.getTime() + client.clockSkewMs());
  const generated = options.dryRun
    ? { put: [], remove: [], incomplete: [] }
    : await renderGeneratedFiles({ run, start, changes, serverTime });
  const skewMs = Math.abs(client.clockSkewMs());
  if (skewMs > CLOCK_SKEW_MS)
    notice(`this machine's clock differs from the server's by ${Math.round(skewMs / 1000)} s`);
  const settings = settingsFiles(start.headState, start.repository, bindingAfter(run, start, types));
  return {
    changes,
    held,
    types,
    incomplete: [
      ...types.filter(({ state }) => state === 'incomplete').map(({ type }) => type),
      ...generated.incomplete,
    ],
    generated: { put: [...settings, ...generated.put], remove: generated.remove },
    serverTime,
  };
}

function bindingAfter({ account, options }: AccountRun, start: StartingPoint, types: readonly TypeReport[]): Binding {
  const { binding, covered, fingerprintKey } = start.headState;
  const complete = types.filter(({ state }) => state === 'complete').map(({ type }) => type);
  return {
    ...(binding && !options.rebind ? binding : { baseUrl: account.baseUrl, userId: start.userId }),
    fingerprintKey,
    rules: RULES,
    ignore: account.ignore,
    types: [...new Set([...covered, ...complete])],
  };
}

function reportType(collected: Collected, deletions: readonly Change[], doubt: string | undefined): TypeReport {
  const { coverage, type, count } = collected;
  const state = doubt ? 'incomplete' : coverage.state;
  const reason = doubt ?? (coverage.state === 'complete' ? undefined : coverage.reason);
  return {
    type: type.name,
    state,
    ...(reason === undefined ? {} : { reason }),
    listed: count,
    ...countChanges([...collected.changes, ...deletions.filter(({ type: typeName }) => typeName === type.name)]),
  };
}

/** Reports the types that could not be read. */
function reportGaps({ deps, account: { name: account } }: AccountRun, types: readonly TypeReport[]): void {
  for (const { type, state, reason = '' } of types) {
    if (state === 'incomplete') deps.report({ name: 'type.incomplete', account, type, reason });
    if (state === 'unavailable') deps.report({ name: 'type.unavailable', account, type, reason });
  }
}

/** Reports manual changes that were saved as a commit. */
export function reportRescue(notice: AccountRun['notice'], account: string, rescued: string | undefined): void {
  if (rescued) notice(`manual changes in ${account}/ were saved as commit ${rescued.slice(0, 12)} and undone`);
}

/** Reports at the first mirror of an account that it was mirrored under another name before. */
async function reportFormer(
  { account, deps, notice }: AccountRun,
  { repository, userId }: StartingPoint,
): Promise<void> {
  const names = deps.config.accounts.map(({ name }) => name);
  const found = { baseUrl: account.baseUrl, userId };
  const former = await formerFolder(repository.git, repository.path, names, found);
  if (former === undefined) return;
  notice(
    `${former}/ is a mirror of the same account, and no account of the configuration is called ${former}: to go on ` +
      `with that folder, remove ${account.name}/, then git mv ${former} ${account.name}, and commit`,
  );
}

/**
 * Waits until the folder equals HEAD, and reports what was in it besides.
 * @throws AppError `BINDING` for a folder of someone else
 */
async function checkFolder({ account: { name }, notice }: AccountRun, start: StartingPoint): Promise<void> {
  const { foreign, rescued } = await start.repairing;
  reportRescue(notice, name, rescued);
  if (foreign.length === 0) return;
  const names = foreign.slice(0, 5).join(', ') + (foreign.length > 5 ? ` and ${foreign.length - 5} more` : '');
  if (start.headState.binding === undefined) {
    throw new AppError(
      'BINDING',
      `${name}/ holds files that are not part of the mirror: ${names}. Nothing was committed`,
      { hint: 'Move them away, or choose another name for the account' },
    );
  }
  notice(`${name}/ holds files that are not part of the mirror; they were left alone: ${names}`);
}
