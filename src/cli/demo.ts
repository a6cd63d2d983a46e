import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import type { Config } from '../config/schema.ts';
import { AppError, EXIT } from '../core/errors.ts';
import type { JsonObject } from '../core/json.ts';
import { isArray, isObject } from '../core/json.ts';
import type { Emulator } from '../emulator/server.ts';
import { reportJson, type SyncReport } from '../run/report.ts';
import type { GlobalOptions, Io } from './io.ts';
import { type Style, styleFor } from './style.ts';
import { describe } from './sync.ts';

/** What the steps of the demo share. */
interface Stage {
  readonly emulator: Emulator;
  readonly folder: string;
  readonly say: (text: string) => void;
  readonly style: Style;
  readonly sync: () => Promise<SyncReport>;
  readonly git: (...args: string[]) => Promise<string>;
}

/** One step: a heading, what happens, and what must have come of it. */
interface Step {
  readonly title: string;
  readonly run: (stage: Stage) => Promise<void>;
}

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

async function runDemo(
  io: Io,
  globals: GlobalOptions,
  flags: { keep?: string; json?: boolean },
): Promise<number> {
  const [
    { startEmulator },
    { sampleAccount },
    { syncAccounts },
    { anyAscii },
    { USER_AGENT },
    { createGit },
  ] = await Promise.all([
    import('../emulator/server.ts'),
    import('../emulator/sample/index.ts'),
    import('../run/sync.ts'),
    import('./transliterate.ts'),
    import('../version.ts'),
    import('../mirror/git.ts'),
  ]);
  const style = styleFor(io, globals);
  const temporary = flags.keep ? undefined : mkdtempSync(join(tmpdir(), 'celigo-mirror-demo-'));
  const folder = flags.keep ?? join(temporary ?? '', 'mirror');
  const emulator = await startEmulator({ seed: sampleAccount() });
  const reports: SyncReport[] = [];
  try {
    const config = demoConfig(
      emulator.url,
      sampleAccount().people.find(({ role }) => role === 'owner')?.token ?? '',
      folder,
    );
    const stage: Stage = {
      emulator,
      folder,
      style,
      say: (text) => {
        if (!flags.json) io.out(`${text}\n`);
      },
      async sync() {
        const [report] = await syncAccounts(
          {
            config,
            env: io.env,
            now: io.now,
            report: () => undefined,
            transliterate: anyAscii,
            userAgent: USER_AGENT,
            lockWaitMs: 10_000,
            onManyFiles: () => undefined,
            signal: io.signal,
          },
          config.accounts,
          { full: false, dryRun: false, push: false, allowDeletions: false },
        );
        if (!report) throw new Error('no account was mirrored');
        reports.push(report);
        return report;
      },
      git: (...args) =>
        createGit({ cwd: folder, config: config.repository, env: io.env, signal: io.signal }).run(args),
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
  return {
    source: 'demo',
    repository: {
      path: folder,
      branch: 'main',
      author: { name: 'celigo-mirror', email: 'celigo-mirror@localhost' },
    },
    accounts: [
      {
        name: 'production',
        baseUrl,
        token,
        include: ['*'],
        exclude: [],
        lookupCacheData: false,
        sampleData: false,
        requestsPerSecond: 200,
        concurrency: 6,
        requestTimeoutMs: 30_000,
        retries: 2,
      },
    ],
    schedule: '*/15 * * * *',
    timezone: 'UTC',
    fullSweepMs: 86_400_000,
    guards: { maxDeletions: 25, maxDeletionShare: 0.2 },
  };
}

/** Stops the demo where it does not show what it promises. */
function expect(condition: boolean, promise: string, report: SyncReport): void {
  if (condition) return;
  const { verdict, commits, error, types } = report;
  const troubles = types.flatMap(({ type, reason }) => (reason ? [`${type}: ${reason}`] : []));
  const details = [verdict, `${commits.length} commits`, ...(error ? [error.message] : []), ...troubles].join(
    '; ',
  );
  throw new AppError('API', `the demo did not show that ${promise} (${details})`, {
    hint: 'Is another program using up this machine? Otherwise please report it',
  });
}

function person(stage: Stage, name: string): { act: ReturnType<Emulator['act']>; name: string } {
  const share = stage.emulator.state
    .all('ashares')
    .find((doc) => isObject(doc.sharedWithUser) && String(doc.sharedWithUser.name).startsWith(name));
  const user = share?.sharedWithUser;
  if (!isObject(user)) throw new Error(`nobody is called ${name}`);
  return { act: stage.emulator.act(String(user.email)), name: String(user.name) };
}

function pick(
  stage: Stage,
  dir: string,
  wanted: (doc: JsonObject) => boolean,
): JsonObject & { _id: string; name: string } {
  const doc = stage.emulator.state
    .all(dir)
    .find((candidate) => candidate._connectorId === undefined && wanted(candidate));
  if (!doc) throw new Error(`the sample account has no such ${dir}`);
  return doc as JsonObject & { _id: string; name: string };
}

async function history(stage: Stage, count: number): Promise<void> {
  const log = await stage.git(
    'log',
    `-${count}`,
    '--date=format:%Y-%m-%d %H:%M',
    '--format=%h  %ad  %<(16,trunc)%an %s',
  );
  stage.say(stage.style.dim(`   $ git log -${count}`));
  stage.say(log.trimEnd().replace(/^/gm, '   '));
}

function show(stage: Stage, report: SyncReport): void {
  stage.say(stage.style.dim('   $ celigo-mirror sync'));
  stage.say(describe(report, stage.style).trimEnd().replace(/^/gm, '   '));
}

const STEPS: readonly Step[] = [
  {
    title: 'A first sync: the whole account in one commit',
    async run(stage) {
      const report = await stage.sync();
      expect(
        report.exitCode === EXIT.done && report.commits.length === 1,
        'a first sync makes one commit',
        report,
      );
      const folders = report.types
        .filter(({ added }) => added > 0)
        .map(({ type, added }) => `${added} ${type}`);
      stage.say(stage.style.dim('   $ celigo-mirror sync'));
      stage.say(`   ${report.changes.length} resources in ${stage.folder}/production:`);
      stage.say(`   ${folders.join(', ')}`);
      const again = await stage.sync();
      expect(again.commits.length === 0, 'a second sync makes no commit', again);
      stage.say(
        `   and once more: ${again.commits.length} commits, ${again.requests} requests, ${(again.durationMs / 1000).toFixed(1)} s`,
      );
    },
  },
  {
    title: 'Three people edit: a flow is renamed, a mapping and a script change',
    async run(stage) {
      const [priya, mateo, amara] = [person(stage, 'Priya'), person(stage, 'Mateo'), person(stage, 'Amara')];
      const flow = pick(stage, 'flows', (doc) => String(doc.name).startsWith('Orders'));
      const mapped = pick(
        stage,
        'imports',
        (doc) => isArray(doc.mappings) && doc.mappings.length > 1 && doc.adaptorType === 'HTTPImport',
      );
      const script = pick(stage, 'scripts', (doc) => String(doc.name).includes('order hooks'));
      priya.act.set('flows', flow._id, {
        name: 'Orders: web shop → NetSuite (every 10 min)',
        schedule: '? 0,10,20,30,40,50 6-22 ? * *',
      });
      mateo.act.set('imports', mapped._id, { 'mappings[0].extract': '$.customer.emailAddress' });
      amara.act.set('scripts', script._id, {
        content: `${String(script.content).trimEnd()}\n\n// Reviewed: keep the order of the checks.\n`,
      });
      const report = await stage.sync();
      expect(report.commits.length === 3, 'three people make three commits', report);
      show(stage, report);
      await history(stage, 4);
      stage.say(stage.style.dim(`   $ git log -1 -p --author=Mateo`));
      const patch = await stage.git(
        'log',
        '-1',
        '-p',
        '--unified=1',
        '--format=%an, %ad',
        '--date=iso',
        '--author=Mateo',
      );
      stage.say(
        patch
          .trimEnd()
          .split('\n')
          .filter((line) => !/^(?:index|diff|---|\+\+\+)/.test(line))
          .join('\n')
          .replace(/^/gm, '   '),
      );
    },
  },
  {
    title: 'A flow that ran and a connection that went offline are no changes',
    async run(stage) {
      const flow = pick(stage, 'flows', () => true);
      const connection = pick(stage, 'connections', () => true);
      stage.emulator.state.touch('flows', flow._id, { lastExecutedAt: '2026-06-01T08:15:00.000Z' });
      stage.emulator.state.touch('connections', connection._id, { offline: true });
      const report = await stage.sync();
      expect(report.commits.length === 0, 'noise makes no commit', report);
      show(stage, report);
    },
  },
  {
    title: 'Somebody deletes a flow',
    async run(stage) {
      const { act, name } = person(stage, 'Mateo');
      const flow = pick(stage, 'flows', (doc) => String(doc.name) === 'Error digest to the alert channel');
      act.remove('flows', flow._id);
      const report = await stage.sync();
      expect(
        report.changes.some(({ kind }) => kind === 'deleted'),
        'a deletion is seen',
        report,
      );
      show(stage, report);
      stage.say(`   ${name} is named, and the flow is still there: git show HEAD~1:<path>`);
    },
  },
  {
    title: 'The exports cannot be read: their files stay, the rest is mirrored',
    async run(stage) {
      const { act } = person(stage, 'Priya');
      const integration = pick(stage, 'integrations', () => true);
      stage.emulator.faults.add({
        match: { path: '/v1/exports' },
        times: 'always',
        fault: { kind: 'status', status: 403 },
      });
      act.set('integrations', integration._id, {
        description: 'Orders, refunds and stock. Owner: commerce team.',
      });
      const report = await stage.sync();
      expect(
        report.exitCode === EXIT.partial && report.incomplete.includes('exports'),
        'an unreadable type makes the run partial',
        report,
      );
      expect(
        report.changes.every(({ kind }) => kind !== 'deleted'),
        'nothing is deleted then',
        report,
      );
      show(stage, report);
      stage.say(`   exit code ${report.exitCode}`);
      stage.emulator.faults.clear();
      const healed = await stage.sync();
      expect(healed.exitCode === EXIT.done, 'the next run is whole again', healed);
      stage.say(`   and with the right back: exit code ${healed.exitCode}, ${healed.commits.length} commits`);
    },
  },
];
