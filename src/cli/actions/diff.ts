import { existsSync } from 'node:fs';
import { AppError, EXIT } from '../../core/errors.ts';
import { fieldChangeJson } from '../../core/field-diff.ts';
import { keyOf } from '../../core/keys.ts';
import { jsonText, oneLine } from '../../core/unseen.ts';
import { type AccountGraph, buildGraph } from '../../graph/account-graph.ts';
import { documentPaths, lastChange, type MirrorState, readDocuments } from '../../history/state.ts';
import { flowChangesDiagram, flowsWith } from '../../overview/flow-changes.ts';
import { type Difference, diffLive, diffStates } from '../../run/check/diff.ts';
import { fetchAccounts } from '../../run/restore/session.ts';
import { accountNamed, mirroredAccounts, sourceAccount, wordsFor } from '../input/accounts.ts';
import { openMirror, stateOf } from '../input/mirror.ts';
import { configOf, runDeps } from '../input/run-deps.ts';
import { type PeriodFlags, sayLastChange, statesAsked } from '../input/time-option.ts';
import { anyAscii } from '../input/transliterate.ts';
import { describeChange, kindPaint, SIGN } from '../ui/change-view.ts';
import type { GlobalOptions, Io } from '../ui/io.ts';
import { createReporter } from '../ui/progress.ts';
import { counted, printable, type Style, styleFor, summarised } from '../ui/style.ts';

export interface DiffFlags extends PeriodFlags {
  readonly account?: string;
  readonly mirror?: string;
  readonly exitCode?: boolean;
  readonly format?: 'text' | 'mermaid' | 'json';
  readonly json?: boolean;
}

/** What was compared, and how it differs. */
interface Compared {
  readonly account: string;
  readonly from: string;
  readonly to: string;
  readonly differences: readonly Difference[];
  readonly incomplete: readonly string[];
  /** The two states, where they are states of the mirror. */
  readonly states?: readonly [MirrorState, MirrorState];
}

async function betweenStates(
  io: Io,
  globals: GlobalOptions,
  what: readonly string[],
  flags: DiffFlags,
): Promise<Compared> {
  const mirror = await openMirror(io, globals, what, flags);
  const asked = statesAsked(flags);
  const from = await stateOf(io, mirror, asked.from);
  const to = await stateOf(io, mirror, asked.to);
  const differences = await diffStates(from, to, mirror.what, anyAscii);
  if (differences.length === 0)
    sayLastChange(io, mirror.account, await lastChange(mirror.git, mirror.account, io.now()));
  return { account: mirror.account, from: from.label, to: to.label, differences, incomplete: [], states: [from, to] };
}

async function withAccounts(
  io: Io,
  globals: GlobalOptions,
  words: readonly string[],
  flags: DiffFlags,
): Promise<Compared[]> {
  const config = await configOf(io, globals);
  const what = wordsFor(io, config, words);
  const one = flags.account !== undefined || what.length > 0;
  const accounts = one
    ? [accountNamed(config, sourceAccount(config, what, flags.account), '--account')]
    : mirroredAccounts(config);
  if (!existsSync(config.repository.path)) {
    throw new AppError('USAGE', `there is no mirror in ${config.repository.path} yet`, {
      hint: 'Create it with: celigo-mirror sync (to preview it: celigo-mirror sync --dry-run)',
    });
  }
  const progress = await createReporter(io, globals, config);
  try {
    return await fetchAccounts(runDeps(io, { config, report: progress.report }), accounts, async ({ name }, live) => ({
      account: name,
      from: 'mirror',
      to: 'live',
      differences: await diffLive(live, what, anyAscii),
      incomplete: live.report.incomplete,
    }));
  } finally {
    progress.stop();
  }
}

function describe({ account, from, to, differences, incomplete }: Compared, style: Style): string {
  const { length } = differences;
  const summary = length === 0 ? 'no differences' : counted(length, 'resource differs', 'resources differ');
  const lines: string[] = [];
  for (const { what, path, title, changes } of differences) {
    const sign = kindPaint(what, style)(`${SIGN[what]} ${what}`);
    lines.push(`  ${sign} ${account}/${path} ${style.bold(`"${printable(title)}"`)}`);
    for (const change of changes) lines.push(...describeChange(change, style).map((line) => `      ${line}`));
  }
  for (const type of incomplete) lines.push(`  ${type}: ${style.red('could not be read completely')}`);
  return summarised(`${style.bold(account)}: ${summary} ${style.dim(`(${from} → ${to})`)}`, lines);
}

/** The flows that look different, as one Mermaid flowchart. */
async function drawn({ differences, states }: Compared): Promise<string> {
  if (!states) return '';
  const [before, after] = [await graphOf(states[0]), await graphOf(states[1])];
  const keys = differences.map(({ type, id }) => keyOf(type, id));
  const diagram = flowChangesDiagram(before, after, flowsWith([before, after], keys));
  return diagram === undefined ? '' : `${diagram}\n`;
}

async function graphOf(state: MirrorState): Promise<AccountGraph> {
  return buildGraph(await readDocuments(state, documentPaths(state)));
}

function comparedJson({ differences, states: _, ...rest }: Compared) {
  return {
    ...rest,
    differences: differences.map(({ type, id, title, path, what, changes }) => ({
      type,
      id,
      name: oneLine(title),
      what,
      path: `${rest.account}/${path}`,
      changes: changes.map(fieldChangeJson),
    })),
  };
}

/** @returns the exit code. @throws AppError `USAGE` */
export async function runDiff(
  io: Io,
  globals: GlobalOptions,
  what: readonly string[],
  flags: DiffFlags,
): Promise<number> {
  const asked = statesAsked(flags);
  if (asked.to && !asked.from) {
    throw new AppError('USAGE', `${asked.to.option} needs --from: it names the newer of two states`, {
      hint: 'Name the older state too, such as: --from yesterday',
    });
  }
  const offline = asked.from !== undefined;
  if (flags.mirror !== undefined && !offline) {
    throw new AppError('USAGE', '--mirror needs --from: comparing with the live account needs a configuration', {
      hint: 'Name two states with --from and --to',
    });
  }
  const format = flags.json ? 'json' : flags.format;
  if (format === 'mermaid' && !offline) {
    throw new AppError('USAGE', '--format mermaid needs --from: it draws the difference of two states of the mirror', {
      hint: 'Run celigo-mirror sync, then name the older state with --from',
    });
  }
  const compared = offline
    ? [await betweenStates(io, globals, what, flags)]
    : await withAccounts(io, globals, what, flags);
  if (format === 'mermaid') for (const one of compared) io.out(await drawn(one));
  else if (format === 'json') {
    const json = compared.map(comparedJson);
    io.out(jsonText({ version: 1, ...(json.length === 1 ? json[0] : { accounts: json }) }));
  } else for (const one of compared) io.out(describe(one, styleFor(io, globals)));
  if (compared.some(({ incomplete }) => incomplete.length > 0)) return EXIT.partial;
  return flags.exitCode && compared.some(({ differences }) => differences.length > 0) ? EXIT.different : EXIT.done;
}
