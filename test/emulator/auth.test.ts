import { describe, expect, it } from 'vitest';
import { account, codeOf, doc, flow, id, idsOf, integration, people, smallShop, start } from './support.ts';

describe('tokens', () => {
  it('says Unauthorized without a header, and without an errors list', async () => {
    const { emulator } = await start();

    const response = await fetch(`${emulator.url}/v1/flows`);

    expect(response.status).toBe(401);
    expect(await response.json()).toEqual({ message: 'Unauthorized' });
  });

  it('says Bearer Authentication Failed for an unknown, a revoked and an expired token', async () => {
    const tokens = [
      doc(id('a', 1), 'Old', { token: 'old', fullAccess: true, revoked: true }),
      doc(id('a', 2), 'Short', { token: 'short', fullAccess: true, autoPurgeAt: '2026-03-01T11:00:00.000Z' }),
    ];
    const { emulator, as } = await start({ seed: account({ accesstokens: tokens }) });
    emulator.revokeToken(people.admin.token);

    for (const token of ['nobody', 'old', 'short', people.admin.token]) {
      const answer = await as(token).get('/v1/flows');
      expect([answer.status, answer.body]).toEqual([401, { message: 'Bearer Authentication Failed' }]);
    }
  });

  it('names the person behind a token, and the owner behind an account token', async () => {
    const tokens = [doc(id('a', 1), 'Backup', { token: 'backup', fullAccess: true })];
    const { as } = await start({ seed: account({ accesstokens: tokens }) });

    expect((await as(people.admin.token).get('/v1/tokenInfo')).body).toEqual({ _userId: people.admin._id });
    expect((await as('backup').get('/v1/tokeninfo')).body).toEqual({ _userId: people.owner._id });
  });

  it('dies with the access record of its person', async () => {
    const { emulator, as } = await start();
    const share = emulator.state
      .all('ashares')
      .find((record) => (record.sharedWithUser as { _id: string })._id === people.manager._id);

    emulator.act(people.owner.token).remove('ashares', String(share?._id));

    expect((await as(people.manager.token).get('/v1/flows')).status).toBe(401);
  });
});

describe('custom tokens', () => {
  const seed = account({
    ...smallShop(),
    accesstokens: [doc(id('a', 1), 'Form', { token: 'form', _exportIds: [id('3', 1)] })],
  });

  it('reach the listed records only, and answer 403 elsewhere', async () => {
    const { as } = await start({ seed });
    const form = as('form');

    expect(idsOf(await form.get('/v1/exports'))).toEqual([id('3', 1)]);
    for (const path of ['/v1/flows', '/v1/scripts', '/v1/connections', `/v1/imports/${id('4', 1)}`]) {
      expect((await form.get(path)).status).toBe(403);
    }
  });

  it('need full access or lists, not both and not neither', async () => {
    const { send } = await start({ seed });

    for (const fields of [{}, { fullAccess: true, _exportIds: [id('3', 1)] }]) {
      expect((await send('POST', '/v1/accesstokens', { name: 'New', ...fields })).status).toBe(422);
    }
  });

  it('are shown once, then masked, and work', async () => {
    const { send, get, as } = await start({ seed });

    const made = await send('POST', '/v1/accesstokens', { name: 'Backup', fullAccess: true });
    const { _id, token } = made.body as { _id: string; token: string };

    expect(made.status).toBe(201);
    expect((await get(`/v1/accesstokens/${_id}`)).body).toMatchObject({ token: '******' });
    expect((await as(token).get('/v1/flows')).status).toBe(200);
  });

  it('must be revoked before they can be deleted', async () => {
    const { send, as } = await start({ seed });
    const path = `/v1/accesstokens/${id('a', 1)}`;

    expect((await send('DELETE', path)).status).toBe(422);
    const revoked = await send('PUT', path, { name: 'Form', _exportIds: [id('3', 1)], revoked: true });
    expect(revoked.status).toBe(200);
    expect((await as('form').get('/v1/exports')).status).toBe(401);
    expect((await send('DELETE', path)).status).toBe(204);
  });
});

