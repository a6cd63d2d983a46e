import type { Config } from '../../config/schema.ts';
import { secretsOf } from '../../config/secrets-of.ts';
import { AppError, CODES, EXIT } from '../../core/errors.ts';
import { keyOf } from '../../core/keys.ts';
import { jsonText } from '../../core/unseen.ts';
import { buildGraph } from '../../graph/account-graph.ts';
import { NoSuchState } from '../../history/state.ts';
import { flowChangesDiagram, flowsWith } from '../../overview/flow-changes.ts';
import { checkStillFits, digestOfWork, renderPlan } from '../../plan/planfile.ts';
import { isActing, type Plan } from '../../plan/types.ts';
import { scrub } from '../../run/log.ts';
import { lastPutBack } from '../../run/restore/edits.ts';
import { restoreJson } from '../../run/restore/report.ts';
import type { RestoreDeps } from '../../run/restore/request.ts';
import { openRestore, type RestoreSession } from '../../run/restore/session.ts';
import {
  type ApplyFlags,
  type ApplyGitFlags,
  type AskedRestore,
  type RestoreFlags,
  readApplyRequest,
  readRestoreRequest,
  readUndoRequest,
  type UndoFlags,
} from '../input/restore-request.ts';
import { configOf, runDeps } from '../input/run-deps.ts';
import { sayLastChange, sayState } from '../input/time-option.ts';
import type { GlobalOptions, Io } from '../ui/io.ts';
import { writeOutput } from '../ui/output-file.ts';
import { createReporter, type Progress } from '../ui/progress.ts';
import { describeOutcome, describePlan, questionOf } from '../ui/restore-view.ts';
import { printable, type Style, styleFor } from '../ui/style.ts';

/** How a restore speaks to the user. */
interface Dialogue {
  /** Prints a result, without secrets. */
  readonly print: (text: string) => void;
  readonly style: Style;
  readonly json: boolean;
  /** `undefined`: apply without asking. */
  readonly ask: Io['ask'];
}

/** @returns the exit code. @throws AppError */
export async function runRestore(
  io: Io,
  globals: GlobalOptions,
  words: readonly string[],
  flags: RestoreFlags,
): Promise<number> {
  const config = await configOf(io, globals);
  return carryOut(io, globals, config, await readRestoreRequest(io, config, words, flags), flags);
}

/** Takes changes back: a restore whose documents come from a merge. @returns the exit code. @throws AppError */
export async function runUndo(
  io: Io,
  globals: GlobalOptions,
  words: readonly string[],
  flags: UndoFlags,
): Promise<number> {
  const config = await configOf(io, globals);
  return carryOut(io, globals, config, await readUndoRequest(io, config, words, flags), flags);
}

/** Brings what people changed in Git to the account. @returns the exit code. @throws AppError */
export async function runApply(
  io: Io,
  globals: GlobalOptions,
  ref: string | undefined,
  flags: ApplyGitFlags,
): Promise<number> {
  const config = await configOf(io, globals);
  const { format, exitCode } = flags;
  return carryOut(io, globals, config, await readApplyRequest(io, config, ref, flags), {
    ...flags,
    json: flags.json === true || format === 'json',
    markdown: format === 'md' && !flags.json,
    exitWithTwo: exitCode === true,
  });
}

/** How a plan is printed, and how the program ends on it. */
interface Shown extends ApplyFlags {
  readonly markdown?: boolean;
  /** Exit with 2 where a plan that is not applied would do something. */
  readonly exitWithTwo?: boolean;
  /** The digest of the only plan to apply. */
  readonly digest?: string;
}

