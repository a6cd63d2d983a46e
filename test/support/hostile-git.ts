import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tempDir } from './workspace.ts';

/** `section.name=value`: what changes what git reads, writes, prints or looks at, set to what hurts most. */
function settings(dir: string): readonly string[] {
  const colors = ['advice', 'branch', 'diff', 'grep', 'interactive', 'push', 'remote', 'status', 'transport', 'ui'];
  return [
    ...['log', 'show', 'status', 'fetch', 'push', 'diff-tree'].map((name) => `alias.${name}=!false`),
    ...colors.map((name) => `color.${name}=always`),
    'add.ignoreErrors=true',
    'author.name=Setting',
    'author.email=setting@x.test',
    'blame.ignoreRevsFile=/nonexistent/revs',
    'branch.sort=-committerdate',
    'branch.main.remote=nowhere',
    'checkout.guess=false',
    'checkout.workers=2',
    'column.ui=always',
    'commit.cleanup=strip',
    'commit.gpgSign=true',
    'commit.template=/nonexistent/template',
    'commit.verbose=2',
    'committer.name=Setting',
    'committer.email=setting@x.test',
    'core.abbrev=4',
    'core.askPass=false',
    `core.attributesFile=${dir}/attributes`,
    'core.autocrlf=true',
    'core.bigFileThreshold=1',
    'core.checkStat=minimal',
    'core.commentChar=p',
    'core.compression=0',
    'core.createObject=rename',
    'core.editor=false',
    'core.eol=crlf',
    `core.excludesFile=${dir}/exclude`,
    'core.fileMode=false',
    'core.fsmonitor=/bin/false',
    'core.fsyncMethod=writeout-only',
    `core.hooksPath=${dir}/template/hooks`,
    'core.ignoreCase=true',
    'core.ignoreStat=true',
    'core.logAllRefUpdates=false',
    'core.notesRef=refs/notes/x',
    'core.pager=false',
    'core.preferSymlinkRefs=true',
    'core.protectHFS=true',
    'core.quotePath=true',
    'core.safecrlf=true',
    'core.sparseCheckout=true',
    'core.splitIndex=true',
    'core.symlinks=false',
    'core.trustctime=false',
    'core.untrackedCache=true',
    'core.whitespace=trailing-space,space-before-tab,indent-with-non-tab,cr-at-eol',
    'diff.algorithm=patience',
    'diff.autoRefreshIndex=false',
    'diff.colorMoved=zebra',
    'diff.context=0',
    'diff.external=false',
    'diff.ignoreSubmodules=none',
    'diff.interHunkContext=9',
    'diff.mnemonicPrefix=true',
    'diff.noprefix=true',
    'diff.orderFile=/nonexistent/order',
    'diff.relative=true',
    'diff.renameLimit=1',
    'diff.renames=copies',
    'diff.submodule=log',
    'diff.suppressBlankEmpty=true',
    'diff.wsErrorHighlight=all',
    'fastimport.unpackLimit=1000000',
    'feature.experimental=true',
    'feature.manyFiles=true',
    'fetch.all=true',
    'fetch.output=compact',
    'fetch.prune=true',
    'fetch.pruneTags=true',
    'fetch.recurseSubmodules=true',
    'fetch.showForcedUpdates=false',
    'fetch.unpackLimit=1',
    'fetch.writeCommitGraph=true',
    'format.notes=true',
    'format.pretty=oneline',
    'format.signOff=true',
    'gc.auto=1',
    'gc.autoPackLimit=1',
    'gc.pruneExpire=now',
    'gpg.format=x509',
    'gpg.minTrustLevel=ultimate',
    'gpg.program=false',
    'grep.column=true',
    'grep.extendedRegexp=true',
    'grep.fullName=true',
    'grep.lineNumber=true',
    'grep.patternType=perl',
    'i18n.commitEncoding=ISO-8859-1',
    'i18n.logOutputEncoding=ISO-8859-1',
    'index.skipHash=true',
    'index.sparse=true',
    'index.version=4',
    'init.defaultBranch=trunk',
    'init.defaultObjectFormat=sha256',
    'init.defaultRefFormat=reftable',
    `init.templateDir=${dir}/template`,
    'log.abbrevCommit=true',
    'log.date=relative',
    'log.decorate=full',
    'log.diffMerges=separate',
    'log.follow=true',
    'log.mailmap=true',
    'log.showRoot=false',
    'log.showSignature=true',
    'maintenance.auto=true',
    'merge.autoStash=true',
    'merge.conflictStyle=diff3',
    'merge.ff=only',
    'merge.renames=false',
    'notes.displayRef=*',
    'pack.compression=0',
    'pack.depth=1',
    'pack.packSizeLimit=1m',
    'pack.window=0',
    'pack.writeReverseIndex=true',
    'pager.log=true',
    'protocol.allow=never',
    'protocol.version=0',
    'pull.rebase=true',
    'push.default=nothing',
    'push.followTags=true',
    'push.gpgSign=true',
    'push.pushOption=ci.skip',
    'push.recurseSubmodules=check',
    'push.useForceIfIncludes=true',
    'rebase.autoStash=true',
    'receive.unpackLimit=1',
    'remote.pushDefault=nowhere',
    'rerere.enabled=true',
    'safe.bareRepository=explicit',
    'sequence.editor=false',
    'status.branch=true',
    'status.relativePaths=true',
    'status.renames=copies',
    'status.short=true',
    'status.showStash=true',
    'status.showUntrackedFiles=no',
    'status.submoduleSummary=true',
    'submodule.recurse=true',
    'tag.gpgSign=true',
    'trace2.normalTarget=1',
    'transfer.unpackLimit=1',
    'user.name=.',
    'user.useConfigOnly=true',
  ];
}

