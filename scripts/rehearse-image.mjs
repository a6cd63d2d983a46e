// Carries out the Dockerfile by hand, step by step, where no engine is at hand: every stage in a copy-on-write view of
// a base like that of its image, then the container's command as its user, with a root that cannot be written. The base
// is a minimal Debian with this machine's Node where mmdebstrap is installed, and so can be compared in size; otherwise
// this machine's own root. Needs Linux and root. Changes nothing outside a temporary mount: npm run rehearse
import { spawnSync } from 'node:child_process';
import { readFileSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The container may take so much more than its base, in MB. */
const MOST_MB = 200;
const ROOT = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '');
const NPM = realpathSync(join(dirname(process.execPath), '../lib/node_modules/npm'));

/** The instructions of a Dockerfile: comments out, continued lines joined. */
function instructions(text) {
  const lines = text.split('\n').filter((line) => !/^\s*#/.test(line));
  const joined = lines.join('\n').replace(/\\\n/g, ' ');
  return joined
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map((line) => {
      const [word = '', ...rest] = line.split(/\s+/);
      return { word: word.toUpperCase(), rest: line.slice(word.length).trim(), words: rest };
    });
}

const quote = (text) => `'${text.replaceAll("'", "'\\''")}'`;

/** Files of the build context: everything that .dockerignore lets through. */
function context() {
  const kept = readFileSync(`${ROOT}/.dockerignore`, 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('!'))
    .map((line) => line.slice(1).trim());
  return kept.map(quote).join(' ');
}

const script = [
  'set -euo pipefail',
  'T=$(mktemp -d /tmp/rehearsal.XXXXXX)',
  'mount -t tmpfs -o size=4g tmpfs "$T"',
  // The context is what an engine would get, not the checkout.
  `mkdir -p "$T/context" && tar -C ${quote(ROOT)} -cf - ${context()} | tar -C "$T/context" -xf -`,
  `BASE=/
   if command -v mmdebstrap >/dev/null; then
     BASE=$T/base
     echo "--- base: a minimal Debian 12 with Node"
     mmdebstrap --variant=minbase --quiet bookworm "$BASE" http://deb.debian.org/debian
     # Settings of Debian's own images: apt keeps nothing of what it fetched, and no manuals.
     printf '%s\\n' 'Dir::Cache::pkgcache "";' 'Dir::Cache::srcpkgcache "";' \\
       'DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/*.bin"; };' \\
       > "$BASE/etc/apt/apt.conf.d/docker-clean"
     printf 'path-exclude /usr/share/%s/*\\n' doc man locale > "$BASE/etc/dpkg/dpkg.cfg.d/docker"
     mkdir -p "$BASE/usr/local/lib/node_modules"
     cp ${quote(process.execPath)} "$BASE/usr/local/bin/node"
     cp -a ${quote(NPM)} "$BASE/usr/local/lib/node_modules/npm"
     for name in npm npx; do ln -s "../lib/node_modules/npm/bin/$name-cli.js" "$BASE/usr/local/bin/$name"; done
   fi`,
  // As with an engine, the machine's own way into the network holds in there.
  `open_root() {
     mkdir -p "$T/$1.up" "$T/$1.work" "$T/$1"
     mount -t overlay overlay -o "lowerdir=$BASE,upperdir=$T/$1.up,workdir=$T/$1.work" "$T/$1"
     mount -t proc proc "$T/$1/proc"; mount --rbind /dev "$T/$1/dev"
     mount -t tmpfs tmpfs "$T/$1/tmp"; chmod 1777 "$T/$1/tmp"
     mkdir -p "$T/$1/rehearsal"; mount -t tmpfs tmpfs "$T/$1/rehearsal"
     cp -L /etc/ssl/certs/ca-certificates.crt "$T/$1/rehearsal/" 2>/dev/null || true
   }`,
];

let stage = '';
let workdir = '/';
let user = '0:0';
let healthcheck = [];
let entrypoint = [];
let command = [];
const environment = [];
for (const { word, rest, words } of instructions(readFileSync(`${ROOT}/Dockerfile`, 'utf8'))) {
  if (word !== 'ARG') script.push(`echo ${quote(`--- ${word} ${rest}`)}`);
  switch (word) {
    case 'FROM':
      stage = words[2] ?? 'final';
      workdir = '/';
      script.push(`open_root ${stage}`);
      break;
    case 'WORKDIR':
      workdir = rest;
      script.push(`mkdir -p "$T/${stage}${workdir}"`);
      break;
    case 'COPY': {
      const from = words[0]?.startsWith('--from=') ? words.shift().slice(7) : undefined;
      const target = words.pop();
      const to = target.startsWith('/') ? target : `${workdir}/${target.replace(/^\.\/?/, '')}`;
      for (const name of words) {
        const source = from ? `"$T/${from}${name}"` : `"$T/context/${name}"`;
        // Docker copies what is in a folder, not the folder.
        const folder = to.endsWith('/') || words.length > 1 || target === './' ? to : workdir;
        script.push(
          `if [ -d ${source} ]; then`,
          `  mkdir -p "$T/${stage}${to}"; cp -a ${source}/. "$T/${stage}${to}/"`,
          `else`,
          `  mkdir -p "$T/${stage}${folder}"; cp -a ${source} "$T/${stage}${to}"`,
          `fi`,
        );
      }
      break;
    }
    case 'RUN':
      script.push(
        `export NODE_EXTRA_CA_CERTS=/rehearsal/ca-certificates.crt`,
        `chroot "$T/${stage}" /bin/sh -c ${quote(`cd ${workdir} && ${rest}`)}`,
        `unset NODE_EXTRA_CA_CERTS`,
      );
      break;
    case 'USER':
      user = rest;
      break;
    case 'ENV':
      environment.push(...words);
      break;
    case 'HEALTHCHECK':
      healthcheck = JSON.parse(rest.slice(rest.indexOf('[')));
      break;
    case 'ENTRYPOINT':
      entrypoint = JSON.parse(rest);
      break;
    case 'CMD':
      command = JSON.parse(rest);
      break;
  }
}

const [uid, gid] = user.split(':');
const variables = [...environment, 'CELIGO_BASE_URL=http://127.0.0.1:8700', 'CELIGO_API_TOKEN=sample-token-owner'];
script.push(
  'echo "--- as the container runs: user, read-only root, volume and /tmp"',
  `mount -t tmpfs -o mode=0755,uid=${uid},gid=${gid} tmpfs "$T/final/data"`,
  'umount "$T/final/rehearsal"; mount -o remount,ro "$T/final"',
  // Only root may change the root directory; the identity is given up inside.
  ...[['emulator', '--port', '8700', '--no-rate-limit'], command].map(
    (words, i) =>
      `chroot "$T/final" /bin/sh -c ${quote(
        [
          `cd ${workdir} && exec setpriv --reuid ${uid} --regid ${gid} --clear-groups --no-new-privs`,
          '--bounding-set=-all --inh-caps=-all env -i PATH=/usr/local/bin:/usr/bin:/bin',
          ...[...variables, ...entrypoint, ...words].map(quote),
        ].join(' '),
      )} >"$T/${i === 0 ? 'emulator' : 'daemon'}.log" 2>&1 & ${i === 0 ? 'EMULATOR' : 'DAEMON'}=$!`,
  ),
  'trap \'kill $EMULATOR $DAEMON 2>/dev/null || true; cat "$T/daemon.log"\' EXIT',
  `check() { chroot "$T/final" setpriv --reuid ${uid} --regid ${gid} --clear-groups --no-new-privs "$@"; }`,
  'for i in $(seq 40); do',
  `  if check ${healthcheck.map(quote).join(' ')} &&`,
  '    check git -C /data/mirror -c safe.directory=/data/mirror log -1 >/dev/null 2>&1; then break; fi',
  '  sleep 0.5',
  'done',
  `check ${healthcheck.map(quote).join(' ')} && echo "ok: HEALTHCHECK answers"`,
  'check git -C /data/mirror -c safe.directory=/data/mirror log -1 --format="ok: mirrored: %s"',
  `grep -q "^Uid:.${uid}" /proc/$(pgrep -n -f "main.js daemon|celigo-mirror daemon")/status && echo "ok: not root"`,
  'if check touch /app/x 2>/dev/null; then echo "the root can be written"; exit 1; fi',
  'echo "ok: the root cannot be written"',
  'kill -TERM $DAEMON; CODE=0; wait $DAEMON || CODE=$?',
  'trap - EXIT; kill $EMULATOR; wait $EMULATOR || true',
  'if [ $CODE -ne 0 ]; then cat "$T/daemon.log"; echo "SIGTERM: exit code $CODE"; exit 1; fi',
  'echo "ok: SIGTERM, exit code 0"',
  `if [ "$BASE" = / ]; then
     echo "not measured: the size above the base (mmdebstrap is not installed)"
   else
     MB=$(du --summarize --one-file-system --block-size=1MB "$T/final.up" | cut -f1)
     VERDICT=$([ "$MB" -le ${MOST_MB} ] && echo ok || echo "too large")
     echo "$VERDICT: $MB MB above the base, of which at most ${MOST_MB} are allowed"
     [ "$MB" -le ${MOST_MB} ]
   fi`,
  'du -sh "$T/final.up/app" | sed "s/^/ok: the program takes /; s#/tmp.*##"',
);

// A mount namespace of its own: whatever is mounted goes with the process.
const { status } = spawnSync('unshare', ['--mount', '--fork', 'bash', '-s'], {
  input: script.join('\n'),
  stdio: ['pipe', 'inherit', 'inherit'],
  timeout: 10 * 60_000,
});
process.exit(status ?? 1);
