import { describe, expect, it } from 'vitest';
import type { Entry, Files } from '../../src/audit/trail.ts';
import type { Versions } from '../../src/audit/versions.ts';
import { watchedIn } from '../../src/audit/watched.ts';
import { findType } from '../../src/catalogue/index.ts';
import type { MirrorDocument } from '../../src/core/documents.ts';
import type { JsonObject } from '../../src/core/json.ts';
import { keyOf } from '../../src/core/keys.ts';
import { type WatchSettings, watchFaults, watchRule } from '../../src/core/watch-rules.ts';

const ANN = { name: 'Ann Lee', email: 'ann@example.com' };
const BO = { name: 'Bo Ek', email: 'bo@example.com' };

interface Case {
  readonly entry: Entry;
  readonly documents: ReadonlyMap<Files, JsonObject>;
}

let made = 0;

/** An entry of a history with its documents before and after. */
function change(
  before: JsonObject | undefined,
  after: JsonObject | undefined,
  more: Partial<Entry> = {},
  type = 'flows',
): Case {
  const id = String(++made).padStart(24, '0');
  const path = `${type}/x.${id}.yaml`;
  const files = (doc: JsonObject | undefined): Files => new Map(doc ? [[path, String(++made)]] : []);
  const [old, now] = [files(before), files(after)];
  const entry: Entry = {
    key: keyOf(type, id),
    type,
    id,
    what: before === undefined ? 'added' : after === undefined ? 'deleted' : 'changed',
    title: 'X',
    path,
    time: new Date('2026-11-26T12:00:00Z'),
    by: ANN,
    also: [],
    certainty: 'audit',
    sources: [],
    commit: 'c'.repeat(40),
    run: 'r1',
    baseline: false,
    newRules: false,
    renewed: false,
    cut: false,
    before: old,
    after: now,
    ...more,
  };
  const documents = new Map<Files, JsonObject>([
    ...(before ? [[old, before] as const] : []),
    ...(after ? [[now, after] as const] : []),
  ]);
  return { entry, documents };
}

/** For each finding of one rule: the changed fields of its first change, and how many changes it has. */
function found(rule: Partial<WatchSettings>, ...cases: readonly Case[]): (readonly [readonly string[], number])[] {
  const versions: Versions = {
    document(files) {
      for (const { entry, documents } of cases) {
        const doc = documents.get(files);
        const type = findType(entry.type);
        if (doc && type) return { type, id: entry.id, path: entry.path, doc } as unknown as MirrorDocument;
      }
      return undefined;
    },
  };
  const entries = cases.map(({ entry }) => entry);
  const rules = [watchRule({ severity: 'warning', ...rule })];
  return watchedIn(entries, rules, versions).map(({ changes }) => [changes[0]?.fields ?? [], changes.length]);
}

const OFF = change({ name: 'A', disabled: false }, { name: 'A', disabled: true });
const ON = change({ name: 'A', disabled: true }, { name: 'A', disabled: false });
const HOST = change(
  { http: { baseURI: 'a', mediaType: 'json' } },
  { http: { baseURI: 'b', mediaType: 'json' } },
  {},
  'connections',
);
const HTTP = change({ name: 'A' }, { name: 'A', http: { baseURI: 'b' } }, {}, 'connections');
const NEW = change(undefined, { name: 'N', disabled: true });
const GONE = change({ name: 'G' }, undefined);
const BACK = change(undefined, { name: 'G' }, { what: 'restored' });

