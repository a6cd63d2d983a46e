import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { plainRepository } from '../../src/config/plain.ts';
import type { Person } from '../../src/core/changes.ts';
import { blobOid } from '../../src/core/digest.ts';
import { identityOf } from '../../src/core/identity.ts';
import { sampleAccount } from '../../src/emulator/sample/index.ts';
import { commitOnHead } from '../../src/mirror/commit.ts';
import { createObjectWriter } from '../../src/mirror/object-writer.ts';
import { openRepository } from '../../src/mirror/repository.ts';
import { sample } from '../support/account.ts';
import { cases } from '../support/fuzz.ts';
import { CANNOT_SIGN, ENV, git, tempDir, Workspace } from '../support/workspace.ts';

/** Names and addresses that git refuses or strips, with what it keeps. */
const PEOPLE: readonly (readonly [name: string, email: string, kept: string])[] = [
  ...['.', '"', "'", '\\', ',;:', '. .', '""\'\'', '<>', '<<>>.'].map(
    (name) => [name, 'u@x.test', 'u@x.test'] as const,
  ),
  ...['', ' ', '\n', '\t\r\n', '\0', '\u200b', '\u202e\u2066', '\u3164', '\u00ad', '\u2800', '\ufeff', '\ud800'].map(
    (name) => [name, 'u@x.test', 'u@x.test'] as const,
  ),
  ['Jane\u202eDoe', 'u@x.test', 'Jane Doe'],
  ['Jane\nDoe <evil@x.test>', 'u@x.test', 'Jane Doe evil@x.test'],
  ['Jane\u0085Doe', 'u@x.test', 'Jane Doe'],
  ['"Jane" Doe', 'u@x.test', 'Jane" Doe'],
  ['Sammy Davis Jr.', 'u@x.test', 'Sammy Davis Jr'],
  ["O'Neill, Dr. Shaun", 'u@x.test', "O'Neill, Dr. Shaun"],
  ['Zoë Müller', 'zoë@x.test', 'Zoë Müller'],
  ['!!!', 'u@x.test', '!!!'],
  ['-', 'u@x.test', '-'],
  ['山田', 'u@x.test', '山田'],
  ['x'.repeat(10_000), 'u@x.test', 'x'.repeat(10_000)],
  ['.'.repeat(10_000), 'u@x.test', 'u@x.test'],
  ['Jane', '', 'Jane'],
  ['Jane', ' <>', 'Jane'],
  ['Jane', 'jane doe@x.test', 'Jane'],
  ['Jane', '<jane@x.test>', 'Jane'],
  ['Jane', 'jane@x.test\nparent 0', 'Jane'],
  ['Jane', '"jane"@x.test.', 'Jane'],
  ['.', '<.>', 'unknown'],
];

/** Makes a commit of each person. Gives `name|address` of each as git reads it back. */
async function committed(people: readonly Person[], signingKeyFile?: string): Promise<string[]> {
  const repository = await openRepository({
    config: { ...plainRepository(join(tempDir(), 'mirror.git')), bare: true, signingKeyFile },
    env: ENV,
    folders: ['prod'],
    lockWaitMs: 1_000,
    signal: new AbortController().signal,
    onNotice: () => undefined,
    onLost: () => undefined,
  });
  const objects = createObjectWriter(repository);
  const requests = people.map((author, i) => {
    objects.blob(`${i}\n`);
    const changes = [{ path: 'prod/x.yaml', oid: blobOid(`${i}\n`, 'sha1') }];
    return { message: 'x\n', author, authorDate: new Date(1e12), changes };
  });
  await commitOnHead(repository, objects, requests, new Date(2e12));
  expect(git(repository.path, 'fsck', '--strict', '--no-dangling')).toBe('');
  await repository.close();
  return git(repository.path, 'log', '--reverse', '--format=%an|%ae', 'main').trim().split('\n');
}

describe('a person whose name git refuses or strips', () => {
  const people = PEOPLE.map(([name, email]) => ({ name, email }));
  const kept = PEOPLE.map(([, , name], i) => `${name}|${identityOf(people[i] as Person).email}`);

  it('is the author as well as git can tell', async () => {
    expect(await committed(people)).toEqual(kept);
  });

  it('is the same in signed commits', { skip: CANNOT_SIGN }, async () => {
    const key = join(tempDir(), 'key');
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
    // Signing takes a process of its own for each.
    const some = <T>(all: readonly T[]): T[] => all.filter((_, i) => i % 3 === 0);
    expect(await committed(some(people), key)).toEqual(some(kept));
  });

  it('has one form', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (name, email) => {
        const one = identityOf({ name, email });
        expect(identityOf(one)).toEqual(one);
        expect(`${one.name}${one.email}`).not.toMatch(/[<>\p{Cc}\p{Cf}\p{Cs}]/u);
        expect([one.name, one.email]).not.toContain('');
      }),
      cases(100),
    );
  });
});

it('ident-punctuation-name: a run does not fail over a name, and mirrors what others changed', {
  tags: 'slow',
}, async () => {
  const seed = sampleAccount();
  const names = ['.', '"', '\\', ',;:', '\u202e', 'Closes #12 @acme/ops'];
  const people = seed.people.map((person, i) => ({ ...person, name: names[i % names.length] ?? '' }));
  const account = await sample({ seed: { ...seed, people } });
  const space = new Workspace({ prod: { baseUrl: account.url, token: account.owner.token, include: ['flows'] } });
  await space.mirrored();
  const flows = account.emulator.state.all('flows').filter((doc) => !doc._connectorId);
  const editors = people.filter(({ role }) => role === 'owner' || role === 'administrator');
  for (const [i, person] of editors.entries())
    account.emulator.act(person.token).set('flows', String(flows[i]?._id), { description: `by ${i}` });

  expect(await space.sync()).toMatchObject({ code: 0, verdict: 'changed' });

  for (const [i] of editors.entries())
    expect(space.git('show', `HEAD:${space.find(String(flows[i]?._id))}`)).toContain(`description: by ${i}\n`);
  expect(space.log('%an').slice(0, -1).sort()).toEqual(editors.map((person) => identityOf(person).name).sort());
  expect(space.git('fsck', '--strict', '--no-dangling')).toBe('');
});

it('commit-directives: words of a name that a forge acts on are broken in commits, and whole in the log', async () => {
  const account = await sample();
  const space = new Workspace({ prod: { baseUrl: account.url, token: account.owner.token, include: ['flows'] } });
  await space.mirrored();
  const name = 'Closes #12 [skip ci] @acme/ops';
  const [flow] = account.emulator.state.all('flows').filter((doc) => !doc._connectorId);
  account.emulator.act(account.owner.token).set('flows', String(flow?._id), { name });
  await space.sync();

  const message = space.git('log', '-1', '--format=%B');
  expect(message).not.toMatch(/#12|\[skip ci\]|@acme/);
  const trailers = execFileSync('git', ['interpret-trailers', '--parse'], {
    input: message,
    encoding: 'utf8',
    env: ENV,
  });
  expect(trailers).toMatch(/^Celigo-Account: prod\nCeligo-Run: /);
  expect((await space.run('log', '--json')).out).toContain(JSON.stringify(name));
});
