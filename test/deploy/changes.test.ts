import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/core/json.ts';
import { people } from '../../src/emulator/sample/people.ts';
import { sample, type TestAccount } from '../support/account.ts';
import { gitOverHttp } from '../support/git-http.ts';
import { eachOf } from '../support/table.ts';
import { bareRemote, git, tempDir, Workspace } from '../support/workspace.ts';
import { type Comment, type Forge, github, gitlab } from './forges.ts';
import {
  commands,
  evaluate,
  type GithubJob,
  githubJobs,
  gitlabJobOf,
  isWanted,
  npx,
  type Ran,
  runGithubJob,
  runGitlabJob,
} from './jobs.ts';

const GITHUB = 'deploy/github/changes.yml';
const GITLAB = 'deploy/gitlab/.gitlab-ci.yml';
/** Credentials of the forge, in the tests. */
const TOKENS = { read: 'token-that-reads', write: 'token-that-writes', note: 'token-that-comments' };

/** An account with its mirror in a remote, and a clone in which people work. */
interface World {
  readonly account: TestAccount;
  readonly space: Workspace;
  readonly remote: string;
  readonly clone: string;
  readonly flow: string;
}

async function world(): Promise<World> {
  const account = await sample();
  const settings = { production: { baseUrl: account.url, token: account.owner.token } };
  const space = new Workspace(settings);
  await space.mirrored();
  const remote = bareRemote();
  space.git('push', '--quiet', remote, 'HEAD:main');
  space.configure(settings, { repository: { remote } });
  const clone = join(tempDir(), 'clone');
  git('/', 'clone', '--quiet', remote, clone);
  git(clone, 'config', 'user.name', 'Ann');
  git(clone, 'config', 'user.email', 'ann@example.test');
  git(clone, 'switch', '--quiet', '--create', 'feature');
  const flow = account.emulator.state.all('flows').find(({ _connectorId }) => _connectorId === undefined);
  return { account, space, remote, clone, flow: String(flow?._id) };
}

/** A commit of Ann that sets a field in its own line, pushed. @returns its id */
function propose({ clone }: World, type: string, id: string, field: string, value: string): string {
  const folder = join(clone, 'production', type);
  const path = join(folder, readdirSync(folder).find((name) => name.includes(id) && name.endsWith('.yaml')) ?? '');
  const rest = readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => !line.startsWith(`${field}:`));
  writeFileSync(path, [`${field}: ${value}`, ...rest].join('\n'));
  git(clone, 'commit', '--quiet', '--all', '--message', 'Change in Git');
  git(clone, 'push', '--quiet', 'origin', 'HEAD:feature');
  return git(clone, 'rev-parse', 'HEAD').trim();
}

/** Merges the branch, and deletes it. @returns the commit of the merge */
function merge({ clone }: World, head: string, how: 'merge' | 'squash'): string {
  git(clone, 'push', '--quiet', 'origin', `${head}:refs/pull/7/head`);
  git(clone, 'fetch', '--quiet', 'origin');
  git(clone, 'switch', '--quiet', '--force-create', 'main', 'origin/main');
  if (how === 'merge') git(clone, 'merge', '--quiet', '--no-ff', '--no-edit', head);
  else {
    git(clone, 'merge', '--quiet', '--squash', head);
    git(clone, 'commit', '--quiet', '--message', 'Change in Git (#7)');
  }
  git(clone, 'push', '--quiet', 'origin', 'main', ':feature');
  return git(clone, 'rev-parse', 'HEAD').trim();
}

/** A forge with a pull or merge request, and the jobs that its pipelines run. */
interface Pipelines {
  readonly forge: Forge;
  readonly plan: (head: string) => Promise<Ran>;
  readonly apply: (head: string, merged: string) => Promise<Ran>;
}

async function onGithub(w: World): Promise<Pipelines> {
  const forge = await github(TOKENS.note);
  const served = await gitOverHttp(w.remote, 'x-access-token', TOKENS.note);
  const jobs = githubJobs(GITHUB);
  const path = commands({
    npx: npx(w.account),
    gh: `
import { readFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
const args = process.argv.slice(2);
const option = (name) => args[args.indexOf(name) + 1];
const has = (name) => args.includes(name);
const path = args.find((one, i) => i > 0 && one.startsWith('repos/'));
const field = () => readFileSync(option('--field').slice('body=@'.length), 'utf8');
const body = has('--field') ? JSON.stringify({ body: field() }) : undefined;
const answer = await fetch('${forge.url}/' + path, {
  method: has('--method') ? option('--method') : 'GET',
  headers: { authorization: 'Bearer ' + process.env.GH_TOKEN },
  body,
});
if (!answer.ok) throw new Error(path + ': ' + answer.status);
const text = await answer.text();
const jq = () => spawnSync('jq', ['--raw-output', option('--jq')], { input: text, encoding: 'utf8' }).stdout;
const shown = has('--jq') ? jq() : text;
if (!has('--silent')) process.stdout.write(shown);`,
  });
  const run = async (name: string, action: string, head: string): Promise<Ran> => {
    const job = jobs[name] as GithubJob;
    const context = contextOf(action, head, served.url, w.account.owner.token);
    expect(evaluate(job.if ?? 'true', context)).toBe('true');
    const ran = await runGithubJob(job, context, path);
    if (name === 'plan') expect(ran.summary).toBe(planned(forge).body);
    return ran;
  };
  return { forge, plan: (head) => run('plan', 'synchronize', head), apply: (head) => run('apply', 'closed', head) };
}

