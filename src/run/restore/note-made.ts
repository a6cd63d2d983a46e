import type { LiveAccount } from './live.ts';
import type { Prepared } from './prepared.ts';
import type { Compared } from './read-back.ts';
import { readServerMade, writeServerMade } from './server-made.ts';

/** Keeps beside the clone what the server made of these writes: the next restore does not repeat them. */
export function noteMade({ plan, repository }: Prepared, { made }: Compared, mirrored: LiveAccount): void {
  const { stateDir } = repository;
  const there = new Set(mirrored.keys());
  const known = [...readServerMade(stateDir, plan.account), ...made].filter(([key]) => there.has(key));
  writeServerMade(stateDir, plan.account, new Map(known));
}
