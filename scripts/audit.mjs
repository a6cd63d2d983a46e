// The supply chain, as CI checks it: known weaknesses of what is installed, the registry's signatures and provenance,
// the lock file, and a bill of materials. A check that could not be made is never counted as passed: npm run audit
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const REGISTRY = 'https://registry.npmjs.org/';
const HELP = `Usage: npm run audit -- [options]

  --only NAMES      some of the checks: weaknesses,signatures,lock,sbom
  --folder DIR      the folder of package.json and package-lock.json (this project's)
  --sbom FILE       where the bill of materials goes (sbom.cdx.json in that folder; git ignores it)
  --offline-ok      a check that could not be made is told, but no failure

Exit codes: 0 all is well, 1 something was found, 2 a check could not be made, 64 wrong usage.
`;

class Unmade extends Error {}

/** Standard output of npm as JSON, whatever its exit code; it says by its shape whether the check was made. */
function npmJson(folder, args) {
  // The tree of this project has a megabyte and more of JSON.
  const { stdout, stderr, error, status } = spawnSync('npm', [...args, '--json', '--fetch-retries=1'], {
    cwd: folder,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    timeout: 5 * 60_000,
  });
  if (error) throw new Unmade(error.message);
  try {
    return { status, answer: JSON.parse(stdout) };
  } catch {
    throw new Unmade(stderr.trim() || 'npm answered nothing');
  }
}

/** What npm says of a request that failed, in one line. */
function reason({ message, error }) {
  return String(message ?? error?.summary ?? error?.code ?? 'npm gave no reason')
    .replace(/\s+/g, ' ')
    .slice(0, 300);
}

/** Weaknesses of level high and critical, in everything that the lock file names: tools of the build can harm, too. */
function weaknesses(folder) {
  const { answer } = npmJson(folder, ['audit', '--audit-level=high', '--package-lock-only']);
  if (answer.auditReportVersion === undefined) throw new Unmade(reason(answer));
  const all = Object.values(answer.vulnerabilities);
  const grave = all.filter(({ severity }) => severity === 'high' || severity === 'critical');
  return {
    faults: grave.map(({ name, severity, range, via }) => {
      const titles = via.map((cause) => (typeof cause === 'string' ? `by ${cause}` : cause.title));
      return `${name} ${range}, ${severity}: ${titles.join('; ')}`;
    }),
    good: `no weakness of level high or critical (${all.length} below that)`,
  };
}

/** The registry's signature of every installed package, and the provenance of those that have one. */
function signatures(folder) {
  const { answer } = npmJson(folder, ['audit', 'signatures']);
  if (!Array.isArray(answer.invalid)) throw new Unmade(reason(answer));
  const named = (list, what) => list.map(({ name, version }) => `${name}@${version}: ${what}`);
  return {
    faults: [
      ...named(answer.invalid, 'its signature or attestation is wrong'),
      ...named(answer.missing, 'the registry has no signature of it'),
    ],
    good: 'every signature and attestation is right',
  };
}

/**
 * The lock file names every package, each by the hash of its contents, none from elsewhere. Addresses may be left out:
 * npm then asks the registry it is set up with, and the hash decides. (lockfile-lint passes over such entries.)
 */
function lock(folder) {
  const { packages, lockfileVersion } = JSON.parse(readFileSync(`${folder}/package-lock.json`, 'utf8'));
  const faults = lockfileVersion === 3 ? [] : [`lockfileVersion is ${lockfileVersion}, not 3`];
  const entries = Object.entries(packages).filter(([path]) => path !== '');
  for (const [path, { version, integrity, resolved, link }] of entries) {
    if (link || !path.startsWith('node_modules/')) faults.push(`${path}: is a link or a folder, no package`);
    if (!version) faults.push(`${path}: has no version`);
    if (!/^sha512-[A-Za-z0-9+/]{86}==$/.test(integrity ?? '')) faults.push(`${path}: has no SHA-512 hash`);
    if (resolved !== undefined && !resolved.startsWith(REGISTRY)) {
      faults.push(`${path}: comes from ${resolved}, not from the public registry`);
    }
  }
  const { status, answer } = npmJson(folder, ['ls', '--all', '--package-lock-only']);
  if (status !== 0) faults.push(...(answer.problems ?? [reason(answer)]));
  return { faults, good: `${entries.length} packages, each with its hash, none from elsewhere, none missing` };
}

/** CycloneDX, from the lock file: the same on every machine, with the packages of other platforms. */
function sbom(folder, file) {
  const { answer } = npmJson(folder, ['sbom', '--sbom-format', 'cyclonedx', '--package-lock-only']);
  if (answer.bomFormat !== 'CycloneDX') throw new Unmade(reason(answer));
  // npm calls the project by the name of its folder.
  answer.metadata.component.name = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8')).name;
  writeFileSync(file, `${JSON.stringify(answer, null, 2)}\n`);
  return { faults: [], good: `${answer.components.length} components, written to ${file}` };
}

function wrong(message) {
  process.stderr.write(`${message}\n\n${HELP}`);
  process.exit(64);
}

function options() {
  try {
    return parseArgs({
      options: {
        only: { type: 'string' },
        folder: { type: 'string', default: ROOT.replace(/\/$/, '') },
        sbom: { type: 'string' },
        'offline-ok': { type: 'boolean', default: false },
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
const CHECKS = {
  weaknesses,
  signatures,
  lock,
  sbom: (folder) => sbom(folder, flags.sbom ?? `${folder}/sbom.cdx.json`),
};
const chosen = flags.only?.split(',') ?? Object.keys(CHECKS);
for (const name of chosen) if (!Object.hasOwn(CHECKS, name)) wrong(`--only: there is no check ${name}`);

const found = [];
const unmade = [];
for (const name of chosen) {
  try {
    const { faults, good } = CHECKS[name](flags.folder);
    if (faults.length > 0) found.push(name);
    console.log(faults.length === 0 ? `ok      ${name}: ${good}` : `FAULT   ${name}: ${faults.length}`);
    for (const fault of faults) console.log(`        ${fault}`);
  } catch (error) {
    if (!(error instanceof Unmade)) throw error;
    unmade.push(name);
    console.log(`UNMADE  ${name}: could not be checked: ${error.message}`);
  }
}
if (found.length > 0) console.log(`Found something: ${found.join(', ')}.`);
if (unmade.length > 0) console.log(`Not checked: ${unmade.join(', ')}. Run it where the registry answers these.`);
if (found.length + unmade.length === 0) console.log('All is well.');
process.exitCode = found.length > 0 ? 1 : unmade.length > 0 && !flags['offline-ok'] ? 2 : 0;
