import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/core/json.ts';
import type { AuditEntry, Person } from '../../src/emulator/model/seed.ts';
import { sampleAccount } from '../../src/emulator/sample/index.ts';
import { sample, type TestAccount } from '../support/account.ts';
import { eachOf } from '../support/table.ts';
import { bareRemote, cli, ENV, git, tempDir, Workspace } from '../support/workspace.ts';

const FLOW = '678df75fc3a91b7e41300001';

function workspace(account: TestAccount): Workspace {
  return new Workspace({ prod: { baseUrl: account.url, token: account.owner.token } });
}

function edit(account: TestAccount, by: Person, description: string, id = FLOW): void {
  account.emulator.act(by.token).set('flows', id, { description });
}

/** A remote that can leave out contents, as the forges can. */
function forge(): string {
  const remote = bareRemote();
  git(remote, 'config', 'uploadpack.allowFilter', 'true');
  return remote;
}

/** Runs in a clone that is thrown away. Gives its folder. */
async function oneShot(account: TestAccount, remote: string, name = 'prod'): Promise<string> {
  const dir = tempDir();
  const outcome = await cli(['sync', '--stateless'], dir, {
    CELIGO_BASE_URL: account.url,
    CELIGO_API_TOKEN: account.owner.token,
    MIRROR_REMOTE: `file://${remote}`,
    MIRROR_PATH: join(dir, 'mirror'),
    MIRROR_ACCOUNT: name,
  });
  expect(outcome.code, outcome.err).toBeOneOf([0, 3]);
  return join(dir, 'mirror');
}

