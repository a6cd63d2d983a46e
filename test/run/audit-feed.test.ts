import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { AuditEntry } from '../../src/emulator/model/seed.ts';
import { sampleAccount } from '../../src/emulator/sample/index.ts';
import { sample, type TestAccount } from '../support/account.ts';
import { eachOf } from '../support/table.ts';
import { Workspace } from '../support/workspace.ts';

interface Line {
  readonly id: string;
  readonly time: string;
  readonly event: string;
  readonly resourceType: string;
  readonly resourceId: string;
  readonly source: string;
  readonly by: { readonly id: string; readonly name: string; readonly email: string };
  readonly fields: readonly string[];
}

function workspace(account: TestAccount): Workspace {
  return new Workspace({ prod: { baseUrl: account.url, token: account.owner.token, auditFeed: true } });
}

/** The feed's files as they are: name → text. */
function files(space: Workspace): Map<string, string> {
  const folder = join(space.mirror, 'prod', 'audit');
  return new Map(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'utf8')]));
}

function lines(space: Workspace): Line[] {
  return [...files(space)].sort().flatMap(([name, text]) =>
    text
      .trimEnd()
      .split('\n')
      .map((line) => {
        const entry = JSON.parse(line) as Line;
        expect(name).toBe(`${entry.time.slice(0, 7)}.ndjson`);
        return entry;
      }),
  );
}

/** As the account itself keeps it: every entry once, without values. */
function expectSame(space: Workspace, account: TestAccount): void {
  const reported = lines(space);
  const kept = account.emulator.state.audit();
  expect(reported.map(({ id }) => id).sort()).toEqual(kept.map(({ _id }) => _id).sort());
  const byId = new Map(reported.map((entry) => [entry.id, entry]));
  for (const entry of kept) {
    const { _id, name, email } = entry.byUser;
    expect(byId.get(entry._id)).toEqual({
      id: entry._id,
      time: entry.time,
      event: entry.event,
      resourceType: entry.resourceType,
      resourceId: entry._resourceId,
      source: entry.source,
      by: { id: _id, name, email },
      fields: [...new Set(entry.fieldChanges.flatMap(({ fieldPath }) => fieldPath ?? []))],
    });
  }
}

/** Entries at these times, oldest first. */
function made(times: readonly number[]): AuditEntry[] {
  return times.map((time, i) => ({
    _id: i.toString(16).padStart(24, '0'),
    resourceType: 'flow',
    _resourceId: '678df75fc3a91b7e41300001',
    source: i % 3 === 0 ? 'api' : 'ui',
    event: 'update',
    time: new Date(time).toISOString(),
    fieldChanges: [{ fieldPath: 'description', oldValue: `secret-${i}`, newValue: `secret-${i + 1}` }],
    byUser: { _id: '67763c5fc3a91b7e41000001', name: 'Ingrid Solheim', email: 'ingrid@x.test' },
  }));
}

