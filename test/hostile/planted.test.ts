import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import type { Json } from '../../src/core/json.ts';
import { sample } from '../support/account.ts';
import { cli, Workspace } from '../support/workspace.ts';

/** A credential of its own for each place, so that a leak names where it came from. */
const credential = (n: number): string =>
  `${['gh', 'p'].join('')}_${String(n).padStart(4, '0')}${'aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1dF'}`;
/** One that only the name beside it tells. */
const password = (n: number): string => `tulip${n}bulb`;
const pin = (n: number): number => 40_917_000 + n;

type Wrap = (value: string, n: number) => Json;

/** Where people put what does not belong there: type, place, and how the credential stands in it. */
const PLACES: readonly (readonly [type: string, place: string, wrap?: Wrap])[] = [
  ['flows', 'description'],
  ['flows', 'settings', (value) => ({ general: { note: value } })],
  ['flows', 'name', (value) => `Flow ${value}`],
  ['integrations', 'settings', (value) => ({ list: [{ deep: [value] }] })],
  ['integrations', 'description', (value) => `ask for ${value} when it fails`],
  ['exports', 'http.relativeURI', (value) => `/orders?access=${value}`],
  ['exports', 'http.headers', (value) => [{ name: 'X-Note', value }]],
  ['exports', 'http.body', (value) => JSON.stringify({ key: value })],
  ['exports', 'description'],
  ['exports', 'traceKeyTemplate', (value) => `${value}{{record.id}}`],
  ['imports', 'http.headers', (value) => [{ name: 'Authorization', value: `Bearer ${value}` }]],
  ['imports', 'http.relativeURI', (value) => [`/orders/${value}`]],
  ['imports', 'http.body', (value) => [`<a key="${value}"/>`]],
  ['imports', 'description'],
  ['imports', 'settings', (value) => ({ apiKey: value })],
  ['connections', 'http.baseURI', (value) => `https://api.example.test/${value}`],
  ['connections', 'http.headers', (value) => [{ name: 'X-Api', value }]],
  ['connections', 'settings', (value) => ({ password: value })],
  ['scripts', 'content', (value) => `const x = '${value}';\n`],
  ['scripts', 'description'],
  // Keys, and what stands below them.
  ['integrations', 'settings', (value) => ({ [value]: 'x', more: 1 })],
  ['exports', 'settings', (value) => ({ list: [{ [`https://shop:${value}@api.example.test`]: { y: 1 } }] })],
  ['imports', 'lookups', (value) => [{ name: 'l', map: { [value]: 'b' } }]],
  ['imports', 'lookups', (value) => [{ name: 'l', map: { a: value } }]],
  ['exports', 'http.headers', (value) => [{ name: value, value: 'x' }]],
  ['flows', 'settings', (value) => ({ [value]: value })],
  // Below a name, beside a name, in a list, as a number.
  ['integrations', 'settings', (_, n) => ({ password: { value: password(n) } })],
  ['flows', 'settings', (_, n) => ({ passwords: [password(n)] })],
  ['exports', 'settings', (_, n) => ({ fields: [{ name: 'password', value: password(n) }] })],
  ['imports', 'settings', (_, n) => ({ secret: { current: [{ value: password(n) }] } })],
  ['connections', 'settings', (_, n) => ({ options: [{ key: 'passphrase', value: password(n) }] })],
  ['connections', 'settings', (_, n) => ({ password: pin(n) })],
  ['imports', 'settings', (_, n) => ({ passwords: [1, pin(n)] })],
  ['exports', 'settings', (value) => ({ row: ['api_key', value] })],
  // Samples, where they are kept.
  ['exports', 'mockOutput', (_, n) => ({ page_of_records: [{ record: { password: password(n) } }] })],
  ['exports', 'mockOutput', (value) => ({ page_of_records: [{ record: { t: value } }] })],
  ['exports', 'sampleData', (value) => ({ id: 1, note: value })],
  ['imports', 'mockResponse', (_, n) => [{ id: 1, accessToken: password(n) }]],
  // Addresses in any form.
  ['exports', 'http.relativeURI', (_, n) => `/orders?access_token=${password(n)}`],
  ['connections', 'http.baseURI', (value) => `https://${value}@api.example.test/x`],
  ['connections', 'http.baseURI', (_, n) => `https://:${password(n)}@api.example.test`],
  ['imports', 'description', (_, n) => `cache: redis://:${password(n)}@redis.example.test:6379/0`],
  ['exports', 'http.body', (_, n) => `{"user": "u", "password": "${password(n)}"}`],
  // Types of all kinds.
  ['iclients', 'description'],
  ['tools', 'description'],
  ['apis', 'description'],
  ['tags', 'tag'],
  ['agents', 'description'],
  ['stacks', 'name'],
  ['lookupcaches', 'description'],
  ['filedefinitions', 'description'],
  ['mcpservers', 'description'],
  ['asynchelpers', 'name'],
  ['ediprofiles', 'name'],
];