/** `author|co-authors` of the newest commits of a repository, newest first. */
function reported(dir: string, count = 1): string[] {
  const format = '--format=%an|%(trailers:key=Co-authored-by,valueonly,separator=%x2C)';
  return git(dir, 'log', `-${count}`, format, 'main').trim().split('\n');
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe('a commit', () => {
  it('names no one who edited before the first listing', { tags: 'slow' }, async () => {
    const account = await sample();
    const space = workspace(account);
    const [ann, bob] = [account.person('administrator', 0), account.person('administrator', 1)];
    edit(account, ann, 'before the mirror was there');
    await space.mirrored();
    edit(account, bob, 'afterwards');
    await space.sync();

    expect(reported(space.mirror)).toEqual([`${bob.name}|`]);
  });

  it('names no one who edited before a type was listed for the first time', { tags: 'slow' }, async () => {
    const account = await sample();
    const space = workspace(account);
    const settings = { baseUrl: account.url, token: account.owner.token };
    space.configure({ prod: { ...settings, exclude: ['flows'] } });
    await space.mirrored();
    const [ann, bob] = [account.person('administrator', 0), account.person('administrator', 1)];
    edit(account, ann, 'while flows were not mirrored');
    space.configure({ prod: settings });
    await space.sync();
    edit(account, bob, 'afterwards');
    await space.sync();

    expect(reported(space.mirror)).toEqual([`${bob.name}|`]);
  });

  eachOf([['kept'], ['lost']], { quick: 0 })('is nobody twice, with a cache that is %s', async (cache) => {
    const account = await sample();
    const space = workspace(account);
    await space.mirrored();
    const people = [account.person('administrator', 0), account.person('administrator', 1), account.owner];
    for (const [i, person] of people.entries()) {
      if (cache === 'lost') rmSync(join(space.mirror, '.git', 'celigo-mirror'), { recursive: true });
      edit(account, person, `edit ${i}`);
      await space.sync();
      await pause(1_000);
    }

    expect(reported(space.mirror, 3)).toEqual(people.toReversed().map(({ name }) => `${name}|`));
  });

  it('names no one twice in clones that are not kept, and everyone once', { tags: 'slow' }, async () => {
    const account = await sample();
    const remote = forge();
    const [ann, bob] = [account.person('administrator', 0), account.person('administrator', 1)];
    const [, other] = account.emulator.state.all('flows').map(({ _id }) => String(_id));
    await oneShot(account, remote);
    edit(account, ann, 'one');
    edit(account, bob, 'another flow', other);
    await oneShot(account, remote);
    expect(reported(remote, 2).toSorted()).toEqual([`${ann.name}|`, `${bob.name}|`].toSorted());
    await pause(1_000);
    edit(account, bob, 'two');
    edit(account, account.owner, 'three');
    const clone = await oneShot(account, remote);

    // Her edit is in the log still, and an earlier commit reports it: two more were fetched, without contents.
    expect(reported(remote)).toEqual([`${account.owner.name}|${bob.name} <${bob.email}>`]);
    const objects = git(clone, 'cat-file', '--batch-all-objects', '--batch-check').split('\n');
    expect(objects.filter((line) => line.includes(' blob ')).length).toBeLessThan(8);
  });

  it('names whoever edited before others pushed to the same branch, in a clone that is not kept', {
    tags: 'slow',
  }, async () => {
    const [one, two] = [await sample(), await sample()];
    const remote = forge();
    const ann = one.person('administrator');
    await oneShot(one, remote, 'one');
    await oneShot(two, remote, 'two');
    edit(one, ann, 'before the other account was mirrored again');
    const dir = tempDir();
    git(dir, 'clone', '--quiet', remote, 'clone');
    // Its clock is an hour ahead: the branch's newest commit says nothing of when our account was read.
    const ahead = `@${Math.floor(Date.now() / 1000) + 3_600} +0000`;
    execFileSync('git', ['commit', '--quiet', '--allow-empty', '-m', 'A README of somebody'], {
      cwd: join(dir, 'clone'),
      env: {
        ...ENV,
        GIT_AUTHOR_NAME: 'x',
        GIT_AUTHOR_EMAIL: 'x@x.test',
        GIT_COMMITTER_NAME: 'x',
        GIT_COMMITTER_EMAIL: 'x@x.test',
        GIT_COMMITTER_DATE: ahead,
      },
    });
    git(join(dir, 'clone'), 'push', '--quiet');

    await oneShot(one, remote, 'one');

    expect(reported(remote)).toEqual([`${ann.name}|`]);
  });

  it('names whoever edited while a type could not be read, in a clone that is not kept', { tags: 'slow' }, async () => {
    const account = await sample();
    const remote = forge();
    const ann = account.person('administrator');
    await oneShot(account, remote);
    edit(account, ann, 'unseen');
    const [script] = account.emulator.state.all('scripts');
    account.emulator.act(account.owner.token).set('scripts', String(script?._id), { description: 'seen' });
    account.emulator.faults.add({
      match: { path: '/v1/flows' },
      times: 'always',
      fault: { kind: 'status', status: 403 },
    });
    await oneShot(account, remote);
    account.emulator.faults.clear();
    await oneShot(account, remote);

    expect(reported(remote, 2)).toEqual([`${ann.name}|`, `${account.owner.name}|`]);
  });

  it('names the person who deleted, not the one who emptied the bin', { tags: 'slow' }, async () => {
    const account = await sample();
    const space = workspace(account);
    const [ann, bob] = [account.person('administrator', 0), account.person('administrator', 1)];
    const made = (await account.call(account.owner, 'POST', '/v1/scripts', {
      name: 'Short-lived',
      content: 'x',
    })) as JsonObject;
    await space.mirrored();
    await account.call(ann, 'DELETE', `/v1/scripts/${String(made._id)}`);
    await account.call(bob, 'DELETE', `/v1/recycleBinTTL/scripts/${String(made._id)}`);
    await space.sync();

    expect(reported(space.mirror)).toEqual([`${ann.name}|${bob.name} <${bob.email}>`]);
  });
});

describe('what a commit says of its authors', () => {
  it('is given for each resource where the log covers one and not the other', async () => {
    const account = await sample({ lastModifiedBy: 'id' });
    const space = workspace(account);
    await space.mirrored();
    const ann = account.person('administrator');
    const [tag] = account.emulator.state.all('tags');
    edit(account, ann, 'in the log');
    account.emulator.act(ann.token).set('tags', String(tag?._id), { tag: 'not in the log' });
    await space.sync();

    expect(reported(space.mirror)).toEqual([`${ann.name}|`]);
    const body = space.git('log', '-1', '--format=%b');
    expect(body).toMatch(/^- (?:changed|renamed): tags\/.*, last modifier\]$/m);
    expect(body).toContain('The audit log does not report the changes marked "last modifier"');
    const { out } = await space.run('log', '--limit', '2', '--json');
    const { entries } = JSON.parse(out) as { entries: { type: string; sureness: string }[] };
    expect(Object.fromEntries(entries.map(({ type, sureness }) => [type, sureness]))).toEqual({
      flows: 'audit',
      tags: 'lastModifiedBy',
    });
  });

  it('is that the log was closed, also where no one is known', async () => {
    const account = await sample();
    const space = workspace(account);
    await space.mirrored();
    edit(account, account.owner, 'by nobody');
    account.emulator.faults.add({
      match: { path: '/v1/audit' },
      times: 'always',
      fault: { kind: 'status', status: 403 },
    });
    await space.sync();

    expect(reported(space.mirror)).toEqual(['celigo-mirror|']);
    expect(space.git('log', '-1', '--format=%b')).toContain(
      'The audit log could not be read: who made these changes is not known.',
    );
  });

  it('is that a log which cannot be read completely could not be read', { tags: 'slow' }, async () => {
    const [entry] = sampleAccount().audit ?? [];
    const busy = Array.from({ length: 150 }, (_, i) => ({
      ...(entry as AuditEntry),
      _id: i.toString(16).padStart(24, '0'),
      time: new Date().toISOString(),
    }));
    const account = await sample({
      lastModifiedBy: 'object',
      auditCap: 100,
      auditPaging: 'ignored',
      seed: { ...sampleAccount(), audit: busy.map((one) => ({ ...one, time: busy[0]?.time ?? '' })) },
    });
    const space = workspace(account);
    await space.mirrored();
    edit(account, account.owner, 'x');

    const report = await space.sync();

    expect(report.notices.join()).toContain('the audit log could not be read');
    expect(space.git('log', '-1', '--format=%b')).toContain('The audit log could not be read: the author is');
  });
});

