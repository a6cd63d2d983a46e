import { identityOf } from '../core/identity.ts';
import { isLocalRemote, quote } from './programs.ts';
import type { GitSettings } from './settings.ts';

type Environment = Readonly<Record<string, string | undefined>>;

function matches(patterns: readonly RegExp[], name: string): boolean {
  return patterns.some((pattern) => pattern.test(name));
}

/**
 * All that git and the programs it starts get of the environment: where programs, configurations and agents are. A
 * token, a password or the URL of a webhook is none of it, whatever its name.
 */
const NEEDED = [
  /^(?:PATH|HOME|USER|LOGNAME|SHELL|TMPDIR|TMP|TEMP|TZ|GNUPGHOME|XDG_\w+)$/,
  /^(?:(?:LD|DYLD|NSS_WRAPPER)_\w+|SSH_A(?:UTH_SOCK|GENT_PID))$/,
];

/** Besides, what reaches a remote over the network: proxies, authorities, tickets, and where a keyring answers. */
const OF_NETWORK = [
  /^(?:(?:https?|all|no)_proxy|SSL_CERT_(?:FILE|DIR)|CURL_CA_BUNDLE|NIX_SSL_CERT_FILE)$/i,
  /^(?:KRB5\w+|DBUS_SESSION_BUS_ADDRESS|(?:WAYLAND_)?DISPLAY)$/i,
];

/**
 * The variables of git that are a user's affair: where the configuration is, and how a remote is reached. Any other one
 * decides which repository git sees, what arguments mean, who writes, or what is printed; no command of ours needs it.
 * None of them stops git from checking whom it talks to.
 */
const OF_USER = [
  /^GIT_(?:CONFIG_(?:GLOBAL|SYSTEM|NOSYSTEM)|SSH|SSH_COMMAND)$/,
  /^GIT_(?:(?:PROXY_)?SSL_(?!NO_VERIFY)\w+|HTTP_USER_AGENT|HTTP_PROXY_AUTHMETHOD)$/,
];

/** Protocols that git speaks itself; any other is a program (`ext::…`, `git-remote-…`). */
const NETWORK = 'git:http:https:ssh';

/**
 * Environment that outranks a configuration and files of the clone for what no setting takes back: programs,
 * attributes, and commits that others stand in for.
 */
const OUTRANKING = {
  GIT_EDITOR: ':',
  GIT_SEQUENCE_EDITOR: ':',
  GIT_PROXY_COMMAND: '',
  GIT_ATTR_NOSYSTEM: '1',
  GIT_NO_REPLACE_OBJECTS: '1',
  GIT_GRAFT_FILE: '/dev/null/none',
  GIT_TERMINAL_PROMPT: '0',
  GIT_ASKPASS: '',
  SSH_ASKPASS: '',
};

/** Traces that a configuration asks for: among what git says they would be taken for that. */
const NO_TRACES = { GIT_TRACE2: '0', GIT_TRACE2_PERF: '0', GIT_TRACE2_EVENT: '0' };

function sshCommand({ sshKeyFile, sshKnownHostsFile }: GitSettings): string {
  const words = ['-o', 'BatchMode=yes', '-o', 'ConnectTimeout=20'];
  words.push('-o', 'ServerAliveInterval=15', '-o', 'ServerAliveCountMax=4');
  if (sshKeyFile) words.push('-i', sshKeyFile, '-o', 'IdentitiesOnly=yes');
  if (sshKnownHostsFile) {
    words.push('-o', `UserKnownHostsFile=${sshKnownHostsFile}`, '-o', 'StrictHostKeyChecking=yes');
  } else words.push('-o', 'StrictHostKeyChecking=accept-new');
  return ['ssh', ...words.map(quote)].join(' ');
}

/** Environment of every git process: what misleads git is not there, what could stop for input answers by itself. */
export function environmentOf(config: GitSettings, env: Environment): Record<string, string> {
  const { remote, author } = config;
  const local = remote !== undefined && isLocalRemote(remote);
  // Traces go into files: elsewhere they would count as git's words.
  const passes = (name: string, value: string): boolean =>
    matches(NEEDED, name) || matches(OF_USER, name) || (/^GIT_TRACE(?!_REDACT)/.test(name) && value.startsWith('/'));
  const given = Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined);
  // As variables they outrank every setting of a name (`user.name`, `committer.name`).
  const { name, email } = identityOf(author);
  return {
    ...NO_TRACES,
    ...Object.fromEntries(given.filter(([name, value]) => passes(name, value))),
    ...(config.sshKeyFile || !env.GIT_SSH_COMMAND ? { GIT_SSH_COMMAND: sshCommand(config) } : {}),
    ...OUTRANKING,
    GIT_AUTHOR_NAME: name,
    GIT_AUTHOR_EMAIL: email,
    GIT_COMMITTER_NAME: name,
    GIT_COMMITTER_EMAIL: email,
    // A remote on the network stays there: a folder of this machine has hooks, which a push would run.
    GIT_ALLOW_PROTOCOL: remote === undefined || local ? `file:${NETWORK}` : NETWORK,
    LC_ALL: 'C',
  };
}

/** What the commands that reach the remote get besides: its password, and what the configuration names. */
export function remoteEnvironment(config: GitSettings, env: Environment): Record<string, string> {
  const out: Record<string, string> = {};
  const local = config.remote !== undefined && isLocalRemote(config.remote);
  for (const [name, value] of Object.entries(env)) {
    const passes = (!local && matches(OF_NETWORK, name)) || config.passEnvironment?.includes(name);
    if (passes && value !== undefined) out[name] = value;
  }
  const url = webAddress(config.remote);
  if (config.token === undefined || url === undefined) return out;
  const user = config.username ?? (decodeURIComponent(url.username) || 'x-access-token');
  return { ...out, CELIGO_MIRROR_GIT_USERNAME: user, CELIGO_MIRROR_GIT_PASSWORD: config.token };
}

/** The address of a remote that is reached over HTTP. */
function webAddress(remote: string | undefined): URL | undefined {
  return remote !== undefined && /^https?:/i.test(remote) && URL.canParse(remote) ? new URL(remote) : undefined;
}

/** Answers git's question for a password, from the environment: never from an argument or a file. */
const ANSWER =
  '!f() { test "$1" != get || printf "username=%s\\npassword=%s\\n" ' +
  '"$CELIGO_MIRROR_GIT_USERNAME" "$CELIGO_MIRROR_GIT_PASSWORD"; }; f';

/**
 * Settings of the commands that reach the remote: whom git talks to is always checked, and the password is for this
 * scheme, host and port alone. Another host, a proxy or a redirect that asks for one gets none, and no helper hears it.
 */
export function remoteSettings({ remote, token }: GitSettings): readonly string[] {
  const url = webAddress(remote);
  if (url === undefined) return [];
  // The more of the address a name has, the more its setting counts. `-c` takes the first `=` for the end of the key.
  const places = ['http', `http.${url.origin}`, `http.${url.origin}${url.pathname}`].filter((at) => !at.includes('='));
  const checked = places.flatMap((place) => [`${place}.sslVerify=true`, `${place}.followRedirects=initial`]);
  if (token === undefined) return checked;
  return [...checked, `credential.${url.origin}.helper=`, `credential.${url.origin}.helper=${ANSWER}`];
}
