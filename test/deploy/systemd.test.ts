import { spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { sample } from '../support/account.ts';
import { ENV, tempDir } from '../support/workspace.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const text = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const UNITS = readdirSync(join(ROOT, 'deploy/systemd'));
const SERVICES = UNITS.filter((name) => name.endsWith('.service'));

/** All values of a setting of a unit. */
const settings = (unit: string, name: string): string[] =>
  [...text(`deploy/systemd/${unit}`).matchAll(new RegExp(`^${name}=(.*)$`, 'gm'))].map(([, value = '']) => value);

/** The configuration that the head of a unit asks for, beside that of others, and the address of the emulator. */
function configuration(units: readonly string[], url: string): string {
  const lines = units.flatMap((unit) =>
    text(`deploy/systemd/${unit}`)
      .split('\n')
      .filter((line) => /^# {3}\w+:/.test(line))
      .map((line) => line.slice(4)),
  );
  const byKey = Object.fromEntries(lines.map((line) => [line.split(':')[0], line]));
  const merged = Object.values(byKey).join('\n').replace('production: {', `production: { baseUrl: "${url}",`);
  return `${merged}\ndaemon: { listen: "off" }\n`;
}

/** The commands of the section, in order. */
function recipe(): string {
  const [, commands = ''] = /\n## systemd\n[\s\S]*?```sh\n([\s\S]*?)```/.exec(text('docs/deployment.md')) ?? [];
  return commands;
}

/**
 * A root without anything of this machine but /usr, with Node, npm and a checkout. @param inside is run in it, as root
 */
function inRoot(inside: string, checkout: string): string {
  const node = resolve(process.execPath);
  const npm = join(node, '../../lib/node_modules/npm');
  return `set -euo pipefail
R=${checkout}/../root
mkdir "$R" && mount -t tmpfs tmpfs "$R" && cd "$R"
mkdir -p usr proc dev tmp run/credentials etc/systemd/system var/lib root
mount --bind /usr usr && mount -o remount,bind,ro usr && mount -t tmpfs tmpfs usr/local
for name in bin sbin lib lib64; do ln -s "usr/$name" "$name"; done
mount -t proc proc proc && mount --rbind /dev dev && mount -t tmpfs tmpfs tmp
mkdir -p usr/local/bin usr/local/lib/node_modules
cp ${node} usr/local/bin/node && cp -a ${npm} usr/local/lib/node_modules/npm
ln -s ../lib/node_modules/npm/bin/npm-cli.js usr/local/bin/npm
printf 'root:x:0:0::/root:/bin/sh\\n' > etc/passwd && printf 'root:x:0:\\n' > etc/group
cp /etc/ld.so.cache etc/ && cp -a ${checkout} root/checkout
printf '#!/bin/sh\\necho "systemctl $*"\\n' > usr/local/bin/systemctl && chmod 755 usr/local/bin/systemctl
cat > run/inside.sh <<'INSIDE'
set -euo pipefail
${inside}
INSIDE
exec chroot . /usr/bin/env -i PATH=/usr/local/bin:/usr/bin:/bin HOME=/root npm_config_offline=true \\
  /bin/bash /run/inside.sh
`;
}

/**
 * What systemd does for a service: a user of its own, its folder, the credential, the variables.
 * @param how what follows ExecStart
 */
function service(unit: string, how = ''): string {
  const [credential = ''] = settings(unit, 'LoadCredential');
  const [name = '', source = ''] = credential.split(':');
  const held = `/run/credentials/${unit}`;
  const variables = settings(unit, 'Environment').map((one) => one.replaceAll('%S', '/var/lib'));
  const [state = ''] = settings(unit, 'StateDirectory');
  return `install --directory --owner=61184 --group=61184 --mode=0700 /var/lib/${state} ${held}
install --owner=61184 --group=61184 --mode=0400 ${source} ${held}/${name}
cd /var/lib/${state}
(umask ${settings(unit, 'UMask')[0]} &&
  exec setpriv --reuid=61184 --regid=61184 --clear-groups --no-new-privs --bounding-set=-all \\
  env -i PATH=/usr/local/bin:/usr/bin:/bin CREDENTIALS_DIRECTORY=${held} ${variables.join(' ')} \\
  ${settings(unit, 'ExecStart')[0]}) ${how}
`;
}

async function run(script: string): Promise<{ readonly code: number | null; readonly output: string }> {
  const child = spawn('unshare', ['--mount', '--fork', '--kill-child', 'bash', '-s'], { stdio: 'pipe', env: ENV });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stdin.end(script);
  const code = await new Promise<number | null>((done) => child.on('close', done));
  return { code, output };
}

const canUnshare = spawnSync('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt']).status === 0;

describe.skipIf(!canUnshare)('in a clean root', () => {
  it('the recipe installs the program, and its units mirror, drill and stop', { tags: 'slow' }, async () => {
    const account = await sample();
    const checkout = join(tempDir(), 'checkout');
    mkdirSync(checkout);
    cpSync(join(ROOT, 'deploy'), join(checkout, 'deploy'), { recursive: true });
    writeFileSync(join(checkout, 'token'), `${account.owner.token}\n`);
    // Built already: a build would take the program away from the tests beside this one.
    const pack = ['pack', '--ignore-scripts', '--pack-destination', checkout, ROOT];
    expect(spawnSync('npm', pack, { cwd: checkout, env: { ...ENV, HOME: checkout } }).status).toBe(0);
    const commands = recipe().replace('npm ci && npm pack && ', '');
    expect(commands).toContain('npm install --global ./celigo-mirror-*.tgz');
    const configured = (...units: string[]): string => `mount -o remount,rw /
cat > /etc/celigo-mirror/celigo-mirror.yaml <<'YAML'
${configuration(units, account.url)}YAML
mount -o remount,ro /
`;
    const { code, output } = await run(
      inRoot(
        `cd /root/checkout
${commands}
cd / && rm -r /root/checkout
mount -t tmpfs tmpfs /var/lib && mount -t tmpfs tmpfs /run/credentials
echo "--- daemon"
${configured('celigo-mirror.service')}${service('celigo-mirror.service', '& DAEMON=$!')}
for i in $(seq 120); do test -f /var/lib/celigo-mirror/mirror/.git/refs/heads/main && break; sleep 0.5; done
for i in $(seq 120); do test -e /var/lib/celigo-mirror/mirror/.git/celigo-mirror/daemon.json && break; sleep 0.5; done
kill -HUP $DAEMON; kill -TERM $DAEMON; wait $DAEMON
echo "--- sync"
${configured('celigo-mirror-sync.service')}${service('celigo-mirror-sync.service')}
echo "--- drill"
${configured('celigo-mirror-sync.service', 'celigo-mirror-drill.service')}${service('celigo-mirror-drill.service')}
stat -c '%U %u %a %n' /etc/celigo-mirror/* /var/lib/celigo-mirror /var/lib/celigo-mirror/mirror
`,
        checkout,
      ),
    );

    expect(code, output).toBe(0);
    expect(output).toContain('systemctl daemon-reload\nsystemctl enable --now celigo-mirror\n');
    const [, daemon = '', once = '', drill = ''] = output.split(/^--- .*$/m);
    expect(daemon).toMatch(/"msg":"run ended".*|mirrored|changed/);
    expect(once).toContain('no changes');
    expect(drill).toContain('the backup can be restored');
    expect(drill).toMatch(/^root 0 400 \/etc\/celigo-mirror\/celigo-api-token$/m);
    expect(drill).toMatch(/^UNKNOWN 61184 700 \/var\/lib\/celigo-mirror\/mirror$/m);
    expect(output).not.toContain(account.owner.token);
  });
});

describe('each unit', () => {
  it('starts the program that the recipe installs, and finds the token where its head says', () => {
    for (const unit of SERVICES) {
      expect(settings(unit, 'ExecStart')[0]).toMatch(/^\/usr\/local\/bin\/celigo-mirror (daemon|sync|drill)$/);
      const [credential = ''] = settings(unit, 'LoadCredential');
      expect(credential.split(':')[1]).toBe('/etc/celigo-mirror/celigo-api-token');
      const said = text(`deploy/systemd/${unit}`);
      expect(said).toMatch(
        /^# +accounts: .*(?:\$\{CREDENTIALS_DIRECTORY\}|\/run\/credentials\/[\w.-]+)\/celigo-api-token/m,
      );
      const [, named = unit] = /\/run\/credentials\/([\w.-]+)\//.exec(said) ?? [];
      expect(named).toBe(unit);
    }
  });

  it.skipIf(!existsSync('/usr/bin/systemd-analyze'))('exposes little, and is valid with the drop-in', () => {
    for (const unit of SERVICES) {
      const args = ['security', '--offline=true', '--no-pager', '--threshold=20', join(ROOT, 'deploy/systemd', unit)];
      const { status, stdout, stderr } = spawnSync('systemd-analyze', args, { encoding: 'utf8' });
      expect(status, stdout + stderr).toBe(0);
    }
    const dir = tempDir();
    for (const name of UNITS) cpSync(join(ROOT, 'deploy/systemd', name), join(dir, name));
    mkdirSync(join(dir, 'celigo-mirror-sync.service.d'));
    cpSync(join(ROOT, 'deploy/systemd/metrics.conf'), join(dir, 'celigo-mirror-sync.service.d/metrics.conf'));
    const { stderr } = spawnSync('systemd-analyze', ['verify', join(dir, 'celigo-mirror-sync.service')], {
      encoding: 'utf8',
    });
    expect(stderr.split('\n').filter((line) => line !== '' && !line.includes('is not executable'))).toEqual([]);
  });
});