function render(lines: readonly string[]): string {
  return lines
    .map((line) => {
      const [, section, name, key, value] = /^(\w+)(?:\.(.+))?\.(\w+)=(.*)$/.exec(line) ?? [];
      return `[${section}${name === undefined ? '' : ` "${name}"`}]\n\t${key} = "${value}"\n`;
    })
    .join('');
}

/** What a calling git, a shell or a person may have left in the environment. */
function variables(dir: string): Record<string, string> {
  const git = {
    ...{ DIR: dir, WORK_TREE: dir, INDEX_FILE: `${dir}/index`, NAMESPACE: 'other', PREFIX: 'prod/', COMMON_DIR: dir },
    ...{ LITERAL_PATHSPECS: '1', GLOB_PATHSPECS: '1', NOGLOB_PATHSPECS: '1', ICASE_PATHSPECS: '1' },
    ...{ AUTHOR_NAME: 'Variable', AUTHOR_EMAIL: 'variable@x.test', AUTHOR_DATE: '@0 +0000' },
    ...{ COMMITTER_NAME: 'Variable', COMMITTER_EMAIL: 'variable@x.test', COMMITTER_DATE: '@0 +0000' },
    ...{ CONFIG_COUNT: '1', CONFIG_KEY_0: 'core.bare', CONFIG_VALUE_0: 'true', CONFIG_PARAMETERS: "'core.bare=true'" },
    ...{ DEFAULT_HASH: 'sha256', DEFAULT_REF_FORMAT: 'reftable', TEMPLATE_DIR: `${dir}/template` },
    ...{ DIFF_OPTS: '-u0', EXTERNAL_DIFF: 'false', PAGER: 'false', EDITOR: 'false', NOTES_REF: 'refs/notes/x' },
    ...{ TRACE: '1', TRACE2: '1', TRACE_PACKET: '1', TRACE_SETUP: '1', CURL_VERBOSE: '1', MERGE_VERBOSITY: '5' },
    ...{ GRAFT_FILE: `${dir}/grafts`, SHALLOW_FILE: `${dir}/shallow`, REPLACE_REF_BASE: 'refs/heads/' },
    ...{ QUARANTINE_PATH: dir, OBJECT_DIRECTORY: dir, ALTERNATE_OBJECT_DIRECTORIES: dir, CEILING_DIRECTORIES: '/' },
    ...{ INDEX_VERSION: '4', OPTIONAL_LOCKS: '0', ALLOW_PROTOCOL: 'none', PROTOCOL: 'version=0', ATTR_SOURCE: 'x' },
    ...{ REFLOG_ACTION: 'hostile', ADVICE: '1', NO_LAZY_FETCH: '1', EXEC_PATH: dir, SSH_VARIANT: 'simple' },
  };
  return {
    ...Object.fromEntries(Object.entries(git).map(([name, value]) => [`GIT_${name}`, value])),
    LANG: 'de_DE.UTF-8',
    LC_MESSAGES: 'de_DE.UTF-8',
    LANGUAGE: 'de',
    EDITOR: 'false',
    PAGER: 'false',
    TZ: 'Pacific/Kiritimati',
  };
}

/** A git that is set up against whoever relies on its defaults. */
export interface HostileGit {
  /** Environment, with configurations of the user and of the machine. */
  readonly env: Record<string, string>;
  /** The same settings as text, for the configuration of a clone. */
  readonly settings: string;
}

export function hostileGit(): HostileGit {
  const dir = tempDir();
  mkdirSync(join(dir, 'template', 'hooks'), { recursive: true });
  mkdirSync(join(dir, 'template', 'info'), { recursive: true });
  const hooks = ['pre-commit', 'commit-msg', 'post-index-change', 'pre-push', 'reference-transaction', 'post-checkout'];
  for (const name of hooks) writeFileSync(join(dir, 'template', 'hooks', name), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
  writeFileSync(join(dir, 'template', 'info', 'sparse-checkout'), '/README.md\n');
  writeFileSync(join(dir, 'template', 'info', 'exclude'), '*\n');
  writeFileSync(join(dir, 'attributes'), '* text eol=crlf ident working-tree-encoding=UTF-16 diff=none -merge\n');
  writeFileSync(join(dir, 'exclude'), '*\n');
  for (const name of ['grafts', 'shallow']) writeFileSync(join(dir, name), '');
  const text = render(settings(dir));
  for (const name of ['system', 'global']) writeFileSync(join(dir, name), text);
  return {
    env: {
      ...variables(dir),
      GIT_CONFIG_NOSYSTEM: '0',
      GIT_CONFIG_SYSTEM: join(dir, 'system'),
      GIT_CONFIG_GLOBAL: join(dir, 'global'),
    },
    settings: text,
  };
}
