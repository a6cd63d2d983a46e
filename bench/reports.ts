// How long reports of a history take, compared with `git log` of the same.
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { manyChanges, writeHistory } from '../test/support/history.ts';
import { type Build, run, runNode, work } from './processes.ts';
import { note } from './rows.ts';
import type { Scale } from './scale.ts';

const FORMATS = ['html', 'md', 'csv', 'json'];
const COMMANDS: readonly { readonly name: string; readonly words: readonly string[] }[] = [
  { name: 'log --json', words: ['log', '--json'] },
  { name: 'log --patch --json', words: ['log', '--patch', '--json'] },
  ...FORMATS.map((format) => ({ name: `report as ${format}`, words: ['report', '-o', `r.${format}`] })),
];

/** Times `log` and `report`. @returns the sizes of the reports */
export async function reports(builds: readonly Build[], scale: Scale): Promise<string[]> {
  const dir = mkdtempSync(join(work, 'history-'));
  writeHistory(dir, 'prod', manyChanges(scale.commits, 200));
  for (let round = 0; round < scale.firstRuns; round++) {
    const git = await run(['git', 'log', '-p', '--first-parent', '--output=log'], dir);
    for (const { name, words } of COMMANDS) {
      for (const { who, main } of builds)
        note(name, who, (await runNode([main, ...words, '--mirror', dir, '--account', 'prod'], dir)).ms);
      note(name, 'floor', git.ms);
    }
  }
  const sizes = FORMATS.map((format) => `${format} ${(statSync(join(dir, `r.${format}`)).size / 1e6).toFixed(1)} MB`);
  rmSync(dir, { recursive: true, force: true });
  return [`Size of the reports: ${sizes.join(', ')}.`];
}
