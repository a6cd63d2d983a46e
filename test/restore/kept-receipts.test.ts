import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Json } from '../../src/core/json.ts';
import { emptyAccount } from '../../src/emulator/http/server.ts';
import { sample, type TestAccount } from '../support/account.ts';
import { eachOf } from '../support/table.ts';
import { CANNOT_SIGN, type Outcome, tempDir, Workspace } from '../support/workspace.ts';
import { commitByHand, expectCode } from './support.ts';

const SCRIPT = '66a0000000000000000c0001';

interface Scene {
  readonly account: TestAccount;
  readonly space: Workspace;
  readonly remote: string;
}

function bare(remote: string, ...args: string[]): string {
  return execFileSync('git', ['-C', remote, ...args], { encoding: 'utf8' }).trim();
}

/** An account of one script, mirrored with a remote; receipts are kept. */
async function scene(repository: Record<string, Json> = {}): Promise<Scene> {
  const time = { createdAt: '2024-01-01T00:00:00.000Z', lastModified: '2024-02-01T00:00:00.000Z' };
  const scripts = [{ _id: SCRIPT, name: 'Hook', content: 'function f() {}\n', ...time }];
  const account = await sample({ seed: { ...emptyAccount(), resources: { scripts } } });
  const remote = join(tempDir(), 'remote.git');
  execFileSync('git', ['init', '-q', '--bare', '-b', 'main', remote]);
  bare(remote, 'config', 'uploadpack.allowFilter', 'true');
  bare(remote, 'config', 'uploadpack.allowAnySHA1InWant', 'true');
  const settings = { prod: { baseUrl: account.url, token: account.owner.token, include: ['scripts'] } };
  const space = new Workspace(settings, { repository: { remote, ...repository }, drill: { receipts: true } });
  await space.sync();
  return { account, space, remote };
}

function pathOf(remote: string): string[] {
  return bare(remote, 'ls-tree', '-r', '--name-only', 'main', '--', 'receipts').split('\n').filter(Boolean);
}

function receiptOf(outcome: Outcome): { kept?: { state: string; path: string }; problem?: string } {
  return (JSON.parse(outcome.out) as { receipt: ReturnType<typeof receiptOf> }).receipt;
}

describe('receipts that the repository keeps', () => {
  it('are one a day, pushed, and no document of the account', { tags: 'slow' }, async () => {
    const { account, space, remote } = await scene();
    const commits = (): number => Number(bare(remote, 'rev-list', '--count', 'main'));
    const before = commits();

    const first = await space.run('drill', '--json');
    expectCode(first, 0);
    const path = `receipts/${new Date().toISOString().slice(0, 10)}.json`;
    expect(receiptOf(first)).toMatchObject({ kept: { state: 'kept', path } });
    expect(pathOf(remote)).toEqual([path]);
    expect(existsSync(join(space.mirror, path))).toBe(true);
    expect(receiptOf(await space.run('drill', '--json'))).toMatchObject({ kept: { state: 'there', path } });
    expect(commits()).toBe(before + 1);
    // The mirror's own identity, and nobody's change of the account.
    expect(bare(remote, 'log', '-1', '--format=%an|%s', 'main')).toBe('celigo-mirror|drill of prod passed');

    // Nothing takes it for a document, an edit to put back or to apply.
    expect(await space.sync()).toMatchObject({ code: 0, verdict: 'unchanged', notices: [], commits: [] });
    for (const command of [['verify'], ['apply', '--dry-run'], ['diff', '--exit-code']])
      expectCode(await space.run(...command), 0);
    for (const command of [['log', '--json'], ['lint'], ['report', '--format', 'json']])
      expect((await space.run(...command)).out).not.toMatch(/receipts|drill of prod/);

    // A change goes on top of it, and a drill of an older state is not kept.
    account.emulator.act(account.owner.email).set('scripts', SCRIPT, { content: 'function g() {}\n' });
    expect(await space.sync()).toMatchObject({ code: 0, verdict: 'changed' });
    expectCode(await space.run('drill', '--at', 'HEAD~1'), 0);
    expect(commits()).toBe(before + 2);
    expect(pathOf(remote)).toEqual([path]);
    expect(space.git('status', '--porcelain')).toBe('');
  });

  it('of another result take the place of the one of that day', { tags: 'slow' }, async () => {
    const { space, remote } = await scene();
    expectCode(await space.run('drill'), 0);
    // One that leaves accounts out takes the place of none.
    expectCode(await space.run('drill', '--account', 'prod'), 0);
    writeFileSync(join(space.mirror, space.find(SCRIPT)), 'not: [yaml\n');
    commitByHand(space);

    expectCode(await space.run('drill'), 1);

    const [path = ''] = pathOf(remote);
    expect(bare(remote, 'log', '--format=%s', 'main', '--', path).split('\n')).toEqual([
      'drill of prod failed',
      'drill of prod passed',
    ]);
  });

  it.skipIf(CANNOT_SIGN)('that are signed take the place of one that is not', { tags: 'slow' }, async () => {
    const { account, space, remote } = await scene();
    expectCode(await space.run('drill'), 0);
    const signingKeyFile = join(tempDir(), 'key');
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', signingKeyFile]);
    const settings = { prod: { baseUrl: account.url, token: account.owner.token, include: ['scripts'] } };
    space.configure(settings, { repository: { remote, signingKeyFile }, drill: { receipts: true } });

    expect(receiptOf(await space.run('drill', '--json'))).toMatchObject({ kept: { state: 'kept' } });
    expect(receiptOf(await space.run('drill', '--json'))).toMatchObject({ kept: { state: 'there' } });

    expectCode(await space.run('verify', '--receipt', join(space.mirror, ...pathOf(remote))), 0);
  });

  it('are pushed by the next run where the drill does not', { tags: 'slow' }, async () => {
    const { space, remote } = await scene();
    expectCode(await space.run('drill', '--no-push'), 0);
    expect(pathOf(remote)).toEqual([]);

    expect(await space.sync()).toMatchObject({ code: 0, verdict: 'unchanged' });

    expect(pathOf(remote)).toHaveLength(1);
  });

  eachOf([['bare'], ['stateless']] as const, { quick: 0 })('are kept in a clone that is %s', async (kind) => {
    const { account, space, remote } = await scene({ [kind]: true });
    // A container that was started for the drill alone has no clone yet.
    rmSync(space.mirror, { recursive: true });

    expect(receiptOf(await space.run('drill', '--json'))).toMatchObject({ kept: { state: 'kept' } });

    expect(pathOf(remote)).toHaveLength(1);
    account.emulator.act(account.owner.email).set('scripts', SCRIPT, { content: 'function g() {}\n' });
    expect(await space.sync()).toMatchObject({ code: 0, verdict: 'changed' });
    expectCode(await space.run('drill'), 0);
    expect(pathOf(remote)).toHaveLength(1);
  });

  it('that cannot be pushed stay in the clone, and the drill ends with 3', { tags: 'slow' }, async () => {
    const { space, remote } = await scene();
    rmSync(remote, { recursive: true });

    const outcome = await space.run('drill', '--json');

    expectCode(outcome, 3);
    expect(receiptOf(outcome)).toMatchObject({ kept: { state: 'kept' }, problem: expect.stringContaining('pushed') });
    expect(JSON.parse(readFileSync(join(space.mirror, receiptOf(outcome).kept?.path ?? ''), 'utf8'))).toBeTruthy();
  });
});