describe('the audit feed', () => {
  it('keeps every entry once, by months, without values', { tags: 'slow' }, async () => {
    const account = await sample();
    const space = workspace(account);

    expect((await space.sync()).verdict).toBe('changed');

    expectSame(space, account);
    for (const { oldValue, newValue } of account.emulator.state.audit().flatMap(({ fieldChanges }) => fieldChanges)) {
      for (const value of [oldValue, newValue]) {
        if (typeof value === 'string' && value.length > 12)
          expect([...files(space).values()].join('')).not.toContain(value);
      }
    }
    expect((await space.sync()).verdict).toBe('unchanged');
    expect((await space.run('verify')).code).toBe(0);
  });

  eachOf([[1_000], [20_000]], { quick: 0 })(
    'is complete above the %i entries that one answer has at most',
    async (auditCap) => {
      const start = Date.parse('2024-11-03T00:00:00Z');
      // Two quiet years, and a migration that wrote more in an hour than an answer holds.
      const count = auditCap * 2 + 7;
      const times = Array.from({ length: count }, (_, i) =>
        i % 2 === 0 ? start + i * 30_000 : start + 200 * 86_400_000 + i * 80,
      ).sort((a, b) => a - b);
      const account = await sample({ seed: { ...sampleAccount(), audit: made(times) }, auditCap });
      const space = workspace(account);

      await space.mirrored();

      expect(lines(space).map(({ id }) => id)).toEqual(account.emulator.state.audit().map(({ _id }) => _id));
    },
  );

  it.each([
    ['continues by offset after a hundred', { auditPage: 100 }, 3],
    ['continues by offset inside an object', { auditPage: 100, auditShape: 'auditLogs' }, 3],
    ['sends links', { auditPage: 100, auditPaging: 'link' }, 3],
    ['is cut off at a hundred and ignores offset', { auditCap: 100, auditPaging: 'ignored' }, 60],
    ['is cut off at a hundred and refuses offset', { auditCap: 100, auditPaging: 'refused' }, 60],
  ] as const)('has all 250 entries of a log that %s', async (_, behaviour, most) => {
    const start = Date.parse('2025-03-01T00:00:00Z');
    const times = Array.from({ length: 250 }, (_, i) => start + i * 3_600_000);
    const account = await sample({ seed: { ...sampleAccount(), audit: made(times) }, ...behaviour });
    const space = workspace(account);

    const report = await space.sync();

    expect(report.code).toBe(0);
    expect(lines(space).map(({ id }) => id)).toEqual(account.emulator.state.audit().map(({ _id }) => _id));
    const asked = account.emulator.requests.filter(({ path }) => path.startsWith('/v1/audit'));
    expect(asked.length).toBeLessThanOrEqual(most);
    expect(asked.some(({ query }) => query.includes('limit='))).toBe(false);
  });

  it('has all of 1,500 entries within 600 ms where an answer ends at 1,000', { tags: 'slow' }, async () => {
    const start = Date.parse('2025-03-01T00:00:00.300Z');
    const times = Array.from({ length: 1_500 }, (_, i) => start + Math.floor(i * 0.4));
    const account = await sample({
      seed: { ...sampleAccount(), audit: made(times) },
      auditCap: 1_000,
      auditPaging: 'ignored',
    });
    const space = workspace(account);

    await space.mirrored();

    expect(new Set(lines(space).map(({ id }) => id)).size).toBe(1_500);
  });

  it('is reported as incomplete when one moment holds more than an answer, and nothing of it is kept', {
    tags: 'slow',
  }, async () => {
    const start = Date.parse('2025-03-01T00:00:00.300Z');
    const account = await sample({
      seed: { ...sampleAccount(), audit: made(Array.from({ length: 1_500 }, () => start)) },
      auditCap: 1_000,
      auditPaging: 'ignored',
    });
    const space = workspace(account);

    const report = await space.sync();

    expect(report.code).toBe(3);
    expect(report.incomplete).toEqual(['audit']);
    expect(report.notices.join()).toMatch(/more entries around 2025-03-01T00:00:00\.\d+Z than one answer holds/);
    expect(space.files().some((path) => path.includes('/audit/'))).toBe(false);
  });

  it('names the captured field, not what is in the record', { tags: 'slow' }, async () => {
    const [entry] = made([Date.parse('2025-03-01T00:00:00Z')]) as [AuditEntry];
    const paths = ['mockOutput.page[0].ola@x.test', 'mockOutput.page[1]', 'a[0].sampleData["Ola"]', 'mockOutputs.a'];
    const fieldChanges = paths.map((fieldPath) => ({ fieldPath, newValue: 1 }));
    const account = await sample({ seed: { ...sampleAccount(), audit: [{ ...entry, fieldChanges }] } });
    const space = workspace(account);

    await space.mirrored();

    expect(lines(space)[0]?.fields).toEqual(['mockOutput', 'a[0].sampleData', 'mockOutputs.a']);
  });

  it('knows who it was where the log has a bare id', { tags: 'slow' }, async () => {
    const [entry] = made([Date.parse('2025-03-01T00:00:00Z')]);
    const bare = [
      { ...entry, _id: 'a'.repeat(24), byUser: entry?.byUser._id },
      { ...entry, _id: 'b'.repeat(24), byUser: undefined, _byUserId: entry?.byUser._id },
    ];
    const account = await sample({ seed: { ...sampleAccount(), audit: bare as unknown as AuditEntry[] } });
    const space = workspace(account);

    await space.mirrored();

    expect(lines(space).map(({ by }) => by.id)).toEqual([entry?.byUser._id, entry?.byUser._id]);
  });

  it('only ever grows, and continues where it ended: after failures, late entries and on a fresh clone', {
    tags: 'slow',
  }, async () => {
    let now = Date.parse('2026-10-30T08:00:00Z');
    const account = await sample({
      now: () => new Date(now),
      auditDelayMs: 10 * 60_000,
      seed: { ...sampleAccount(), audit: [] },
    });
    const space = workspace(account);
    const owner = account.emulator.act(account.owner.token);
    const [flow] = account.emulator.state.all('flows');
    await space.mirrored();
    let before = new Map<string, string>();
    for (let round = 0; round < 8; round++) {
      // Across the end of the month; what was edited a moment ago is not in the log yet.
      now += 9 * 3_600_000;
      owner.set('flows', String(flow?._id), { description: `round ${round}` });
      now += round % 2 === 0 ? 60_000 : 15 * 60_000;
      owner.set('scripts', String(account.emulator.state.all('scripts')[round % 3]?._id), { description: `r${round}` });
      if (round === 2 || round === 3)
        account.emulator.faults.add({
          match: { path: '/v1/audit' },
          times: 'always',
          fault: { kind: 'status', status: 403 },
        });
      if (round === 5) rmSync(join(space.mirror, '.git', 'celigo-mirror'), { recursive: true });
      const report = await space.sync();
      account.emulator.faults.clear();
      if (round === 2 || round === 3) {
        expect(report.incomplete).toEqual(['audit']);
        expect(report.code).toBe(3);
      } else expect(report.code).toBe(0);
      if (round === 0) continue;
      const after = files(space);
      for (const [name, text] of before) expect(after.get(name)?.startsWith(text), name).toBe(true);
      before = after;
    }
    now += 3_600_000;
    await space.sync();
    expectSame(space, account);
    expect([...files(space).keys()].sort()).toEqual(['2026-10.ndjson', '2026-11.ndjson']);
    expect((await space.sync()).verdict).toBe('unchanged');
  });

  it('names what it cannot trust: verify finds lines that were changed, doubled or cut', { tags: 'slow' }, async () => {
    const account = await sample();
    const space = workspace(account);
    await space.mirrored();
    const [name = '', text = ''] = [...files(space)].sort()[0] ?? [];
    const path = join(space.mirror, 'prod', 'audit', name);
    const [first = ''] = text.split('\n');
    for (const [bad, problem] of [
      [`${text}${first}\n`, /holds the entry \w+ twice/],
      [text.trimEnd(), /ends in the middle of a line/],
      [`${text}{"id":1}\n`, /is not an entry of the audit log/],
      [`${text}${first.replace(/"time":"\d{4}/, '"time":"1999')}\n`, /holds an entry of 1999/],
    ] as const) {
      writeFileSync(path, bad);
      const outcome = await space.run('verify');
      expect(outcome.code).toBe(1);
      expect(outcome.out).toMatch(problem);
    }
  });
});