/** Plans, asks and writes. */
async function carryOut(
  io: Io,
  globals: GlobalOptions,
  config: Config,
  asked: AskedRestore,
  flags: Shown,
): Promise<number> {
  const hidden = [...secretsOf(config), ...asked.hidden];
  const dialogue: Dialogue = {
    print: (text) => io.out(scrub(text, hidden)),
    style: styleFor(io, globals),
    json: flags.json === true,
    ask: flags.yes ? undefined : io.ask,
  };
  const progress = await createReporter(io, globals, config, asked.hidden);
  let session: RestoreSession | undefined;
  try {
    session = await open(restoreDeps(io, config, progress, dialogue.ask), asked);
    progress.stop();
    sayState(io, asked.request.at, session.prepared.state);
    const { plan } = session.planned;
    if (flags.markdown) dialogue.print(await describeAsComment(session));
    else if (!dialogue.json) dialogue.print(describePlan(plan, dialogue.style, session.planned.time));
    if (flags.out) savePlan(io, flags.out, session.prepared, plan);
    const idle = session.planned.verdict === 'unchanged' || session.planned.verdict === 'conflict';
    if (asked.request.dryRun || (idle && asked.resume === undefined)) {
      if (!flags.markdown) showPreview(session, dialogue);
      if (session.planned.verdict === 'unchanged') await sayLast(io, session);
      const isTwo = flags.exitWithTwo && session.planned.exitCode === EXIT.done && plan.steps.some(isActing);
      return isTwo ? EXIT.different : session.planned.exitCode;
    }
    await checkBeforeWriting(session, asked, flags.digest, dialogue);
    const report = await session.apply();
    progress.stop();
    if (dialogue.json) dialogue.print(jsonText(restoreJson(report)));
    else dialogue.print(describeOutcome(report, dialogue.style));
    const isDone = report.outcomes.every(({ result }) => result === 'done');
    if (!dialogue.json && !isDone) sayStillInGit(session, dialogue);
    return report.exitCode;
  } catch (error) {
    throw scrubbed(error, hidden);
  } finally {
    progress.stop();
    await session?.close();
  }
}

function scrubbed(error: unknown, hidden: readonly string[]): unknown {
  if (!(error instanceof AppError)) return error;
  const hint = error.hint ? { hint: scrub(error.hint, hidden) } : {};
  return new AppError(error.code, scrub(error.message, hidden), { ...hint, cause: error });
}

function restoreDeps(io: Io, config: Config, progress: Progress, ask: Io['ask']): RestoreDeps {
  const choose = async (question: string, candidates: readonly string[]): Promise<number | undefined> => {
    progress.stop();
    const list = candidates.map((candidate, i) => `\n  ${i + 1}. ${printable(candidate)}`).join('');
    const answer = Number(await ask?.(`${printable(question)}:${list}\nWhich one? `));
    return Number.isInteger(answer) && answer >= 1 && answer <= candidates.length ? answer - 1 : undefined;
  };
  return {
    ...runDeps(io, { config, report: progress.report }),
    progress: (done, total) => progress.say(`restoring: ${done} of ${total}`),
    ...(ask ? { choose } : {}),
  };
}

async function open(deps: RestoreDeps, { request, saved, resume }: AskedRestore): Promise<RestoreSession> {
  try {
    return await openRestore(deps, request, resume);
  } catch (error) {
    if (!saved || !(error instanceof NoSuchState)) throw error;
    throw new AppError(
      'CONFLICT',
      `the plan was made from another mirror: this one has no commit ${request.at?.text}`,
      { hint: 'Apply it where it was made, or make a new plan here' },
    );
  }
}

/** The plan as the comment of a pull request, with the flows that it changes. */
async function describeAsComment({ prepared, planned }: RestoreSession): Promise<string> {
  const { plan } = planned;
  const { live, documents } = prepared;
  const acting = plan.steps.filter(isActing);
  const before = new Map(acting.length > 0 ? await live.documents(live.keys()) : []);
  const after = new Map(before);
  for (const { key, type, targetId, action } of acting) {
    const document = documents.get(key);
    const there = targetId === undefined ? key : keyOf(type, targetId);
    if (action === 'delete') after.delete(key);
    else if (document) after.set(there, { ...document, id: targetId ?? document.id });
  }
  const graphs = [buildGraph([...before.values()]), buildGraph([...after.values()])] as const;
  const keys = acting.map(({ key, type, targetId }) => (targetId === undefined ? key : keyOf(type, targetId)));
  const diagram = flowChangesDiagram(...graphs, flowsWith(graphs, keys));
  // Loaded late: with what writes Markdown, it is a fifth of what a plan loads otherwise.
  const { planMarkdown } = await import('../ui/plan-markdown.ts');
  return planMarkdown(plan, {
    refusals: prepared.refusals,
    time: planned.time,
    ...(diagram === undefined ? {} : { diagram }),
  });
}

function savePlan(io: Io, file: string, { request, undone, edits }: RestoreSession['prepared'], plan: Plan): void {
  const { what, prune, withDependencies, enableFlows } = request;
  const undo = undone ? { undo: undone.commits } : {};
  const apply = edits ? { apply: { ref: edits.after.commit ?? '', base: edits.before.commit ?? '' } } : {};
  const text = renderPlan({ request: { what, ...undo, ...apply, prune, withDependencies, enableFlows }, plan });
  io.err(`Plan saved to ${writeOutput(io, '--out', file, text)}\n`);
}

