import { expect, it } from 'vitest';
import { comparison, note, table, type Who } from '../../bench/rows.ts';

it('the table of measurements shows medians, the median of the ratios of rounds, and whether that is enough', () => {
  const rounds: [string, Who, number[]][] = [
    // The second round was slow as a whole: neither its figures nor the quotient of the medians decide.
    ['unchanged run', 'program', [110, 900, 120]],
    ['unchanged run', 'floor', [100, 800, 100]],
    ['unchanged run', 'other', [100, 900, 100]],
    ['report as html', 'program', [11]],
    ['report as html', 'floor', [1]],
    ['report as md', 'program', [11]],
    ['report as md', 'floor', [1]],
    ['first run, memory', 'program', [257]],
    ['first run, memory', 'floor', [200]],
    ['lint, CPU', 'program', [5]],
  ];
  for (const [name, who, figures] of rounds) for (const figure of figures) note(name, who, figure);

  expect(table().slice(2)).toEqual([
    '| unchanged run | 120 ms | bare listing: 100 ms | 1.13 | 1.15 | yes |',
    '| first run, memory | 257 MiB | a tenth of the resources: 200 MiB | 1.28 | 2.00 and 256 MiB | no |',
    '| report as html | 11 ms | git log -p: 1 ms | 11.00 | 10.00 | no |',
    '| report as md | 11 ms | git log -p: 1 ms | 11.00 |  |  |',
  ]);
  expect(comparison().slice(2)).toEqual(['| unchanged run | 100 | 120 | 1.10 | no |']);
});