/** What expressions of GitHub see. */
function contextOf(action: string, head: string, url: string, token: string, from = 'acme/mirror'): JsonObject {
  const [, server, repository = ''] = /^(.*?)\/([^/]+)\.git$/.exec(url) ?? [];
  return {
    github: {
      repository: from === 'acme/mirror' && url !== '' ? repository : 'acme/mirror',
      server_url: server ?? '',
      token: TOKENS.note,
      actor: 'ben',
      actor_id: '7',
      event: {
        action,
        pull_request: {
          number: 7,
          merged: action === 'closed',
          head: {
            sha: head,
            repo: from === '' ? null : { full_name: from === 'acme/mirror' && url !== '' ? repository : from },
          },
        },
      },
    },
    secrets: token === '' ? {} : { CELIGO_API_TOKEN: token },
    vars: {},
    runner: { temp: tempDir() },
  };
}

async function onGitlab(w: World): Promise<Pipelines> {
  let merged: { commit: string; head: string } | undefined;
  const forge = await gitlab(TOKENS.note, () => merged);
  const readers = await gitOverHttp(w.remote, 'gitlab-ci-token', TOKENS.read);
  const writers = await gitOverHttp(w.remote, 'x-access-token', TOKENS.write);
  const path = commands({ npx: npx(w.account) });
  const common = {
    CI_API_V4_URL: forge.url,
    CI_PROJECT_ID: '5',
    CI_DEFAULT_BRANCH: 'main',
    GITLAB_USER_NAME: 'Ben',
    GITLAB_USER_EMAIL: 'ben@example.test',
  };
  /** The secrets of each environment: no job has another one. */
  const secrets: Record<string, Record<string, string>> = {
    'celigo-plan': { CELIGO_API_TOKEN: w.account.owner.token, CI_JOB_TOKEN: TOKENS.read },
    'celigo-notes': { CELIGO_NOTE_TOKEN: TOKENS.note },
    production: { CELIGO_API_TOKEN: w.account.owner.token, MIRROR_REMOTE_TOKEN: TOKENS.write },
  };
  const run = async (names: readonly string[], given: Record<string, string>, always: boolean): Promise<Ran> => {
    const work = tempDir();
    let all: Ran = { code: 0, output: '' };
    for (const name of names) {
      if (all.code !== 0 && !always) break;
      const job = gitlabJobOf(GITLAB, name);
      const dotenv = join(work, 'reviewed.env');
      const lines = existsSync(dotenv) ? readFileSync(dotenv, 'utf8').split('\n').filter(Boolean) : [];
      const pairs = Object.fromEntries(lines.map((line) => line.split('=') as [string, string]));
      const variables = { ...common, ...given, ...pairs, ...secrets[job.environment?.name ?? ''] };
      expect(isWanted(job, variables), name).toBe(true);
      const ran = await runGitlabJob(job, variables, work, path);
      all = { code: all.code || ran.code, output: all.output + ran.output };
    }
    return all;
  };
  return {
    forge,
    plan: (head) =>
      run(
        ['plan', 'note'],
        {
          CI_PIPELINE_SOURCE: 'merge_request_event',
          CI_MERGE_REQUEST_SOURCE_PROJECT_ID: '5',
          CI_MERGE_REQUEST_IID: '7',
          CI_COMMIT_SHA: head,
          CI_PROJECT_URL: readers.url.replace(/\.git$/, ''),
        },
        true,
      ),
    apply: (head, commit) => {
      merged = { commit, head };
      const given = { CI_PIPELINE_SOURCE: 'push', CI_COMMIT_BRANCH: 'main', CI_COMMIT_SHA: commit };
      const message = {
        CI_COMMIT_MESSAGE: "Merge branch 'feature' into 'main'\n\nIt mentions Celigo-Account: production.",
      };
      const project = { CI_PROJECT_URL: writers.url.replace(/\.git$/, '') };
      return run(['reviewed', 'apply'], { ...given, ...message, ...project }, false);
    },
  };
}

