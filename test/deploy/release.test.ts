import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { ENV, git, tempDir } from '../support/workspace.ts';
import { commands, type GithubJob, githubJobs, runGithubJob } from './jobs.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const text = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const project = JSON.parse(text('package.json')) as { version: string; repository: { url: string } };
const IMAGE = `ghcr.io/${/([^/]+\/[^/]+)\.git$/.exec(project.repository.url)?.[1]}`;
const LOG = `# Changelog

## Unreleased

## 1.2.3 - 2026-11-28

### Added

- Sync.

## 1.2.2

- Older.

## 1.2.1

`;

/** A folder of the project with these contents. */
function checkout(version: string, log: string): string {
  const dir = tempDir();
  writeFileSync(join(dir, 'package.json'), JSON.stringify({ ...project, version }));
  writeFileSync(join(dir, 'CHANGELOG.md'), log);
  mkdirSync(join(dir, 'scripts'));
  for (const name of ['release.mjs', 'audit.mjs']) cpSync(join(ROOT, 'scripts', name), join(dir, 'scripts', name));
  return dir;
}

function release(cwd: string, ...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['scripts/release.mjs', ...args], {
    cwd,
    env: ENV,
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

describe('the text of a release', () => {
  it('is the section of its version, with the image by digest', () => {
    const dir = checkout('1.2.3', LOG);

    expect(release(dir, 'notes', 'v1.2.3')).toEqual({ status: 0, stdout: '### Added\n\n- Sync.\n', stderr: '' });
    expect(release(dir, 'notes', 'v1.2.3', `${IMAGE}@sha256:0a`).stdout).toMatch(
      /^### Added\n\n- Sync\.\n\n### Image\n\n`ghcr\.io\/.*@sha256:0a`\n/,
    );
  });

  it.each([
    ['1.2.4', 'v1.2.3', 'The tag is v1.2.3, but package.json has the version 1.2.4: npm version makes both alike.'],
    ['1.2.4', 'v1.2.4', 'CHANGELOG.md has no section "## 1.2.4": npm version makes it of "Unreleased".'],
    ['1.2.1', 'v1.2.1', 'The section "## 1.2.1" of CHANGELOG.md is empty: say what is new.'],
    ['1.2.3', '1.2.3', '"1.2.3" is no tag of a release: it has the form v1.2.3.'],
    ['1.2.3', 'v1.2.3-rc.1', '"v1.2.3-rc.1" is no tag of a release: it has the form v1.2.3.'],
  ])('of %s is refused for the tag %s', (version, tag, why) => {
    expect(release(checkout(version, LOG), 'notes', tag)).toEqual({ status: 1, stdout: '', stderr: `${why}\n` });
  });
});

describe('a new version', () => {
  it('is in the changelog and in every file that names it', () => {
    const dir = checkout('9.8.7', text('CHANGELOG.md'));
    const named = git(ROOT, 'grep', '--files-with-matches', '-E', '(celigo-mirror[@:]|newTag: )[0-9]+[.]')
      .trim()
      .split('\n');
    const files = named.filter((name) => !/^(test|src|bench)\//.test(name));
    for (const name of ['deploy', 'docs', 'docker-compose.yml', 'README.md'])
      cpSync(join(ROOT, name), join(dir, name), { recursive: true });

    expect(release(dir, 'prepare')).toMatchObject({ status: 0, stderr: '' });

    expect(files.length).toBeGreaterThan(3);
    for (const name of files) {
      const before = text(name);
      expect(before, name).toContain(project.version);
      expect(readFileSync(join(dir, name), 'utf8'), name).toBe(before.replaceAll(project.version, '9.8.7'));
    }
    expect(release(dir, 'notes', 'v9.8.7').status).toBe(0);
    expect(release(dir, 'prepare').stderr).toBe(
      'CHANGELOG.md has nothing below "## Unreleased": say there what is new.\n',
    );
  });

  it('is that of the package wherever the package or the image is named, and so is the image', () => {
    const lines = git(
      ROOT,
      'grep',
      '-hoE',
      '(ghcr[.]io/[a-z/-]+|[^/]celigo-mirror)[@:](sha256|[0-9][0-9.]*[0-9])|newName: .*|newTag: .*',
      '--',
      'deploy',
      'docs',
      'README.md',
      'docker-compose.yml',
    )
      .trim()
      .split('\n');

    const { version } = project;
    expect(lines.length).toBeGreaterThan(5);
    for (const line of lines)
      expect([
        `${IMAGE}:${version}`,
        `${IMAGE}@sha256`,
        `celigo-mirror@${version}`,
        `newName: ${IMAGE}`,
        `newTag: ${version}`,
      ]).toContain(line.replace(/^[^a-z]/, ''));
    expect((parse(text('.github/workflows/release.yml')) as { env: unknown }).env).toEqual({ IMAGE });
  });
});

/** Notes how each command was called: its name and arguments. */
const noting = (answer = ''): string => `
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
const args = process.argv.slice(2);
appendFileSync(process.env.CALLS, [process.argv[1].replace(/.*[/]|[.]mjs$/g, ''), ...args].join(' ') + '\\n');
${answer}`;

describe('the workflow of a release', () => {
  const jobs = githubJobs('.github/workflows/release.yml');
  const digest = (of: string): string => `sha256:${of.repeat(64)}`;

  /** Runs a job. @returns its outputs, and the commands that it called */
  async function run(name: string, context: Record<string, Record<string, string>> = {}, needs = {}) {
    const dir = checkout('1.2.3', LOG);
    for (const file of ['package.json', 'package-lock.json'])
      if (name === 'page' && file !== 'package.json') cpSync(join(ROOT, file), join(dir, file));
    const calls = join(dir, 'calls');
    writeFileSync(calls, '');
    const path = commands({
      docker: noting(`
if (args[0] === 'login' && readFileSync(0, 'utf8').trim() !== 'forge-token') process.exit(1);
const digestOf = { 'linux/amd64': '${digest('a')}', 'linux/arm64': '${digest('b')}' };
if (args[1] === 'build') writeFileSync(args[args.indexOf('--metadata-file') + 1],
  JSON.stringify({ 'containerimage.digest': digestOf[args[args.indexOf('--platform') + 1]] }));
if (args[0] === 'run') console.log('1.2.3');
if (args[2] === 'inspect') console.log(JSON.stringify({ digest: '${digest('c')}' }));`),
      cosign: noting(),
      gh: noting(),
      npm: noting(
        `if (args[0] === 'sbom') console.log('{"bomFormat":"CycloneDX","metadata":{"component":{}},"components":[]}');`,
      ),
    });
    const ran = await runGithubJob(
      jobs[name] as GithubJob,
      { github: { token: 'forge-token' }, needs, ...context },
      path,
      {
        checkout: dir,
        env: {
          CALLS: calls,
          GITHUB_REF_NAME: 'v1.2.3',
          GITHUB_SHA: 'f'.repeat(40),
          GITHUB_SERVER_URL: 'https://forge.example',
          GITHUB_REPOSITORY: 'acme/mirror',
        },
      },
    );
    return { ...ran, dir, calls: readFileSync(calls, 'utf8') };
  }

  it('builds the image of each platform with its attestations, pushes it by digest and runs it', async () => {
    const amd64 = await run('image', { matrix: { platform: 'amd64' } });
    const arm64 = await run('image', { matrix: { platform: 'arm64' } });

    expect(amd64.code, amd64.output).toBe(0);
    expect([amd64.outputs, arm64.outputs]).toEqual([
      { amd64: digest('a'), arm64: '' },
      { amd64: '', arm64: digest('b') },
    ]);
    expect(arm64.calls).toMatch(/buildx build \. --platform linux\/arm64 --provenance mode=max --sbom true /);
    expect(arm64.calls).toContain(
      `--output type=image,name=${IMAGE},push-by-digest=true,name-canonical=true,push=true`,
    );
    expect(arm64.calls).toContain('--label org.opencontainers.image.version=1.2.3 ');
    expect(arm64.calls).toContain(`run --rm --read-only --cap-drop ALL ${IMAGE}@${digest('b')} version\n`);
    expect(arm64.calls).not.toContain('forge-token');
  });

  it('names both by the version, and signs what that name means', async () => {
    const needs = { image: { outputs: { amd64: digest('a'), arm64: digest('b') } } };
    const { code, output, outputs, calls } = await run('index', {}, needs);

    expect(code, output).toBe(0);
    expect(outputs).toEqual({ image: `${IMAGE}@${digest('c')}` });
    expect(calls).toContain(
      `docker buildx imagetools create --tag ${IMAGE}:1.2.3 ${IMAGE}@${digest('a')} ${IMAGE}@${digest('b')}\n`,
    );
    expect(calls).toContain(`cosign sign --yes --recursive ${IMAGE}@${digest('c')}\n`);
  });

  it('names no image that is for one platform alone', async () => {
    const { code, output, calls } = await run('index', {}, { image: { outputs: { amd64: digest('a'), arm64: '' } } });

    expect(code).toBe(1);
    expect(output).toMatch(/^::error::The image of a platform is missing: run all jobs of this release again\.$/m);
    expect(calls).not.toContain('imagetools create');
  });

  it('publishes the package with its provenance, and names this repository in it', async () => {
    const { code, calls } = await run('npm');

    expect(code).toBe(0);
    expect(calls.trim().split('\n')).toEqual([
      'npm ci --ignore-scripts',
      'npm run build',
      'npm pkg set repository.type=git repository.url=git+https://forge.example/acme/mirror.git',
      'npm publish --provenance --access public --ignore-scripts',
    ]);
  });

  it('makes the page of the release from the changelog', async () => {
    const { code, output, calls, dir } = await run(
      'page',
      {},
      { index: { outputs: { image: `${IMAGE}@${digest('c')}` } } },
    );

    expect(code, output).toBe(0);
    expect(calls).toContain(
      'gh release create v1.2.3 --verify-tag --title v1.2.3 --notes-file notes.md sbom.cdx.json\n',
    );
    expect(readFileSync(join(dir, 'notes.md'), 'utf8')).toMatch(/^### Added\n\n- Sync\.\n\n### Image\n\n`ghcr\.io/);
  });

  it('begins with the check of tag and changelog, and does nothing before all tests have passed', async () => {
    expect((await run('check')).summary).toBe('### Added\n\n- Sync.\n');
    const order = Object.fromEntries(Object.entries(jobs).map(([name, { needs }]) => [name, needs]));
    expect(order).toEqual({
      check: undefined,
      tests: ['check'],
      image: ['tests'],
      index: ['image'],
      npm: ['index'],
      page: ['index', 'npm'],
    });
    expect(jobs.tests?.uses).toBe('./.github/workflows/ci.yml');
  });

  it('has the least rights in each job, and no secret', () => {
    expect(Object.fromEntries(Object.entries(jobs).map(([name, { permissions }]) => [name, permissions]))).toEqual({
      check: { contents: 'read' },
      tests: { contents: 'read' },
      image: { contents: 'read', packages: 'write' },
      index: { packages: 'write', 'id-token': 'write' },
      npm: { contents: 'read', 'id-token': 'write' },
      page: { contents: 'write' },
    });
    const all = text('.github/workflows/release.yml');
    expect(all).toMatch(/^permissions: \{\}$/m);
    expect(all).not.toContain('secrets.');
  });
});
