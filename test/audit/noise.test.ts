import { describe, expect, it } from 'vitest';
import { findNoise, ignoreRules } from '../../src/audit/noise.ts';
import type { Entry, Files } from '../../src/audit/trail.ts';
import type { Versions } from '../../src/audit/versions.ts';
import { findType } from '../../src/catalogue/index.ts';
import type { ResourceType } from '../../src/catalogue/types.ts';
import type { JsonObject } from '../../src/core/json.ts';
import { sampleAccount } from '../../src/emulator/sample/index.ts';
import { sample } from '../support/account.ts';
import { Workspace } from '../support/workspace.ts';

type Certainty = Entry['certainty'];

/** The states of one resource, each with how certain the author of the change to it is. */
interface Story {
  readonly type?: string;
  readonly id?: string;
  readonly more?: Partial<Entry>;
  readonly states: readonly (readonly [JsonObject, Certainty?])[];
}

const filesOf = new Map<JsonObject, Files>();
const docs = new Map<Files, JsonObject>();

function files(doc: JsonObject): Files {
  const known = filesOf.get(doc) ?? new Map([[String(docs.size), 'x']]);
  filesOf.set(doc, known);
  docs.set(known, doc);
  return known;
}

const versions: Versions = {
  document(held) {
    const doc = docs.get(held);
    return doc && { type: findType('flows') as ResourceType, id: 'a', title: '', path: 'flows/a.yaml', doc };
  },
};

function entries(...stories: readonly Story[]): Entry[] {
  return stories.flatMap(({ type = 'flows', id = 'a', more = {}, states }) =>
    states.slice(1).map(([doc, certainty = 'audit'], i): Entry => {
      const before = files(states[i]?.[0] ?? {});
      const by = { name: 'A', email: 'a@x' };
      const common = { key: `${type}/${id}`, type, id, title: '', path: `${type}/${id}.yaml`, also: [], sources: [] };
      const made = { what: 'changed' as const, time: new Date(i), by, certainty, commit: String(i) };
      return {
        ...common,
        ...made,
        baseline: false,
        newRules: false,
        renewed: false,
        cut: false,
        before,
        after: files(doc),
        ...more,
      };
    }),
  );
}

/** Something that the audit log knows, so that it is known to be read. */
const AUDITED: Story = { id: 'z', states: [[{ other: 1 }], [{ other: 2 }]] };

function noise(...stories: readonly Story[]) {
  return findNoise(entries(AUDITED, ...stories), versions).map(({ type, path, ...rest }) => [`${type} ${path}`, rest]);
}

const state = (touched: string): JsonObject => ({ name: 'F', settings: { touched } });

