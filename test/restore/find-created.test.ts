import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/core/json.ts';
import { findCreated } from '../../src/run/restore/find-created.ts';
import { type } from '../plan/support.ts';

function found(body: JsonObject, docs: readonly JsonObject[]): string | undefined {
  return findCreated(
    type('exports'),
    body,
    docs.map((doc, i) => ({ id: String(i), doc })),
  )?.id;
}

describe('what a lost answer may have created', () => {
  const body = { name: 'Orders', adaptorType: 'HTTPExport', type: 'delta', pageSize: 5 };

  it('has the same name and is of the same kind', () => {
    expect(found(body, [{ ...body, name: 'Other' }])).toBeUndefined();
    for (const other of [{ adaptorType: 'FTPExport' }, { type: 'once' }, { _integrationId: 'i' }])
      expect(found(body, [{ ...body, ...other }])).toBeUndefined();
  });

  it('is the one with the fewest other differences', () => {
    expect(
      found(body, [
        { ...body, pageSize: 9, test: { limit: 1 } },
        { ...body, pageSize: 9 },
      ]),
    ).toBe('1');
  });
});