describe('a rule of watch', () => {
  it.each<[string, Partial<WatchSettings>, Case, readonly string[] | undefined]>([
    ['finds a type', { type: 'flows' }, OFF, ['disabled']],
    ['finds a type by its singular', { type: 'flow' }, OFF, ['disabled']],
    ['leaves out others', { type: 'exports' }, OFF, undefined],
    ['finds a field', { field: 'disabled' }, OFF, ['disabled']],
    ['leaves out other fields', { field: 'name' }, OFF, undefined],
    ['asks for the state afterwards', { field: 'disabled', where: 'disabled = true' }, OFF, ['disabled']],
    ['leaves out the other state', { field: 'disabled', where: 'disabled = true' }, ON, undefined],
    ['finds a field inside another', { type: 'connections', field: 'http.baseURI' }, HOST, ['http.baseURI']],
    ['finds what a field holds', { field: 'http' }, HOST, ['http.baseURI']],
    ['finds a field at any depth', { field: '**.baseURI' }, HOST, ['http.baseURI']],
    ['leaves out its neighbours', { field: 'http.mediaType' }, HOST, undefined],
    ['finds a field in what was added around it', { field: 'http.baseURI' }, HTTP, ['http']],
    ['takes no field of a new resource for changed', { field: 'disabled' }, NEW, undefined],
    ['finds a new resource with a field, if asked', { field: 'disabled', what: 'added' }, NEW, []],
    ['leaves out a new one without it', { field: 'schedule', what: 'added' }, NEW, undefined],
    ['finds deletions', { what: 'deleted' }, GONE, []],
    ['asks what a deleted resource was', { what: 'deleted', where: 'name = G' }, GONE, []],
    ['finds what came back', { what: 'restored' }, BACK, []],
    ['leaves out another kind', { what: 'deleted' }, BACK, undefined],
    ['finds a person by name', { by: 'ann' }, OFF, ['disabled']],
    ['finds a person by address', { by: 'ANN@EXAMPLE' }, OFF, ['disabled']],
    ['leaves out others', { by: 'bo' }, OFF, undefined],
    ['asks for everything at once', { type: 'flows', field: 'disabled', by: 'bo' }, OFF, undefined],
    ['finds edits in the browser', { channel: 'ui' }, OFF, ['disabled']],
    ['finds edits outside of hours', { outside: '08:00-11:00 UTC' }, OFF, ['disabled']],
    ['leaves out those inside', { outside: '08:00-18:00 UTC' }, OFF, undefined],
  ])('%s', (_name, rule, one, fields) => {
    expect(found(rule, one)).toEqual(fields === undefined ? [] : [[fields, 1]]);
  });

  const edit = (more: Partial<Entry>): Case => change({ n: 1 }, { n: 2 }, more);
  it.each<[string, Partial<WatchSettings>, Partial<Entry>, boolean]>([
    ['knows the API', { channel: 'api' }, { sources: ['api'] }, true],
    ['takes no edit over the API for one in the browser', { channel: 'ui' }, { sources: ['api'] }, false],
    ['takes a restore of this program for the API', { channel: 'api' }, { restore: 'x' }, true],
    ['takes a guess for neither', { channel: 'ui' }, { certainty: 'lastModifiedBy' }, false],
    ['counts who edited it as well', { by: 'bo' }, { also: [BO] }, true],
    ['leaves out what existed before', { type: 'flows' }, { baseline: true }, false],
    ['leaves out the cut of a shallow clone', { type: 'flows' }, { cut: true }, false],
    ['leaves out renewed documents', { type: 'flows' }, { renewed: true }, false],
    ['leaves out what new rules changed', { type: 'flows' }, { newRules: true, certainty: 'unknown' }, false],
    ['keeps an edit beside new rules', { type: 'flows' }, { newRules: true }, true],
    ['reports edits whose author is unknown', { type: 'flows' }, { certainty: 'unknown' }, true],
  ])('%s', (_name, rule, more, expected) => {
    expect(found(rule, edit(more)).length).toBe(expected ? 1 : 0);
  });

  it.each([
    // Changes of Ann and Bo in one run, and of Ann in another; with more than so many; how many are reported.
    [3, 0, 0, 2, [3]],
    [2, 0, 0, 2, []],
    [2, 5, 0, 2, [5]],
    [2, 0, 1, 2, []],
    [3, 4, 5, 2, [3, 4, 5]],
    [1, 0, 0, 1, []],
    [2, 1, 1, 1, [2]],
  ])('counts by person and run: %j, %j, %j with more than %i', (ann, bo, later, moreThan, expected) => {
    const times = (count: number, more: Partial<Entry>): Case[] => Array.from({ length: count }, () => edit(more));
    const all = [...times(ann, {}), ...times(bo, { by: BO }), ...times(later, { run: 'r2' })];
    expect(found({ moreThan }, ...all).map(([, count]) => count)).toEqual(expected);
  });

  it('names fields, and no key that a person chose as data', () => {
    const settings = change(
      { settings: { 'ann@example.com secret': { a: 1 } }, steps: [{ n: 1 }] },
      { settings: { 'ann@example.com secret': { a: 2 } }, steps: [{ n: 2 }] },
    );
    expect(found({ type: 'flows' }, settings)).toEqual([[['settings', 'steps[0].n'], 1]]);
  });
});

describe('watchFaults', () => {
  const rows: [Partial<WatchSettings>, RegExp][] = [
    [{}, /^it asks for nothing; give at least one of type, field/],
    [{ type: 'flos' }, /^type: no resource type is called flos/],
    [{ field: 'lastModified' }, /^field: lastModified is not in the mirror/],
    [{ type: 'connections', where: 'offline = true' }, /^where: offline is not in the mirror/],
    [{ field: 'a..b' }, /^field: "a..b" is not a valid path of a field/],
    [{ where: 'disabled' }, /^where: "disabled" is not a valid condition/],
    [{ where: 'a[ = 1' }, /^where: "a\[" is not a valid path of a field/],
    [{ outside: '08:00-18:00 Mars/Base' }, /^outside: unknown time zone Mars\/Base/],
  ];
  it.each(rows)('%j', (rule, problem) => {
    const faults = watchFaults({ severity: 'warning', ...rule });
    expect(faults).toHaveLength(1);
    expect(faults[0]).toMatch(problem);
  });
});
