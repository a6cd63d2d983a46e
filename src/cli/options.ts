/** Options that several commands have, as words and help. */
export const ACCOUNT = ['--account <name>', 'account to read, if the mirror holds several'] as const;
export const MIRROR = ['--mirror <folder>', 'folder of the mirror to read, without a configuration file'] as const;
export const AT = [
  '--at <ref or time>',
  'state to read: commit, tag, 2026-11-23, yesterday … (default: the latest)',
] as const;
export const JSON_RESULT = ['--json', 'print the result as one JSON document'] as const;

/** What `[what]` of a command that reads the history may be. */
export const HISTORY_SELECTOR = '<type>, <type>/<id or name>, an id, or a path in the mirror (default: everything)';
/** What `<what>` of a command about one resource may be. */
export const ONE_SELECTOR = '<type>/<id or name>, an id, or a path in the mirror';
