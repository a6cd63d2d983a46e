import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Json, JsonObject } from '../../src/core/json.ts';
import { emptyAccount } from '../../src/emulator/http/server.ts';
import { sample } from '../support/account.ts';
import { httpReceiver } from '../support/receivers.ts';
import { tempDir, type Workspace } from '../support/workspace.ts';
import { type DaemonProcess, startDaemon, until } from './daemon-process.ts';
import { EVERY_SECOND, home, NEVER } from './support.ts';

const SCRIPT = '66a0000000000000000c0001';

interface Scene {
  readonly space: Workspace;
  readonly start: () => Promise<DaemonProcess>;
  /** Where temporary files go. */
  readonly temporary: string;
}

/** A mirror of one script, and a daemon that is only started. */
async function scene(more: Record<string, Json> & { repository?: Record<string, Json> }): Promise<Scene> {
  const time = { createdAt: '2024-01-01T00:00:00.000Z', lastModified: '2024-02-01T00:00:00.000Z' };
  const scripts = [{ _id: SCRIPT, name: 'Hook', content: 'function f() {}\n', ...time }];
  const account = await sample({ seed: { ...emptyAccount(), resources: { scripts } } });
  const space = home(account, { schedule: NEVER, daemon: { runAtStart: false }, ...more }, { include: ['scripts'] });
  await space.sync();
  const temporary = tempDir();
  return { space, temporary, start: () => startDaemon(space.dir, [], { TMPDIR: temporary }) };
}

/** Processes of drills whose temporary files go there. */
function drilling(temporary: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      return words.includes('drill') && readFileSync(`/proc/${pid}/environ`, 'utf8').includes(temporary);
    } catch {
      return false;
    }
  });
}

async function lastDrill(daemon: DaemonProcess): Promise<JsonObject | undefined> {
  const { accounts } = (await daemon.status()) as unknown as { accounts: { prod: { lastDrill?: JsonObject } } };
  return accounts.prod.lastDrill;
}

describe('a drill of the daemon', () => {
  it('is in /status and /metrics, keeps its receipt, and survives a restart', { tags: 'slow' }, async () => {
    const remote = join(tempDir(), 'remote.git');
    execFileSync('git', ['init', '-q', '--bare', '-b', 'main', remote]);
    const drill = { schedule: EVERY_SECOND, receipts: true };
    const { space, start } = await scene({ repository: { remote }, drill });
    const daemon = await start();

    const found = await until('a drill', () => lastDrill(daemon), 120_000);

    expect(found).toMatchObject({ result: 'passed', documents: 1, restored: 1, lastSuccess: found.endedAt });
    expect(await daemon.metric('celigo_mirror_drill_restorable_ratio', { account: 'prod' })).toBe(1);
    expect(await daemon.metric('celigo_mirror_drill_last_successful', { account: 'prod' })).toBe(1);
    const success = await daemon.metric('celigo_mirror_drill_last_success_timestamp_seconds', { account: 'prod' });
    expect(Math.abs(Number(success) - Date.now() / 1000)).toBeLessThan(600);
    // In the clone; the next run pushes it.
    expect(space.git('log', '-1', '--format=%s').trim()).toBe('drill of prod passed');
    expect(await daemon.stop()).toBe(0);
    expect(await space.sync()).toMatchObject({ code: 0, verdict: 'unchanged' });
    const pushed = execFileSync('git', ['-C', remote, 'log', '-1', '--format=%s', 'main'], { encoding: 'utf8' });
    expect(pushed.trim()).toBe('drill of prod passed');

    const second = await start();
    expect(await lastDrill(second)).toMatchObject({ result: 'passed' });
    expect(await second.stop()).toBe(0);
  });

  it('that takes too long is ended with all it started, and reported', { tags: 'slow' }, async () => {
    const http = await httpReceiver();
    onTestFinished(() => http.close());
    const { start, temporary } = await scene({
      drill: { schedule: EVERY_SECOND, timeout: '400ms' },
      notifications: { hook: { type: 'webhook', url: `${http.url}/hook` } },
    });
    const daemon = await start();

    await until('a message', () => http.received.length > 0, 60_000);

    const [message] = http.json('/hook');
    expect(message).toMatchObject({ event: 'drill-failed', account: 'prod', run: { error: { code: 'DRILL' } } });
    expect(String(message?.summary)).toContain('the drill took longer than');
    expect(await daemon.metric('celigo_mirror_drill_restorable_ratio', { account: 'prod' })).toBe(0);
    expect(await daemon.stop()).toBe(0);
    await until('the end of the drill', () => drilling(temporary).length === 0);
    expect(readdirSync(temporary)).toEqual([]);
  });

  it('ends with the daemon, within its grace period', { tags: 'slow' }, async () => {
    const { start, temporary } = await scene({ drill: { schedule: EVERY_SECOND } });
    const daemon = await start();
    await until('a drill', () => drilling(temporary).length > 0);

    const stopping = performance.now();
    expect(await daemon.stop()).toBe(0);

    expect(performance.now() - stopping).toBeLessThan(20_000);
    expect(drilling(temporary)).toEqual([]);
    expect(readdirSync(temporary)).toEqual([]);
    // It says nothing about the mirror.
    expect(daemon.log().some(({ msg }) => msg === 'drill ended')).toBe(false);
  });
});
