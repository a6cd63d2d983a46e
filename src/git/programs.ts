import { AppError } from '../core/errors.ts';
import type { GitSettings } from './settings.ts';

/**
 * Programs that a git configuration may name, and how each is switched off. Most settings are switched off by name, in
 * `git-settings.ts`; those here can have any name of their own, or take no second value, so the configuration has to be
 * read to find them.
 */
export interface Screen {
  /** `key=value` for `-c`. */
  readonly config: readonly string[];
  /** Option of the commands that talk to a remote, by command. */
  readonly options: Readonly<Record<string, readonly string[]>>;
  /** Where a clone that lacks a part of what its remote has (a partial clone) gets it from. */
  readonly promisor: string | undefined;
}

/** One setting that git would obey. */
interface Setting {
  /** Section and variable in lower case, what is between them as it was written. */
  readonly key: string;
  readonly value: string;
  /** Made by the clone (its own configuration, or what that includes), and not by its user or the machine. */
  readonly ofClone: boolean;
}

/** Sorts what `git config --list --null --show-scope` prints: a scope, then `key\nvalue`, in turn. */
function settingsIn(listed: string): Setting[] {
  const parts = listed.split('\0');
  const settings: Setting[] = [];
  for (let i = 0; i + 1 < parts.length; i += 2) {
    const [scope, text = ''] = [parts[i], parts[i + 1]];
    if (scope === 'command') continue;
    const end = text.indexOf('\n');
    const key = end < 0 ? text : text.slice(0, end);
    const ofClone = scope !== 'system' && scope !== 'global';
    settings.push({ key, value: end < 0 ? '' : text.slice(end + 1), ofClone });
  }
  return settings;
}

/** What takes the place of programs named `<section>.<name>.<variable>`. */
const BY_NAME: readonly (readonly [pattern: RegExp, instead: readonly string[]])[] = [
  [/^(filter\..*)\.(?:clean|smudge|process)$/s, ['clean=', 'smudge=', 'process=', 'required=false']],
  // A driver that fails leaves the conflict to a person.
  [/^(merge\..*)\.driver$/s, ['driver=false']],
  [/^(hook\..*)\.(?:command|event)$/s, ['enabled=false', 'command=true']],
  [/^(submodule\..*)\.ignore$/s, ['ignore=all']],
];

/** Whether a remote is a folder of this machine: then both ends of the connection are processes of ours. */
export function isLocalRemote(remote: string): boolean {
  if (/^file:\/\//i.test(remote)) return true;
  return !/^[a-z][a-z0-9+.-]*::?\/\//i.test(remote) && !/^[^/\\]{2,}:/.test(remote);
}

function refusal(key: string, why: string): AppError {
  return new AppError('REPOSITORY', `the clone's git configuration sets ${JSON.stringify(key)}: ${why}`, {
    hint: 'Find it with: git config --show-origin --list; then remove it',
  });
}

/** What decides where, through what and with whose words a remote is reached. */
const REACHING = [
  /^(?:url|https?|credential|ssh|protocol)\./,
  /^core\.(?:sshcommand|gitproxy|askpass)$/,
  /^remote\..*\.(?!(?:url|fetch|promisor|partialclonefilter|tagopt)$)\w+$/s,
];

/**
 * A clone that fetches what it lacks by itself does so by its own configuration, with the words and keys of whoever
 * runs it. @throws AppError `REPOSITORY` where that leads elsewhere than it says
 */
function refuseDetours(settings: readonly Setting[]): void {
  const detour = settings.find(({ key, ofClone }) => ofClone && REACHING.some((pattern) => pattern.test(key)));
  if (detour) throw refusal(detour.key, 'a clone that fetches by itself what it lacks would obey it');
}

function credentialHelpers(settings: readonly Setting[]): string[] {
  const helpers = settings.filter(({ key }) => /^credential\.(?:.*\.)?helper$/s.test(key));
  if (!helpers.some(({ ofClone }) => ofClone)) return [];
  // An empty one forgets those before it; the user's own are then named again, in their order.
  const kept = helpers.filter(({ ofClone, key }) => !ofClone && !key.includes('='));
  return ['credential.helper=', ...kept.map(({ key, value }) => `${key}=${value}`)];
}

/** A word that survives the shell with which git runs a command. */
export function quote(word: string): string {
  return /^[\w.=-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/**
 * The commands at the far end of a local remote, without the programs that the user's own configuration adds to them.
 * The remote's own hooks are its own affair, as they are on a server.
 */
function serving(settings: readonly Setting[]): { upload: string; receive: string } {
  const off = new Set<string>();
  for (const { key, ofClone } of settings) {
    if (ofClone) continue;
    if (key === 'core.alternaterefscommand') off.add('core.alternateRefsCommand=true');
    if (key === 'core.hookspath') off.add('core.hooksPath=hooks');
    if (key === 'uploadpack.packobjectshook') off.add('uploadpack.packObjectsHook=env');
    const hook = /^(hook\..*)\.(?:command|event)$/s.exec(key)?.[1];
    if (hook !== undefined) off.add(`${hook}.enabled=false`);
  }
  const words = ['git', ...[...off].flatMap((setting) => ['-c', quote(setting)])].join(' ');
  return { upload: `${words} upload-pack`, receive: `${words} receive-pack` };
}

/**
 * Finds the programs that a configuration names and says how to switch them off.
 * @param listed output of `git config --list --null --show-scope`
 * @throws AppError `REPOSITORY` for what cannot be switched off
 */
export function screenPrograms(listed: string, { remote, stateless }: GitSettings): Screen {
  const settings = settingsIn(listed);
  const config = new Set<string>();
  for (const { key } of settings) {
    for (const [pattern, instead] of BY_NAME) {
      const owner = pattern.exec(key)?.[1];
      if (owner === undefined) continue;
      // `-c` takes the first `=` for the end of the key.
      if (owner.includes('=')) throw refusal(key, 'a program of such a name cannot be kept from running');
      for (const setting of instead) config.add(`${owner}.${setting}`);
    }
    if (key === 'core.alternaterefscommand') config.add('core.alternateRefsCommand=true');
  }
  for (const setting of credentialHelpers(settings)) config.add(setting);

  const local = remote !== undefined && isLocalRemote(remote);
  const packs = settings.find(({ key }) => /^remote\..*\.(?:uploadpack|receivepack)$/s.test(key));
  // What is missing from a partial clone git fetches by itself, where no option of ours reaches.
  const partial = settings.some(({ key }) => /^remote\..*\.promisor$|^extensions\.partialclone$/s.test(key));
  if (packs && partial) throw refusal(packs.key, 'a partial clone would run it');
  if (partial || stateless) refuseDetours(settings);
  const { upload, receive } = local ? serving(settings) : { upload: 'git-upload-pack', receive: 'git-receive-pack' };
  return {
    config: [...config],
    promisor: partial ? remote : undefined,
    options:
      local || packs !== undefined
        ? {
            fetch: [`--upload-pack=${upload}`],
            'ls-remote': [`--upload-pack=${upload}`],
            push: [`--receive-pack=${receive}`],
          }
        : {},
  };
}
