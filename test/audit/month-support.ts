import type { JsonObject } from '../../src/core/json.ts';
import type { AuditEntry, Person } from '../../src/emulator/model/seed.ts';
import { sampleAccount } from '../../src/emulator/sample/index.ts';
import { sample, type TestAccount } from '../support/account.ts';
import { random } from '../support/random.ts';
import { Workspace } from '../support/workspace.ts';
import { OthersInGit } from './others-in-git.ts';

/** What the account's own record says of one resource between two runs. */
export interface Expected {
  readonly type: string;
  readonly id: string;
  readonly what: 'added' | 'changed' | 'renamed' | 'deleted' | 'restored';
  /** Of the newest edit, in whole seconds. */
  readonly time: string;
  readonly by: string;
  /** E-mail addresses of the other editors, sorted. */
  readonly also: readonly string[];
  readonly sources: readonly string[];
}

/** Fields of a document that the month changes. */
export const FIELDS = ['name', 'description', 'schedule', 'content'] as const;

/** Who is to blame for one value: the run's record, or nobody for what the first listing found. */
export type Blame = Pick<Expected, 'time' | 'by'> | undefined;

/** A month of work on an account, with the account's own record of it. */
export interface Month {
  readonly account: TestAccount;
  readonly space: Workspace;
  readonly people: readonly Person[];
  readonly changes: number;
  readonly runs: number;
  /** What the mirror must tell, in the order of the runs. */
  readonly expected: readonly Expected[];
  /** `<type>/<id>` → field → who made it what it is, of what is there at the end. */
  readonly blame: ReadonlyMap<string, ReadonlyMap<string, Blame>>;
  readonly end: Date;
  /** What the account was like after a run in the middle, and a moment at which it was so. */
  readonly middle: { readonly at: Date; readonly states: ReadonlyMap<string, Readonly<Record<string, unknown>>> };
  /** How often others did something in Git, by what it was. */
  readonly foreign: ReadonlyMap<string, number>;
}

const TYPES = ['flows', 'exports', 'imports', 'connections', 'scripts', 'integrations'];
const second = (time: string): string => `${time.slice(0, 19)}.000Z`;

type Shown = Readonly<Record<string, unknown>>;

/** What of a document the month can change; nothing for one that is not there. */
function shown(doc: JsonObject | undefined): Shown | undefined {
  return doc && Object.fromEntries(FIELDS.map((field) => [field, doc[field]]));
}

/** Everything in the account that the month may touch. */
function states(account: TestAccount): Map<string, Shown> {
  return new Map(
    TYPES.flatMap((type) =>
      account.emulator.state.all(type).map((doc) => [`${type}/${String(doc._id)}`, shown(doc) ?? {}] as const),
    ),
  );
}

function evaluate(
  key: string,
  before: Shown | undefined,
  after: Shown | undefined,
  entries: readonly AuditEntry[],
): Expected | undefined {
  const [type = '', id = ''] = key.split('/');
  const newest = entries.at(-1);
  if (!newest || JSON.stringify(before) === JSON.stringify(after)) return undefined;
  const what = !before
    ? entries.some(({ event }) => event === 'restore')
      ? 'restored'
      : 'added'
    : !after
      ? 'deleted'
      : before.name === after.name
        ? 'changed'
        : 'renamed';
  const editors = new Set(entries.map(({ byUser }) => byUser.email));
  editors.delete(newest.byUser.email);
  return {
    type,
    id,
    what,
    time: second(newest.time),
    by: newest.byUser.email,
    also: [...editors].sort(),
    sources: [...new Set(entries.map(({ source }) => source))].filter((source) => source !== 'ui').sort(),
  };
}

/**
 * Lets seven people work for a month: `changes` edits, mirrored now and then, while three others commit, merge and
 * revert in Git. Everything follows from the seed.
 */