/** The comment with the plan. */
function planned({ comments }: Forge): Comment {
  const [comment, ...more] = comments.slice(2);
  if (!comment || more.length > 0) throw new Error(`${comments.length} comments`);
  return comment;
}

const FORGES: [name: string, on: (w: World) => Promise<Pipelines>][] = [
  ['GitHub', onGithub],
  ['GitLab', onGitlab],
];

describe('a change by pull request', () => {
  it('on GitHub is planned as a comment', { tags: 'slow' }, async () => {
    const w = await world();
    const { forge, plan } = await onGithub(w);
    const head = propose(w, 'flows', w.flow, 'description', 'from Git');

    const ran = await plan(head);

    expect(ran.code, ran.output).toBe(0);
    expect(planned(forge).body).toMatch(
      /^<!-- .* -->\n## production: what would change\n[\s\S]*\n\+ description: "from Git"$/m,
    );
    expect(w.account.emulator.state.get('flows', w.flow)?.description).not.toBe('from Git');
  });

  eachOf(
    [
      ['GitHub', 'merge', onGithub],
      ['GitLab', 'squash', onGitlab],
    ] satisfies [string, 'merge' | 'squash', (w: World) => Promise<Pipelines>][],
    { quick: 0 },
  )('on %s is applied as it was reviewed, after a %s', async (_, how, on) => {
    const w = await world();
    const { forge, plan, apply } = await on(w);
    propose(w, 'flows', w.flow, 'description', 'first');
    expect((await plan(git(w.clone, 'rev-parse', 'HEAD').trim())).code).toBe(0);
    const head = propose(w, 'flows', w.flow, 'description', 'from Git');
    expect((await plan(head)).code).toBe(0);
    expect(planned(forge).body).toContain('+ description: "from Git"');
    expect(planned(forge).body).not.toContain('first');
    // Others edit elsewhere, and the mirror runs before and after the merge: it puts the edit back.
    const [script] = w.account.emulator.state.all('scripts');
    w.account.emulator.act(people.priya.email).set('scripts', String(script?._id), { description: 'by Priya' });
    expect((await w.space.sync()).code).toBe(0);
    const commit = merge(w, head, how);
    expect((await w.space.sync()).notices.join()).toContain('put back');

    const ran = await apply(head, commit);

    expect(ran.code, ran.output).toBe(0);
    expect(w.account.emulator.state.get('flows', w.flow)?.description).toBe('from Git');
    expect(w.account.emulator.state.get('scripts', String(script?._id))?.description).toBe('by Priya');
    expect(await w.space.sync()).toMatchObject({ code: 0, commits: [], notices: [] });
    const format =
      '%an%n%(trailers:key=Celigo-Applied,valueonly,separator=%x2C)%n%(trailers:key=Celigo-Operator,valueonly)';
    const [author, applied = '', operator] = w.space.git('log', '-1', `--format=${format}`).split('\n');
    expect(author).toBe('Ann');
    expect(applied).toContain(head);
    expect(operator?.toLowerCase()).toMatch(/^ben /);
    // Run once more, there is nothing to do.
    expect((await apply(head, commit)).code).toBe(0);
  });

  eachOf(FORGES, { quick: 0 })('on %s is refused where it is no longer what was reviewed', async (_, on) => {
    const w = await world();
    const { forge, plan, apply } = await on(w);
    const head = propose(w, 'flows', w.flow, 'description', 'from Git');
    const commit = merge(w, head, 'merge');
    const early = await apply(head, commit);
    expect(early.code).toBe(1);
    expect(early.output).toMatch(/run its job \\?"plan\\?" again, review the plan/);
    expect((await plan(head)).code).toBe(0);
    const { body } = planned(forge);
    w.account.emulator.act(people.priya.email).set('flows', w.flow, { name: 'Better name' });

    const ran = await apply(head, commit);

    expect(ran.code).not.toBe(0);
    expect(ran.output).toMatch(/this is not the plan [0-9a-f]{32} that was reviewed/);
    expect(w.account.emulator.state.get('flows', w.flow)?.description).not.toBe('from Git');
    expect((await plan(head)).code).toBe(0);
    expect(planned(forge).body).not.toBe(body);
    expect((await apply(head, commit)).code).toBe(0);
    expect(w.account.emulator.state.get('flows', w.flow)).toMatchObject({
      description: 'from Git',
      name: 'Better name',
    });
  });

  eachOf(FORGES, { quick: 0 })('on %s that cannot be applied says so in its comment', async (_, on) => {
    const w = await world();
    const { forge, plan, apply } = await on(w);
    const connections = join(w.clone, 'production/connections');
    const yaml = 'name: Shop\ntype: http\nhttp:\n  auth:\n    type: token\n    token:\n      token: hunter2-typed\n';
    writeFileSync(join(connections, 'shop.yaml'), yaml);
    git(w.clone, 'add', '--all');
    const head = propose(w, 'flows', w.flow, 'description', 'from Git');

    const ran = await plan(head);

    expect(ran.code).not.toBe(0);
    expect(planned(forge).body).toMatch(
      /^## production: no plan\n\n {4}.*shop\.yaml holds a credential in plain text/m,
    );
    expect(planned(forge).body).not.toContain('hunter2');
    expect(ran.output).not.toContain('hunter2');
    const applied = await apply(head, merge(w, head, 'merge'));
    expect(applied.code).toBe(1);
    expect(applied.output).toMatch(/run its job \\?"plan\\?" again/);
  });
});

