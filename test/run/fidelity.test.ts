import { describe, expect, it } from 'vitest';
import { ApiError } from '../../src/celigo/errors.ts';
import type { JsonObject } from '../../src/core/json.ts';
import { createFidelity, type FidelityOptions, type ParsedRecord } from '../../src/run/sync/collect/fidelity.ts';

const OLD = '2026-01-01T00:00:00.000Z';
const NEW = '2026-01-02T00:00:00.000Z';

type Answer = JsonObject | 'none' | 'refused' | 'unreachable';

function listed(id: string): JsonObject {
  return { _id: id, name: id, lastModified: OLD };
}

function record(id: string, length = 10): ParsedRecord {
  return { kind: 'parsed', id, raw: '', length, doc: listed(id), inexact: [] };
}

/** A type whose `GET /{id}` answers so, and the ids that it was asked for. */
function typeOf(answer: (id: string) => Answer, options: Partial<FidelityOptions> = {}) {
  const asked: string[] = [];
  const fidelity = createFidelity({
    before: undefined,
    afresh: false,
    async read(id) {
      asked.push(id);
      const doc = answer(id);
      if (doc === 'none') return undefined;
      if (doc === 'refused') throw new ApiError('refused', { status: 404, transient: false });
      if (doc === 'unreachable') throw new ApiError('unreachable', { status: 503, transient: true });
      return { doc, inexact: [] };
    },
    hasMore: (full, held) => Object.keys(full).length > Object.keys(held).length,
    ...options,
  });
  return { fidelity, asked };
}

const same = (id: string): Answer => listed(id);
const more = (id: string): Answer => ({ ...listed(id), settings: {} });
const newer = (id: string): Answer => ({ ...listed(id), lastModified: NEW });

describe('a listing is abridged', () => {
  it.each<[string, (id: string) => Answer, boolean | undefined, boolean, boolean | undefined]>([
    // What the document is, what an earlier run found, whether that counts, and the verdict.
    ['it is as in the list', same, undefined, false, false],
    ['it has more', more, undefined, false, true],
    ['it has more where an earlier run found none', more, false, false, true],
    ['it is as in the list where an earlier run found more', same, true, false, true],
    ['it is as in the list, and all is checked again', same, true, true, false],
    ['it was edited since', newer, undefined, false, false],
    ['there is none by id', () => 'none', undefined, false, false],
    ['asking by id is refused', () => 'refused', undefined, false, false],
    ['it cannot be had now', () => 'unreachable', undefined, false, undefined],
    ['it cannot be had now where an earlier run found more', () => 'unreachable', true, false, true],
    ['it cannot be had now where an earlier run found none', () => 'unreachable', false, false, undefined],
  ])('when %s', async (_, answer, before, afresh, verdict) => {
    const { fidelity } = typeOf(answer, { before, afresh });
    for (const id of ['a', 'b']) fidelity.sample(record(id));

    await fidelity.decide();

    expect(fidelity.abridged()).toBe(verdict);
  });

  it.each([true, false, undefined])('as before (%s) when there is nothing to compare', async (before) => {
    const { fidelity, asked } = typeOf(same, { before });

    await fidelity.decide();

    expect(fidelity.abridged()).toBe(before);
    expect(asked).toEqual([]);
  });

  it('as one of many says that has more', async () => {
    const { fidelity } = typeOf((id) => (id === 'long' ? more(id) : same(id)));
    for (let i = 0; i < 500; i++) fidelity.sample(record(`r${i}`));
    fidelity.sample(record('long', 1_000));

    await fidelity.decide();

    expect(fidelity.abridged()).toBe(true);
  });
});

describe('comparing', () => {
  it('asks for a few of many, the largest and the smallest among them', async () => {
    const { fidelity, asked } = typeOf(same);
    for (let i = 0; i < 1_000; i++) fidelity.sample(record(`r${i}`, i === 700 ? 99 : i === 300 ? 1 : 10));

    await fidelity.decide();

    expect(asked.length).toBeLessThanOrEqual(22);
    expect(asked).toEqual(expect.arrayContaining(['r0', 'r300', 'r700']));
    expect(new Set(asked).size).toBe(asked.length);
    expect([...fidelity.byId].sort()).toEqual([...asked].sort());
  });

  it.each<[string, (id: string) => Answer, boolean]>([
    ['the document when it has more', more, true],
    ['the document when it is newer', newer, true],
    ['nothing when the copy will do', same, false],
    ['nothing when there is no other', () => 'none', false],
    ['nothing when asking is refused', () => 'refused', false],
  ])('gives %s', async (_, answer, given) => {
    const { fidelity } = typeOf(answer);

    const found = await fidelity.complete('a', listed('a'));

    expect(found?.doc).toEqual(given ? answer('a') : undefined);
  });

  it('stops asking a type that refused three times and never answered', async () => {
    const { fidelity, asked } = typeOf(() => 'refused');

    for (const id of ['a', 'b', 'c', 'd', 'e']) await fidelity.complete(id, listed(id));

    expect(asked).toEqual(['a', 'b', 'c']);
    expect(fidelity.untried()).toBe(false);
  });

  it('asks on where one answered, however many are refused', async () => {
    const { fidelity, asked } = typeOf((id) => (id === 'a' ? same(id) : 'refused'));

    for (const id of ['a', 'b', 'c', 'd', 'e']) await fidelity.complete(id, listed(id));

    expect(asked).toHaveLength(5);
    expect(fidelity.untried()).toBe(false);
  });

  it('leaves a fault that may pass to the caller', async () => {
    const { fidelity } = typeOf(() => 'unreachable');

    await expect(fidelity.complete('a', listed('a'))).rejects.toMatchObject({ transient: true });
    expect(fidelity.untried()).toBe(true);
  });
});