describe('log and report', () => {
  it('read the feed for the time before the mirror began, and mark what they have from it', {
    tags: 'slow',
  }, async () => {
    const account = await sample();
    const space = workspace(account);
    await space.mirrored();
    const before = lines(space).filter(({ event }) => ['create', 'update', 'delete', 'restore'].includes(event));
    expect(before.length).toBeGreaterThan(5);
    const flow = before.find(({ resourceType, fields }) => resourceType === 'flow' && fields.length > 0);
    account.emulator.act(account.owner.token).set('flows', String(flow?.resourceId), { description: 'by the mirror' });
    await space.sync();
    interface Shown {
      readonly id: string;
      readonly time: string;
      readonly by: { readonly email: string };
      readonly sources: readonly string[];
      readonly baseline?: boolean;
    }
    const marked = ({ sources }: Shown): boolean => sources.some((source) => source.startsWith('before the mirror, '));
    const one = (id: string, time: string, email: string): string => `${time} ${id} ${email}`;
    const expected = before.map(({ resourceId, time, by }) => one(resourceId, time, by.email)).sort();

    const log = JSON.parse((await space.run('log', '--json')).out) as { entries: Shown[] };
    const report = JSON.parse((await space.run('report', '--json')).out) as { changes: Shown[] };

    for (const entries of [log.entries, report.changes]) {
      expect(
        entries
          .filter(marked)
          .map(({ id, time, by }) => one(id, time, by.email))
          .sort(),
      ).toEqual(expected);
      expect(entries.filter((entry) => !marked(entry) && !entry.baseline)).toHaveLength(1);
    }
    const field = String(flow?.fields[0]);
    for (const args of [
      ['--field', field],
      ['--grep', String(flow?.resourceId).toUpperCase()],
    ]) {
      const found = JSON.parse((await space.run('log', ...args, '--json')).out) as { entries: Shown[] };
      const fits = before.filter(({ resourceId, fields }) =>
        args[0] === '--field' ? fields.includes(field) : resourceId === flow?.resourceId,
      );
      expect(
        found.entries.filter(marked).map(({ id }) => id),
        args.join(' '),
      ).toEqual(expect.arrayContaining(fits.map(({ resourceId }) => resourceId)));
    }
    const none = JSON.parse((await space.run('log', '--field', 'no.such', '--json')).out) as { entries: Shown[] };
    expect(none.entries).toEqual([]);
    const { out } = await space.run('log', `flows/${flow?.resourceId}`);
    expect(out).toContain(`before the mirror, by the audit feed: ${flow?.fields[0]}`);
    for (const format of ['html', 'csv', 'md']) {
      const text = (await space.run('report', '--format', format)).out;
      expect(text, format).toContain('before the mirror, by the audit feed');
    }
  });
});
