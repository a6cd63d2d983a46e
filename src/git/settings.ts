/** What git has to know of a repository's configuration. */
export interface GitSettings {
  readonly author: { readonly name: string; readonly email: string };
  /** Address or path of the remote. */
  readonly remote?: string | undefined;
  /** Longest time of one exchange with the remote, in milliseconds. */
  readonly remoteTimeoutMs?: number | undefined;
  /** Of a remote that is reached over HTTP. */
  readonly username?: string | undefined;
  readonly token?: string | undefined;
  /** Variables of the environment that what reaches the remote gets besides those that it needs. */
  readonly passEnvironment?: readonly string[] | undefined;
  /** Whether the clone is thrown away after a run: it then fetches what it lacks by itself. */
  readonly stateless?: boolean | undefined;
  readonly sshKeyFile?: string | undefined;
  readonly sshKnownHostsFile?: string | undefined;
  /** Private SSH key that signs commits. */
  readonly signingKeyFile?: string | undefined;
}

/**
 * Settings that a user's, machine's or clone's git configuration must not decide: none of them may run a program,
 * change a byte, stop for input, or change what git prints or looks at. Credential helpers, proxies and host settings
 * of the user stay in force, as does what git found out about the file system. Programs under names of their own are
 * found by `git-programs.ts`.
 */
const ISOLATION = [
  'core.hooksPath=/dev/null',
  // A mirror may have no work tree; no setting of it runs a program all the same.
  'safe.bareRepository=all',
  'core.autocrlf=false',
  'core.eol=lf',
  'core.safecrlf=false',
  'core.bigFileThreshold=512m',
  'core.excludesFile=/dev/null',
  'core.attributesFile=/dev/null',
  'core.protectNTFS=true',
  'core.precomposeUnicode=false',
  'core.commitGraph=false',
  // Files are looked at, all of them.
  'core.fsmonitor=false',
  'core.untrackedCache=false',
  'core.ignoreStat=false',
  'core.sparseCheckout=false',
  'core.splitIndex=false',
  'index.sparse=false',
  'add.ignoreErrors=false',
  'status.showUntrackedFiles=normal',
  // What a branch names has reached the disk before the branch does; not the index (git takes `all,-index` for `all`).
  'core.fsync=committed,derived-metadata',
  'core.fsyncMethod=fsync',
  'core.preferSymlinkRefs=false',
  'core.logAllRefUpdates=true',
  'init.defaultRefFormat=files',
  'pack.packSizeLimit=0',
  'commit.gpgSign=false',
  'commit.cleanup=verbatim',
  'push.gpgSign=false',
  'gpg.program=gpg',
  'gpg.openpgp.program=gpg',
  'gpg.x509.program=gpgsm',
  'gpg.ssh.program=ssh-keygen',
  'gpg.ssh.defaultKeyCommand=',
  // Older ones cannot fetch single objects.
  'protocol.version=2',
  'fetch.prune=false',
  'fetch.pruneTags=false',
  'fetch.writeCommitGraph=false',
  'push.followTags=false',
  // Nothing for the server to act on; one that takes no options refuses them.
  'push.pushOption=',
  'init.templateDir=',
  'gc.auto=0',
  'maintenance.auto=false',
  'feature.manyFiles=false',
  'feature.experimental=false',
  'rebase.autoStash=false',
  'rebase.autoSquash=false',
  'merge.conflictStyle=merge',
  // What is printed is read.
  'core.quotePath=false',
  'core.abbrev=auto',
  'core.warnAmbiguousRefs=false',
  'advice.detachedHead=false',
  ...['advice', 'branch', 'diff', 'grep', 'push', 'remote', 'status', 'transport', 'ui'].map(
    (what) => `color.${what}=false`,
  ),
  'diff.orderFile=/dev/null',
  'diff.relative=false',
  'diff.renames=false',
  'status.renames=false',
  'log.showSignature=false',
  'log.showRoot=true',
  'log.follow=false',
  'i18n.commitEncoding=utf-8',
  'i18n.logOutputEncoding=utf-8',
  // Repositories within the clone have a configuration of their own.
  'submodule.recurse=false',
  'fetch.recurseSubmodules=false',
  'push.recurseSubmodules=no',
  'diff.ignoreSubmodules=all',
  // A connection that makes no progress is given up.
  'http.lowSpeedLimit=1',
  'http.lowSpeedTime=60',
];

/** `key=value` settings of every git process in a folder. */
export function settingsOf(config: GitSettings, cwd: string): readonly string[] {
  return [
    ...ISOLATION,
    `safe.directory=${cwd}`,
    ...(config.signingKeyFile ? ['gpg.format=ssh', `user.signingKey=${config.signingKeyFile}`] : []),
  ];
}
