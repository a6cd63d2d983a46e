// What a release says and which version its files name.
//   node scripts/release.mjs notes v1.2.3 [image@sha256:…]   the text of the release, or a sentence why there is none
//   node scripts/release.mjs prepare                         part of npm version: the new version wherever it is named
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { argv, exit, stderr, stdout } from 'node:process';

const VERSION = /\d+\.\d+\.\d+/;
/** The package for npx, the image, the tag of a kustomization, and that of the release. */
const NAMED = new RegExp(`((?:\\bceligo-mirror[@:]|\\bnewTag: |refs/tags/v))${VERSION.source}\\b`, 'g');

class Refused extends Error {}

const packageVersion = () => JSON.parse(readFileSync('package.json', 'utf8')).version;

/** Files that name a version for users. */
function naming() {
  const inside = (folder) =>
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
  return [...inside('deploy'), ...inside('docs'), 'docker-compose.yml', 'README.md'];
}

/** What CHANGELOG.md has below the heading of a version; `undefined`: no such heading. */
function section(title) {
  const lines = readFileSync('CHANGELOG.md', 'utf8').split('\n');
  const heading = (line) => /^## \[?([^\]\s]+)/.exec(line)?.[1];
  const from = lines.findIndex((line) => heading(line) === title);
  if (from < 0) return undefined;
  const length = lines.slice(from + 1).findIndex((line) => line.startsWith('## '));
  return lines
    .slice(from + 1, length < 0 ? undefined : from + 1 + length)
    .join('\n')
    .trim();
}

function notes(tag = '', image = undefined) {
  const version = packageVersion();
  if (!/^v\d+\.\d+\.\d+$/.test(tag)) throw new Refused(`"${tag}" is no tag of a release: it has the form v1.2.3.`);
  if (tag !== `v${version}`)
    throw new Refused(`The tag is ${tag}, but package.json has the version ${version}: npm version makes both alike.`);
  const text = section(version);
  if (text === undefined)
    throw new Refused(`CHANGELOG.md has no section "## ${version}": npm version makes it of "Unreleased".`);
  if (text === '') throw new Refused(`The section "## ${version}" of CHANGELOG.md is empty: say what is new.`);
  if (image === undefined) return `${text}\n`;
  const how = 'For linux/amd64 and linux/arm64, signed, with provenance and a bill of materials.';
  return `${text}\n\n### Image\n\n\`${image}\`\n\n${how}\n`;
}

function prepare() {
  const version = packageVersion();
  const changes = section('Unreleased');
  if (!changes) throw new Refused('CHANGELOG.md has nothing below "## Unreleased": say there what is new.');
  if (section(version) !== undefined) throw new Refused(`CHANGELOG.md has a section "## ${version}" already.`);
  const day = new Date().toISOString().slice(0, 10);
  const log = readFileSync('CHANGELOG.md', 'utf8');
  writeFileSync('CHANGELOG.md', log.replace(/^## Unreleased$/m, `## Unreleased\n\n## ${version} - ${day}`));
  for (const file of naming()) {
    const before = readFileSync(file, 'utf8');
    const after = before.replace(NAMED, `$1${version}`);
    if (after !== before) writeFileSync(file, after);
  }
  return `${version} is in CHANGELOG.md and in every file that names it.\n`;
}

const [command, ...given] = argv.slice(2);
try {
  if (command === 'notes') stdout.write(notes(...given));
  else if (command === 'prepare') stdout.write(prepare());
  else throw new Refused('Usage: node scripts/release.mjs notes <tag> [image] | prepare');
} catch (error) {
  if (!(error instanceof Refused)) throw error;
  stderr.write(`${error.message}\n`);
  exit(1);
}
