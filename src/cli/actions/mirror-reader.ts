import * as z from 'zod';
import type { Config } from '../../config/schema.ts';
import { secretsOf } from '../../config/secrets-of.ts';
import { AppError, EXIT } from '../../core/errors.ts';
import { type MirrorReader, MOST_CHANGES, type RecentChange } from '../../daemon/pages.ts';
import { createGit } from '../../git/git.ts';
import { isRepository } from '../../mirror/folder.ts';
import type { FoundChanges } from '../../notify/watched.ts';
import { WATCH_RULES, WATCHED } from '../options.ts';
import type { StartProcess } from '../ui/io.ts';
import { type ProcessEnded, runProcess } from './own-process.ts';

/** A type that the mirror takes in finds any number of resources that existed before: no changes, but in the list. */
const MOST_ENTRIES = 2_000;
/** How long git may take to name the newest commit, in milliseconds. */
const HEAD_MS = 10_000;
/** Commits of a run, one a person, that are named where the last report is not known. */
const MOST_COMMITS = 500;
/** A report stays below 20 MB. Characters. */
const LONGEST = 32_000_000;

const log = z.object({
  entries: z.array(
    z.object({
      time: z.string(),
      by: z.object({ name: z.string(), email: z.string() }),
      sureness: z.string(),
      what: z.string(),
      type: z.string(),
      id: z.string(),
      name: z.string(),
      commit: z.string(),
      baseline: z.boolean(),
    }),
  ),
});

/** The message of a command that failed, and its remedy. */
function failureOf({ code, said }: ProcessEnded): AppError {
  const lines = said.trim().split('\n');
  const at = lines.findLastIndex((line) => line.startsWith('error: '));
  // In a form, from and to are no options.
  const [message = '', ...more] = lines.slice(Math.max(0, at)).map((line) =>
    line
      .replace(/^(?:error:|→) /, '')
      .replace(/--(?=(?:account|from|to)\b)/g, '')
      .trim(),
  );
  return new AppError(code === EXIT.usage ? 'USAGE' : 'REPOSITORY', message || `reading ended (${code ?? 'killed'})`, {
    hint: more.join(' '),
  });
}

/**
 * Reads the mirror in processes of their own, as the commands do.
 * @param start starts this program with other arguments, in a process group of its own
 */
export function createMirrorReader(
  start: StartProcess,
  environment: Readonly<Record<string, string | undefined>>,
): MirrorReader {
  /** Reading needs the clone alone: neither the configuration nor a secret. */
  function read(
    config: Config,
    args: readonly string[],
    what: string,
    signal: AbortSignal,
    more: Readonly<Record<string, string>> = {},
  ): Promise<ProcessEnded> {
    const secrets = secretsOf(config);
    const held = Object.entries(environment).filter(([, value]) => secrets.some((secret) => value?.includes(secret)));
    const env = { ...Object.fromEntries(held.map(([name]) => [name, ''])), NO_COLOR: '1', ...more };
    return runProcess(start, [...args, '--mirror', config.repository.path], { env, signal, what, longest: LONGEST });
  }

  async function changesOf(config: Config, account: string, signal: AbortSignal): Promise<RecentChange[]> {
    const args = ['log', '--json', '--limit', String(MOST_ENTRIES), '--account', account];
    const ended = await read(config, args, 'the history', signal);
    // Nothing of the account is mirrored yet.
    if (ended.code === EXIT.usage) return [];
    if (ended.code !== EXIT.done) throw failureOf(ended);
    return log
      .parse(JSON.parse(ended.out))
      .entries.filter(({ baseline }) => !baseline)
      .slice(0, MOST_CHANGES)
      .map((entry) => ({ account, ...entry }));
  }

  return {
    async head({ repository }) {
      if (!isRepository(repository.path)) return undefined;
      const signal = AbortSignal.timeout(HEAD_MS);
      const git = createGit({ cwd: repository.path, config: repository, env: environment, signal });
      return (await git.ask(['rev-parse', '--verify', '--quiet', 'HEAD^{commit}']))?.trim();
    },
    async watched(config, account, rules, { after, commits }, signal) {
      const args = [
        WATCHED,
        `--account=${account}`,
        ...(after === undefined ? [] : [`--after=${after}`]),
        ...(commits.length === 0 ? [] : ['--commits', ...commits.slice(-MOST_COMMITS)]),
      ];
      // Not among the arguments, which every user of the machine can read: a condition may name a value.
      const ended = await read(config, args, 'the history', signal, { [WATCH_RULES]: JSON.stringify(rules) });
      // Nothing of the account is mirrored yet.
      if (ended.code === EXIT.usage && after !== undefined) return { head: after, count: 0, groups: [] };
      if (ended.code !== EXIT.done) throw failureOf(ended);
      // Of this very program.
      return JSON.parse(ended.out) as FoundChanges;
    },
    async changes(config, signal) {
      const all: RecentChange[] = [];
      for (const { name } of config.accounts) all.push(...(await changesOf(config, name, signal)));
      return all.sort((a, b) => Date.parse(b.time) - Date.parse(a.time)).slice(0, MOST_CHANGES);
    },
    async report(config, { account, from, to }, signal) {
      const { commitUrl } = config.repository;
      const ended = await read(
        config,
        [
          'report',
          '--format=html',
          `--account=${account}`,
          // As one word, it is never an option.
          ...(from === undefined ? [] : [`--from=${from}`]),
          ...(to === undefined ? [] : [`--to=${to}`]),
          ...(commitUrl === undefined ? [] : [`--commit-url=${commitUrl}`]),
        ],
        'the report',
        signal,
      );
      if (ended.code !== EXIT.done) throw failureOf(ended);
      return ended.out;
    },
  };
}
