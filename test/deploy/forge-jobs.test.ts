import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { JsonObject } from '../../src/core/json.ts';
import { sample, type TestAccount } from '../support/account.ts';
import { gitOverHttp } from '../support/git-http.ts';
import { bareRemote, git, tempDir } from '../support/workspace.ts';
import {
  commands,
  type GithubJob,
  githubJobs,
  gitlabJobOf,
  isWanted,
  npx,
  type Ran,
  runGithubJob,
  runGitlabJob,
} from './jobs.ts';

const GITLAB = 'deploy/gitlab/.gitlab-ci.yml';
const read = (path: string): string => readFileSync(fileURLToPath(new URL(`../../${path}`, import.meta.url)), 'utf8');
const [sync, drill] = ['sync', 'drill'].map((name) => githubJobs(`deploy/github/${name}.yml`)[name] as GithubJob);
const TOKEN = 'token-that-writes';

/** One hourly run, and the drill after it. */
interface Forge {
  readonly sync: () => Promise<Ran>;
  readonly drill: () => Promise<Ran>;
}

async function onGithub(account: TestAccount, remote: string): Promise<Forge> {
  const { url } = await gitOverHttp(remote, 'x-access-token', TOKEN);
  const [, server = '', repository = ''] = /^(.*?)\/([^/]+)\.git$/.exec(url) ?? [];
  const path = commands({ npx: npx(account) });
  const context: JsonObject = {
    github: { server_url: server, repository, token: TOKEN },
    secrets: { CELIGO_API_TOKEN: account.owner.token },
    vars: {},
    runner: { temp: tempDir() },
  };
  return {
    sync: () => runGithubJob(sync as GithubJob, context, path),
    drill: () => {
      const checkout = tempDir();
      git('/', 'clone', '--quiet', '--depth=1', `file://${remote}`, join(checkout, 'mirror'));
      return runGithubJob(drill as GithubJob, context, path, { checkout });
    },
  };
}

async function onGitlab(account: TestAccount, remote: string): Promise<Forge> {
  const { url } = await gitOverHttp(remote, 'x-access-token', TOKEN);
  const path = commands({ npx: npx(account) });
  const common = { CI_DEFAULT_BRANCH: 'main', CI_PROJECT_URL: url.replace(/\.git$/, '') };
  const secrets = { CELIGO_API_TOKEN: account.owner.token, MIRROR_REMOTE_TOKEN: TOKEN };
  return {
    sync: () => runGitlabJob(gitlabJobOf(GITLAB, 'sync'), { ...common, ...secrets }, tempDir(), path),
    drill: () => {
      const work = join(tempDir(), 'project');
      git('/', 'clone', '--quiet', '--depth=20', `file://${remote}`, work);
      return runGitlabJob(gitlabJobOf(GITLAB, 'drill'), { ...common, CI_PROJECT_DIR: work }, work, path);
    },
  };
}

it.each([
  ['GitHub', onGithub],
  ['GitLab', onGitlab],
])('on %s, the mirror is made, repeated and drilled', { tags: 'slow' }, async (_, on) => {
  const remote = bareRemote();
  const forge = await on(await sample(), remote);
  const commits = (): string => git(remote, 'rev-list', '--count', 'main').trim();

  const first = await forge.sync();
  expect(first.code, first.output).toBe(0);
  const made = commits();
  const second = await forge.sync();
  expect(second.code, second.output).toBe(0);
  expect(commits()).toBe(made);
  const drilled = await forge.drill();
  expect(drilled.code, drilled.output).toBe(0);
  expect(drilled.output).toContain('the backup can be restored');
});

