import { type Dirent, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { RESOURCE_TYPES } from '../../src/catalogue/index.ts';
import type { Json } from '../../src/core/json.ts';
import { ApiFault, type Emulator } from '../../src/emulator/http/server.ts';
import type { TestAccount } from '../support/account.ts';
import { type Doc, doc, masksAnywhere } from '../support/documents.ts';
import { type Outcome, Workspace } from '../support/workspace.ts';

export {
  configured,
  type Doc,
  danglingIn,
  doc,
  ownIds,
  referencesTo,
  settled,
  snapshot,
  typed,
  writes,
} from '../support/documents.ts';

/** What a run of `restore --json` prints, as far as the tests look at it. */
export interface RestoreJson {
  readonly exitCode: number;
  readonly steps: readonly {
    readonly type: string;
    readonly id: string;
    readonly action: string;
    readonly result?: string;
    readonly reason: string;
  }[];
}

/** A workspace with the account `prod`, mirrored once. */
export async function mirrored(account: TestAccount, settings: Record<string, Json> = {}): Promise<Workspace> {
  const space = new Workspace({ prod: { baseUrl: account.url, token: account.owner.token, ...settings } });
  await space.mirrored();
  return space;
}

export function head(space: Workspace): string {
  return space.git('rev-parse', 'HEAD').trim();
}

/** Everything that a command said. */
export function said({ out, err }: Outcome): string {
  return `${out}\n${err}`;
}

/** Fails with what the command said, not with a bare number. */
export function expectCode(outcome: Outcome, ...codes: number[]): void {
  expect(codes, `exit code ${outcome.code}\n${said(outcome)}`).toContain(outcome.code);
}

/** No mask and no placeholder was ever stored as if it were a value. */
export function expectNoMask(emulator: Emulator): void {
  expect(masksAnywhere(emulator)).toEqual([]);
}

/** Texts of the mirror's documents of a type, by id. */
export function mirrorTexts(space: Workspace, dir: string, account = 'prod'): Map<string, string> {
  const folder = join(space.mirror, account, dir);
  return new Map(
    readdirSync(folder, { withFileTypes: true })
      .filter((entry: Dirent) => entry.isFile() && entry.name.endsWith('.yaml'))
      .map((entry) => [
        /\.([0-9a-f]{24})\.yaml$/.exec(entry.name)?.[1] ?? '',
        readFileSync(join(folder, entry.name), 'utf8'),
      ]),
  );
}

/** Ids of documents without any credential, of no Integration App, that pass `test`. */
export function plain(
  space: Workspace,
  emulator: Emulator,
  dir: string,
  test: (doc: Doc) => boolean = () => true,
): string[] {
  return [...mirrorTexts(space, dir)]
    .filter(([, text]) => !/\$secret|\*{3,}|_connectorId/.test(text))
    .map(([id]) => id)
    .filter((id) => test(doc(emulator, dir, id)))
    .sort();
}

/** The history of the mirror with every line that was ever written. */
export function history(space: Workspace): string {
  return space.git('log', '-p', '--all', '--text');
}

/** Where `integration` is what `<id>` names: its flows, and the groups it sorts them into. */
export function flowsOf(emulator: Emulator, integration: string): Doc[] {
  return emulator.state.all('flows').filter((flow) => flow._integrationId === integration) as Doc[];
}

/** A commit that somebody made in the mirror without us. */
export function commitByHand(space: Workspace): string {
  space.git(
    ...['-c', 'user.name=Somebody', '-c', 'user.email=somebody@example.test'],
    ...['commit', '--quiet', '--all', '--message=by hand'],
  );
  return head(space);
}

/**
 * Deletes a resource for good although others name it, as a purge of long ago or another part of the platform leaves
 * it: they go on naming what is not there.
 */
export async function uproot(test: TestAccount, dir: string, id: string): Promise<void> {
  const { emulator } = test;
  const naming = RESOURCE_TYPES.flatMap((type) =>
    emulator.state.all(type.name).flatMap((stored) => {
      const held = Object.entries(stored).filter(
        ([key, value]) => key !== '_id' && JSON.stringify(value ?? null).includes(id),
      );
      return held.length > 0 && stored._id !== id
        ? [{ dir: type.name, id: String(stored._id), held: Object.fromEntries(held) }]
        : [];
    }),
  );
  for (const user of naming)
    emulator.state.touch(user.dir, user.id, Object.fromEntries(Object.keys(user.held).map((key) => [key, undefined])));
  emulator.act(test.owner.email).remove(dir, id);
  const binned = emulator.state.bin().some(({ doc: { _id } }) => _id === id);
  if (binned) await test.call(test.owner, 'DELETE', `/v1/recycleBinTTL/${dir}/${id}`);
  for (const user of naming)
    if (emulator.state.get(user.dir, user.id)) emulator.state.touch(user.dir, user.id, user.held);
}

/**
 * Deletes an integration: first what is in it, in whatever order the account allows. Aliases and flows that run each
 * other, which would keep it, are taken out beforehand. Gives the ids that are gone.
 */
export function dismantle({ emulator, owner }: TestAccount, integration: string): string[] {
  const acting = emulator.act(owner.email);
  const { aliases } = doc(emulator, 'integrations', integration);
  if (Array.isArray(aliases) && aliases.length > 0) acting.set('integrations', integration, { aliases: [] });
  for (const { _id, _runNextFlowIds, _runNextExportIds } of flowsOf(emulator, integration))
    if (_runNextFlowIds || _runNextExportIds)
      acting.set('flows', _id, { _runNextFlowIds: undefined, _runNextExportIds: undefined });
  const gone: string[] = [];
  let parts = ['flows', 'tools', 'apis', 'integrations'].flatMap((dir) =>
    emulator.state
      .all(dir)
      .filter(({ _id, _integrationId }) => _id === integration || _integrationId === integration)
      .map(({ _id }) => ({ dir, id: String(_id) })),
  );
  for (let before = parts.length + 1; parts.length > 0 && parts.length < before; ) {
    before = parts.length;
    parts = parts.filter(({ dir, id }) => {
      try {
        acting.remove(dir, id);
        gone.push(id);
        return false;
      } catch (error) {
        if (!(error instanceof ApiFault)) throw error;
        return true;
      }
    });
  }
  expect(parts, 'parts that something else keeps').toEqual([]);
  return gone;
}
