import { describe, expect, it } from 'vitest';
import { questionOf } from '../../src/cli/ui/restore-view.ts';
import { summarised } from '../../src/cli/ui/style.ts';
import type { Json, JsonObject } from '../../src/core/json.ts';
import type { Step } from '../../src/plan/types.ts';
import { sample } from '../support/account.ts';
import { Workspace } from '../support/workspace.ts';

describe('a long output', () => {
  it.each([
    [0, ['sum']],
    [19, ['sum', '…']],
    [20, ['sum', '…', 'sum']],
  ])('of %i lines below its summary ends with it where it leaves the screen', (count, expected) => {
    const lines = summarised(
      'sum',
      Array.from({ length: count }, () => '…'),
    )
      .trimEnd()
      .split('\n');
    expect(lines.filter((line, i) => line !== lines[i - 1])).toEqual(expected);
  });

  it('of every command ends with its summary, however many lines', async () => {
    const account = await sample();
    const space = new Workspace({ prod: { baseUrl: account.url, token: account.owner.token } });
    await space.mirrored();
    const first = space.git('rev-parse', 'HEAD').trim();
    const editor = account.emulator.act(account.owner.token);
    const settings = (value: Json): JsonObject =>
      Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`key${i}`, `${value} ${i}`]));
    const integration = String(account.emulator.state.all('integrations').find(({ name }) => name)?._id);
    editor.set('integrations', integration, { settings: settings('a') });
    for (const { _id } of account.emulator.state.all('scripts'))
      editor.set('scripts', String(_id), { description: 'x' });

    const last = async (...args: string[]): Promise<[number, string]> => {
      const { out, err, code } = await space.run(...args);
      const lines = `${out}${err}`.trimEnd().split('\n');
      expect(code, err).not.toBe(64);
      return [lines.length, lines.at(-1) ?? ''];
    };
    const rows: [readonly string[], RegExp][] = [
      [['diff'], /^prod: \d+ resources differ \(/],
      [['sync'], /^prod: \d+ changes \(|^ {2}[0-9a-f]{10} prod: /],
      [['diff', '--from', first], /^prod: \d+ resources differ \(/],
      [['restore', 'all', '--at', first, '--dry-run'], /^prod as of .* to update, .* unchanged$/],
      [['undo', 'HEAD', '--dry-run'], /^prod without .* to update, .* unchanged$/],
      [['find', 'key', '--field', 'settings.*'], /^\d+ places in \d+ resource|^Nothing found/],
      [['lint'], /errors?, \d+ warnings?, \d+ notes?/],
      [['verify'], /references$|no faults$/],
      [['list'], /^\d+ resources$/],
    ];
    for (const [args, summary] of rows) expect((await last(...args))[1], args.join(' ')).toMatch(summary);
    expect((await last('diff', '--from', first))[0]).toBeGreaterThan(300);
  });
});

describe('the question before a plan is carried out', () => {
  it.each<[Partial<Record<Step['action'], number>>, string]>([
    [{ update: 1 }, 'Write 1 resource in prod (https://x)?'],
    [{ update: 5, create: 4, undelete: 3, unchanged: 9 }, 'Write 12 resources in prod (https://x)?'],
    [{ update: 12, delete: 3 }, 'Write 12 resources, delete 3, in prod (https://x)?'],
    [{ delete: 1 }, 'Delete 1 resource in prod (https://x)?'],
    [{ delete: 2, blocked: 1, impossible: 1 }, 'Delete 2 resources in prod (https://x)?'],
    [{}, 'Finish the interrupted restore of prod (https://x)?'],
  ])('%j', (counts, question) => {
    const steps = Object.entries(counts).flatMap(([action, count]) =>
      Array.from({ length: count }, () => ({ action }) as Step),
    );
    const target = { baseUrl: 'https://x' } as Parameters<typeof questionOf>[0]['target'];
    expect(questionOf({ steps, account: 'prod', target })).toBe(question);
  });
});