export async function liveMonth(seed: number, changes: number): Promise<Month> {
  const next = random(seed);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)] as T;
  let clock = Date.parse('2026-10-01T06:00:00Z');
  const base = sampleAccount();
  // Everybody may edit everything: whom the account lets do what is another test's matter.
  const [, administrator] = base.people;
  if (!administrator) throw new Error('the sample account has one person only');
  const seventh = { _id: '5f1e0a2b3c4d5e6f70819299', name: 'Seventh Person', email: 'seventh@fjellrand.example.com' };
  const people = [...base.people, { ...administrator, ...seventh, token: 'token-of-the-seventh' }].map(
    ({ integrationIds: _, ...person }) => ({
      ...person,
      role: person.role === 'owner' ? ('owner' as const) : ('administrator' as const),
    }),
  );
  const ashares = (base.resources.ashares ?? []).map(({ integrationAccessLevel: _, ...share }) => ({
    ...share,
    accessLevel: 'administrator',
  }));
  const account = await sample({
    seed: { ...base, people, resources: { ...base.resources, ashares } },
    now: () => new Date(clock),
  });
  const space = new Workspace({ prod: { baseUrl: account.url, token: account.owner.token } });
  await space.mirrored();

  const made: string[] = [];
  const gone: string[] = [];
  const expected: Expected[] = [];
  const blame = new Map<string, Map<string, Blame>>();
  for (const [key] of states(account)) blame.set(key, new Map(FIELDS.map((field) => [field, undefined])));

  async function change(n: number): Promise<void> {
    const person = pick(people);
    const browser = account.emulator.act(person.token);
    const api = next() < 0.3;
    const dice = next();
    if (dice < 0.08 || (dice < 0.2 && made.length === 0 && gone.length === 0)) {
      const doc = { name: `Made as number ${n}`, description: `by ${person.name}`, content: `// ${n}\n` };
      const answer = api
        ? ((await account.call(person, 'POST', '/v1/scripts', doc)) as JsonObject)
        : browser.create('scripts', doc);
      made.push(String(answer._id));
      return;
    }
    if (dice < 0.13 && made.length > 0) {
      const [id = ''] = made.splice(Math.floor(next() * made.length), 1);
      if (api) await account.call(person, 'DELETE', `/v1/scripts/${id}`);
      else browser.remove('scripts', id);
      gone.push(id);
      return;
    }
    if (dice < 0.17 && gone.length > 0) {
      const [id = ''] = gone.splice(Math.floor(next() * gone.length), 1);
      browser.restore('scripts', id);
      made.push(id);
      return;
    }
    const type = pick(TYPES);
    // A dozen of each, so that several people meet at the same resource.
    const doc = pick(account.emulator.state.all(type).slice(0, 6));
    const id = String(doc._id);
    const edit =
      dice < 0.3
        ? { name: `${type} renamed by change ${n}` }
        : type === 'scripts'
          ? { content: `// change ${n}\n${String(doc.content ?? '')}` }
          : type === 'flows' && dice < 0.5
            ? { schedule: `? ${n % 60} ${n % 24} ? * *` }
            : { description: `change ${n}` };
    // What holds masked credentials is not written back over the API by anybody who is careful.
    if (api && (type === 'flows' || type === 'scripts')) {
      await account.update(person, type, id, (current) => ({ ...current, ...edit }));
    } else browser.set(type, id, edit);
  }

  const others = new OthersInGit(space, next);
  let middle: Month['middle'] | undefined;
  let runs = 0;
  let reported = account.emulator.state.audit().length;
  let before = states(account);
  for (let n = 1, left = 1; n <= changes; n++) {
    // They fill October, whatever their number.
    clock += 60_000 + Math.floor((next() * 85_200) / changes) * 60_000;
    await change(n);
    left -= 1;
    if (left > 0 && n < changes) continue;
    left = 1 + Math.floor(next() * 7);
    clock += 90_000;
    const after = states(account);
    const record = account.emulator.state.audit().slice(reported);
    reported += record.length;
    const byKey = new Map<string, AuditEntry[]>();
    for (const entry of record) {
      const key = `${entry.resourceType}s/${entry._resourceId}`;
      byKey.set(key, [...(byKey.get(key) ?? []), entry]);
    }
    for (const [key, entries] of byKey) {
      const verdict = evaluate(key, before.get(key), after.get(key), entries);
      if (!verdict) continue;
      expected.push(verdict);
      const [old, now] = [before.get(key), after.get(key)];
      const fields = blame.get(key) ?? new Map<string, Blame>();
      for (const field of FIELDS) {
        if (now && (!fields.has(field) || (old !== undefined && old[field] !== now[field]))) fields.set(field, verdict);
      }
      blame.set(key, fields);
    }
    before = after;
    others.act(new Date(clock));
    const { code, remote: _, ...report } = await space.sync();
    if (code !== 0) throw new Error(`change ${n}: ${JSON.stringify(report)}`);
    runs += 1;
    clock += 60_000;
    if (!middle && n > changes / 2) middle = { at: new Date(clock), states: after };
  }
  for (const key of [...blame.keys()]) if (!before.has(key)) blame.delete(key);
  if (!middle) throw new Error('no run in the middle');
  const { foreign } = others;
  return { account, space, people, changes, runs, expected, blame, end: new Date(clock), middle, foreign };
}