/** What a leak of each place would show. */
const traces = (n: number): string[] => [credential(n), password(n), String(pin(n))];

it(`a credential planted in ${PLACES.length} places reaches neither repository, log, report nor bundle`, {
  tags: 'slow',
}, async () => {
  expect(PLACES.length).toBeGreaterThanOrEqual(40);
  const account = await sample();
  const space = new Workspace({
    prod: {
      baseUrl: account.url,
      token: account.owner.token,
      credentials: { code: 'redact' },
      overview: true,
      auditFeed: true,
      sampleData: true,
    },
  });
  await space.mirrored();
  const documents = new Map(
    [...new Set(PLACES.map(([type]) => type))].map((type) => [
      type,
      account.emulator.state.all(type).map(({ _id }) => String(_id)),
    ]),
  );
  const ids: string[] = [];
  for (const [n, [type, place, wrap]] of PLACES.entries()) {
    const id = documents.get(type)?.shift() ?? '';
    ids.push(id);
    const value = wrap ? wrap(credential(n), n) : credential(n);
    account.emulator.state.touch(type, id, { [place]: value, lastModified: `2026-11-0${1 + (n % 9)}T00:00:00.000Z` });
  }

  const said: string[] = [];
  const run = async (...args: string[]): Promise<void> => {
    const { out, err } = await cli(args, space.dir, { LOG_LEVEL: 'trace' });
    said.push(out, err);
  };
  await run('sync', '--json');
  await run('sync', '--full');
  await run('diff');
  await run('log', '--patch', '--json');
  for (const format of ['html', 'md', 'csv', 'json']) await run('report', '--format', format);
  await run('lint', '--json');
  await run('verify');
  await run('doctor', '--json');
  await run('doctor', '--bundle', 'bundle');
  await run('restore', 'all', '--at', 'HEAD~1', '--dry-run', '--json');
  await run('drill', '--json');
  for (const [type] of documents) await run('impact', `${type}/${String(account.emulator.state.all(type)[0]?._id)}`);

  const seen = said.join('\n');
  const history = space.git('log', '-p', '--all', '--format=%an%ae%B');
  const folder = readdirSync(space.dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.parentPath.includes('/objects'))
    .map((entry) => readFileSync(join(entry.parentPath, entry.name)))
    .map((bytes) => (bytes[0] === 0x1f ? gunzipSync(bytes) : bytes).toString('latin1'))
    .join('\n');
  // Every place was mirrored: otherwise there was nothing to leak.
  const reported = space.git('log', '--format=%B').match(/^- (?:changed|renamed): .*$/gm) ?? [];
  const edited = PLACES.map(([type, place], n) => [type, place, ids[n] ?? ''] as const);
  expect(edited.filter(([, , id]) => !reported.some((line) => line.includes(id)))).toEqual([]);
  const leaks = PLACES.flatMap(([type, place], n) =>
    [seen, history, folder].some((text) => traces(n).some((trace) => text.includes(trace)))
      ? [`${n}: ${type} ${place}`]
      : [],
  );
  expect(leaks).toEqual([]);
  expect(
    existsSync(join(space.dir, 'bundle')) || readdirSync(space.dir).some((name) => name.startsWith('bundle')),
  ).toBe(true);
  // In the account they are all still there, unchanged.
  const held = JSON.stringify(
    Object.fromEntries([...documents.keys()].map((type) => [type, account.emulator.state.all(type)])),
  );
  for (const n of PLACES.keys())
    expect(
      traces(n).some((trace) => held.includes(trace)),
      String(n),
    ).toBe(true);
});
