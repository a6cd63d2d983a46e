import { existsSync } from 'node:fs';
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

/** Commits one file and lets the work tree follow. @param meanwhile what people do just before the branch moves */
async function mirror(repository: Repository, path: string, meanwhile = () => {}): Promise<Committed> {
  const start: Repository['git']['start'] = (args, env) => {
    if (args[0] === 'update-ref') meanwhile();
    return repository.git.start(args, env);
  };
  const objects = createObjectWriter(repository);
  objects.blob(path);
  const changes = [{ path, oid: blobOid(path, 'sha1') }];
  const request = { message: `${path}\n`, author: ann, authorDate: new Date(), changes };
  const raced = { ...repository, git: { ...repository.git, start } };
  const made = await commitOnHead(raced, objects, [request], new Date());
  if (made.tip) await follow(repository, 'prod', made.from?.commit, made.tip.commit);
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
