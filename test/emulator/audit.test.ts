import { describe, expect, it } from 'vitest';
import type { AuditEntry } from '../../src/emulator/model/seed.ts';
import { type Answer, account, doc, id, people, smallShop, start } from './support.ts';

function entries(answer: Answer): readonly AuditEntry[] {
  return answer.body as unknown as readonly AuditEntry[];
}

describe('the audit log', () => {
  it('names who changed which fields, and whether by API or in the browser', async () => {
    const { emulator, as, get, time } = await start({ seed: account(smallShop()) });

    emulator
      .act(people.manager.token)
      .set('flows', id('5', 1), { name: 'Renamed', 'pageGenerators[0].schedule': '? 5 * ? * *' });
    time.advance(1);
    await as(people.admin.token).send('PATCH', `/v1/flows/${id('5', 1)}`, [
      { op: 'replace', path: '/disabled', value: false },
    ]);
    time.advance(1);
    await as(people.admin.token).send('POST', '/v1/scripts', { name: 'S', content: 'c' });

    const log = entries(await get('/v1/audit'));
    expect(log.map(({ event, source, resourceType }) => [event, source, resourceType])).toEqual([
      ['create', 'api', 'script'],
      ['update', 'api', 'flow'],
      ['update', 'ui', 'flow'],
    ]);
    expect(log[2]).toMatchObject({
      _resourceId: id('5', 1),
      byUser: { _id: people.manager._id, name: 'Max Manager', email: 'max@example.test' },
      time: '2026-03-01T12:00:00.000Z',
    });
    expect(log[2]?.fieldChanges).toEqual(
      expect.arrayContaining([
        { fieldPath: 'name', oldValue: 'Flow 1', newValue: 'Renamed' },
        { fieldPath: 'pageGenerators[0].schedule', newValue: '? 5 * ? * *' },
      ]),
    );
    expect(log[0]?.fieldChanges).toEqual([]);
  });

  it('shows that a secret changed, and not what it is', async () => {
    const { emulator, get } = await start({ seed: account(smallShop()) });

    emulator.act(people.owner.token).set('connections', id('2', 1), { 'http.auth.token.token': 'new-secret' });

    const answer = await get('/v1/audit');
    expect(answer.text).not.toContain('secret');
    expect(entries(answer)[0]?.fieldChanges).toContainEqual({
      fieldPath: 'http.auth.token.token',
      oldValue: '******',
      newValue: '******',
    });
  });

  it('has delete, restore and purge', async () => {
    const { emulator, send, get, time } = await start({ seed: account({ scripts: [doc(id('6', 1), 'S')] }) });
    const act = emulator.act(people.owner.token);

    act.remove('scripts', id('6', 1));
    time.advance(1);
    act.restore('scripts', id('6', 1));
    time.advance(1);
    act.remove('scripts', id('6', 1));
    time.advance(1);
    await send('DELETE', `/v1/recycleBinTTL/scripts/${id('6', 1)}`);

    expect(entries(await get('/v1/audit')).map(({ event }) => event)).toEqual(['purge', 'delete', 'restore', 'delete']);
  });

  it('filters, and pages by limit and offset', async () => {
    const { emulator, get, time } = await start({ seed: account(smallShop()) });
    for (const name of ['a', 'b', 'c']) {
      emulator.act(people.manager.token).set('flows', id('5', 1), { name });
      emulator.act(people.admin.token).set('exports', id('3', 1), { name });
      time.advance(60);
    }
    const count = async (query: string) => entries(await get(`/v1/audit?${query}`)).length;

    expect(await count('resourceType=flow')).toBe(3);
    expect(await count(`resourceType=export&_resourceId=${id('3', 1)}`)).toBe(3);
    expect(await count(`_byUserId=${people.admin._id}`)).toBe(3);
    expect(await count('source=api')).toBe(0);
    expect(await count('action=update')).toBe(6);
    expect(await count('from=2026-03-01T12:01:00.000Z')).toBe(4);
    expect(await count('to=2026-03-01T12:00:59.000Z')).toBe(2);
    expect(await count('limit=2&offset=5')).toBe(1);
    expect((await get(`/v1/audit?_resourceId=${id('3', 1)}`)).status).toBe(400);
    expect((await get('/v1/audit?from=yesterday')).status).toBe(400);
    expect(entries(await get(`/v1/flows/${id('5', 1)}/audit`))).toHaveLength(3);
  });

  it('gives at most so many records at once, the newest', async () => {
    const { emulator, get, time } = await start({ seed: account(smallShop()), auditCap: 2 });
    for (const name of ['a', 'b', 'c']) {
      emulator.act(people.owner.token).set('flows', id('5', 1), { name });
      time.advance(1);
    }

    const log = entries(await get('/v1/audit'));

    expect(log.map(({ fieldChanges }) => fieldChanges[0]?.newValue)).toEqual(['c', 'b']);
  });

  it('leaves out what no document names, unless configured otherwise', async () => {
    const seed = account({ ...smallShop(), tags: [doc(id('7', 1), 'T')] });
    const silent = await start({ seed });
    const talkative = await start({ seed, auditAll: true, auditShape: 'auditLogs' });

    for (const { emulator } of [silent, talkative])
      emulator.act(people.owner.token).set('tags', id('7', 1), { tag: 'n' });

    expect((await silent.get('/v1/audit')).text).toBe('[]');
    expect((await talkative.get('/v1/audit')).body).toMatchObject({ auditLogs: [{ resourceType: 'tag' }] });
  });

  it('shows a single change of a stack as an object, or as a list where configured', async () => {
    const seed = account({
      ...smallShop(),
      stacks: [doc(id('8', 1), 'T', { type: 'server', server: { hostURI: 'https://stack.example' } })],
    });
    const [objects, lists] = [await start({ seed }), await start({ seed, auditChange: 'list' })];
    for (const { emulator } of [objects, lists])
      for (const [type, one] of [
        ['stacks', id('8', 1)],
        ['flows', id('5', 1)],
      ] as const)
        emulator.act(people.owner.token).set(type, one, { name: 'n' });

    const single = (await objects.get('/v1/audit')).body as Record<string, unknown>[];
    expect(single.map((entry) => 'fieldChange' in entry).sort()).toEqual([false, true]);
    expect(entries(await lists.get('/v1/audit')).every(({ fieldChanges }) => fieldChanges.length > 0)).toBe(true);
  });

  it('can be late', async () => {
    const { emulator, get, time } = await start({ seed: account(smallShop()), auditDelayMs: 5_000 });
    emulator.act(people.owner.token).set('flows', id('5', 1), { name: 'n' });

    expect((await get('/v1/audit')).text).toBe('[]');
    time.advance(6);
    expect(entries(await get('/v1/audit'))).toHaveLength(1);
  });

  it('says nothing of what the platform changes by itself', async () => {
    const { emulator, get } = await start({ seed: account(smallShop()) });

    emulator.state.touch('flows', id('5', 1), { lastExecutedAt: '2026-03-01T00:00:00.000Z' });

    expect((await get('/v1/audit')).text).toBe('[]');
    expect((await get(`/v1/flows/${id('5', 1)}`)).body).toMatchObject({
      lastExecutedAt: '2026-03-01T00:00:00.000Z',
      lastModified: '2025-02-01T00:00:00.000Z',
    });
  });
});
