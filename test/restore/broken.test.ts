import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { syntaxFault } from '../../src/run/check/document-doubts.ts';
import type { DrillFinding } from '../../src/run/check/drill-findings.ts';
import { eachOf } from '../support/table.ts';
import type { Outcome } from '../support/workspace.ts';
import { BROKEN, type Broken, folderAt } from './broken.ts';
import { heldBy, type Scene, scene } from './drill-scene.ts';
import { expectCode } from './support.ts';

interface Found {
  readonly unexplained: readonly DrillFinding[];
  readonly warnings: readonly DrillFinding[];
}

/** Breaks one thing in the mirror, and commits that. */
function breakIn({ space }: Scene, { damage }: Broken): void {
  damage(folderAt(join(space.mirror, 'prod')));
  space.git('add', '--all');
  space.git('-c', 'user.name=A', '-c', 'user.email=a@x.test', 'commit', '--quiet', '--message=by a person');
}

/** It names what is wrong, with the reason, and nothing else. */
function expectNamed(outcome: Outcome, { named, why, also = [] }: Broken): void {
  const { unexplained, warnings } = JSON.parse(outcome.out) as Found;
  expectCode(outcome, unexplained.length > 0 ? 1 : 0);
  const found = [...unexplained, ...warnings];
  const is = (what: string, one: string | RegExp): boolean => (typeof one === 'string' ? what === one : one.test(what));
  const about = found.filter(({ what }) => is(what, named));
  expect(about.map((one) => one.why).join('\n'), outcome.out).toMatch(why);
  const others = found.filter(({ what }) => ![named, ...also].some((one) => is(what, one)));
  expect(others).toEqual([]);
  for (const one of also) expect(found.some(({ what }) => is(what, one))).toBe(true);
}

describe('a mirror in which one thing is wrong', () => {
  eachOf(
    BROKEN.map((broken) => [broken.what, broken] as const),
    { quick: 2 },
  )('shows in a drill, and nothing else does: %s', async (_, broken) => {
    const all = await scene();
    breakIn(all, broken);
    const outcome = await all.space.run('drill', '--account', 'prod', '--json');
    expectNamed(outcome, broken);
    expectCode(outcome, broken.isWarning ? 0 : 1);
  });

  eachOf(
    BROKEN.map((broken) => [broken.what, broken] as const),
    { quick: 0 },
  )('shows in a drill into a real account, which is empty afterwards: %s', async (_, broken) => {
    const all = await scene();
    breakIn(all, broken);
    expectNamed(await all.space.run('drill', '--into', 'lab', '--json'), broken);
    expect(heldBy(all.lab)).toEqual([]);
  });

  it('has at least twenty kinds of that', () => {
    expect(new Set(BROKEN.map(({ what }) => what)).size).toBeGreaterThanOrEqual(20);
  });
});

describe('the syntax of a script', () => {
  it.each([
    ['function a(options) { return options.data; }', false],
    ["import { request } from 'integrator-api';\nexport default function a() { return request; }", false],
    ["import {\n  exports,\n  imports,\n} from 'integrator-api'\nconst b = await 1;\nreturn b;", false],
    ['// nothing\n', false],
    ['function a(options) { return options.', true],
    ['const text = `never', true],
  ])('%s', (code, isFault) => {
    expect(syntaxFault(code) !== undefined).toBe(isFault);
  });
});
