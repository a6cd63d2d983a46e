import { AppError, EXIT } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import { isArray, isObject } from '../../core/json.ts';
import type { Emulator } from '../../emulator/http/server.ts';
import type { SyncReport } from '../../run/report.ts';
import type { RestoreReport } from '../../run/restore/report.ts';
import { describeOutcome, describePlan } from '../ui/restore-view.ts';
import type { Style } from '../ui/style.ts';
import { describeSync } from '../ui/sync-view.ts';

/** What the steps of the demo share. */
export interface Stage {
  readonly emulator: Emulator;
  readonly folder: string;
  readonly say: (text: string) => void;
  readonly style: Style;
  readonly sync: () => Promise<SyncReport>;
  /** Restores what a selector means, as `restore --yes` does; `at` is a commit. */
  readonly restore: (what: string, at?: string) => Promise<RestoreReport>;
  readonly git: (...args: string[]) => Promise<string>;
}

/** One step: a heading, what happens, and what must have come of it. */
interface DemoStep {
  readonly title: string;
  readonly run: (stage: Stage) => Promise<void>;
}

/** Stops the demo where it does not show what it promises. */
function expect(condition: boolean, promise: string, report: SyncReport): void {
  if (condition) return;
  const { verdict, commits, error, types } = report;
  const troubles = types.flatMap(({ type, reason }) => (reason ? [`${type}: ${reason}`] : []));
  const details = [verdict, `${commits.length} commits`, ...(error ? [error.message] : []), ...troubles].join('; ');
  throw new AppError('API', `the demo did not show that ${promise} (${details})`, {
    hint: 'Run it again when this machine is less busy; if it still fails, please report it',
  });
}

function person(stage: Stage, name: string): { act: ReturnType<Emulator['act']>; name: string } {
  const share = stage.emulator.state
    .all('ashares')
    .find((doc) => isObject(doc.sharedWithUser) && String(doc.sharedWithUser.name).startsWith(name));
  const user = share?.sharedWithUser;
  if (!isObject(user)) throw new Error(`no user is called ${name}`);
  return { act: stage.emulator.act(String(user.email)), name: String(user.name) };
}

function pick(
  stage: Stage,
  type: string,
  wanted: (doc: JsonObject) => boolean,
): JsonObject & { _id: string; name: string } {
  const doc = stage.emulator.state
    .all(type)
    .find((candidate) => candidate._connectorId === undefined && wanted(candidate));
  if (!doc) throw new Error(`the sample account has no such ${type}`);
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
  stage.say(describeSync(report, stage.style).trimEnd().replace(/^/gm, '   '));
}

/** The demo, step by step. */
export const STEPS: readonly DemoStep[] = [
  {
    title: 'A first sync: the complete account in one commit',
    async run(stage) {
      const report = await stage.sync();
      expect(report.exitCode === EXIT.done && report.commits.length === 1, 'a first sync makes one commit', report);
      const folders = report.types.filter(({ added }) => added > 0).map(({ type, added }) => `${added} ${type}`);
      stage.say(stage.style.dim('   $ celigo-mirror sync'));
      stage.say(`   ${report.changes.length} resources in ${stage.folder}/production:`);
      stage.say(`   ${folders.join(', ')}`);
      const again = await stage.sync();
      expect(again.commits.length === 0, 'a second sync makes no commit', again);
      const { commits, requests, durationMs } = again;
      const seconds = (durationMs / 1000).toFixed(1);
      stage.say(`   A second sync: ${commits.length} commits, ${requests} requests, ${seconds} s`);
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
    title: 'A flow runs and a connection goes offline: neither is a change',
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
    title: 'A user deletes a flow',
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
      stage.say(`   The commit names ${name}, and the flow is still in the history: git show HEAD~1:<path>`);
    },
  },
  {
    title: 'The exports cannot be read: their files are kept, everything else is mirrored',
    async run(stage) {
      const { act } = person(stage, 'Priya');
      const integration = pick(stage, 'integrations', () => true);
      stage.emulator.faults.add({
        match: { path: '/v1/exports' },
        times: 'always',
        fault: { kind: 'status', status: 403 },
      });
      act.set('integrations', integration._id, { description: 'Orders, refunds and stock. Owner: commerce team.' });
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
      const recovered = await stage.sync();
      expect(recovered.exitCode === EXIT.done, 'the next run is complete again', recovered);
      stage.say(`   Once they can be read again: exit code ${recovered.exitCode}, ${recovered.commits.length} commits`);
    },
  },
  {
    title: 'A restore brings back the deleted flow, and an earlier state of another one',
    async run(stage) {
      const before = stage.emulator.state.starts().length;
      stage.say(stage.style.dim('   $ celigo-mirror restore flows/"Error digest to the alert channel"'));
      const flow = await stage.restore('flows/Error digest to the alert channel');
      promise(flow.exitCode === EXIT.done, 'a deleted flow comes back', flow);
      promise(
        flow.plan.steps.some(({ action }) => action === 'undelete'),
        'it comes from the recycle bin, with its id',
        flow,
      );
      showRestore(stage, flow);
      const { _id } = pick(stage, 'flows', (doc) => String(doc.name).startsWith('Orders'));
      const first = (await stage.git('rev-list', '--max-parents=0', 'HEAD')).trim();
      stage.say(stage.style.dim(`   $ celigo-mirror restore flows/${_id} --at ${first.slice(0, 10)}`));
      const earlier = await stage.restore(`flows/${_id}`, first);
      promise(earlier.exitCode === EXIT.done, 'an earlier state can be put back', earlier);
      promise(stage.emulator.state.starts().length === before, 'a restore starts nothing', earlier);
      showRestore(stage, earlier);
      await history(stage, 2);
    },
  },
];

function promise(condition: boolean, what: string, { verdict, warnings }: RestoreReport): void {
  if (condition) return;
  throw new AppError('API', `the demo did not show that ${what} (${[verdict, ...warnings].join('; ')})`, {
    hint: 'Please report it',
  });
}

function showRestore(stage: Stage, report: RestoreReport): void {
  const text = describePlan(report.plan, stage.style) + describeOutcome(report, stage.style);
  stage.say(text.trimEnd().replace(/^/gm, '   '));
}
