import type { Json, JsonObject } from '../../src/core/json.ts';
import { people } from '../../src/emulator/sample/people.ts';
import { sample, type TestAccount } from '../support/account.ts';
import type { Workspace } from '../support/workspace.ts';
import { type Doc, mirrored } from './support.ts';

/** A person of the sample account. */
export type Who = keyof typeof people;

/** The sample account with its mirror, and what people change there. */
export interface Scene {
  readonly account: TestAccount;
  readonly space: Workspace;
  /** An ordinary flow, and a script. */
  readonly flow: Doc;
  readonly script: Doc;
  /** A resource that is no part of an Integration App, as it is now. */
  readonly find: (type: string, test: (doc: JsonObject) => boolean) => Doc;
  /** What the account holds of a resource; nothing where it is gone. */
  readonly held: (type: string, id: string) => JsonObject;
  /** An edit by a person in the account. */
  readonly live: (who: Who, type: string, id: string, changes: Record<string, Json | undefined>) => void;
}

export async function scene(): Promise<Scene> {
  const account = await sample();
  const space = await mirrored(account);
  const { emulator } = account;
  const find: Scene['find'] = (type, test) => {
    const found = emulator.state.all(type).find((doc) => doc._connectorId === undefined && test(doc));
    if (!found) throw new Error(`no ${type}`);
    return structuredClone(found) as Doc;
  };
  return {
    account,
    space,
    flow: find('flows', ({ disabled }) => disabled !== true),
    script: find('scripts', () => true),
    find,
    held: (type, id) => emulator.state.get(type, id) ?? {},
    live: (who, type, id, changes) => emulator.act(people[who].email).set(type, id, changes),
  };
}
