import { appendFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createJournal, interrupted, type JournalHead } from '../../src/run/restore/journal.ts';
import { tempDir } from '../support/workspace.ts';

const HEAD: JournalHead = {
  version: 1,
  id: '20260101T000000Z-abc',
  account: 'prod',
  from: 'prod',
  commit: 'c0ffee',
  what: ['all'],
  options: { prune: false, withDependencies: false, enableFlows: false, force: false, secrets: false },
  base: 'c0ffee',
  startedAt: '2026-01-01T00:00:00.000Z',
  operator: { name: 'Op', email: 'op@example.test' },
};

it('a journal is read back, a line that a crash cut short left out', () => {
  const dir = tempDir();
  const journal = createJournal(dir, HEAD);
  journal.append([{ kind: 'intent', key: 'flows/1', action: 'create' }], true);
  journal.append([{ kind: 'done', key: 'flows/1', action: 'create', id: '2' }], false);
  journal.close();
  const [file = ''] = readdirSync(join(dir, 'prod.restores'));
  appendFileSync(join(dir, 'prod.restores', file), '{"kind":"done","key":"flo');

  const [found, ...more] = interrupted(dir, 'prod');

  expect(more).toEqual([]);
  expect(found?.head).toEqual(HEAD);
  expect(found?.entries.map(({ kind }) => kind)).toEqual(['intent', 'done']);
  found?.append([{ kind: 'end', exitCode: 0 }], true);
  found?.close();
  expect(interrupted(dir, 'other')).toEqual([]);
});

it('a journal that came to its end is not interrupted', () => {
  const dir = tempDir();
  const journal = createJournal(dir, HEAD);
  journal.append([{ kind: 'applied' }, { kind: 'end', exitCode: 3 }], true);
  journal.close();
  expect(interrupted(dir, 'prod')).toEqual([]);
});
