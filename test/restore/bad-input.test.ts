import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { emptyAccount } from '../../src/emulator/http/server.ts';
import { sample, type TestAccount } from '../support/account.ts';
import { Workspace } from '../support/workspace.ts';
import { commitByHand, doc, expectCode, head, mirrored, plain, said, snapshot, writes } from './support.ts';

/** A mirror whose HEAD has a damaged flow, and the commit before. */
async function damaged(as?: (account: TestAccount) => string) {
  const account = await sample();
  const { emulator } = account;
  const space = new Workspace({ prod: { baseUrl: account.url, token: as?.(account) ?? account.owner.token } });
  await space.mirrored();
  const at = head(space);
  const [id = ''] = plain(space, emulator, 'flows');
  emulator.act(account.owner.email).set('flows', id, { description: 'to be undone' });
  await space.sync();
  expect(head(space)).not.toBe(at);
  const live = snapshot(emulator);
  emulator.clearRequests();
  return {
    account,
    emulator,
    space,
    id,
    at,
    /** Nothing was written, nowhere. */
    untouched(commit = head(space)) {
      expect(writes(emulator)).toEqual([]);
      expect(snapshot(emulator)).toEqual(live);
      expect(space.git('status', '--porcelain')).toBe('');
      expect(head(space)).toBe(commit);
    },
  };
}

describe('a selector', () => {
  it.each([
    ['of no known type', 'flwos/whatever', 'flows'],
    ['with a misspelt name', 'flows/Daily exchange rate', 'Daily exchange rates'],
    ['with an id that nothing has', 'flows/650000000000000000000099', '650000000000000000000099'],
    ['that is no selector at all', 'everything', 'all'],
  ])('%s is refused with a suggestion', async (_, selector, suggestion) => {
    const { space, untouched } = await damaged();
    const commit = head(space);
    const outcome = await space.run('restore', selector, '--yes');
    expectCode(outcome, 64);
    expect(outcome.out).toBe('');
    expect(outcome.err).toContain(suggestion);
    untouched(commit);
  });

  it('that fits several resources lists them and chooses none', { tags: 'slow' }, async () => {
    const { space, emulator, untouched } = await damaged();
    const commit = head(space);
    const both = emulator.state.all('imports').filter(({ name }) => name === 'Book sales order');
    expect(both).toHaveLength(2);
    const outcome = await space.run('restore', 'imports/Book sales order', '--yes');
    expectCode(outcome, 64);
    for (const { _id } of both) expect(outcome.err).toContain(String(_id));
    untouched(commit);
  });

  it('that leads out of the mirror is not followed', { tags: 'slow' }, async () => {
    const { space, untouched } = await damaged();
    const commit = head(space);
    for (const selector of [
      '../celigo-mirror.yaml',
      '/etc/passwd',
      'prod/../../celigo-mirror.yaml',
      'flows/../mirror.yaml',
      'prod/mirror.yaml',
    ]) {
      const outcome = await space.run('restore', selector, '--yes');
      expectCode(outcome, 64);
      expect(outcome.err).toContain(selector);
    }
    untouched(commit);
  });

  it('may be a path in the mirror', { tags: 'slow' }, async () => {
    const { space, emulator, id, at } = await damaged();
    expectCode(await space.run('restore', space.find(id), '--at', at, '--yes'), 0);
    expect(doc(emulator, 'flows', id).description).not.toBe('to be undone');
  });
});

describe('--at', () => {
  it.each([
    'no-such-branch',
    'HEAD~99',
    '0123456789012345678901234567890123456789',
    '1999-12-31',
    '2026-13-45',
    'last tuesdayy',
    '-n1',
  ])('%s is refused before anything is read or written', async (at) => {
    const { space, id, untouched } = await damaged();
    const commit = head(space);
    const outcome = await space.run('restore', `flows/${id}`, `--at=${at}`, '--yes');
    expectCode(outcome, 64);
    expect(outcome.err).toContain(at);
    untouched(commit);
  });
});

describe('the mirror', () => {
  it('with a file edited into invalid YAML is named with file and line', { tags: 'slow' }, async () => {
    const { space, id, at, emulator } = await damaged();
    const path = space.find(id);
    const lines = space.read(path).split('\n');
    lines.splice(3, 0, 'name: "never closed', '  - : {');
    writeFileSync(join(space.mirror, path), lines.join('\n'));
    const bad = commitByHand(space);

    const outcome = await space.run('restore', `flows/${id}`, '--at', bad, '--yes');

    expect([1, 4, 64]).toContain(outcome.code);
    expect(outcome.err).toContain(path.split('/').at(-1));
    expect(outcome.err).toMatch(/(line\s*|:)(4|5|6)\b/);
    expect(writes(emulator)).toEqual([]);
    // Other states are not the worse for it.
    expectCode(await space.run('show', `flows/${id}`, '--at', at), 0);
  });

  it('of another account is never restored into this one', { tags: 'slow' }, async () => {
    const { space, id, at, emulator, untouched } = await damaged();
    const commit = head(space);
    const other = await sample({ seed: emptyAccount() });
    space.configure({ prod: { baseUrl: other.url, token: other.owner.token } });
    for (const what of ['all', `flows/${id}`]) {
      const outcome = await space.run('restore', what, '--at', at, '--yes');
      expectCode(outcome, 4);
      expect(outcome.err).toContain('mirror.yaml');
    }
    expect(writes(other.emulator)).toEqual([]);
    expect(writes(emulator)).toEqual([]);
    untouched(commit);
  });
});

