import { expect, it } from 'vitest';
import { sample } from '../support/account.ts';
import { cli, tempDir } from '../support/workspace.ts';
import { expectCode, mirrored } from './support.ts';

interface Finding {
  readonly what: string;
  readonly why: string;
}

it('drill explains what needs something that no restore makes and the account does not list', {
  tags: 'slow',
}, async () => {
  const test = await sample();
  const { emulator } = test;
  const provider = '66a3d1595d3e7b001e000001';
  const server = emulator.state.all('mcpservers').find(({ _connectorId }) => _connectorId === undefined);
  emulator.state.touch('mcpservers', String(server?._id), { 'oauth._mcpOAuthProviderId': provider });
  emulator.faults.add({
    match: { path: '/v1/mcpoauthproviders' },
    times: 'always',
    fault: { kind: 'status', status: 404 },
  });
  const space = await mirrored(test);

  const outcome = await cli(['drill', space.mirror, '--json'], tempDir());

  expectCode(outcome, 0);
  const { explained, unexplained } = JSON.parse(outcome.out) as Record<string, Finding[]>;
  expect(unexplained).toEqual([]);
  const found = explained?.find(({ what }) => what === `mcpservers/${String(server?._id)}`);
  expect(found?.why).toContain(`mcpoauthproviders/${provider}`);
});

it('drill does not excuse a missing reference for the sake of an explained one next to it', {
  tags: 'slow',
}, async () => {
  const test = await sample();
  const { emulator } = test;
  const server = emulator.state.all('mcpservers').find(({ _connectorId }) => _connectorId === undefined);
  const id = String(server?._id);
  emulator.state.touch('mcpservers', id, { 'apis[0]._apiId': '66a3d1595d3e7b001e000001' });
  const space = await mirrored(test);

  const outcome = await cli(['drill', space.mirror, '--json'], tempDir());

  expectCode(outcome, 1);
  const { unexplained } = JSON.parse(outcome.out) as Record<string, Finding[]>;
  expect(unexplained?.map(({ what }) => what)).toEqual([`mcpservers/${id}`]);
});
