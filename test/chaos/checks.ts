import { existsSync } from 'node:fs';
import { must } from './engine.ts';
import type { Outcome, World } from './world.ts';

/** What holds for every run, whatever went wrong: a message instead of a trace, a documented exit code, no secret. */
export function checkRun(world: World, outcome: Outcome): void {
  const text = `${outcome.out}${outcome.err}`;
  must(
    !/internal error|\n\s+at .+\(.+:\d+:\d+\)/.test(text),
    () => `a trace instead of a message: ${text.slice(0, 2_000)}`,
  );
  must(
    outcome.code === undefined || [0, 1, 3, 4, 64].includes(outcome.code),
    () => `exit code ${outcome.code}: ${outcome.err.slice(0, 500)}`,
  );
  for (const secret of world.secrets) must(!text.includes(secret), () => 'a secret was printed');
}

/**
 * A run that says that the remote is current has pushed everything; one that ends with 0 says so or pushes nothing.
 * Others may push more in the very moment. Of a run that nobody could read nothing is known.
 */
export function checkClaim({ git, gitIn, remote }: World, { code, out }: Outcome): void {
  if (code !== 0 || !/"state": /.test(out) || /"state": "skipped"/.test(out)) return;
  const head = git('rev-parse', 'HEAD').trim();
  try {
    gitIn(remote, 'merge-base', '--is-ancestor', head, 'refs/heads/main');
  } catch {
    must(false, () => `a run ends with 0, and the remote does not have ${head}`);
  }
}

/** Whether every object of the history is there: a run does not read those that it does not need. */
export function isSound(world: World): boolean {
  const check = (): boolean => {
    try {
      world.git('fsck', '--strict', '--no-dangling');
      return true;
    } catch {
      return false;
    }
  };
  // Packs that are tidied away meanwhile are no damage.
  return check() || check();
}

/** No file of ours was left half-done, no object is missing, nothing secret was committed. */
export function checkRepository(world: World): void {
  must(
    world.git('status', '--porcelain').trim() === '',
    () => `the work tree is not clean: ${world.git('status', '--porcelain')}`,
  );
  must(isSound(world), () => 'git fsck finds faults');
  const head = world.git('rev-parse', 'HEAD').trim();
  must(
    !existsSync(world.remote) || world.gitIn(world.remote, 'rev-parse', 'refs/heads/main').trim() === head,
    () => 'the remote does not have what the clone has',
  );
}

/** The history of every branch with every line that was ever written; nothing where it cannot be read. */
export function everyLine(world: World): string {
  return existsSync(world.mirror) ? world.git('log', '-p', '--all', '--text', '--format=%an %ae %B') : '';
}