describe('a token', () => {
  it('that may only read is found out before the first write', { tags: 'slow' }, async () => {
    const { space, id, at, untouched, emulator, account } = await damaged((test) => test.person('monitor').token);
    const commit = head(space);
    const outcome = await space.run('restore', `flows/${id}`, '--at', at, '--yes');
    expect([1, 4]).toContain(outcome.code);
    expect(outcome.err).toMatch(/right|permission|monitor|read-only|read only|no write access/i);
    expect(account.person('monitor').role).toBe('monitor');
    expect(writes(emulator)).toEqual([]);
    untouched(commit);
  });

  it('that was revoked stops the restore with exit 1', async () => {
    const { space, id, at, untouched, emulator, account } = await damaged();
    const commit = head(space);
    emulator.revokeToken(account.owner.token);
    expectCode(await space.run('restore', `flows/${id}`, '--at', at, '--yes'), 1);
    untouched(commit);
  });
});

describe('a restore', () => {
  it('without --yes and without a terminal is refused: there is no one to confirm', async () => {
    const { space, id, at, untouched } = await damaged();
    const commit = head(space);
    const outcome = await space.run('restore', `flows/${id}`, '--at', at);
    expectCode(outcome, 64);
    expect(outcome.err).toContain('--yes');
    untouched(commit);
  });

  it.each([
    ['--resume with nothing to resume', ['--resume', '--yes'], 'interrupted'],
    ['--resume with nothing to resume, which need not be confirmed', ['--resume'], 'no restore was interrupted'],
    ['--resume of nothing into one account', ['--resume', '--to', 'prod'], 'no restore into prod was interrupted'],
    ['--resume of a run that never was', ['--resume', '20200101-000000-abcdef', '--yes'], '20200101-000000-abcdef'],
    ['--prune of less than all', ['flows/Daily exchange rates', '--prune', '--yes'], '--prune'],
    ['into an account that is not configured', ['all', '--to', 'nowhere', '--yes'], 'nowhere'],
    ['with a file of secrets that does not exist', ['all', '--secrets', 'none.yaml', '--yes'], 'none.yaml'],
    ['of nothing', ['--yes'], 'all'],
    ['--resume of something named', ['flows/Daily exchange rates', '--resume', '--yes'], '--resume'],
  ])('%s is wrong usage', async (_, args, mention) => {
    const { space, untouched } = await damaged();
    const commit = head(space);
    const outcome = await space.run('restore', ...args);
    expectCode(outcome, 64);
    expect(outcome.err).toContain(mention);
    untouched(commit);
  });

  it('with secrets for something unknown, or of the wrong form, says which', async () => {
    const { space, id, at, untouched } = await damaged();
    const commit = head(space);
    const file = join(space.dir, 'secrets.yaml');
    for (const [text, mention] of [
      ['connections/No such connection:\n  a.b: c\n', 'No such connection'],
      ['- a list\n', 'secrets.yaml'],
      ['connections/x: {unclosed\n', 'secrets.yaml'],
      ['flows/x: just text\n', 'flows/x'],
    ] as const) {
      writeFileSync(file, text);
      const outcome = await space.run('restore', `flows/${id}`, '--at', at, '--yes', '--secrets', file);
      expectCode(outcome, 64);
      expect(said(outcome)).toContain(mention);
    }
    untouched(commit);
  });

  it('of something whose type cannot be listed gives the reason', { tags: 'slow' }, async () => {
    const test = await sample();
    const space = await mirrored(test);
    const [kept, lost] = test.emulator.state.all('tags').map(({ _id }) => String(_id));
    const at = head(space);
    const acting = test.emulator.act(test.owner.email);
    acting.remove('tags', String(lost));
    await space.sync();
    test.emulator.faults.add({
      times: 'always',
      match: { method: 'GET', path: '*/v1/tags' },
      fault: { kind: 'status', status: 403 },
    });

    const unchanged = await space.run('restore', `tags/${kept}`, '--at', at, '--yes');
    const blocked = await space.run('restore', `tags/${lost}`, '--at', at, '--yes');

    expect(said(unchanged)).toMatch(
      /tags could not be listed completely \(GET \/v1\/tags answered 403.*may be missing here/,
    );
    // It may have been changed meanwhile.
    expectCode(unchanged, 3);
    expect(unchanged.out).toContain('Nothing else to do.');
    expectCode(blocked, 3);
    expect(blocked.out).toContain('Nothing else to do.');
    expect(said(blocked)).toMatch(/so it might exist already: GET \/v1\/tags answered 403/);
  });

  it('of what is as it should be does nothing and ends with 0', async () => {
    const account = await sample();
    const space = await mirrored(account);
    const commit = head(space);
    account.emulator.clearRequests();
    expectCode(await space.run('restore', 'all', '--yes'), 0);
    expect(writes(account.emulator)).toEqual([]);
    expect(head(space)).toBe(commit);
  });

  it('works with a cache whose list of credentials is damaged', { tags: 'slow' }, async () => {
    const { emulator, space, id, at } = await damaged();
    const cache = join(space.mirror, '.git', 'celigo-mirror', 'prod.cache');
    const [known = ''] = readdirSync(cache).filter((name) => name.startsWith('known-'));
    writeFileSync(join(cache, known), '{"damaged');

    const outcome = await space.run('restore', `flows/${id}`, '--at', at, '--yes');
    expectCode(outcome, 0);
    expect(said(outcome)).not.toContain('internal error');
    expect(doc(emulator, 'flows', id).description).not.toBe('to be undone');
  });
});
