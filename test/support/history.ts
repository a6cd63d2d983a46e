import { execFileSync } from 'node:child_process';
import type { Change } from '../../src/core/changes.ts';
import { commitMessage } from '../../src/core/message.ts';
import { renderYaml } from '../../src/core/yaml.ts';
import { RULES, renderBinding } from '../../src/run/binding.ts';

/** One commit of a made-up mirror. */
export interface MadeCommit {
  readonly author: { readonly name: string; readonly email: string };
  readonly time: Date;
  readonly first?: boolean;
  /** Path in the account's folder → text; `undefined` removes the file. */
  readonly files: Readonly<Record<string, string | undefined>>;
  readonly changes: readonly Pick<Change, 'kind' | 'path' | 'title' | 'type' | 'id'>[];
}

const BINDING = renderBinding({
  baseUrl: 'https://api.integrator.io',
  userId: 'u',
  fingerprintKey: '0',
  rules: RULES,
  types: [],
});

function data(text: string): string {
  return `data ${Buffer.byteLength(text)}\n${text}\n`;
}

/** Writes a repository with these commits, as the mirror would have made them, at the speed of git's own importer. */
export function writeHistory(root: string, account: string, commits: Iterable<MadeCommit>): void {
  const parts: string[] = [];
  // Each commit of a run of its own.
  let runs = 0;
  for (const { author, time, files, changes, first } of commits) {
    runs += 1;
    const seconds = Math.floor(time.getTime() / 1000);
    const message = commitMessage({
      account,
      runId: `r${runs}`,
      changes: changes.map((change) => ({ put: [], remove: [], baseline: first ?? false, ...change }) as Change),
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
    execFileSync('git', args, {
      cwd: root,
      env: { PATH: process.env.PATH, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' },
      input,
      maxBuffer: 1 << 28,
    });
  };
  run(['init', '-q', '-b', 'main']);
  run(['fast-import', '--quiet'], parts.join(''));
  run(['reset', '-q', '--hard', 'main']);
}

/** Resources, every fourth a script of 150 lines, all changed in each of the `rounds`, a day after another. */
export function* manyChanges(rounds: number, resources: number): Generator<MadeCommit> {
  const people = Array.from({ length: 20 }, (_, i) => ({ name: `Person ${i}`, email: `p${i}@example.test` }));
  const id = (n: number): string => `64${n.toString(16).padStart(22, '0')}`;
  const code = (n: number, round: number): string =>
    Array.from(
      { length: 150 },
      (_, line) => `const value${line} = ${line % 7 === round % 7 ? round : n} + ${line}; // <${line}>`,
    ).join('\n');
  const numbers = Array.from({ length: resources }, (_, n) => n);
  const pathOf = (n: number): string => (n % 4 === 0 ? `scripts/s.${id(n)}` : `flows/f.${id(n)}`);
  for (let round = 0; round <= rounds; round++) {
    const files = numbers.flatMap((n): [string, string][] => {
      const doc = { _id: id(n), name: `Resource ${n}`, description: `round ${round}`, pageSize: round };
      if (n % 4 !== 0) return [[`${pathOf(n)}.yaml`, renderYaml(doc)]];
      return [
        [`${pathOf(n)}.yaml`, renderYaml({ ...doc, content: { $file: `s.${id(n)}.js` } })],
        [`${pathOf(n)}.js`, code(n, round)],
      ];
    });
    yield {
      author: people[round % people.length] as (typeof people)[number],
      time: new Date(Date.UTC(2026, 0, 1 + round, 9)),
      first: round === 0,
      files: Object.fromEntries(files),
      changes: numbers.map((n) => ({
        kind: round === 0 ? 'added' : 'changed',
        type: n % 4 === 0 ? 'scripts' : 'flows',
        id: id(n),
        path: `${pathOf(n)}.yaml`,
        title: `Resource ${n}`,
      })),
    };
  }
}
