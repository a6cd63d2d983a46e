import { execFileSync } from 'node:child_process';
import type { Change } from '../../src/core/changes.ts';
import { commitMessage } from '../../src/core/message.ts';
import { renderBinding } from '../../src/run/binding.ts';
import { ENV } from './workspace.ts';

/** One commit of a made-up mirror. */
export interface MadeCommit {
  readonly author: { readonly name: string; readonly email: string };
  readonly time: Date;
  readonly first?: boolean;
  /** Path in the account's folder → text; `undefined` removes the file. */
  readonly files: Readonly<Record<string, string | undefined>>;
  readonly changes: readonly Pick<Change, 'kind' | 'path' | 'title' | 'dir' | 'id'>[];
}

const BINDING = renderBinding({
  baseUrl: 'https://api.integrator.io',
  userId: 'u',
  fingerprintKey: '0',
  types: [],
});

function data(text: string): string {
  return `data ${Buffer.byteLength(text)}\n${text}\n`;
}

/** Writes a repository with these commits, as the mirror would have made them, at the speed of git's own importer. */
export function writeHistory(root: string, account: string, commits: Iterable<MadeCommit>): void {
  const parts: string[] = [];
  for (const { author, time, files, changes, first } of commits) {
    const seconds = Math.floor(time.getTime() / 1000);
    const message = commitMessage({
      account,
      runId: 'r1',
      changes: changes.map(
        (change) => ({ put: [], remove: [], baseline: first ?? false, ...change }) as Change,
      ),
      notes: new Map(),
      coAuthors: [],
      certainty: 'audit',
      audited: true,
      incomplete: [],
      first: first ?? false,
      nounsOf: (dir) => ({ noun: dir, plural: dir }),
    });
    parts.push(
      'commit refs/heads/main\n',
      `author ${author.name} <${author.email}> ${seconds} +0000\n`,
      `committer celigo-mirror <celigo-mirror@localhost> ${seconds} +0000\n`,
      data(message),
      ...(first ? [`M 100644 inline ${account}/mirror.yaml\n${data(BINDING)}`] : []),
      ...Object.entries(files).map(([path, text]) =>
        text === undefined ? `D ${account}/${path}\n` : `M 100644 inline ${account}/${path}\n${data(text)}`,
      ),
    );
  }
  const run = (args: string[], input = ''): void => {
    execFileSync('git', args, { cwd: root, env: ENV, input, maxBuffer: 1 << 28 });
  };
  run(['init', '-q', '-b', 'main']);
  run(['fast-import', '--quiet'], parts.join(''));
  run(['reset', '-q', '--hard', 'main']);
}
