import { expect, it } from 'vitest';
import { short } from '../../src/cli/ui/change-view.ts';
import { shownSides } from '../../src/core/change-text.ts';
import { partOf, shortened } from '../../src/core/cut.ts';
import { reasonOf } from '../../src/mirror/said.ts';
import { teamsCard } from '../../src/notify/teams.ts';

const HALF = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]|\ufffd/;

/** Long texts of characters of two halves; one of them has a half at any place. */
const TEXTS = ['', 'a'].map((before) => before + '😀'.repeat(30_000));

it.each<[what: string, cut: (text: string) => string | undefined]>([
  ['a part', (text) => partOf(text, 3, 10) + partOf(text, 4, 11)],
  ['a beginning', (text) => shortened(text, 10) + shortened(text, 11)],
  ['a value before', (text) => shownSides({ before: text, after: `${text}x` }, 200).before],
  ['a value after', (text) => shownSides({ before: `${text}x`, after: `${text}y` }, 200).after],
  ['a value alone', (text) => shownSides({ after: text }, 200).after],
  ['a value of a log', (text) => short(text)],
  ['the words of git', (text) => reasonOf(new Error(`git push: error: ${text}`))],
  ['a message', (text) => JSON.stringify(teamsCard(text, { changes: [] } as never))],
])('%s is cut between characters', (_, cut) => {
  for (const text of TEXTS) {
    const shown = cut(text);
    expect(shown).toMatch(/😀/);
    expect(shown).not.toMatch(HALF);
  }
});