describe('fields that change by themselves', () => {
  it('are those whose changes the audit log does not know', () => {
    expect(
      noise(
        { states: [[state('1')], [state('2'), 'unknown'], [state('3'), 'lastModifiedBy'], [state('4'), 'audit']] },
        { id: 'b', states: [[state('1')], [state('2'), 'unknown']] },
      ),
    ).toEqual([['flows settings.touched', { changes: 4, resources: 2, unexplained: 3, flips: 0, ignorable: true }]]);
  });

  it('are those that return to earlier values again and again, whoever changed them', () => {
    expect(noise({ states: [[state('1')], [state('2')], [state('1')], [state('2')]] })).toEqual([
      ['flows settings.touched', { changes: 3, resources: 1, unexplained: 0, flips: 2, ignorable: true }],
    ]);
    expect(noise({ states: [[state('1')], [state('2')], [state('1')]] })).toEqual([]);
  });

  it.each<[string, Story]>([
    ['edits that the log knows', { states: [[state('1')], [state('2')], [state('3')]] }],
    ['what a restore wrote', { more: { restore: 'r' }, states: [[state('1')], [state('2'), 'unknown']] }],
    [
      'what new rules of the mirror made',
      { more: { newRules: true }, states: [[state('1')], [state('2'), 'unknown']] },
    ],
    ['the first listing', { more: { baseline: true }, states: [[state('1')], [state('2'), 'unknown']] }],
    ['a field that only went', { states: [[state('1')], [{ name: 'F', settings: {} }, 'unknown']] }],
    ['types without a log', { type: 'tags', states: [[{ x: 1 }], [{ x: 2 }, 'unknown']] }],
  ])('are not %s', (_, story) => {
    expect(noise(story)).toEqual([]);
  });

  it('without an audit log are those that return to earlier values', () => {
    const found = findNoise(
      entries({ states: [[state('1')], [state('2'), 'unknown'], [state('1'), 'unknown'], [state('2'), 'unknown']] }),
      versions,
    );
    expect(found).toMatchObject([{ path: 'settings.touched', unexplained: undefined, flips: 2 }]);
    expect(findNoise(entries({ states: [[state('1')], [state('2'), 'unknown']] }), versions)).toEqual([]);
  });

  it.each<[string, JsonObject, JsonObject, string, boolean]>([
    ['in a list', { a: [{ x: 1 }, { x: 2 }] }, { a: [{ x: 1 }, { x: 3 }] }, 'a[].x', true],
    ['a longer list', { a: [1] }, { a: [1, 2] }, 'a', true],
    ['in a list of lists', { a: [[{ x: 1 }]] }, { a: [[{ x: 2 }]] }, 'a[][].x', true],
    ['with a key that no path can name', { a: { 'b.c': 1 } }, { a: { 'b.c': 2 } }, 'a["b.c"]', false],
    ['a credential', { a: { $secret: '1' } }, { a: { $secret: '2' } }, 'a', true],
    ['the name', { name: 'x' }, { name: 'y' }, 'name', false],
  ])('are named by their path: %s', (_, before, after, path, ignorable) => {
    const found = findNoise(entries(AUDITED, { states: [[before], [after, 'unknown']] }), versions);
    expect(found).toMatchObject([{ path, ignorable }]);
    expect(ignoreRules(found, { tags: ['z'], flows: ['b'] })).toEqual({
      flows: ignorable ? ['b', path].sort() : ['b'],
      tags: ['z'],
    });
  });
});

describe('doctor --noise', () => {
  const FLOW = String(sampleAccount().resources.flows?.[0]?._id);

  it('names them with counts and the line that ignores them, offline, and no value', { tags: 'slow' }, async () => {
    const account = await sample();
    const settings = { baseUrl: account.url, token: account.owner.token, include: ['flows'], ignore: { flows: ['x'] } };
    const space = new Workspace({ prod: settings });
    await space.mirrored();
    for (const touched of ['value-one', 'value-two', 'value-one']) {
      account.emulator.state.touch('flows', FLOW, { settings: { touched } });
      account.emulator.act(account.owner.email).set('flows', FLOW, { description: `edited ${touched}` });
      await space.sync();
      account.emulator.state.touch('flows', FLOW, { settings: { touched: 'value-three' } });
      await space.sync();
    }
    await account.emulator.close();

    const { code, out } = await space.run('doctor', '--noise');
    expect(code).toBe(0);
    expect(out).toMatch(/prod: 7 commits since /);
    expect(out).toMatch(/flows {2}settings\.touched {2}6 changes of 1 resource: 3 not in the audit log, 3 back to/);
    expect(out).toContain('ignore: {"flows":["settings.touched","x"]}');
    expect(out).not.toMatch(/value-|description/);

    const parsed = JSON.parse((await space.run('doctor', '--noise', '3', '--json')).out) as { noise: unknown[] };
    expect(parsed.noise).toMatchObject([
      {
        account: 'prod',
        commits: 3,
        fields: [{ path: 'settings.touched' }],
        ignore: { flows: ['settings.touched', 'x'] },
      },
    ]);
    space.configure({ prod: { ...settings, ignore: { flows: ['settings.touched', 'x'] } } });
    expect((await space.run('doctor', '--noise', 'many')).err).toContain('--noise: many is not a number of commits');
  });
});
