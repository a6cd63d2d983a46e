// Brings a git of another Debian release into a folder, without installing anything: apt with a configuration, lists
// and cache of its own finds the package and the libraries it needs, dpkg-deb unpacks them, and patchelf of the same
// release ties git's programs to those libraries. The kernel still starts them as `git`, which the locks of the mirror
// look at.
import { execFile, execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';
/** Needed by commands of git that neither the mirror nor its tests use. */
const WITHOUT = /^(perl|libperl|git-man|liberror-perl)/;

/** The mirror of Debian that this machine takes its own packages from. */
function ownMirror() {
  const lines = execFileSync('apt-get', ['indextargets', '--format', '$(ORIGIN) $(REPO_URI)'], {
    encoding: 'utf8',
  }).split('\n');
  const address = lines.find((line) => /^Debian \S+\/debian\/?$/.test(line))?.split(' ')[1];
  if (!address) throw new Error('this machine takes no packages from Debian: name a mirror with --debian-mirror');
  return address;
}

/** apt's settings for a world of its own; of the machine's it keeps how packages are fetched (proxies). */
function aptConfiguration(folder) {
  const fetching = execFileSync('apt-config', ['dump', 'Acquire'], { encoding: 'utf8' })
    .split('\n')
    .filter((line) => /^Acquire::(?!IndexTargets|Languages)/.test(line));
  const own = {
    'Dir::Etc::Main': '/dev/null',
    'Dir::Etc::Parts': '/dev/null',
    'Dir::Etc::SourceList': `${folder}/sources.list`,
    'Dir::Etc::SourceParts': '/dev/null',
    'Dir::Etc::Preferences': '/dev/null',
    'Dir::Etc::PreferencesParts': '/dev/null',
    'Dir::State': `${folder}/state`,
    // Nothing is installed there: every library is fetched.
    'Dir::State::status': `${folder}/status`,
    'Dir::Cache': `${folder}/cache`,
    'Acquire::Languages': 'none',
    'APT::Install-Recommends': 'false',
    // The user that apt otherwise becomes may not write here.
    'APT::Sandbox::User': '',
  };
  return `${[...fetching, ...Object.entries(own).map(([key, value]) => `${key} "${value}";`)].join('\n')}\n`;
}

function isElf(path) {
  return readFileSync(path).toString('latin1', 0, 4) === '\x7fELF';
}

/** The regular files of a folder, links left out. */
function filesOf(folder) {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(folder, entry.name));
}

/**
 * @param suite a release of Debian: `bullseye`, `trixie`, `sid`
 * @param folder an empty folder of its own
 * @param options `mirror`: where packages come from, if not from where this machine's do; `signal`
 * @returns the folder to put on the PATH
 * @throws where there is no apt, the release or the network is not there
 */
export async function bringGit(suite, folder, { mirror, signal }) {
  if (!existsSync('/usr/bin/apt-get')) throw new Error('there is no apt here: use --git-path');
  if (!existsSync(KEYRING)) throw new Error(`${KEYRING} is missing: apt-get install debian-archive-keyring`);
  for (const name of ['state/lists/partial', 'cache/archives/partial', 'root', 'bin']) {
    mkdirSync(join(folder, name), { recursive: true });
  }
  writeFileSync(join(folder, 'status'), '');
  writeFileSync(join(folder, 'sources.list'), `deb [signed-by=${KEYRING}] ${mirror ?? ownMirror()} ${suite} main\n`);
  writeFileSync(join(folder, 'apt.conf'), aptConfiguration(folder));
  const env = { ...process.env, APT_CONFIG: join(folder, 'apt.conf'), LC_ALL: 'C' };
  const run = (program, args) =>
    promisify(execFile)(program, args, { env, signal, timeout: 5 * 60_000, maxBuffer: 1 << 26 });
  await run('apt-get', ['update', '--quiet', '--error-on=any']);
  await run('apt-get', ['install', '--quiet', '--yes', '--download-only', 'git', 'patchelf']);

  const root = join(folder, 'root');
  const packages = readdirSync(join(folder, 'cache/archives'))
    .filter((name) => name.endsWith('.deb') && !WITHOUT.test(name))
    .map((name) => join(folder, 'cache/archives', name));
  for (const file of packages) await run('dpkg-deb', ['--extract', file, root]);

  const libraries = ['lib', 'usr/lib']
    .flatMap((name) => (existsSync(join(root, name)) ? [join(root, name)] : []))
    .flatMap((name) => readdirSync(name).map((triplet) => join(name, triplet)))
    .filter((name) => name.includes('-linux-gnu'));
  const path = libraries.join(':');
  const loader = libraries
    .flatMap((name) => readdirSync(name).map((file) => join(name, file)))
    .find((name) => /\/ld-linux[^/]*\.so\.\d$/.test(name));
  if (!loader) throw new Error(`the packages of ${suite} hold no loader`);

  const core = join(root, 'usr/lib/git-core');
  const git = join(root, 'usr/bin/git');
  for (const file of [git, ...filesOf(core).filter(isElf)]) {
    // RPATH, not RUNPATH: it holds for the libraries of the libraries, too.
    const ties = ['--force-rpath', '--set-rpath', path, '--set-interpreter', loader];
    await run(loader, ['--library-path', path, join(root, 'usr/bin/patchelf'), ...ties, file]);
  }
  // Where git's other programs are is compiled in; without this they would be this machine's.
  const wrapper = join(folder, 'bin/git');
  writeFileSync(wrapper, `#!/bin/sh\nGIT_EXEC_PATH='${core}' exec '${git}' "$@"\n`);
  chmodSync(wrapper, 0o755);
  return join(folder, 'bin');
}
