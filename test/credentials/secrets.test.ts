import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseYaml } from '../../src/core/yaml.ts';
import { emptyAccount } from '../../src/emulator/model/seed.ts';
import { expectCode, said } from '../restore/support.ts';
import { sample } from '../support/account.ts';
import { cli, type Outcome, start, Workspace } from '../support/workspace.ts';

interface Needed {
  readonly credentials: number;
  readonly supplied: number;
  readonly signIns: number;
  readonly connections: readonly { readonly name: string }[];
  readonly flows: readonly { readonly name: string }[];
  readonly resources: readonly {
    readonly type: string;
    readonly id: string;
    readonly name: string;
    readonly signIn: boolean;
    readonly credentials: readonly { readonly place: string; readonly bySignIn: boolean; readonly supplied: boolean }[];
    readonly flows: readonly { readonly key: string; readonly enabled: boolean }[];
  }[];
}

interface Live {
  readonly missing: number;
  readonly resources: readonly { readonly live?: { readonly state: string } }[];
}

/** The sample account, mirrored, and an empty one. */
async function accounts() {
  const prod = await sample();
  const copy = await sample({ seed: emptyAccount(), legacyRest: 'accept' });
  const space = new Workspace({
    prod: { baseUrl: prod.url, token: prod.owner.token },
    copy: { baseUrl: copy.url, token: copy.owner.token },
  });
  await space.mirrored('--account', 'prod');
  const secrets = (...args: string[]): Promise<Outcome> => space.run('secrets', ...args, '--account', 'prod');
  const needed = async (...args: string[]): Promise<Needed> => {
    const outcome = await secrets(...args, '--json');
    expectCode(outcome, 0, 3);
    return JSON.parse(outcome.out) as Needed;
  };
  return { prod, copy, space, secrets, needed };
}

