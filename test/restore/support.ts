import { type Dirent, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Emulator } from '../../src/emulator/server.ts';
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
export async function mirrored(account: TestAccount): Promise<Workspace> {
  const space = new Workspace({ prod: { baseUrl: account.url, token: account.owner.token } });
  expect((await space.sync()).code).toBe(0);
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
