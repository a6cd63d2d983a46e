import { existsSync, readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { AccountConfig, Config } from '../config/schema.ts';
import { AppError, EXIT } from '../core/errors.ts';
import type { SavedPlan } from '../plan/planfile.ts';
import type { RestoreReport } from '../run/restore/report.ts';
import type { RestoreRequest } from '../run/restore/request.ts';
import type { GlobalOptions, Io } from './ui/io.ts';
import { writeOutput } from './ui/output-file.ts';
import { printable, styleFor } from './ui/style.ts';

interface RestoreFlags {
  readonly at?: string;
  readonly to?: string;
  readonly account?: string;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly prune?: boolean;
  readonly withDependencies?: boolean;
  readonly secrets?: string;
  readonly enableFlows?: boolean;
  readonly force?: boolean;
  readonly resume?: string | boolean;
  readonly out?: string;
  readonly json?: boolean;
}

export function registerRestore(program: Command, io: Io, finish: (code: number) => void): void {
  program
    .command('restore')
    .summary('put an earlier state back')
    .description(
      'Puts resources back as the mirror holds them: prints a plan, asks, mirrors the account as it is, then writes in dependency order. What was deleted comes from the recycle bin where it can.',
    )
    .argument('[what...]', 'all, integration/<id or name>, <type>/<id or name>, a path in the mirror, or a saved plan')
    .option('--at <ref or time>', 'state to restore: commit, tag, 2026-11-23, yesterday … (default: the latest)')
    .option('--to <account>', 'restore into this account instead')
    .option('--account <name>', 'the account whose mirror is restored, where there are several')
    .option('--dry-run', 'show the plan; write nothing anywhere')
    .option('--yes', 'do not ask')
    .option('--prune', 'with all: also delete what the state does not have')
    .option('--with-dependencies', 'also restore everything that the named resources need')
    .option('--secrets <file>', 'credentials to write: YAML, "connections/<id or name>: { place: value }"')
    .option('--enable-flows', 'switch on, at the end, what was on in that state')
    .option('--force', 'also over changes made since the last sync, and beyond the guard of deletions')
    .option('--resume [id]', 'go on with an interrupted restore')
    .option('--out <file>', 'save the plan instead of applying it')
    .option('--json', 'print the result as one JSON document')
    .addHelpText(
      'after',
      `
Examples:
  celigo-mirror restore all --at yesterday --dry-run        what would it take?
  celigo-mirror restore flows/"Order sync"                  one flow, also after it was deleted
  celigo-mirror restore integration/"Web shop" --at 3f2c1a  an integration with all that it uses
  celigo-mirror restore all --to sandbox --account production --secrets sandbox-secrets.yaml
  celigo-mirror restore all --at v1 --out plan.json && celigo-mirror restore plan.json
  celigo-mirror restore --resume

Exit codes: 0 done, 1 failed, 3 some steps failed or were blocked (each is named), 4 refused (conflict, guard, or an
interrupted restore), 64 wrong usage or configuration.`,
    )
    .action(async (what: string[], flags: RestoreFlags, command: Command) => {
      finish(await runRestore(io, command.optsWithGlobals<GlobalOptions>(), what, flags));
    });
}

function usage(message: string, hint: string): AppError {
  return new AppError('USAGE', message, { hint });
}

function accountNamed(config: Config, name: string, flag: string): AccountConfig {
  const found = config.accounts.find((account) => account.name === name);
  if (found) return found;
  throw usage(
    `${flag}: no account is called ${name}`,
    `Accounts of ${config.source}: ${config.accounts.map((account) => account.name).join(', ')}`,
  );
}

/** The account whose mirror is meant: named, told by a path, or the only one that can be meant. */
export function sourceAccount(
  config: Config,
  what: readonly string[],
  account: string | undefined,
  to: string | undefined,
): string {
  if (account) return account;
  const names = config.accounts.map(({ name }) => name);
  const told = names.find((name) => what.some((text) => text.replace(/^\.\//, '').startsWith(`${name}/`)));
  if (told) return told;
  const others = to === undefined ? names : names.filter((name) => name !== to);
  if (others.length === 1 && others[0]) return others[0];
  throw usage('several accounts are configured', `Name one with --account: ${names.join(', ')}`);
}

/** A path from the current folder, also one of a file that is gone, made a path in the mirror. */
function insideMirror(text: string, io: Io, config: Config): string {
  const root = `${config.repository.path}/`;
  const path = resolve(io.cwd, text);
  if (!path.startsWith(root)) return text;
  const inside = path.slice(root.length);
  const isPath = config.accounts.some(({ name }) => inside.startsWith(`${name}/`)) && text.includes('/');
  return isPath || existsSync(path) ? inside : text;
}

function savedPlanIn(io: Io, what: readonly string[]): { file: string; text: string } | undefined {
  const [only] = what;
  if (what.length !== 1 || only === undefined) return undefined;
  const file = resolve(io.cwd, only);
  if (!existsSync(file) || !statSync(file).isFile() || /\.ya?ml$/.test(file)) return undefined;
  return { file, text: readFileSync(file, 'utf8') };
}

async function runRestore(
  io: Io,
  globals: GlobalOptions,
  words: readonly string[],
  flags: RestoreFlags,
): Promise<number> {
  const [
    { loadConfig },
    { readSecretsFile, textsOf, valuesByResource },
    { isPlan, parsePlan, checkStillFits, renderPlan },
  ] = await Promise.all([
    import('../config/load.ts'),
    import('../config/secrets-file.ts'),
    import('../plan/planfile.ts'),
  ]);
  const config = await loadConfig({ file: globals.config, env: io.env, cwd: io.cwd });
  const candidate = savedPlanIn(io, words);
  let saved: SavedPlan | undefined;
  if (candidate) {
    if (!isPlan(candidate.text))
      throw usage(
        `${candidate.file} is neither a plan nor a path in the mirror`,
        'celigo-mirror restore --help shows what can be named',
      );
    saved = parsePlan(candidate.text, candidate.file);
  }
  const resuming = flags.resume !== undefined;
  const what = saved ? saved.request.what : words.map((text) => insideMirror(text, io, config));
  if (what.length === 0 && !resuming)
    throw usage('what is to be restored?', 'Name it: all, integration/<name>, <type>/<name>, or a path in the mirror');
  if (what.length > 0 && resuming) throw usage('--resume goes on with what was begun', 'Leave out what to restore');
  if (saved && (flags.at ?? flags.to ?? flags.prune ?? flags.withDependencies ?? flags.enableFlows) !== undefined)
    throw usage(
      'a saved plan is applied as it is',
      'Leave out --at, --to, --prune, --with-dependencies and --enable-flows',
    );
  const secrets = flags.secrets ? readSecretsFile(flags.secrets, io.env, io.cwd) : new Map();

  let from: string;
  let target: AccountConfig;
  if (saved) {
    from = saved.plan.from;
    target = accountNamed(config, saved.plan.account, candidate?.file ?? '');
  } else if (resuming) {
    target = await resumedAccount(config, flags);
    from = target.name;
  } else {
    from = sourceAccount(config, what, flags.account, flags.to);
    target = accountNamed(config, flags.to ?? from, flags.to ? '--to' : '--account');
  }
  const look = flags.dryRun === true || flags.out !== undefined;
  if (!look && !flags.yes && !io.ask)
    throw usage('nobody can be asked here (no terminal)', 'Look at the plan with --dry-run, then add --yes');
  const request: RestoreRequest = {
    what,
    ...(saved ? { at: saved.plan.state.commit } : flags.at ? { at: flags.at } : {}),
    from,
    target,
    dryRun: look,
    prune: saved?.request.prune ?? flags.prune ?? false,
    withDependencies: saved?.request.withDependencies ?? flags.withDependencies ?? false,
    enableFlows: saved?.request.enableFlows ?? flags.enableFlows ?? false,
    force: flags.force ?? false,
    secrets,
    overrides: valuesByResource(target.overrides ?? {}, (problem) =>
      usage(
        `${config.source}: accounts.${target.name}.overrides${problem}`,
        'It looks like this: "connections/<id or name>: { http.baseURI: https://… }"',
      ),
    ),
  };
  return restoreWith(io, globals, flags, config, request, {
    hidden: textsOf(secrets),
    ...(saved ? { check: (plan) => checkStillFits(saved.plan, plan) } : {}),
    ...(resuming ? { resume: typeof flags.resume === 'string' ? { id: flags.resume } : {} } : {}),
    ...(flags.out
      ? {
          save: (plan) =>
            writeOutput(io, '--out', flags.out ?? '', renderPlan({ request: pick(request), plan }), 0o600),
        }
      : {}),
  });
}

function pick({ what, prune, withDependencies, enableFlows }: RestoreRequest) {
  return { what, prune, withDependencies, enableFlows };
}

/** The account that an interrupted restore was writing to. */
async function resumedAccount(config: Config, flags: RestoreFlags): Promise<AccountConfig> {
  const name = flags.to ?? flags.account;
  if (name) return accountNamed(config, name, '--account');
  const { interruptedAccounts } = await import('../run/restore/open-journals.ts');
  const open = interruptedAccounts(config, typeof flags.resume === 'string' ? flags.resume : undefined);
  if (open.length === 1 && open[0]) return open[0];
  if (open.length === 0) {
    const [only] = config.accounts;
    if (config.accounts.length === 1 && only && flags.resume === true) return only;
    throw usage(
      typeof flags.resume === 'string'
        ? `no interrupted restore is called ${flags.resume}`
        : 'no restore was interrupted',
      'Begin one with: celigo-mirror restore <what>',
    );
  }
  throw usage(
    'restores into several accounts were interrupted',
    `Name one with --account: ${open.map((account) => account.name).join(', ')}`,
  );
}

interface Handling {
  /** Texts that must not be printed. */
  readonly hidden: readonly string[];
  readonly check?: (plan: RestoreReport['plan']) => void;
  readonly resume?: { readonly id?: string };
  readonly save?: (plan: RestoreReport['plan']) => string;
}

async function restoreWith(
  io: Io,
  globals: GlobalOptions,
  flags: RestoreFlags,
  config: Config,
  request: RestoreRequest,
  handling: Handling,
): Promise<number> {
  const [
    { openRestore },
    { restoreJson },
    { describePlan, describeOutcome },
    { createReporter },
    { secretsOf },
    { anyAscii },
    { USER_AGENT },
    { scrub },
  ] = await Promise.all([
    import('../run/restore/session.ts'),
    import('../run/restore/report.ts'),
    import('./ui/restore-view.ts'),
    import('./ui/progress.ts'),
    import('../config/secrets-of.ts'),
    import('./ui/transliterate.ts'),
    import('../version.ts'),
    import('../run/log.ts'),
  ]);
  const style = styleFor(io, globals);
  const hidden = [...secretsOf(config), ...handling.hidden];
  const print = (text: string): void => io.out(scrub(text, hidden));
  const progress = await createReporter(io, globals, config, handling.hidden);
  const ask = io.ask;
  const deps = {
    config,
    env: io.env,
    now: io.now,
    report: progress.report,
    transliterate: anyAscii,
    userAgent: USER_AGENT,
    lockWaitMs: 60_000,
    onManyFiles: () => undefined,
    signal: io.signal,
    progress: (done: number, total: number) => progress.say(`restoring: ${done} of ${total}`),
    ...(ask && !flags.yes
      ? {
          choose: async (question: string, candidates: readonly string[]) => {
            progress.stop();
            const list = candidates.map((candidate, i) => `\n  ${i + 1}. ${printable(candidate)}`).join('');
            const answer = Number(await ask(`${printable(question)}:${list}\nWhich one? `));
            return Number.isInteger(answer) && answer >= 1 && answer <= candidates.length ? answer - 1 : undefined;
          },
        }
      : {}),
  };
  const session = await openRestore(deps, request, handling.resume).catch((error: unknown) => {
    progress.stop();
    const elsewhere = handling.check && error instanceof AppError && error.message.startsWith('--at:');
    throw elsewhere
      ? new AppError('CONFLICT', `the plan was made for another mirror: this one has no commit ${request.at}`, {
          hint: 'Apply it where it was made, or make it again here',
        })
      : error;
  });
  try {
    const { planned } = session;
    progress.stop();
    const nothing = planned.verdict === 'unchanged' && handling.resume === undefined;
    const look = request.dryRun || nothing;
    if (!flags.json) print(describePlan(planned.plan, style));
    if (handling.save) io.err(`plan saved to ${handling.save(planned.plan)}\n`);
    if (look) {
      if (flags.json) print(`${JSON.stringify(restoreJson(planned), null, 2)}\n`);
      else {
        for (const refusal of session.prepared.refusals)
          print(`${style.red('would be refused:')} ${refusal.message}\n${style.cyan('→')} ${refusal.hint}\n`);
        if (nothing) print('Nothing to do.\n');
      }
      return planned.exitCode;
    }
    handling.check?.(planned.plan);
    const [refusal] = session.prepared.refusals;
    if (refusal) {
      if (flags.json)
        print(
          `${JSON.stringify({ ...restoreJson(planned), error: { code: refusal.code, message: refusal.message, hint: refusal.hint } }, null, 2)}\n`,
        );
      throw refusal;
    }
    if (!flags.yes) {
      const answer =
        (await ask?.(
          `Write this to ${planned.plan.account} (${planned.plan.target.baseUrl})? Only "yes" is taken for consent: `,
        )) ?? '';
      if (answer.trim().toLowerCase() !== 'yes') {
        io.err('Nothing was written to the account.\n');
        return EXIT.refused;
      }
    }
    const report = await session.apply();
    progress.stop();
    print(flags.json ? `${JSON.stringify(restoreJson(report), null, 2)}\n` : describeOutcome(report, style));
    return report.exitCode;
  } catch (error) {
    progress.stop();
    throw error instanceof AppError
      ? new AppError(error.code, scrub(error.message, hidden), {
          ...(error.hint ? { hint: scrub(error.hint, hidden) } : {}),
          cause: error,
        })
      : error;
  } finally {
    await session.close();
  }
}
