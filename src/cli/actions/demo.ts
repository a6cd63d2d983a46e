import { readdirSync, rmSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { plainConfig, plainRepository } from '../../config/plain.ts';
import type { AccountConfig, Config } from '../../config/schema.ts';
import { AppError, EXIT } from '../../core/errors.ts';
import { jsonText } from '../../core/unseen.ts';
import { type Emulator, startEmulator } from '../../emulator/http/server.ts';
import { sampleAccount } from '../../emulator/sample/index.ts';
import { createGit } from '../../git/git.ts';
import { temporaryFolder } from '../../git/temporary-folder.ts';
import { reportJson, type SyncReport } from '../../run/report.ts';
import type { RestoreReport } from '../../run/restore/report.ts';
import { openRestore } from '../../run/restore/session.ts';
import { syncAccounts } from '../../run/sync/sync.ts';
import type { SyncDeps } from '../../run/sync/sync-deps.ts';
import { runDeps } from '../input/run-deps.ts';
import type { GlobalOptions, Io } from '../ui/io.ts';
import { styleFor } from '../ui/style.ts';
import { STEPS, type Stage } from './demo-steps.ts';

export interface DemoFlags {
  readonly keep?: string;
  readonly json?: boolean;
}

/** The demo commits, changes and restores: never in a repository that holds anything else. @throws AppError `USAGE` */
function checkFree(folder: string): void {
  const found = statSync(folder, { throwIfNoEntry: false });
  if (!found || (found.isDirectory() && readdirSync(folder).length === 0)) return;
  throw new AppError('USAGE', `--keep: ${folder} is not an empty folder`, {
    hint: 'Name a folder that is empty or does not exist yet',
  });
}

/** @returns the exit code. @throws AppError where the demo does not show what it promises */
export async function runDemo(io: Io, globals: GlobalOptions, flags: DemoFlags): Promise<number> {
  const style = styleFor(io, globals);
  const kept = flags.keep ? resolve(io.cwd, flags.keep) : undefined;
  if (kept) checkFree(kept);
  const temporary = kept ? undefined : temporaryFolder('demo');
  const folder = kept ?? join(temporary ?? '', 'mirror');
  const emulator = await startEmulator({ seed: sampleAccount() });
  try {
    const say = (text: string): void => {
      if (!flags.json) io.out(`${text}\n`);
    };
    const { stage, reports } = stageOf(io, emulator, { folder, style, say });
    for (const [i, step] of STEPS.entries()) {
      say(style.cyan(style.bold(`${i + 1}. ${step.title}`)));
      await step.run(stage);
      say('');
    }
    say(
      temporary
        ? 'The temporary mirror is now deleted; to keep one: celigo-mirror demo --keep <folder>'
        : `The mirror is in ${folder}. Try: git -C ${folder} log -p`,
    );
    if (flags.json) io.out(jsonText({ version: 1, runs: reports.map(reportJson) }));
    return EXIT.done;
  } finally {
    await emulator.close();
    if (temporary) rmSync(temporary, { recursive: true, force: true });
  }
}

/** What the steps act with, and the reports of every sync they make. */
function stageOf(
  io: Io,
  emulator: Emulator,
  shown: Pick<Stage, 'folder' | 'style' | 'say'>,
): { readonly stage: Stage; readonly reports: readonly SyncReport[] } {
  const account = demoAccount(emulator.url);
  const config = plainConfig('demo', plainRepository(shown.folder), account);
  const deps = runDeps(io, {
    config,
    env: { ...io.env, CELIGO_MIRROR_OPERATOR: 'You <you@example.test>' },
    report: () => undefined,
  });
  const reports: SyncReport[] = [];
  const stage: Stage = {
    ...shown,
    emulator,
    async sync() {
      const report = await syncDemo(deps, config);
      reports.push(report);
      return report;
    },
    restore: (what, at) => restoreDemo(deps, account, what, at),
    git: (...args) =>
      createGit({ cwd: shown.folder, config: config.repository, env: io.env, signal: io.signal }).run(args),
  };
  return { stage, reports };
}

async function syncDemo(deps: SyncDeps, { accounts }: Config): Promise<SyncReport> {
  const options = { full: false, dryRun: false, push: false, allowDeletions: false };
  const [report] = await syncAccounts(deps, accounts, options);
  if (!report) throw new Error('no account was mirrored');
  return report;
}

async function restoreDemo(
  deps: SyncDeps,
  target: AccountConfig,
  what: string,
  at: string | undefined,
): Promise<RestoreReport> {
  const session = await openRestore(deps, {
    what: [what],
    ...(at ? { at: { text: at, option: '--at' } } : {}),
    from: target.name,
    target,
    dryRun: false,
    prune: false,
    withDependencies: false,
    enableFlows: false,
    force: false,
    allowTargetChange: false,
    secrets: new Map(),
    overrides: new Map(),
  });
  try {
    return await session.apply();
  } finally {
    await session.close();
  }
}

function demoAccount(baseUrl: string): AccountConfig {
  const owner = sampleAccount().people.find(({ role }) => role === 'owner');
  return {
    name: 'production',
    baseUrl,
    token: owner?.token ?? '',
    include: ['*'],
    exclude: [],
    ignore: {},
    lookupCacheData: false,
    credentials: { fields: 'redact', code: 'warn' },
    auditFeed: false,
    overview: false,
    sampleData: false,
    rateLimit: { perSecond: 200, burst: 700 },
    concurrency: 6,
    requestTimeoutMs: 30_000,
    maxResponseBytes: 2 ** 28,
    drill: false,
    maxPauseMs: 300_000,
    retries: 2,
  };
}
