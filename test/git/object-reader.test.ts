import { execFileSync } from 'node:child_process';
import { chmodSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { plainRepository } from '../../src/config/plain.ts';
import { createGit, GitFailure, type GitProcess } from '../../src/git/git.ts';
import { createObjectReader } from '../../src/git/object-reader.ts';
import { ENV, git, tempDir } from '../support/workspace.ts';

function setup() {
  const cwd = tempDir();
  git(cwd, 'init', '--quiet');
  const write = (input: string): string =>
    execFileSync('git', ['hash-object', '-w', '--stdin'], { cwd, input, encoding: 'utf8' }).trim();
  const stop = new AbortController();
  const own = createGit({ cwd, config: plainRepository(cwd), env: ENV, signal: stop.signal });
  const started: GitProcess[] = [];
  const start: typeof own.start = async (args) => {
    const child = await own.start(args);
    started.push(child);
    return child;
  };
  return { cwd, write, stop, started, ...createObjectReader(start, stop.signal) };
}

it('reads objects by one process, whatever they hold, and knows what is missing', async () => {
  const { write, find, objects, started, close } = setup();
  const texts = ['', 'a\n\nb 12\n', 'ü'.repeat(300_000), 'last'];
  const oids = texts.map(write);
  const absent = '0'.repeat(40);

  const missing = expect(objects([absent])).rejects.toThrow(GitFailure);
  expect((await objects(oids)).map(String)).toEqual(texts);
  expect((await Promise.all(oids.map((oid) => objects([oid])))).map(String)).toEqual(texts);
  await missing;
  const found = await find([absent, 'HEAD', `${oids[0]}\n${oids[1]}`, '', oids[3] ?? '']);
  expect(found.map((object) => object?.id)).toEqual([undefined, undefined, undefined, undefined, oids[3]]);
  expect(started).toHaveLength(1);
  // What is written later is seen.
  expect(String((await objects([write('new')]))[0])).toBe('new');
  close();
});

it('begins again after a process that ended, which fails the first question alone', async () => {
  const { cwd, write, objects, started, stop } = setup();
  const [damaged, sound] = [write('damaged '.repeat(1000)), write('sound')];
  const file = join(cwd, '.git', 'objects', damaged.slice(0, 2), damaged.slice(2));
  chmodSync(file, 0o600);
  truncateSync(file, 40);

  const failing = expect(objects([damaged])).rejects.toThrow(GitFailure);
  expect((await Promise.all([objects([sound]), objects([sound])])).map(String)).toEqual(['sound', 'sound']);
  await failing;
  expect(started).toHaveLength(2);
  started.at(-1)?.kill();
  await started.at(-1)?.done.catch(() => undefined);
  await setImmediate();
  expect(String((await objects([sound]))[0])).toBe('sound');

  const kept = started.length;
  stop.abort(new Error('stopped'));
  await expect(started.at(-1)?.done).rejects.toThrow('stopped');
  await expect(objects([sound])).rejects.toThrow('stopped');
  expect(started).toHaveLength(kept);
});

it.each(['reopen', 'close'] as const)('ends with what is still asked: %s', async (how) => {
  const { write, objects, started, ...reader } = setup();
  const oid = write('text');
  await objects([oid]);
  const asked = objects([oid]);
  reader[how]();
  // It may have been answered before.
  const answer = await asked.catch((error: unknown) => error);
  expect(Array.isArray(answer) || answer instanceof GitFailure).toBe(true);
  await expect(started[0]?.done).rejects.toThrow(GitFailure);
  if (how === 'close') {
    // What is still at work elsewhere would begin a process that no one ends.
    await expect(objects([oid])).rejects.toThrow('the clone was closed');
    expect(started).toHaveLength(1);
    return;
  }
  expect(String((await objects([oid]))[0])).toBe('text');
  expect(started).toHaveLength(2);
  reader.close();
});