describe('roles', () => {
  it('show monitors no connections and no tokens, without an error', async () => {
    const { as } = await start({ seed: account(smallShop()) });
    const monitor = as(people.monitor.token);

    expect((await monitor.get('/v1/connections')).status).toBe(204);
    expect((await monitor.get('/v1/accesstokens')).text).toBe('[]');
    expect((await monitor.get(`/v1/connections/${id('2', 1)}`)).status).toBe(404);
    expect(idsOf(await monitor.get('/v1/flows'))).toEqual([id('5', 1)]);
    expect((await monitor.send('PUT', `/v1/scripts/${id('6', 1)}`, { name: 'x' })).status).toBe(403);
  });

  it('show people of one integration shorter lists, without an error', async () => {
    const shop = smallShop();
    const seed = account({
      ...shop,
      integrations: [...(shop.integrations ?? []), integration(2)],
      flows: [flow(1), flow(2, { _integrationId: id('1', 2) })],
    });
    const { as } = await start({ seed });
    const guest = as(people.guest.token);

    expect(idsOf(await guest.get('/v1/integrations'))).toEqual([id('1', 1)]);
    expect(idsOf(await guest.get('/v1/flows'))).toEqual([id('5', 1)]);
    expect(idsOf(await guest.get('/v1/exports'))).toEqual([id('3', 1)]);
    expect(idsOf(await guest.get('/v1/connections'))).toEqual([id('2', 1)]);
    expect((await guest.get(`/v1/flows/${id('5', 2)}`)).status).toBe(404);
    expect(
      (await guest.send('PATCH', `/v1/flows/${id('5', 1)}`, [{ op: 'replace', path: '/name', value: 'n' }])).status,
    ).toBe(204);
  });

  it('open the audit log to administrators and the owner only', async () => {
    const { as } = await start();

    const statuses = [];
    for (const { token } of Object.values(people)) statuses.push((await as(token).get('/v1/audit')).status);

    expect(statuses).toEqual([200, 200, 403, 403, 403]);
  });

  it('list everyone but the owner as users', async () => {
    const { get } = await start();

    const emails = ((await get('/v1/ashares')).body as { sharedWithUser: { email: string } }[]).map(
      (share) => share.sharedWithUser.email,
    );

    expect(emails).not.toContain(people.owner.email);
    expect(emails).toHaveLength(4);
  });

  it('invites new users and refuses known ones with 409', async () => {
    const { send, get } = await start();

    expect((await send('POST', '/v1/ashares', {})).status).toBe(405);
    expect((await send('POST', '/v1/invite', { email: 'new@example.test' })).status).toBe(201);
    expect((await send('POST', '/v1/invite', { email: people.admin.email })).status).toBe(409);
    expect(idsOf(await get('/v1/ashares'))).toHaveLength(5);
  });
});

describe('the licence', () => {
  it('closes single types with the chosen status', async () => {
    const { emulator, get } = await start({ unlicensed: { ediprofiles: 403, lookupcaches: 402 } });

    expect(codeOf(await get('/v1/ediprofiles'))).toBe('feature_not_enabled');
    expect((await get('/v1/lookupcaches')).status).toBe(402);
    emulator.setUnlicensed('ediprofiles', undefined);
    expect((await get('/v1/ediprofiles')).status).toBe(204);
  });
});

describe('the rate limit', () => {
  it('answers 429 with whole seconds to wait, and refills with time', async () => {
    const { get, time } = await start({ rateLimit: { capacity: 2, refillPerSecond: 1 } });

    await get('/v1/tags');
    await get('/v1/tags');
    const refused = await get('/v1/tags');
    time.advance(1);

    expect([refused.status, codeOf(refused), refused.headers.get('retry-after')]).toEqual([429, 'rate_limited', '1']);
    expect((await get('/v1/tags')).status).toBe(200);
  });
});
