import { mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { plainRepository } from '../../src/config/plain.ts';
import { blobOid } from '../../src/core/digest.ts';
import { GitFailure } from '../../src/git/git.ts';
import { commitOnHead } from '../../src/mirror/commit.ts';
import { createObjectWriter } from '../../src/mirror/object-writer.ts';
import { openRepository, type Repository } from '../../src/mirror/repository.ts';
import { ENV, git, tempDir } from '../support/workspace.ts';

const ann = { name: 'Ann', email: 'ann@x.test' };

function opened(path: string, branch = 'main'): Promise<Repository> {
  return openRepository({
    config: { ...plainRepository(path), bare: true, branch },
    env: ENV,
    folders: ['prod'],
    lockWaitMs: 1_000,
    signal: new AbortController().signal,
    onNotice: () => undefined,
    onLost: () => undefined,
  });
}

/** A commit of one file. */
function commitOf(path: string, oid: string | undefined): Parameters<typeof commitOnHead>[2][number] {
  return { message: `${path}\n`, author: ann, authorDate: new Date(1e12), changes: [{ path, oid }] };
}

/** What lies where objects are. */
function objectFiles({ objectsDir }: Repository): string[] {
  return readdirSync(objectsDir, { recursive: true, encoding: 'utf8' }).filter((name) => /\.|^..\/|tmp/.test(name));
}

describe('objects that a run writes', () => {
  it.each(['with: colon', 'with "marks"', '"quoted"', 'with \\ and ü', ':'])(
    'go on top of those that are there, in a folder %j',
    async (name) => {
      const path = join(tempDir(), name, 'mirror.git');
      mkdirSync(path, { recursive: true });
      git('/', 'init', '--quiet', '--bare', '--initial-branch=main', path);
      const repository = await opened(path);
      for (const text of ['one\n', 'two\n']) {
        const objects = createObjectWriter(repository);
        objects.blob(text);
        const request = commitOf(`prod/${text.trim()}.yaml`, blobOid(text, 'sha1'));
        await commitOnHead(repository, objects, [request], new Date(2e12));
      }

      expect(git(path, 'ls-tree', '-r', '--name-only', 'main').trim()).toBe('prod/one.yaml\nprod/two.yaml');
      expect(git(path, 'fsck', '--strict', '--no-dangling')).toBe('');
      expect(objectFiles(repository).filter((file) => file.includes('tmp'))).toEqual([]);
      await repository.close();
    },
  );

  it.each(['sha1', 'sha256'] as const)(
    'become commits of one pack (%s), and what changes nothing none',
    async (format) => {
      const path = join(tempDir(), 'mirror.git');
      git('/', 'init', '--quiet', '--bare', '--initial-branch=main', `--object-format=${format}`, path);
      const repository = await opened(path);
      const objects = createObjectWriter(repository);
      const [one, two] = [blobOid('ä\n', format), blobOid('two\n', format)];
      objects.blob('ä\n');
      objects.blob('two\n');
      const requests = [
        commitOf('prod/a "b"\\.yaml', one),
        commitOf('prod/a "b"\\.yaml', one),
        commitOf('prod/two.yaml', two),
        commitOf('prod/a "b"\\.yaml', undefined),
      ];

      const { ids, tip } = await commitOnHead(repository, objects, requests, new Date(2e12));

      expect(ids.map((id) => id !== undefined)).toEqual([true, false, true, true]);
      expect(git(path, 'rev-parse', 'main').trim()).toBe(tip?.commit);
      expect(git(path, 'log', '--format=%s %an %at %ct', 'main').trim().split('\n')).toEqual([
        'prod/a "b"\\.yaml Ann 1000000000 2000000000',
        'prod/two.yaml Ann 1000000000 2000000000',
        'prod/a "b"\\.yaml Ann 1000000000 2000000000',
      ]);
      expect(git(path, 'ls-tree', '-r', '--name-only', 'main').trim()).toBe('prod/two.yaml');
      expect(git(path, 'cat-file', 'blob', `${ids[0]}:prod/a "b"\\.yaml`)).toBe('ä\n');
      expect(
        objectFiles(repository)
          .map((name) => name.replace(/.*\./, ''))
          .sort(),
      ).toEqual(['idx', 'pack']);
      expect(git(path, 'for-each-ref', '--format=%(refname)').trim()).toBe('refs/heads/main');
      expect(git(path, 'fsck', '--strict', '--no-dangling')).toBe('');
      await repository.close();
    },
  );

  it('are named by the branch only as they were asked for', async () => {
    const path = join(tempDir(), 'mirror.git');
    const repository = await opened(path);
    const objects = createObjectWriter(repository);
    const oid = blobOid('a', 'sha1');
    objects.blob('a');
    const { tip } = await commitOnHead(repository, objects, [commitOf('prod/a.yaml', oid)], new Date(2e12));
    objects.blob('a');
    // Git makes another commit than the one that was asked for.
    const other = [{ path: 'prod/other.yaml', oid }];
    const wrong = {
      ...objects,
      commit: (...[parent, made]: Parameters<typeof objects.commit>) =>
        objects.commit(parent, { ...made, changes: other }),
    };

    const made = commitOnHead(repository, wrong, [commitOf('prod/b.yaml', oid)], new Date(2e12));

    await expect(made).rejects.toThrow('the new commits do not match what this run read: prod/other.yaml');
    expect(git(path, 'rev-parse', 'main').trim()).toBe(tip?.commit);
    await repository.close();
  });

  it('have their messages whole, however long, and with characters of two halves anywhere', async () => {
    const path = join(tempDir(), 'mirror.git');
    const repository = await opened(path);
    const objects = createObjectWriter(repository);
    objects.blob('a');
    const message = `${'x'.repeat(65_535)}\u{1f600}${'ä\u{1f600}'.repeat(60_000)}\n`;
    const { tip } = await commitOnHead(
      repository,
      objects,
      [{ ...commitOf('prod/a.yaml', blobOid('a', 'sha1')), message }],
      new Date(2e12),
    );
    const [bytes] = await repository.git.objects([tip?.commit ?? '']);
    expect(bytes?.toString('utf8').endsWith(`\n\n${message}`)).toBe(true);
    await repository.close();
  });

  it('leave nothing behind when the run gives up, or the run before it died', async () => {
    const repository = await opened(join(tempDir(), 'mirror.git'));
    mkdirSync(join(repository.objectsDir, 'tmp_objdir-celigo-mirror', 'pack'), { recursive: true });
    writeFileSync(join(repository.objectsDir, 'tmp_objdir-celigo-mirror', 'pack', 'tmp_pack_x'), 'half');
    const objects = createObjectWriter(repository);
    objects.blob('a few wait for others');
    objects.blob('one\n'.repeat(2 ** 19));
    await objects.drained();

    await objects.discard();

    expect(objectFiles(repository)).toEqual([]);
    await repository.close();
  });

  it('need a process only once there are many, or one is to be read', async () => {
    const repository = await opened(join(tempDir(), 'mirror.git'));
    const objects = createObjectWriter(repository);
    const isWriting = (): boolean => objectFiles(repository).some((name) => name.includes('tmp'));
    const oid = blobOid('one\n', 'sha1');

    objects.blob('one\n');
    await objects.discard();
    await objects.flush();
    expect(await repository.git.find([oid])).toEqual([undefined]);

    objects.blob('one\n');
    await objects.drained();
    expect(isWriting()).toBe(false);
    await objects.flush();
    expect((await repository.git.find([oid]))[0]?.bytes.toString()).toBe('one\n');

    objects.blob('two\n'.repeat(2 ** 19));
    await objects.drained();
    await expect.poll(isWriting).toBe(true);
    await objects.discard();
    await repository.close();
  });

  it('keep out of the way of those of another worktree', async () => {
    const repository = await opened(join(tempDir(), 'mirror.git'));
    const first = createObjectWriter(repository);
    first.blob('one\n');
    await commitOnHead(repository, first, [commitOf('prod/one.yaml', blobOid('one\n', 'sha1'))], new Date());
    const linked = join(tempDir(), 'linked');
    git(repository.path, 'worktree', 'add', '--quiet', '-b', 'other', linked);
    const other = await opened(linked, 'other');
    const [ours, theirs] = [createObjectWriter(repository), createObjectWriter(other)];
    for (const [i, objects] of [ours, theirs].entries()) objects.blob(`${i}\n`);
    const request = (i: number) => [commitOf(`prod/${i}.yaml`, blobOid(`${i}\n`, 'sha1'))];

    await ours.commit(undefined, { ...commitOf('x', undefined), committed: new Date() });
    await commitOnHead(other, theirs, request(1), new Date());
    await commitOnHead(repository, ours, request(0), new Date());

    expect(git(repository.path, 'log', '--format=%s', 'main', 'other', '--not', 'main~1').trim().split('\n')).toEqual(
      expect.arrayContaining(['prod/0.yaml', 'prod/1.yaml']),
    );
    expect(objectFiles(repository).filter((name) => name.includes('tmp'))).toEqual([]);
    await Promise.all([repository.close(), other.close()]);
  });

  it('that git cannot write end the run, and the branch stays', async () => {
    const repository = await opened(join(tempDir(), 'mirror.git'));
    const objects = createObjectWriter(repository);
    objects.blob('one\n');
    await commitOnHead(repository, objects, [commitOf('prod/one.yaml', blobOid('one\n', 'sha1'))], new Date());
    const head = git(repository.path, 'rev-parse', 'main');

    const later = createObjectWriter(repository);
    const unknown = commitOf('prod/two.yaml', '1'.repeat(40));
    await expect(commitOnHead(repository, later, [unknown], new Date())).rejects.toThrow(GitFailure);
    later.blob('two\n');
    const pack = join(repository.objectsDir, 'pack');
    renameSync(pack, `${pack}.away`);
    writeFileSync(pack, '');
    await expect(later.flush()).rejects.toThrow();
    renameSync(`${pack}.away`, `${pack}.back`);

    renameSync(pack, `${pack}.file`);
    renameSync(`${pack}.back`, pack);
    expect(git(repository.path, 'rev-parse', 'main')).toBe(head);
    expect(readdirSync(repository.gitDir).filter((name) => name.startsWith('fast_import'))).toEqual([]);
    await repository.close();
  });
});
