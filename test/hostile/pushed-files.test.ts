import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { renderYaml } from '../../src/core/yaml.ts';
import { commitByHand } from '../restore/support.ts';
import { sample, type TestAccount } from '../support/account.ts';
import { cli, git, tempDir, Workspace } from '../support/workspace.ts';

const TOKEN = 'token-of-the-environment';

/** A mirror, and a clone of it in which another person left a configuration that sends tokens elsewhere. */
async function pushedConfig(): Promise<{
  readonly account: TestAccount;
  readonly clone: string;
  readonly file: string;
  readonly heard: TestAccount;
  readonly push: () => void;
}> {
  const [account, heard] = [await sample(), await sample()];
  const space = new Workspace({ prod: { baseUrl: account.url, token: account.owner.token, include: ['flows'] } });
  await space.mirrored();
  const clone = join(tempDir(), 'clone');
  git('/', 'clone', '--quiet', space.mirror, clone);
  const file = join(clone, 'celigo-mirror.yaml');
  const prod = { baseUrl: heard.url, token: '$' + '{CELIGO_API_TOKEN}', include: ['flows'] };
  writeFileSync(file, renderYaml({ repository: { path: clone }, accounts: { prod } }));
  const push = (): void => {
    git(clone, 'add', '--all', '.');
    git(clone, '-c', 'user.name=M', '-c', 'user.email=m@x.test', 'commit', '--quiet', '-m', 'a configuration');
  };
  push();
  return { account, clone, file, heard, push };
}

const heardBy = ({ emulator }: TestAccount): number => emulator.requests.length;

describe('a configuration in a mirror', () => {
  it('is left aside and named, unless --config names it', async () => {
    const { clone, file, heard } = await pushedConfig();
    const env = { CELIGO_API_TOKEN: TOKEN, CELIGO_BASE_URL: 'http://127.0.0.1:9', MIRROR_ACCOUNT: 'prod' };

    const left = await cli(['diff', '--account', 'prod'], clone, env);
    expect(left.err).toContain(`${file} is in a mirror and was not used`);
    expect(left.err).toContain(`--config ${file}`);
    expect(heardBy(heard)).toBe(0);
    const without = await cli(['sync'], clone);
    expect(without.code).toBe(64);
    expect(without.err).toContain(`${file} is in a mirror and was not used`);

    await cli(['--config', file, 'diff', '--account', 'prod'], clone, { CELIGO_API_TOKEN: heard.owner.token });
    expect(heardBy(heard)).toBeGreaterThan(0);
  });

  it('also in a folder of it, and where the push removed what shows that it is one', { tags: 'slow' }, async () => {
    const { clone, file, heard, push } = await pushedConfig();
    const below = join(clone, 'prod', 'flows');
    renameSync(file, join(below, 'celigo-mirror.yaml'));
    push();
    expect((await cli(['sync'], below)).err).toContain(`${join(below, 'celigo-mirror.yaml')} is in a mirror`);
    renameSync(join(below, 'celigo-mirror.yaml'), file);
    rmSync(join(clone, 'prod'), { recursive: true });
    push();

    const { err } = await cli(['sync'], clone, { CELIGO_API_TOKEN: TOKEN, CELIGO_BASE_URL: 'http://127.0.0.1:9' });
    expect(err).toContain(`${file} is in a mirror and was not used`);
    expect(heardBy(heard)).toBe(0);
  });

  it('is used where the repository around it is another one', async () => {
    const account = await sample();
    const space = new Workspace({ prod: { baseUrl: account.url, token: account.owner.token, include: ['flows'] } });
    git(space.dir, 'init', '--quiet');
    expect(await space.run('sync')).toMatchObject({ code: 0, err: expect.not.stringContaining('was not used') });
    expect((await space.run('diff')).err).not.toContain('was not used');
  });
});

describe('a map of ids that another person pushed', () => {
  it('cannot have a restore of one resource overwrite another', { tags: 'slow' }, async () => {
    const account = await sample();
    const space = new Workspace({ prod: { baseUrl: account.url, token: account.owner.token, include: ['flows'] } });
    await space.mirrored();
    const [one = '', two = ''] = account.emulator.state
      .all('flows')
      .filter((doc) => !doc._connectorId)
      .map((doc) => String(doc._id));
    account.emulator.act(account.owner.token).set('flows', one, { description: 'edited' });
    await space.sync();
    const before = account.emulator.state.dump();
    const map = join(space.mirror, 'idmaps', 'prod-prod.yaml');
    mkdirSync(join(space.mirror, 'idmaps'));
    const between = '5f0000000000000000000001';
    for (const maps of [
      { flows: { [one]: two } },
      // The type of a pair decides nothing, nor what is between.
      { connections: { [one]: between, [between]: two } },
    ]) {
      writeFileSync(map, renderYaml(maps));
      space.git('add', 'idmaps');
      space.git('-c', 'user.name=M', '-c', 'user.email=m@x.test', 'commit', '--quiet', '-m', 'ids');

      const { code, err } = await space.run('restore', `flows/${one}`, '--at', 'HEAD~2', '--yes');
      expect(err).toContain(`idmaps/prod-prod.yaml says that ${one} is ${two} now, but the account has both`);
      expect(code).toBe(64);
      expect(account.emulator.state.dump()).toEqual(before);
    }
    // A pair whose new id is gone says nothing about a resource that exists.
    writeFileSync(map, renderYaml({ flows: { [one]: between } }));
    space.git('-c', 'user.name=M', '-c', 'user.email=m@x.test', 'commit', '--quiet', '-am', 'ids');
    expect((await space.run('restore', `flows/${one}`, '--at', 'HEAD~4', '--yes')).code).toBe(0);
  });

  it('cannot have two resources written over one of another account', async () => {
    const [account, copy] = [await sample(), await sample()];
    const of = ({ url, owner }: TestAccount) => ({ baseUrl: url, token: owner.token, include: ['tags'] });
    const space = new Workspace({ prod: of(account), copy: of(copy) });
    await space.mirrored('--account', 'prod');
    const ids = account.emulator.state.all('tags').map((doc) => String(doc._id));
    const [one = '', two = '', target = ''] = ids;
    mkdirSync(join(space.mirror, 'idmaps'));
    writeFileSync(
      join(space.mirror, 'idmaps', 'prod-copy.yaml'),
      renderYaml({ tags: { [one]: target, [two]: target } }),
    );
    space.git('add', 'idmaps');
    commitByHand(space);
    const before = copy.emulator.state.dump();

    for (const what of ['all', `tags/${one}`]) {
      const { code, err } = await space.run('restore', what, '--account', 'prod', '--to', 'copy', '--yes');

      expect(err).toContain(`idmaps/prod-copy.yaml says that both tags/${one} and tags/${two} are tags/${target}`);
      expect(code).toBe(64);
    }
    expect(copy.emulator.state.dump()).toEqual(before);
  });
});
