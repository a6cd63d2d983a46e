import { onTestFinished } from 'vitest';
import type { Json, JsonObject } from '../../src/core/json.ts';
import type { EmulatorOptions } from '../../src/emulator/http/server.ts';
import { type Emulator, startEmulator } from '../../src/emulator/http/server.ts';
import type { Person } from '../../src/emulator/model/seed.ts';
import { sampleAccount } from '../../src/emulator/sample/index.ts';

/** An emulated account for one test, with calls to its documented API. */
export interface TestAccount {
  readonly emulator: Emulator;
  readonly url: string;
  readonly owner: Person;
  person(role: Person['role'], nth?: number): Person;
  /** A call as somebody. @throws when the answer is not 2xx */
  call(as: Person, method: string, path: string, body?: Json): Promise<Json | undefined>;
  /** GET, change, PUT: as the API wants updates made. */
  update(as: Person, type: string, id: string, change: (doc: JsonObject) => JsonObject): Promise<void>;
}

const running = new Map<string, TestAccount & { readonly options: Partial<EmulatorOptions> }>();

/**
 * What decides how the mirror of an account comes out, beside the configuration; `undefined` where that cannot be
 * configured in advance: the account is not one of `sample()`, it goes by a clock of its own, or meets faults.
 */
export function contentsOf(url: string): string | undefined {
  const found = running.get(url);
  if (!found || found.options.now || found.emulator.faults.pending().length > 0) return undefined;
  const { seed, ...options } = found.options;
  return JSON.stringify([options, seed?.people, found.emulator.state.dump()]);
}

/** The sample account on a port of its own, closed when the test ends. */
export async function sample(options: Partial<EmulatorOptions> = {}): Promise<TestAccount> {
  const seed = options.seed ?? sampleAccount();
  const emulator = await startEmulator({ seed, rateLimit: false, ...options });
  onTestFinished(() => {
    running.delete(emulator.url);
    return emulator.close();
  });
  const person = (role: Person['role'], nth = 0): Person => {
    const found = seed.people.filter((candidate) => candidate.role === role)[nth];
    if (!found) throw new Error(`no ${role}`);
    return found;
  };
  const call: TestAccount['call'] = async (as, method, path, body) => {
    const answer = await fetch(`${emulator.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${as.token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status}: ${text}`);
    return text === '' ? undefined : (JSON.parse(text) as Json);
  };
  const account: TestAccount = {
    emulator,
    url: emulator.url,
    owner: person('owner'),
    person,
    call,
    async update(as, type, id, change) {
      const doc = (await call(as, 'GET', `/v1/${type}/${id}`)) as JsonObject;
      await call(as, 'PUT', `/v1/${type}/${id}`, change(doc));
    },
  };
  running.set(emulator.url, { ...account, options });
  return account;
}
