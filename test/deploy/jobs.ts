import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { data, Evaluator, Lexer, Parser } from '@actions/expressions';
import { parse } from 'yaml';
import { z } from 'zod';
import type { JsonObject } from '../../src/core/json.ts';
import { VERSION } from '../../src/version.ts';
import type { TestAccount } from '../support/account.ts';
import { ENV, PROGRAM, tempDir } from '../support/workspace.ts';

const text = (path: string): string => readFileSync(fileURLToPath(new URL(`../../${path}`, import.meta.url)), 'utf8');

type Variables = Readonly<Record<string, string>>;

/** What a job, or a step of one, came to. */
export interface Ran {
  readonly code: number;
  /** Standard output and standard error. */
  readonly output: string;
}

async function bash(script: string, cwd: string, env: Readonly<Record<string, string>>): Promise<Ran> {
  const file = join(tempDir(), 'script.sh');
  writeFileSync(file, script);
  const child = spawn('bash', ['--noprofile', '--norc', '-eo', 'pipefail', file], { cwd, env, stdio: 'pipe' });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
  child.stdin.end();
  const code = await new Promise<number>((resolve) => child.on('close', (ended) => resolve(ended ?? -1)));
  return { code, output };
}

/** A folder of commands for the scripts. Each is a module of Node. */
export function commands(sources: Readonly<Record<string, string>>): string {
  const bin = join(tempDir(), 'bin');
  mkdirSync(bin);
  for (const [name, source] of Object.entries(sources)) {
    writeFileSync(join(bin, `${name}.mjs`), source);
    writeFileSync(join(bin, name), `#!/bin/sh\nexec "${process.execPath}" "${join(bin, name)}.mjs" "$@"\n`);
    chmodSync(join(bin, name), 0o755);
  }
  return `${bin}:${ENV.PATH}`;
}

/** Runs the program as a process that gets some variables and the address of the emulator, in a clone of its own. */
function program(apiUrl: string): string {
  return `
import { spawnSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
export function celigoMirror(args, env) {
  const { CELIGO_REGION: _, ...given } = env;
  const own = { MIRROR_PATH: mkdtempSync(${JSON.stringify(join(tempDir(), 'clone-'))}) + '/mirror' };
  const base = ${JSON.stringify({ ...ENV, LOG_LEVEL: 'error', CELIGO_BASE_URL: apiUrl })};
  return spawnSync(process.execPath, [${JSON.stringify(PROGRAM)}, ...args], {
    env: { ...base, ...given, ...own }, stdio: 'inherit',
  }).status;
}
`;
}

const step = z.looseObject({
  id: z.string().optional(),
  name: z.string().optional(),
  if: z.string().optional(),
  run: z.string().optional(),
  env: z.record(z.string(), z.string()).optional(),
});
/** A stand-in for npx, which installs what is pinned and runs it. No secret is an argument. */
export function npx({ url, owner }: TestAccount): string {
  return `${program(url)}
const [yes, what, ...args] = process.argv.slice(2);
if (yes !== '--yes' || what !== 'celigo-mirror@${VERSION}') throw new Error('not pinned: ' + what);
if (args.some((one) => /token-that|${owner.token}/.test(one))) throw new Error('a secret is an argument');
process.exit(celigoMirror(args, process.env));`;
}

const variables = z.record(z.string(), z.string());
const githubJob = z.looseObject({
  if: z.string().optional(),
  environment: z.string().optional(),
  permissions: variables.optional(),
  outputs: variables.optional(),
  // None where the job is a workflow of its own.
  steps: z.array(step).default([]),
});

export type GithubJob = z.infer<typeof githubJob>;

/** The jobs of a workflow, whose variables are in every step. */
export function githubJobs(path: string): Record<string, GithubJob> {
  const workflow = z.looseObject({ env: variables.default({}), jobs: z.record(z.string(), githubJob) });
  const { env: common, jobs } = workflow.parse(parse(text(path)));
  const withCommon = ({ steps, ...job }: GithubJob): GithubJob => ({
    ...job,
    steps: steps.map((one) => ({ ...one, env: { ...common, ...one.env } })),
  });
  return Object.fromEntries(Object.entries(jobs).map(([name, job]) => [name, withCommon(job)]));
}

/** The value of an expression of GitHub, by GitHub's own evaluator. */
export function evaluate(expression: string, context: JsonObject): string {
  const names = Object.keys(context);
  const held = JSON.parse(JSON.stringify(context), data.reviver) as data.Dictionary;
  return new Evaluator(new Parser(new Lexer(expression).lex().tokens, names, []).parse(), held)
    .evaluate()
    .coerceString();
}

