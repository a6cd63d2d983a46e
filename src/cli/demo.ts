import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { plainConfig, plainRepository } from '../config/plain.ts';
import type { Config } from '../config/schema.ts';
import { AppError, EXIT } from '../core/errors.ts';
import { reportJson, type SyncReport } from '../run/report.ts';
import { STEPS, type Stage } from './ui/demo-steps.ts';
import type { GlobalOptions, Io } from './ui/io.ts';
import { styleFor } from './ui/style.ts';

export function registerDemo(program: Command, io: Io, finish: (code: number) => void): void {
  program
    .command('demo')
    .summary('the main job, on an emulated account')
    .description(
      'Mirrors an emulated account, lets people change it, and shows what the history tells. Needs no account and no network.',
    )
    .option('--keep <folder>', 'make the mirror here and keep it')
    .option('--json', 'print the report of every run as one JSON document')
    .addHelpText(
      'after',
      '\nExamples:\n  celigo-mirror demo\n  celigo-mirror demo --keep ./demo-mirror && git -C demo-mirror log -p',
    )
    .action(async (flags: { keep?: string; json?: boolean }, command: Command) => {
      finish(await runDemo(io, command.optsWithGlobals<GlobalOptions>(), flags));
    });
}

/** The demo commits, changes and restores: never in a repository that holds anything else. @throws AppError `USAGE` */
function checkFree(folder: string): void {
  const found = statSync(folder, { throwIfNoEntry: false });
  if (!found || (found.isDirectory() && readdirSync(folder).length === 0)) return;
  throw new AppError('USAGE', `--keep: ${folder} is not an empty folder`, {
    hint: 'Name one that does not exist yet',
  });
}

async function runDemo(io: Io, globals: GlobalOptions, flags: { keep?: string; json?: boolean }): Promise<number> {
  const [
    { startEmulator },
    { sampleAccount },
    { syncAccounts },
    { anyAscii },
    { USER_AGENT },
    { createGit },
    { openRestore },
  ] = await Promise.all([
    import('../emulator/http/server.ts'),
    import('../emulator/sample/index.ts'),
    import('../run/sync/sync.ts'),
    import('./ui/transliterate.ts'),
    import('../version.ts'),
    import('../mirror/git.ts'),
    import('../run/restore/session.ts'),
  ]);
  const style = styleFor(io, globals);
  const kept = flags.keep ? resolve(io.cwd, flags.keep) : undefined;
  if (kept) checkFree(kept);
  const temporary = kept ? undefined : mkdtempSync(join(tmpdir(), 'celigo-mirror-demo-'));
  const folder = kept ?? join(temporary ?? '', 'mirror');
  const emulator = await startEmulator({ seed: sampleAccount() });
  const reports: SyncReport[] = [];
  try {
    const config = demoConfig(
      emulator.url,
      sampleAccount().people.find(({ role }) => role === 'owner')?.token ?? '',
      folder,
    );
    const deps = {
      config,
      env: { ...io.env, CELIGO_MIRROR_OPERATOR: 'You <you@example.test>' },
      now: io.now,
      report: () => undefined,
      transliterate: anyAscii,
      userAgent: USER_AGENT,
      lockWaitMs: 10_000,
      onManyFiles: () => undefined,
      signal: io.signal,
    };
    const stage: Stage = {
      emulator,
      folder,
      style,
      say: (text) => {
        if (!flags.json) io.out(`${text}\n`);
      },
      async sync() {
        const [report] = await syncAccounts(deps, config.accounts, {
          full: false,
          dryRun: false,
          push: false,
          allowDeletions: false,
        });
        if (!report) throw new Error('no account was mirrored');
        reports.push(report);
        return report;
      },
      async restore(...what) {
        const [selector = '', at] = what;
        const [target] = config.accounts;
        if (!target) throw new Error('no account to restore into');
        const session = await openRestore(
          { ...deps, lockWaitMs: 10_000 },
          {
            what: [selector],
            ...(at ? { at } : {}),
            from: target.name,
            target,
            dryRun: false,
            prune: false,
            withDependencies: false,
            enableFlows: false,
            force: false,
            secrets: new Map(),
            overrides: new Map(),
          },
        );
        try {
          return await session.apply();
        } finally {
          await session.close();
        }
      },
      git: (...args) => createGit({ cwd: folder, config: config.repository, env: io.env, signal: io.signal }).run(args),
    };
    for (const [i, step] of STEPS.entries()) {
      stage.say(`${style.cyan(style.bold(`${i + 1}. ${step.title}`))}`);
      await step.run(stage);
      stage.say('');
    }
    stage.say(
      temporary
        ? 'The mirror was made in a temporary folder and is removed now; celigo-mirror demo --keep FOLDER keeps it.'
        : `The mirror is in ${folder}: try git -C ${folder} log -p`,
    );
    if (flags.json) io.out(`${JSON.stringify({ version: 1, runs: reports.map(reportJson) }, null, 2)}\n`);
    return EXIT.done;
  } finally {
    await emulator.close();
    if (temporary) rmSync(temporary, { recursive: true, force: true });
  }
}

function demoConfig(baseUrl: string, token: string, folder: string): Config {
  return plainConfig('demo', plainRepository(folder), {
    name: 'production',
    baseUrl,
    token,
    include: ['*'],
    exclude: [],
    lookupCacheData: false,
    credentials: { fields: 'redact', code: 'warn' },
    auditFeed: false,
    overview: false,
    sampleData: false,
    requestsPerSecond: 200,
    concurrency: 6,
    requestTimeoutMs: 30_000,
    retries: 2,
  });
}