/** Says of a command that has nothing to do what was changed last; of an apply, what the mirror put back. */
async function sayLast(io: Io, session: RestoreSession): Promise<void> {
  const { edits, repository, request } = session.prepared;
  if (!edits) {
    sayLastChange(io, request.from, await session.lastChange());
    return;
  }
  const none = edits.files.size === 0 && edits.after.commit !== undefined;
  const commit = none ? await lastPutBack(repository, request.from, edits.after.commit) : undefined;
  if (commit === undefined) return;
  const short = commit.slice(0, 12);
  const words = `apply ${short}${accountFlag(session)}`;
  io.err(`Commit ${short} was put back, and is not applied. To apply it: celigo-mirror ${words}\n`);
}

/** What names the account in a command, where there are several. */
function accountFlag({ prepared: { deps, request } }: RestoreSession): string {
  return deps.config.accounts.length > 1 ? ` --account ${request.from}` : '';
}

/** How to apply what an apply left out: the mirror may have put it back in HEAD by now. */
function stillInGit(session: RestoreSession): string | undefined {
  const { edits, request } = session.prepared;
  if (!edits || request.dryRun || edits.files.size === 0) return undefined;
  const base = request.apply?.base === undefined ? '' : ` --base ${edits.before.commit?.slice(0, 12)}`;
  const words = `apply ${edits.after.commit?.slice(0, 12)}${base}${accountFlag(session)}`;
  return `What was not applied is still in Git: celigo-mirror ${words}`;
}

function sayStillInGit(session: RestoreSession, { print, style }: Dialogue): void {
  const remedy = stillInGit(session);
  if (remedy !== undefined) print(`${style.cyan('→')} ${remedy}\n`);
}

/** Prints what a plan that is not applied would meet. */
function showPreview(session: RestoreSession, dialogue: Dialogue): void {
  const { planned, prepared } = session;
  const { print, style, json } = dialogue;
  if (json) {
    print(jsonText(restoreJson(planned)));
    return;
  }
  for (const { message, hint } of prepared.refusals)
    print(`${style.red('would be refused:')} ${message}\n${style.cyan('→')} ${hint}\n`);
  if (planned.verdict === 'conflict') {
    print('Nothing was written: others changed the same since.\n');
    sayStillInGit(session, dialogue);
  }
  // What is blocked is left to do, though not by this restore.
  if (planned.verdict === 'unchanged')
    print(planned.exitCode === EXIT.done ? 'Nothing to do.\n' : 'Nothing else to do.\n');
}

/** @throws AppError `CONFLICT` for a plan that is not the one of the digest */
function checkReviewed(plan: Plan, digest: string | undefined): void {
  if (digest === undefined || digest === digestOfWork(plan)) return;
  throw new AppError('CONFLICT', `this is not the plan ${digest} that was reviewed. Nothing was written`, {
    hint: 'The account or the changes are others since: make the plan again with --dry-run, and have it reviewed',
  });
}

/** @throws AppError `DECLINED` */
async function checkConfirmed(plan: Plan, { ask }: Dialogue): Promise<void> {
  if (!ask) return;
  const answer = await ask(`${questionOf(plan)} Type "yes" to continue: `);
  if (answer.trim().toLowerCase() === 'yes') return;
  throw new AppError('DECLINED', 'the answer was not "yes". Nothing was written to the account', {
    hint: 'To apply the plan, run the command again and type yes',
  });
}

/**
 * Whether a plan may be carried out as it is, and whether someone wants it to be; prints it with the reason if not.
 * @throws AppError `CONFLICT`, `GUARD` or `DECLINED`
 */
async function checkBeforeWriting(
  session: RestoreSession,
  { saved }: AskedRestore,
  digest: string | undefined,
  dialogue: Dialogue,
): Promise<void> {
  const { planned, prepared } = session;
  try {
    checkReviewed(planned.plan, digest);
    if (saved) checkStillFits(saved.plan, planned.plan);
    const [refusal] = prepared.refusals;
    if (refusal) throw refusal;
    await checkConfirmed(planned.plan, dialogue);
  } catch (cause) {
    if (!(cause instanceof AppError)) throw cause;
    const { code, message } = cause;
    const hint = [cause.hint, stillInGit(session)].filter((one) => one !== undefined).join('. ');
    const error = { code, message, hint };
    if (dialogue.json) dialogue.print(jsonText({ ...restoreJson(planned), exitCode: CODES[code].exit, error }));
    throw new AppError(code, message, { hint, cause });
  }
}
