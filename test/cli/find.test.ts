import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { boundedSearch } from '../../src/cli/input/bounded-regex.ts';
import { setPlace } from '../../src/core/paths.ts';
import { commit, edit, fileOf } from '../compare/two.ts';
import { sample } from '../support/account.ts';
import { cli, git, tempDir, Workspace } from '../support/workspace.ts';

interface FoundJson {
  readonly resources: readonly {
    readonly account: string;
    readonly type: string;
    readonly name: string;
    readonly integrations: readonly string[];
    readonly files: readonly string[];
    readonly found: readonly { readonly place: string; readonly line?: number; readonly text: string }[];
  }[];
}

/** A clone of the sample account's mirror, without a configuration. */
async function clone(): Promise<string> {
  const account = await sample();
  const space = new Workspace({ prod: { baseUrl: account.url, token: account.owner.token } });
  await space.mirrored();
  edit(fileOf(space, 'prod', 'flows', 'Ship notices 856'), (doc) =>
    setPlace(setPlace(doc, 'disabled', true), 'description', 'evil \u001b[31mred\u202e'),
  );
  const script = fileOf(space, 'prod', 'scripts', 'Order router').replace(/yaml$/, 'js');
  writeFileSync(script, '// one\n// two: Bergen\n');
  commit(space.mirror);
  const dir = join(tempDir(), 'bare.git');
  git(space.dir, 'clone', '--quiet', '--bare', space.mirror, dir);
  return dir;
}

it('finds where something is: resource, field or line of code, integration', { tags: 'slow' }, async () => {
  const dir = await clone();
  const find = (...args: string[]) => cli(['find', ...args], dir);
  const found = async (...args: string[]): Promise<string[]> => {
    const { code, out, err } = await find(...args, '--json');
    expect(code, err).toBe(0);
    return (JSON.parse(out) as FoundJson).resources.flatMap((one) =>
      one.found.length === 0
        ? [`${one.type} ${one.name}`]
        : one.found.map(({ place, line }) => `${one.type} ${one.name}: ${place}${line ? `:${line}` : ''}`),
    );
  };

  expect(await found('two: BERGEN')).toEqual(['scripts Order router: content:2']);
  expect(await found('--regex', '^// (one|three)$')).toEqual(['scripts Order router: content:1']);
  expect(await found('ship notices', '--type', 'flow', '--field', 'name')).toEqual(['flows Ship notices 856: name']);
  expect(await found('--where', 'disabled = true', '--where', 'name ~ ship*856')).toEqual(['flows Ship notices 856']);
  expect(await found('--field', '**.function', 'pickBranches')).toEqual([
    'flows Orders: web shop → NetSuite: routers[1].script.function',
  ]);
  expect(await found('pickBranches', 'flows/Ship notices 856')).toEqual([]);

  const text = await find('two: bergen');
  expect(text.out).toMatch(
    new RegExp(
      [
        String.raw`^script "Order router" in "Webshop → ERP" {2}prod/scripts/order-router\.\w+\.yaml`,
        String.raw` {2}prod/scripts/order-router\.\w+\.js:2: // two: Bergen\n$`,
      ].join('\n'),
    ),
  );
  const many = await find('--where', 'name = "NetSuite (live)"', '--type', 'connections');
  expect(many.out).toMatch(/^connection "NetSuite \(live\)" in "[^"]+", "[^"]+", "[^"]+" and 3 more {2}prod/);
  const evil = await find('evil');
  expect(evil.out).toContain('description: evil');
  expect(evil.out).not.toMatch(/[\u001b\u202e]/);
});

it.each([
  [[], 'nothing to look for'],
  [['--regex', '('], '--regex: Invalid regular expression'],
  [['--where', 'name'], '--where: "name" is not a valid condition'],
  [['--field', 'a..b'], '--field: "a..b" is not a valid path of a field'],
  [['x', '--type', 'flowz'], '--type: no resource type is called flowz'],
])('find %j is refused by name', async (args, message) => {
  const outcome = await cli(['find', ...args], tempDir());

  expect(outcome.code).toBe(64);
  expect(outcome.err).toContain(message);
});

