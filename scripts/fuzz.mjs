// Runs every property test with more random cases, and prints how many there were: npm run fuzz -- --factor 100
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values } = parseArgs({ options: { factor: { type: 'string', default: '20' } } });
const root = fileURLToPath(new URL('..', import.meta.url));
const files = readdirSync(join(root, 'test'), { recursive: true })
  .map((name) => join('test', name))
  .filter((name) => name.endsWith('.test.ts') && /\bcases\(\d/.test(readFileSync(join(root, name), 'utf8')));
const folder = mkdtempSync(join(tmpdir(), 'celigo-mirror-fuzz-'));
const report = join(folder, 'report.json');
const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
const { status } = spawnSync(
  process.execPath,
  [vitest, 'run', '--reporter=json', `--outputFile=${report}`, '--testTimeout=3600000', ...files],
  { cwd: root, env: { ...process.env, FUZZ: values.factor }, stdio: ['ignore', 'inherit', 'inherit'] },
);
const rows = JSON.parse(readFileSync(report, 'utf8')).testResults.flatMap(({ name, assertionResults }) =>
  assertionResults
    .filter(({ meta }) => meta?.cases > 0)
    .map(({ fullName, meta, duration, status: outcome, failureMessages }) => ({
      file: relative(join(root, 'test'), name),
      fullName,
      cases: meta.cases,
      seconds: (duration ?? 0) / 1000,
      outcome,
      failureMessages,
    })),
);
rmSync(folder, { recursive: true });
const number = (value) => value.toLocaleString('en-US');
console.log('\n| test | cases | seconds | outcome |\n| --- | --- | --- | --- |');
for (const { file, fullName, cases, seconds, outcome } of rows.sort((a, b) => (a.file < b.file ? -1 : 1)))
  console.log(`| \`${file}\`: ${fullName} | ${number(cases)} | ${seconds.toFixed(1)} | ${outcome} |`);
const total = rows.reduce((sum, row) => sum + row.cases, 0);
const seconds = rows.reduce((sum, row) => sum + row.seconds, 0);
console.log(`\n${number(total)} cases in ${seconds.toFixed(0)} s`);
for (const { fullName, failureMessages } of rows)
  for (const message of failureMessages) console.log(`\n${fullName}\n${message}`);
process.exitCode = status ?? 1;
