import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { plainRepository } from '../../src/config/plain.ts';
import { blobOid } from '../../src/core/digest.ts';
import { GitFailure } from '../../src/git/git.ts';
import { type Committed, commitOnHead } from '../../src/mirror/commit.ts';
import { createObjectWriter } from '../../src/mirror/object-writer.ts';
import { openRepository, type Repository } from '../../src/mirror/repository.ts';
import { follow } from '../../src/mirror/work-tree.ts';
import { ENV, git, tempDir } from '../support/workspace.ts';

const ann = { name: 'Ann', email: 'ann@x.test' };

async function opened(): Promise<Repository> {
  return openRepository({
    config: plainRepository(join(tempDir(), 'mirror')),
    env: ENV,
    folders: ['prod'],
    lockWaitMs: 1_000,
    signal: new AbortController().signal,
    onNotice: () => undefined,
    onLost: () => undefined,
  });
}

/**
 * Commits one file and lets the work tree follow.
 * @param meanwhile what people do just before the branch moves @param commands takes what git is asked to do
 */
async function mirror(
  repository: Repository,
  path: string,
  meanwhile = () => {},
  text = path,
  commands: (string | undefined)[] = [],
): Promise<Committed> {
  const start: Repository['git']['start'] = (args, env) => {
    if (args[0] === 'update-ref') meanwhile();
    commands.push(args.find((word) => /^(?:restore|read-tree)$/.test(word)));
    return repository.git.start(args, env);
  };
  const objects = createObjectWriter(repository);
  objects.blob(text);
  const changes = [{ path, oid: blobOid(text, 'sha1') }];
  const request = { message: `${path}\n`, author: ann, authorDate: new Date(), changes };
  const raced = { ...repository, git: { ...repository.git, start } };
  const made = await commitOnHead(raced, objects, [request], new Date());
  const { from, tip, replaced } = made;
  if (tip) await follow(raced, 'prod', { from: from?.commit, to: tip.commit, replaced });
  return made;
}

function byHand({ path }: Repository): void {
  git(
    path,
    '-c',
    'user.name=Bob',
    '-c',
    'user.email=bob@x.test',
    'commit',
    '--quiet',
    '--allow-empty',
    '-m',
    'by hand',
  );
}

it('a commit that a person makes in the moment before the branch moves is below ours', async () => {
  const repository = await opened();
  await mirror(repository, 'prod/one.yaml');
  let times = 0;

  await mirror(repository, 'prod/two.yaml', () => {
    if (times++ === 0) byHand(repository);
  });

  const log = git(repository.path, 'log', '--format=%s').trim().split('\n');
  expect(log).toEqual(['prod/two.yaml', 'by hand', 'prod/one.yaml']);
  expect(git(repository.path, 'status', '--porcelain')).toBe('');
  await repository.close();
});

it('a branch that never keeps still ends the run, and nothing counts as behind it', async () => {
  const repository = await opened();
  await mirror(repository, 'prod/one.yaml');

  await expect(mirror(repository, 'prod/two.yaml', () => byHand(repository))).rejects.toThrow(GitFailure);

  expect(existsSync(join(repository.stateDir, 'work-tree'))).toBe(false);
  expect(git(repository.path, 'log', '-1', '--format=%s').trim()).toBe('by hand');
  await repository.close();
});

it('files and index stay those of a branch that a person has meanwhile gone to', async () => {
  const repository = await opened();
  await mirror(repository, 'prod/one.yaml');

  await mirror(repository, 'prod/two.yaml', () => {
    git(repository.path, 'checkout', '--quiet', '-b', 'other');
    byHand(repository);
  });

  expect(git(repository.path, 'log', '-1', '--format=%s', 'main').trim()).toBe('prod/two.yaml');
  expect(git(repository.path, 'symbolic-ref', '--short', 'HEAD').trim()).toBe('other');
  expect(git(repository.path, 'status', '--porcelain')).toBe('');
  await repository.close();
});

it.each([
  ['as it was', 'one', 'restore', undefined],
  ['edited', 'mine', 'read-tree', 'mine'],
  ['gone', undefined, 'read-tree', undefined],
])('a file that is replaced, and %s when the branch moves', async (_, held, command, saved) => {
  const repository = await opened();
  // Names of files are no patterns.
  const [path, other] = ['prod/[a-z]*.yaml', 'prod/b.yaml'];
  await mirror(repository, path, undefined, 'one');
  await mirror(repository, other, undefined, 'one');
  const file = join(repository.path, path);
  const commands: (string | undefined)[] = [];

  await mirror(
    repository,
    path,
    () => {
      writeFileSync(join(repository.path, other), 'of someone');
      rmSync(file);
      if (held !== undefined) writeFileSync(file, held);
    },
    'two',
    commands,
  );

  expect(readFileSync(file, 'utf8')).toBe('two');
  expect(commands).toContain(command);
  const rescued = git(repository.path, 'for-each-ref', '--format=%(refname)', 'refs/celigo-mirror/rescue').trim();
  expect(rescued === '' ? undefined : git(repository.path, 'show', `${rescued}:${path}`)).toBe(saved);
  if (rescued === '') expect(readFileSync(join(repository.path, other), 'utf8')).toBe('of someone');
  expect(git(repository.path, 'diff', '--cached', 'HEAD')).toBe('');
  await repository.close();
});
