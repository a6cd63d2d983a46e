import { expect, it } from 'vitest';
import { madeByServer, reachable } from '../../src/plan/converged.ts';
import { type } from './support.ts';

const CONNECTIONS = type('connections');

it.each([
  // wanted, live: reported after a write, left alone by a plan
  [99, 25, true, true],
  [99, 50, true, true],
  [0, 1, true, true],
  [30, 25, true, false],
  [50, 25, true, false],
  [99, 5, false, false],
  [10, 25, false, false],
  [25, 10, false, false],
])('concurrencyLevel %i that became %i', (wanted, live, reported, left) => {
  const [ours, theirs] = [wanted, live].map((concurrencyLevel) => ({ http: { concurrencyLevel } }));
  const found = madeByServer(CONNECTIONS, ours ?? {}, theirs ?? {});

  expect(found).toEqual(reported ? [{ place: ['http', 'concurrencyLevel'], wanted, live }] : []);
  expect(reachable(CONNECTIONS, ours ?? {}, theirs ?? {})).toEqual(left ? theirs : ours);
});

it.each([
  ['2018.1', 'latest', true],
  ['next', 'latest', false],
  ['latest', '2018.1', false],
])('a WSDL version %s that became %s', (wanted, live, expected) => {
  const [ours, theirs] = [{ netsuite: { wsdlVersion: wanted } }, { netsuite: { wsdlVersion: live } }];

  expect(madeByServer(CONNECTIONS, ours, theirs)).toHaveLength(expected ? 1 : 0);
  expect(reachable(CONNECTIONS, ours, theirs)).toEqual(expected ? theirs : ours);
});

it('any other number that is not as asked is a difference', () => {
  expect(madeByServer(CONNECTIONS, { ftp: { port: 99 } }, { ftp: { port: 25 } })).toEqual([]);
});