describe('the jobs of forges', () => {
  it('run every hour, and drill once a day or after a push', () => {
    const on = (name: string): Record<string, unknown> =>
      (parse(read(`deploy/github/${name}.yml`)) as { on: Record<string, unknown> }).on;
    expect(on('sync').schedule).toEqual([{ cron: expect.stringMatching(/^\d+ \* \* \* \*$/) }]);
    expect(on('drill')).toMatchObject({ push: {}, schedule: [{ cron: expect.stringMatching(/^\d+ \d+ \* \* \*$/) }] });
    const wanted = (variables: Record<string, string>): string[] =>
      ['sync', 'drill'].filter((name) =>
        isWanted(gitlabJobOf(GITLAB, name), { CI_DEFAULT_BRANCH: 'main', ...variables }),
      );
    expect(wanted({ CI_PIPELINE_SOURCE: 'schedule' })).toEqual(['sync']);
    expect(wanted({ CI_PIPELINE_SOURCE: 'push', CI_COMMIT_BRANCH: 'main' })).toEqual(['drill']);
    expect(wanted({ CI_PIPELINE_SOURCE: 'push', CI_COMMIT_BRANCH: 'feature' })).toEqual([]);
  });

  it('say what they cost', () => {
    for (const file of ['deploy/github/sync.yml', 'deploy/github/drill.yml', GITLAB])
      expect(read(file), file).toMatch(/^# What it costs.*[\s\S]*? a month/m);
  });

  it('have no more rights than they need, and a secret in one step alone', () => {
    const rights = (name: string): unknown => (parse(read(`deploy/github/${name}.yml`)) as JsonObject).permissions;
    expect([rights('sync'), rights('drill')]).toEqual([{ contents: 'write' }, { contents: 'read' }]);
    const holding = [sync, drill].flatMap((job) =>
      (job?.steps ?? []).filter(({ env }) => JSON.stringify(env).includes('secrets.')).map(({ name }) => name),
    );
    expect(holding).toEqual(['Mirror the account']);
  });

  it('of GitHub name a secret that is missing', async () => {
    const context = {
      github: { server_url: '', repository: '', token: '' },
      secrets: {},
      vars: {},
      runner: { temp: '' },
    };
    const { code, output } = await runGithubJob(sync as GithubJob, context, commands({ npx: '' }));
    expect(code).toBe(1);
    expect(output).toBe(
      '::error::The secret CELIGO_API_TOKEN is not set: Settings > Secrets and variables > Actions.\n',
    );
  });

  it.each([
    ['CELIGO_API_TOKEN', {}],
    ['MIRROR_REMOTE_TOKEN', { CELIGO_API_TOKEN: 'x' }],
  ])('of GitLab name %s where it is missing', async (name, given) => {
    const { code, output } = await runGitlabJob(gitlabJobOf(GITLAB, 'sync'), given, tempDir(), commands({ npx: '' }));
    expect(code).toBe(1);
    expect(output).toBe(`The variable ${name} is not set for the environment "sync".\n`);
  });

  it('of GitLab run in the image that the Dockerfile begins with, which has git', () => {
    const { image } = (parse(read(GITLAB)) as { default: { image: string } }).default;
    expect(`${image}-slim`).toBe(/^ARG NODE_IMAGE=(.*)$/m.exec(read('Dockerfile'))?.[1]);
  });
});

describe.skipIf(spawnSync('shellcheck', ['--version']).error !== undefined)('shellcheck', () => {
  it('finds no fault in a script of a workflow', () => {
    const github = ['deploy/github/sync', 'deploy/github/drill', 'deploy/github/changes', '.github/workflows/release'];
    const gitlab = parse(read(GITLAB)) as Record<string, { before_script?: string[]; script?: string[] }>;
    const scripts = [
      ...github.flatMap((name) =>
        Object.values(githubJobs(`${name}.yml`)).flatMap(({ steps }) => steps.map(({ run }) => run)),
      ),
      ...Object.values(gitlab).map(({ before_script = [], script = [] }) => [...before_script, ...script].join('\n')),
    ].filter((script) => script !== undefined && script !== '');
    expect(scripts.length).toBeGreaterThan(15);
    for (const script of scripts) {
      const input = `set -eo pipefail\n${script}\n`;
      const { status, stdout } = spawnSync('shellcheck', ['--shell=bash', '--severity=warning', '-'], {
        input,
        encoding: 'utf8',
      });
      expect(status, `${script}\n${stdout}`).toBe(0);
    }
  });
});
