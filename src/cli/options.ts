import type { Command } from 'commander';

/** Options that several commands have, as words and help. */
export const ACCOUNT = ['--account <name>', 'account to read, if the mirror holds several'] as const;
export const MIRROR = ['--mirror <folder>', 'folder of the mirror to read, without a configuration file'] as const;
export const AT = [
  '--at <ref or time>',
  'state to read: commit, tag, 2026-11-23, yesterday … (default: the latest); of days, their end',
] as const;
export const BEFORE = [
  '--before <ref or time>',
  'the state just before a commit, a time or the beginning of days',
] as const;
export const SINCE = [
  '--since <time>',
  'changes from this time on: 2026-11-23, 2026-11-23T18:00Z, yesterday, "last week", "3 hours ago"; ' +
    'days, weeks and months begin with their first moment',
] as const;
export const UNTIL = [
  '--until <time>',
  'changes up to this time; days, weeks and months end with their last moment',
] as const;
export const FROM = ['--from <time>', 'the same as --since'] as const;
export const TO = ['--to <time>', 'the same as --until'] as const;
export const TIMEZONE = ['--timezone <zone>', 'whose days are meant, such as Europe/Berlin (default: UTC)'] as const;
export const BY = ['--by <person>', 'changes by this person: part of a name or e-mail address'] as const;
export const RUN = ['--run <id>', 'changes that this run read: the trailer Celigo-Run of a commit'] as const;
/** How changes of the history are chosen, in every command. */
const CHANGES = [SINCE, UNTIL, FROM, TO, TIMEZONE, BY, RUN] as const;
export const ALLOW_TARGET_CHANGE = [
  '--allow-target-change',
  'go on although a host, URI or other target changes next to credentials that stay; --yes and --force do not',
] as const;
/** The hidden command that scripts of shells ask: `celigo-mirror __complete -- word… last`. */
export const COMPLETE = '__complete';
/** The hidden command that prints the manual page. */
export const MAN = '__man';
/** The hidden command with which the daemon finds what rules of `watch` ask for. */
export const WATCHED = '__watched';
/** The variable in which it gets them, as JSON. */
export const WATCH_RULES = 'CELIGO_MIRROR_WATCH_RULES';
export const QUIET = ['--quiet', 'print and log nothing on a run that changed nothing and has no notice'] as const;
export const METRICS_FILE = [
  '--metrics-file <file>',
  'keep the metrics in this file (*.prom), for the textfile collector of node_exporter',
] as const;
export const JSON_RESULT = ['--json', 'print the result as one JSON document'] as const;

/** Adds the options that choose changes of the history. */
export function withChangeOptions(command: Command): Command {
  for (const [flags, help] of CHANGES) command.option(flags, help);
  return command;
}

/** Adds the options that choose one state of one mirror. */
export function withStateOptions(command: Command): Command {
  for (const [flags, help] of [AT, BEFORE, TIMEZONE, ACCOUNT, MIRROR]) command.option(flags, help);
  return command;
}

/** What `[what...]` of a command that reads the history may be. */
export const HISTORY_SELECTOR =
  'commits, ranges of them (<commit>..<commit>), or what they changed: <type>, <type>/<id or name>, ' +
  'integration/<name> with all that belongs to it, an id, or a path (default: everything)';
/** What `<what>` of a command about one resource may be. */
export const ONE_SELECTOR = '<type>/<id or name>, an id, or a path in the mirror';