describe('what came back from the recycle bin', () => {
  async function deleted(): Promise<{ account: TestAccount; space: Workspace; id: string }> {
    const account = await sample();
    const space = workspace(account);
    const made = (await account.call(account.owner, 'POST', '/v1/scripts', {
      name: 'Coming and going',
      content: 'x',
    })) as JsonObject;
    await space.mirrored();
    await account.call(account.owner, 'DELETE', `/v1/scripts/${String(made._id)}`);
    await space.sync();
    return { account, space, id: String(made._id) };
  }

  async function newest(space: Workspace): Promise<{ what: string; id: string } | undefined> {
    const { out } = await space.run('log', '--limit', '1', '--json');
    return (JSON.parse(out) as { entries: { what: string; id: string }[] }).entries[0];
  }

  it('is reported as restored in subject and line', { tags: 'slow' }, async () => {
    const { account, space, id } = await deleted();
    account.emulator.act(account.owner.token).restore('scripts', id);
    await space.sync();

    expect(space.log('%s')[0]).toBe('prod: script "Coming and going" restored');
  });

  it('is reported as restored by a restore, and what was recreated as added', { tags: 'slow' }, async () => {
    const { account, space, id } = await deleted();
    expect((await space.run('restore', `scripts/${id}`, '--yes')).code).toBe(0);
    expect(space.log('%s')[0]).toBe('prod: restore: script "Coming and going" restored');
    expect(await newest(space)).toMatchObject({ what: 'restored', id });

    await account.call(account.owner, 'DELETE', `/v1/scripts/${id}`);
    await account.call(account.owner, 'DELETE', `/v1/recycleBinTTL/scripts/${id}`);
    await space.sync();
    expect((await space.run('restore', `scripts/${id}`, '--yes')).code).toBe(0);
    expect(space.log('%s')[0]).toBe('prod: restore: script "Coming and going" added');
    expect((await newest(space))?.what).toBe('added');
  });
});

it('a commit that cannot be read does not make its people co-authors of later changes', { tags: 'slow' }, async () => {
  const account = await sample();
  const space = new Workspace({ prod: { baseUrl: account.url, token: account.owner.token } });
  await space.mirrored();
  const id = String(account.emulator.state.all('flows')[0]?._id);
  const people = [account.person('administrator'), account.owner, account.person('administrator', 1)];
  const edit = async (i: number) => {
    account.emulator.act(people[i]?.token ?? '').set('flows', id, { description: `edit ${i}` });
    return space.sync();
  };
  await edit(0);
  await edit(1);
  const lost = space.git('rev-parse', 'HEAD~1').trim();
  const objects = join(space.mirror, '.git', 'objects');
  for (const name of readdirSync(join(objects, 'pack')).filter((file) => file.endsWith('.pack'))) {
    const aside = join(space.dir, name);
    renameSync(join(objects, 'pack', name), aside);
    rmSync(join(objects, 'pack', name.replace(/pack$/, 'idx')));
    execFileSync('git', ['unpack-objects', '-q'], { cwd: space.mirror, input: readFileSync(aside) });
  }
  rmSync(join(objects, lost.slice(0, 2), lost.slice(2)));

  expect(await edit(2)).toMatchObject({ code: 0, commits: [{}] });

  const [author, message] = space.git('log', '--no-walk', '--format=%an%x00%B', 'HEAD').split('\0');
  expect(author).toBe(people[2]?.name);
  expect(message).not.toContain('Co-authored-by');
});