interface GithubRan extends Ran {
  readonly summary: string;
  /** Those of the job. */
  readonly outputs: Readonly<Record<string, string>>;
}

/**
 * The scripts of a job of GitHub, one after the other as there.
 * @param context what expressions see; `secrets` are those of the job's environment
 * @param given further variables of the runner, and the folder of the checkout
 */
export async function runGithubJob(
  job: GithubJob,
  context: JsonObject,
  path: string,
  given: { readonly env?: Variables; readonly checkout?: string } = {},
): Promise<GithubRan> {
  const dir = tempDir();
  const [outputs, summary] = [join(dir, 'outputs'), join(dir, 'summary')];
  const work = given.checkout ?? join(dir, 'work');
  mkdirSync(work, { recursive: true });
  const filled = (value: string): string =>
    value.replace(/\$\{\{ (.*?) \}\}/g, (_, expression: string) => evaluate(expression, { ...context, steps: known }));
  const known: Record<string, JsonObject> = {};
  let code = 0;
  let output = '';
  for (const { id, if: when, run, env = {} } of job.steps) {
    if (run === undefined || (code !== 0 && when !== '${{ !cancelled() }}')) continue;
    writeFileSync(outputs, '');
    const values = Object.entries(env).map(([name, value]) => [name, filled(value)]);
    const ran = await bash(run, work, {
      ...ENV,
      PATH: path,
      GITHUB_REPOSITORY: 'acme/mirror',
      GITHUB_ACTOR: 'ben',
      GITHUB_OUTPUT: outputs,
      GITHUB_STEP_SUMMARY: summary,
      ...given.env,
      ...(Object.fromEntries(values) as Record<string, string>),
    });
    output += ran.output;
    code ||= ran.code;
    const lines = readFileSync(outputs, 'utf8').split('\n').filter(Boolean);
    const pairs = lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]);
    if (id !== undefined) known[id] = { outputs: Object.fromEntries(pairs) as JsonObject };
  }
  const results = code === 0 ? Object.entries(job.outputs ?? {}).map(([name, value]) => [name, filled(value)]) : [];
  return {
    code,
    output,
    summary: existsSync(summary) ? readFileSync(summary, 'utf8') : '',
    outputs: Object.fromEntries(results) as Record<string, string>,
  };
}

const script = z.array(z.string());
const gitlabJob = z.looseObject({
  extends: z.string().optional(),
  rules: z.array(z.looseObject({ if: z.string().optional(), when: z.string().optional() })).optional(),
  environment: z.looseObject({ name: z.string() }).optional(),
  variables: z.record(z.string(), z.string()).optional(),
  before_script: script.optional(),
  script: script.optional(),
});

export type GitlabJob = z.infer<typeof gitlabJob>;

/** A job of a pipeline file of GitLab, with what it extends, and what all have in common. */
export function gitlabJobOf(path: string, name: string): GitlabJob {
  const jobs = parse(text(path)) as Record<string, unknown>;
  const common = z.looseObject({ default: z.looseObject({ before_script: script }), variables }).parse(jobs);
  const own = gitlabJob.parse(jobs[name]);
  const base = own.extends === undefined ? {} : gitlabJob.parse(jobs[own.extends]);
  const all = { before_script: common.default.before_script, ...base, ...own };
  return { ...all, variables: { ...common.variables, ...all.variables } };
}

/** Whether one of a job's rules fits. */
export function isWanted({ rules = [] }: GitlabJob, variables: Variables): boolean {
  const fits = (clause: string): boolean => {
    const [, name = '', operator, other = ''] = /^\$(\w+) (==|!~) (.+)$/.exec(clause) ?? [];
    const value = variables[name] ?? '';
    if (operator === '==') return value === (other.startsWith('$') ? variables[other.slice(1)] : JSON.parse(other));
    const [, pattern = '', flags] = /^\/(.*)\/(\w*)$/.exec(other) ?? [];
    if (operator === '!~') return !new RegExp(pattern, flags).test(value);
    throw new Error(`not understood: ${clause}`);
  };
  return rules.some((rule) => rule.if === undefined || rule.if.split(' && ').every(fits));
}

/** The scripts of a job of GitLab, in a folder that jobs of one pipeline share here. */
export function runGitlabJob(job: GitlabJob, given: Variables, work: string, path: string): Promise<Ran> {
  const expand = (value: string): string => value.replace(/\$(\w+)/g, (_, name: string) => given[name] ?? '');
  const own = Object.entries(job.variables ?? {}).map(([name, value]) => [name, expand(value)]);
  const lines = [...(job.before_script ?? []), ...(job.script ?? [])];
  return bash(lines.join('\n'), work, { ...ENV, PATH: path, ...given, ...Object.fromEntries(own) });
}
