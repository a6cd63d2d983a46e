import { statSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { listen, type Served } from '../../src/daemon/server.ts';
import { sample } from '../support/account.ts';
import { Workspace } from '../support/workspace.ts';

const served = (hosts: readonly string[]): Served => ({
  unhealthy: () => undefined,
  accounts: () => [],
  metrics: async () => ({ contentType: 'text/plain', text: '' }),
  status: () => ({}),
  pages: () => undefined,
  hosts: () => hosts,
  triggerToken: () => undefined,
  trigger: () => undefined,
  scrub: (text) => text,
});

/** The status of an answer to a request with this `Host`. */
function ask(port: string, host: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, path: '/status', headers: { host }, agent: false };
    request(options, (response) => resolve(response.resume().statusCode))
      .on('error', reject)
      .end();
  });
}

describe('a request for another host', () => {
  const ROWS: [string, string, string[], number][] = [
    ['127.0.0.1:0', 'evil.example', [], 421],
    ['127.0.0.1:0', 'evil.example:8080', [], 421],
    ['127.0.0.1:0', '127.0.0.1.evil.example', [], 421],
    ['127.0.0.1:0', 'localhost.evil.example', [], 421],
    ['127.0.0.1:0', '127.0.0.1:8080', [], 200],
    ['127.0.0.1:0', '[::1]:8080', [], 200],
    ['127.0.0.1:0', 'LOCALHOST', [], 200],
    ['127.0.0.1:0', 'mirror.acme.example', ['mirror.acme.example'], 200],
    ['0.0.0.0:0', 'mirror.monitoring.svc', [], 200],
    ['0.0.0.0:0', 'evil.example', ['mirror.acme.example'], 421],
    ['0.0.0.0:0', '10.1.2.3:8080', ['mirror.acme.example'], 200],
  ];
  it.each(ROWS)('at %s as %s (hosts: %j) is answered with its status', async (address, host, hosts, status) => {
    const server = await listen(address, served(hosts));
    const answered = await ask(new URL(server.url).port, host);
    await server.close();

    expect(answered).toBe(status);
  });
});

describe('what the program writes for itself', () => {
  it('is for its user alone: the state folder, and results', { tags: 'slow' }, async () => {
    const account = await sample();
    const space = new Workspace({ prod: { baseUrl: account.url, token: account.owner.token, include: ['flows'] } });
    await space.sync();
    const mode = (path: string): string => (statSync(path).mode & 0o777).toString(8);

    await space.run('report', '-o', join(space.dir, 'report.html'));

    expect(mode(join(space.mirror, '.git', 'celigo-mirror'))).toBe('700');
    expect(mode(join(space.dir, 'report.html'))).toBe('600');
  });
});
