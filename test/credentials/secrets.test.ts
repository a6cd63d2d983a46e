import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseYaml } from '../../src/core/yaml.ts';
import { emptyAccount } from '../../src/emulator/model/seed.ts';
import { expectCode, said } from '../restore/support.ts';
import { sample } from '../support/account.ts';
import { cli, type Outcome, Workspace } from '../support/workspace.ts';

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
  it('names each credential that the mirror lacks, with the connections and flows that wait for it', async () => {
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
    expect(Object.keys(parseYaml(out) as object).length).toBeGreaterThan(10);

    const checked = await cli(['secrets', 'check', '--account', 'prod', '--secrets', file], space.dir, env);
    expectCode(checked, 0);
    const restore = ['restore', 'all', '--account', 'prod', '--to', 'copy', '--secrets', file, '--yes'];
    const outcome = await cli(restore, space.dir, env);
    expectCode(outcome, 0, 3);

    const connections = copy.emulator.state.all('connections');
    expect(connections.length).toBeGreaterThan(10);
    expect(connections.filter(({ offline }) => offline === true).map(({ name }) => name)).toEqual([]);
    const history = space.git('log', '--all', '-p');
    expect(values.filter((value) => history.includes(value) || said(outcome).includes(value))).toEqual([]);
  });
});