describe('secrets', () => {
  it('names each credential that the mirror lacks, with the connections and flows that wait for it', {
    tags: 'slow',
  }, async () => {
    const { secrets, needed } = await accounts();
    const all = await needed('list');
    const shop = all.resources.find(({ name }) => name === 'Webshop – fjellrand.example.com');
    expect(all.credentials).toBeGreaterThan(20);
    expect(shop).toMatchObject({ type: 'connections', signIn: true });
    expect(shop?.flows.some(({ enabled }) => enabled)).toBe(true);
    expect(all.flows.length).toBeGreaterThan(0);

    const { out } = await secrets('list');
    for (const { id, credentials } of all.resources) {
      expect(out).toContain(id);
      for (const { place } of credentials) expect(out).toContain(place);
    }
    expect(out).toMatch(
      /A full restore of prod needs \d+ credentials and \d+ sign-ins? in the browser beside the mirror/,
    );
  });

  it('check says what a file lacks, and which flows will not run', async () => {
    const { space, secrets, needed } = await accounts();
    const file = join(space.dir, 'secrets.yaml');
    const none = await secrets('check');
    expectCode(none, 3);
    expect(none.out).toContain('are missing');

    const one = (await needed('list')).resources.find(({ name }) => name === 'Carrier (Postbud)');
    const places = one?.credentials.map(({ place }) => `  ${JSON.stringify(place)}: value\n`).join('') ?? '';
    writeFileSync(file, `connections/${one?.id}:\n${places}`);
    const some = await needed('check', '--secrets', file);
    expect(some.supplied).toBe(one?.credentials.length);
    expectCode(await secrets('check', `connections/${one?.id}`, '--secrets', file), 0);
  });

  it('takes a variable that is not set, and a program that fails, for missing values', { tags: 'slow' }, async () => {
    const { space, secrets } = await accounts();
    const file = join(space.dir, 'secrets.yaml');
    const places = (value: string): void =>
      writeFileSync(file, `connections/Carrier (Postbud):\n  http.auth.basic.password: ${value}\n`);
    const check = (): Promise<Outcome> => secrets('check', 'connections/Carrier (Postbud)', '--secrets', file);
    writeFileSync(file, 'connections/Carrier (Postbud): { http.auth.basic.password: ${NOT_SET} }\n');
    expect((await check()).err).toContain('NOT_SET is not set');
    for (const [value, reason] of [
      ['${NOT_SET}', 'NOT_SET is not set'],
      ['{ exec: [no-such-program] }', 'there is no program no-such-program'],
      ['{ exec: [sh, -c, "echo typed; exit 7"] }', 'sh ended with exit code 7'],
      ['{ exec: ["true"] }', 'true printed nothing'],
    ] as const) {
      places(value);
      const outcome = await check();
      expectCode(outcome, 3);
      expect(outcome.err).toContain(`http.auth.basic.password: `);
      expect(outcome.err).toContain(reason);
      expect(said(outcome)).not.toContain('typed');
    }
    places('{ exec: [echo, "  kept as it is "] }');
    expectCode(await check(), 0);
  });

  it('passes no token of its own to a program that prints a credential', async () => {
    const { space, prod } = await accounts();
    const [program, seen] = [join(space.dir, 'vault'), join(space.dir, 'seen')];
    writeFileSync(program, `#!/bin/sh\nenv > ${seen}\necho from-the-vault\n`);
    chmodSync(program, 0o755);
    const file = join(space.dir, 'secrets.yaml');
    writeFileSync(file, `connections/Carrier (Postbud):\n  http.auth.basic.password: { exec: [${program}] }\n`);
    const env = { CELIGO_API_TOKEN: prod.owner.token, VAULT_SESSION: 'needed' };
    const outcome = await cli(
      ['secrets', 'check', 'connections', '--account', 'prod', '--secrets', file],
      space.dir,
      env,
    );
    expectCode(outcome, 3);
    expect(said(outcome)).not.toContain('from-the-vault');
    expect(readFileSync(seen, 'utf8')).toContain('VAULT_SESSION=needed');
    expect(readFileSync(seen, 'utf8')).not.toContain(prod.owner.token);
  });

  it('runs no program that a file in the mirror names', async () => {
    const { space, secrets } = await accounts();
    const [file, made] = [join(space.mirror, 'secrets.yaml'), join(space.dir, 'made')];
    writeFileSync(file, `connections/Carrier (Postbud):\n  http.auth.basic.password: { exec: [touch, ${made}] }\n`);
    const outcome = await secrets('check', 'connections/Carrier (Postbud)', '--secrets', file);
    expectCode(outcome, 3);
    expect(outcome.err).toContain('no program is run for a file in the mirror');
    expect(existsSync(made)).toBe(false);
  });

  it('asks the account what it has, and says what is still missing there', { tags: 'slow' }, async () => {
    const { prod, copy, space } = await accounts();
    const shop = 'connections/Carrier (Postbud)';
    const check = (...args: string[]): Promise<Outcome> =>
      space.run('secrets', 'check', shop, '--account', 'prod', ...args);
    const json = async (...args: string[]) => JSON.parse((await check('--json', ...args)).out) as Live;
    expectCode(await check(), 3);
    // In the account that was mirrored, nothing is missing.
    expect(await json('--live')).toMatchObject({ missing: 0, resources: [{ live: { state: 'live' } }] });
    const absent = await json('--live', 'copy');
    expect(absent.missing).toBeGreaterThan(0);
    expect(absent.resources).toMatchObject([{ live: { state: 'absent' } }]);

    expectCode(await space.run('restore', shop, '--account', 'prod', '--to', 'copy', '--yes'), 0, 3);
    const bare = await check('--live', 'copy');
    expectCode(bare, 3);
    expect(bare.out).toContain('in the account, and offline there');
    expect(bare.out).toContain('http.auth.basic.password  (missing)');

    const id = String(prod.emulator.state.all('connections').find(({ name }) => name === 'Carrier (Postbud)')?._id);
    for (const kind of ['exports', 'imports']) expect(copy.emulator.state.all(kind)).toEqual([]);
    const made = String(copy.emulator.state.all('connections')[0]?._id);
    expect(made).not.toBe(id);
    copy.emulator.act(copy.owner.email).remove('connections', made);
    const binned = await check('--live', 'copy');
    expectCode(binned, 0);
    const { out } = await space.run('secrets', 'list', shop, '--account', 'prod', '--live', 'copy');
    expect(out).toContain('(comes back from the recycle bin)');
    expectCode(await space.run('secrets', 'template', '--account', 'prod', '--live'), 64);
  });

  it('a template that is filled restores an empty account with every connection online', { tags: 'slow' }, async () => {
    const { copy, space, secrets } = await accounts();
    const { out } = await secrets('template');
    const file = join(space.dir, 'secrets.yaml');
    // What comes back by signing in is in a vault, too.
    writeFileSync(file, out.replace(/^( *)# (?=(?: *[\w.[\]"]+: \$\{|[a-z]+\/[\w-]+:$))/gm, '$1'));
    const names = [...new Set([...readFileSync(file, 'utf8').matchAll(/\$\{(\w+)\}/g)].map(([, name = '']) => name))];
    // Of a text that has a credential in it, the value is the text.
    const whole = (name: string, value: string): string =>
      name.endsWith('_URI') ? `https://rates.example.test/?api_key=${value}` : value;
    const values = names.map((_, i) => `filled-in-value-${i}-of-the-vault`);
    const env = Object.fromEntries(names.map((name, i) => [name, whole(name, values[i] ?? '')]));
    expect(names.length).toBeGreaterThan(20);
    // None that a resource could be named after, such as GITHUB_TOKEN.
    expect(names.filter((name) => !name.startsWith('RESTORE_'))).toEqual([]);
    expect(Object.keys(parseYaml(out) as object).length).toBeGreaterThan(10);

    const [shim, told] = [join(space.dir, 'bin'), join(space.dir, 'told')];
    const git = execFileSync('sh', ['-c', 'command -v git'], { encoding: 'utf8' }).trim();
    mkdirSync(shim);
    writeFileSync(join(shim, 'git'), `#!/bin/sh\n{ env; printf '%s\\n' "$@"; } >> ${told}\nexec ${git} "$@"\n`);
    chmodSync(join(shim, 'git'), 0o755);
    const checked = await cli(['secrets', 'check', '--account', 'prod', '--secrets', file], space.dir, env);
    expectCode(checked, 0);
    const restore = ['restore', 'all', '--account', 'prod', '--to', 'copy', '--secrets', file, '--yes'];
    // A process of its own, with its log: children are told nothing, whether as arguments or in their environment.
    const PATH = `${shim}:${process.env.PATH}`;
    const outcome = await start(restore, space.dir, { ...env, PATH, LOG_LEVEL: 'trace' }).done;
    expectCode(outcome, 0, 3);
    const children = readFileSync(told, 'utf8');
    expect(children).toContain('cat-file');
    expect(values.filter((value) => children.includes(value))).toEqual([]);

    const connections = copy.emulator.state.all('connections');
    expect(connections.length).toBeGreaterThan(10);
    expect(connections.filter(({ offline }) => offline === true).map(({ name }) => name)).toEqual([]);
    const history = space.git('log', '--all', '-p');
    expect(values.filter((value) => history.includes(value) || said(outcome).includes(value))).toEqual([]);
    // The account agrees: it lacks none of them. Without them, every one is missing there.
    const live = await cli(['secrets', 'check', '--account', 'prod', '--live', 'copy', '--json'], space.dir);
    const there = JSON.parse(live.out) as { missing: number; resources: { live?: { offline: boolean } }[] };
    expect(there.missing).toBe(0);
    expect(there.resources.filter((one) => one.live?.offline !== false)).toEqual([]);
    expectCode(live, 0);
  });
});