describe('the jobs of GitHub', () => {
  const jobs = githubJobs(GITHUB);
  const wanted = (action: string, from: string): string[] =>
    Object.keys(jobs).filter(
      (name) => evaluate(jobs[name]?.if ?? 'true', contextOf(action, 'c', '', 't', from)) === 'true',
    );

  it('run for the repository itself alone', () => {
    expect(['opened', 'synchronize', 'reopened'].map((action) => wanted(action, 'acme/mirror'))).toEqual([
      ['plan'],
      ['plan'],
      ['plan'],
    ]);
    expect(wanted('closed', 'acme/mirror')).toEqual(['apply']);
    for (const action of ['opened', 'closed'])
      for (const from of ['eve/mirror', '']) expect(wanted(action, from)).toEqual([]);
  });

  it('have the least rights, and secrets in the steps that need them', () => {
    expect(Object.fromEntries(Object.entries(jobs).map(([name, { permissions }]) => [name, permissions]))).toEqual({
      plan: { contents: 'read', 'pull-requests': 'write' },
      apply: { contents: 'write', 'pull-requests': 'read' },
    });
    const holding = (what: string): (string | undefined)[] =>
      Object.values(jobs).flatMap(({ steps }) =>
        steps.filter(({ env = {} }) => JSON.stringify(env).includes(what)).map(({ name }) => name),
      );
    expect(holding('secrets.')).toEqual(['What would change?', 'Apply exactly this plan']);
    expect(holding('GH_TOKEN')).toEqual(['Comment', 'Which plan was reviewed?']);
    expect(Object.values(jobs).map(({ environment }) => environment)).toEqual(['celigo-plan', 'production']);
  });

  it('name a secret that is missing', async () => {
    const path = commands({ npx: '', gh: "console.log('Plan `' + '0'.repeat(32) + '`');" });
    for (const job of Object.values(jobs)) {
      const ran = await runGithubJob(job, contextOf('opened', 'c', '', ''), path);
      expect(ran.code).toBe(1);
      expect(ran.output).toContain(
        `::error::The secret CELIGO_API_TOKEN is not set in the environment ${job.environment}.\n`,
      );
    }
  });
});

describe('the jobs of GitLab', () => {
  const names = ['plan', 'note', 'reviewed', 'apply'];
  const wanted = (variables: Record<string, string>): string[] =>
    names.filter((name) =>
      isWanted(gitlabJobOf(GITLAB, name), { CI_DEFAULT_BRANCH: 'main', CI_PROJECT_ID: '5', ...variables }),
    );

  it('run for the project itself alone, and not for what the mirror commits', () => {
    const request = { CI_PIPELINE_SOURCE: 'merge_request_event' };
    const push = { CI_PIPELINE_SOURCE: 'push', CI_COMMIT_BRANCH: 'main' };
    expect(wanted({ ...request, CI_MERGE_REQUEST_SOURCE_PROJECT_ID: '5' })).toEqual(['plan', 'note']);
    expect(wanted({ ...request, CI_MERGE_REQUEST_SOURCE_PROJECT_ID: '6' })).toEqual([]);
    expect(wanted({ ...push, CI_COMMIT_MESSAGE: 'Merge' })).toEqual(['reviewed', 'apply']);
    expect(
      wanted({ ...push, CI_COMMIT_MESSAGE: 'production: 1 flow changed\n\nCeligo-Account: production\n' }),
    ).toEqual([]);
    expect(wanted({ ...push, CI_COMMIT_BRANCH: 'feature', CI_COMMIT_MESSAGE: 'Edit' })).toEqual([]);
    expect(wanted({ CI_PIPELINE_SOURCE: 'schedule' })).toEqual([]);
  });

  it('name a variable that is missing', async () => {
    for (const name of names) {
      const ran = await runGitlabJob(gitlabJobOf(GITLAB, name), {}, tempDir(), commands({ npx: '' }));
      expect(ran.code, name).toBe(1);
      expect(ran.output).toMatch(/^The variable \w+ is not set for the environment "[\w-]+"\.$/m);
    }
  });
});