it('says of a field that no resource has it, and refuses one that is never in the mirror', async () => {
  const account = await sample();
  const space = new Workspace({ prod: { baseUrl: account.url, token: account.owner.token } });
  await space.mirrored();
  const find = (...args: string[]) => space.run('find', ...args);

  expect(await find('--where', 'lastModified > 2026-11-01')).toMatchObject({
    code: 64,
    out: '',
    err: expect.stringMatching(/--where: lastModified is not in the mirror, which leaves out what changes on its own/),
  });
  expect(await find('--field', 'lastExecutedAt', '--type', 'flows', '--json')).toMatchObject({
    code: 64,
    err: expect.stringContaining('lastExecutedAt'),
  });
  // Others could have it: what they have of all else is found.
  const some = await find('--where', 'lastExecutedAt missing', '--type', 'flows', '--type', 'scripts', '--json');
  expect(some).toMatchObject({ code: 0, err: expect.stringContaining('the mirror leaves it out of flows') });
  expect((JSON.parse(some.out) as FoundJson).resources.length).toBeGreaterThan(0);
  expect((await find('flows', '--where', 'disabled = true')).err).toContain(
    'flows was looked for as a text; to search only there: find "" flows --where',
  );
  expect((await find('', 'flows', '--where', 'disabled = true')).out).toMatch(/^flow "/);
  const unknown = '--where: no resource here has the field disabld (did you mean disabled?)';
  expect(await find('', 'flows', '--where', 'disabld missing')).toMatchObject({
    code: 0,
    err: expect.stringContaining(unknown),
  });
  expect((await find('', 'flows', '--where', 'disabled = true')).err).not.toContain('no resource here');

  const log = (...args: string[]) => space.run('log', ...args);
  expect(await log('--field', 'lastModified')).toMatchObject({
    code: 64,
    err: expect.stringContaining('--field: lastModified is not in the mirror'),
  });
  expect(await log('flows', '--field', 'schedul')).toMatchObject({
    code: 0,
    out: 'No changes.\n',
    err: expect.stringContaining('--field: no resource here has the field schedul (did you mean schedule?)'),
  });
  expect((await log('--field', 'schedule')).err).not.toContain('no resource here');
});

it('an expression that never ends is stopped', () => {
  const search = boundedSearch('^(a+)+$', '--regex', 200);

  expect(search(['aaa', 'b'])).toEqual([0, -1]);
  expect(() => search([`${'a'.repeat(60)}!`])).toThrow('--regex: ^(a+)+$ takes too long');
  expect(search(['aaa', 'b'])).toEqual([0, -1]);
});

it('lists id, name, state and integration of what is mirrored', { tags: 'slow' }, async () => {
  const dir = await clone();
  const { code, out, err } = await cli(['list', 'flows', '--json'], dir);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  const { resources } = JSON.parse(out) as { resources: (FoundJson['resources'][number] & { state?: string })[] };

  expect(new Set(resources.map(({ type }) => type))).toEqual(new Set(['flows']));
  expect(resources.find(({ name }) => name === 'Ship notices 856')).toMatchObject({
    state: 'disabled',
    integrations: ['Wholesale EDI (Hartmann & Söhne, Møller Sport)'],
  });
  expect(new Set(resources.map(({ state }) => state))).toEqual(new Set(['enabled', 'disabled']));

  const text = await cli(['list', 'connections', 'flow', '--at', 'HEAD~1'], dir);
  expect(text.out).toMatch(/^TYPE +ID +NAME +STATE +INTEGRATION\nconnections +[0-9a-f]{24} /);
  expect(text.out).toMatch(/^flows +[0-9a-f]{24} +Ship notices 856 +enabled /m);
  expect(text.err).toMatch(/^\d+ resources\n$/);
  expect(await cli(['list', 'nonsense'], dir)).toMatchObject({ code: 64, err: expect.stringContaining('nonsense') });
});
