// The tests with several versions of Node and git, none of which is installed: Node comes from the npm registry, git
// from Debian's packages (scripts/debian-git.mjs), the program from a clean copy of HEAD. All of it is in one temporary
// folder that is removed at the end. A table in Markdown on standard output, progress on standard error: npm run compat
import { spawn, spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { bringGit } from './debian-git.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
/** Releases of Debian by what they are good for: the oldest git that is supported, and the newest there is. */
const SUITES = { old: 'bullseye', new: 'sid' };
/** What depends on the versions most: git, processes, files, time. */
const QUICK = [
  'test/run/git',
  'test/run/sync',
  'test/run/signatures',
  'test/run/old-git',
  'test/daemon/stopping',
  'test/daemon/racing',
  'test/audit/log',
  'test/hostile/files',
  'test/git',
  'test/mirror',
  'test/core',
  'test/cli',
];
const MINUTE = 60_000;
const HELP = `Usage: npm run compat -- [options]

  --node VERSIONS       versions or ranges of Node (20.19.0,22,24)
  --git NAMES           system, old (Debian ${SUITES.old}), new (Debian ${SUITES.new}) or another one (system,old,new)
  --git-path DIR        a folder with a git to use as well, where Debian's packages cannot be had
  --all-pairs           every Node with every git; otherwise each Node with the first git, and the reverse
  --tests PATTERNS      only test files whose path has one of these in it, separated by commas
  --quick               only the tests that depend on Node and git most
  --debian-mirror URL   where packages of Debian come from, if not from where this machine's do

Exit codes: 0 all passed, 1 something failed or could not be brought, 64 wrong usage.
`;

function wrong(message) {
  process.stderr.write(`${message}\n\n${HELP}`);
  process.exit(64);
}

function options() {
  try {
    return parseArgs({
      options: {
        node: { type: 'string', default: '20.19.0,22,24' },
        git: { type: 'string' },
        'git-path': { type: 'string', multiple: true, default: [] },
        'all-pairs': { type: 'boolean', default: false },
        tests: { type: 'string' },
        quick: { type: 'boolean', default: false },
        'debian-mirror': { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    return wrong(error.message);
  }
}

const flags = options();
if (flags.help) {
  process.stdout.write(HELP);
  process.exit(0);
}
const list = (text) => text.split(',').filter(Boolean);
const nodes = list(flags.node);
const gits = [...list(flags.git ?? (flags['git-path'].length > 0 ? 'system' : 'system,old,new'))];
const patterns = flags.tests ? list(flags.tests) : flags.quick ? QUICK : [];
for (const version of nodes) if (!/^[\d.]+$/.test(version)) wrong(`--node: ${version} is no version`);
for (const name of gits) if (!/^[a-z-]+$/.test(name)) wrong(`--git: ${name} is no release of Debian`);

const temporary = mkdtempSync(join(tmpdir(), 'celigo-compat-'));
process.on('exit', () => rmSync(temporary, { recursive: true, force: true, maxRetries: 5 }));
const stopping = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => stopping.abort());
const say = (text) => process.stderr.write(`${text}\n`);

/** Environment with these folders first on the PATH, and what a test leaves behind inside our folder. */
function environment(folders) {
  const scratch = join(temporary, 'tmp');
  mkdirSync(scratch, { recursive: true });
  // Set by `npm run` for this project, not for its copy.
  const { npm_config_local_prefix, npm_config_prefix, ...rest } = process.env;
  return { ...rest, PATH: [...folders, process.env.PATH].join(delimiter), TMPDIR: scratch };
}

/**
 * Runs a program and all that it starts, for a limited time.
 * @returns its exit code (or why it had none) and the end of what it said
 */
function run(program, args, { cwd, env, minutes }) {
  const log = join(temporary, 'log');
  const file = openSync(log, 'w');
  // A group of its own, so that nothing of it outlives us.
  const child = spawn(program, args, { cwd, env, stdio: ['ignore', file, file], detached: true });
  closeSync(file);
  return new Promise((done) => {
    let reason;
    const end = (why) => {
      reason ??= why;
      try {
        process.kill(-child.pid, 'SIGKILL');
      } catch {
        // Over already.
      }
    };
    const timer = setTimeout(end, minutes * MINUTE, `stopped after ${minutes} minutes`);
    const stop = () => end('stopped');
    stopping.signal.addEventListener('abort', stop);
    const over = (outcome) => {
      clearTimeout(timer);
      stopping.signal.removeEventListener('abort', stop);
      end('over');
      done({ outcome, tail: readFileSync(log, 'utf8').trimEnd().split('\n').slice(-30).join('\n') });
    };
    child.on('error', (error) => over(error.message));
    child.on('close', (code, signal) => over(reason ?? code ?? signal));
  });
}

/** As `run`, for a step without which nothing goes on. */
async function must(what, program, args, call) {
  if (stopping.signal.aborted) throw new Error('stopped');
  say(`- ${what}`);
  const { outcome, tail } = await run(program, args, call);
  if (outcome !== 0) throw new Error(`${what}: ${outcome}\n${tail}`);
}

/** The package of one platform holds the program itself; the package `node` would fetch it by an install script. */
async function bringNode(version, folder) {
  const platform = process.platform === 'win32' ? 'win' : process.platform;
  const name = `node-${platform}-${process.arch}`;
  const words = ['install', '--prefix', folder, '--no-save', '--ignore-scripts', `${name}@${version}`];
  mkdirSync(folder, { recursive: true });
  await must(`${name}@${version}`, 'npm', words, { cwd: folder, env: environment([]), minutes: 10 });
  return join(folder, 'node_modules', name, 'bin');
}

/** The version that a program of this name has with these folders first on the PATH. */
function versionOf(program, folders) {
  const { stdout, error } = spawnSync(program, ['--version'], { env: environment(folders), encoding: 'utf8' });
  const version = /\d+(\.\d+)+/.exec(stdout ?? '')?.[0];
  if (!version) throw new Error(`${program} cannot be run${error ? `: ${error.message}` : ''}`);
  return version;
}

/** What to test with: a name for the table, and folders for the PATH or why there are none. */
async function preparedGit(name, bring) {
  try {
    const folders = await bring();
    return { name: `${versionOf('git', folders)} (${name})`, folders };
  } catch (error) {
    say(`git ${name}: ${error.message}`);
    return { name, problem: 'not to be had here' };
  }
}

async function testWith(copy, folders, name) {
  say(`- tests with ${name}`);
  const answer = join(temporary, 'tests.json');
  rmSync(answer, { force: true });
  const began = performance.now();
  const words = ['node_modules/vitest/vitest.mjs', 'run', '--reporter=json', `--outputFile=${answer}`];
  const { outcome, tail } = await run('node', [...words, ...patterns], {
    cwd: copy,
    env: environment(folders),
    minutes: 60,
  });
  const seconds = Math.round((performance.now() - began) / 1000);
  let result;
  try {
    result = JSON.parse(readFileSync(answer, 'utf8'));
  } catch {
    say(tail);
    return { problem: `no result (${outcome})`, seconds };
  }
  for (const { name: file, status, message, assertionResults } of result.testResults) {
    const failed = assertionResults.filter((test) => test.status === 'failed');
    if (status === 'failed' && failed.length === 0) say(`  FAILED ${relative(copy, file)}: ${message}`);
    for (const { fullName, failureMessages } of failed) {
      const cause = failureMessages.join('\n').split('\n').slice(0, 3).join('\n    ');
      say(`  FAILED ${relative(copy, file)}: ${fullName}\n    ${cause}`);
    }
  }
  // Files that could not be read and errors outside of tests are in no count.
  const other = outcome !== 0 && result.numFailedTests === 0;
  if (other) say(tail);
  return {
    passed: result.numPassedTests,
    failed: result.numFailedTests,
    skipped: result.numPendingTests,
    seconds,
    ...(other ? { problem: `ended with ${outcome}` } : {}),
  };
}

/** One row for each git that this Node is to be tested with. */
async function rowsOf(version, nth, choices) {
  const folder = join(temporary, `node-${version}`);
  const chosen = choices.filter((_, i) => flags['all-pairs'] || nth === 0 || i === 0);
  if (chosen.every(({ problem }) => problem)) {
    return chosen.map(({ name, problem }) => ({ node: version, git: name, problem }));
  }
  const copy = join(folder, 'copy');
  let bin;
  let exact = version;
  try {
    bin = await bringNode(version, join(folder, 'node'));
    exact = versionOf('node', [bin]);
    const call = { cwd: folder, env: environment([bin]), minutes: 15 };
    await must(`a clean copy for Node ${exact}`, 'git', ['clone', '--quiet', ROOT, copy], call);
    await must('npm ci', 'npm', ['ci'], { ...call, cwd: copy });
    await must('npm run build', 'npm', ['run', 'build'], { ...call, cwd: copy });
  } catch (error) {
    say(`Node ${exact}: ${error.message}`);
    return chosen.map(({ name }) => ({ node: exact, git: name, problem: 'could not be prepared' }));
  }
  const rows = [];
  for (const { name, folders, problem } of chosen) {
    const result =
      problem || stopping.signal.aborted
        ? { problem: problem ?? 'stopped' }
        : await testWith(copy, [...folders, bin], `Node ${exact}, git ${name}`);
    rows.push({ node: exact, git: name, ...result });
  }
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  return rows;
}

const dirty = spawnSync('git', ['status', '--porcelain'], { cwd: ROOT, encoding: 'utf8' }).stdout;
if (dirty) say('Note: what is not committed is not tested.');
const choices = [];
for (const name of gits) {
  choices.push(
    await preparedGit(name, () => {
      if (name === 'system') return [];
      say(`- git ${name}`);
      const folder = join(temporary, `git-${name}`);
      const mirror = flags['debian-mirror'];
      return bringGit(SUITES[name] ?? name, folder, { mirror, signal: stopping.signal }).then((bin) => [bin]);
    }),
  );
}
for (const dir of flags['git-path']) {
  // Another git on the PATH would be tested in its place.
  if (!existsSync(join(dir, 'git'))) wrong(`--git-path: there is no git in ${dir}`);
  choices.push(await preparedGit(dir, () => [resolve(dir)]));
}
if (choices.length === 0) wrong('--git: name at least one');

const rows = [];
for (const [nth, version] of nodes.entries()) rows.push(...(await rowsOf(version, nth, choices)));

console.log('| Node | git | passed | failed | left out | seconds | |\n| --- | --- | --- | --- | --- | --- | --- |');
for (const { node, git, passed, failed, skipped, seconds, problem } of rows) {
  const verdict = problem ?? (failed > 0 ? 'failed' : passed > 0 ? 'ok' : 'no test ran');
  const cells = [node, git, passed, failed, skipped, seconds].map((value) => value ?? '–');
  console.log(`| ${[...cells, verdict].join(' | ')} |`);
}
process.exitCode = rows.every(({ problem, failed, passed }) => !problem && failed === 0 && passed > 0) ? 0 : 1;
