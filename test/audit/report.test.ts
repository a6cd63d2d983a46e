import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parse } from 'csv-parse/sync';
import { describe, expect, it } from 'vitest';
import { commitLinks } from '../../src/core/commit-links.ts';
import type { JsonObject } from '../../src/core/json.ts';
import { sample } from '../support/account.ts';
import { accessibilityFaults, browser, open, WITHOUT_BROWSER } from '../support/browser.ts';
import { manyChanges, writeHistory } from '../support/history.ts';
import { cli, type Outcome, tempDir, Workspace } from '../support/workspace.ts';

interface ReportJson {
  readonly found: number;
  readonly byType: readonly { readonly type: string; readonly total: number }[];
  readonly byPerson: readonly { readonly person: { readonly name: string }; readonly total: number }[];
  readonly changes: readonly {
    readonly time: string;
    readonly by: { readonly name: string; readonly email: string };
    readonly what: string;
    readonly type: string;
    readonly id: string;
    readonly name: string;
    readonly url?: string;
    readonly fields: readonly { place: string; before?: unknown; after?: unknown }[];
    readonly document?: JsonObject;
  }[];
}

/** Names that mean harm wherever one of the formats would take them for more than a name. */
const EVIL = '<img src=x onerror="document.title=1"> </script> =1+1 | [x](javascript:1) `a` \u202eevil';
const FORMULA = '=HYPERLINK("http://evil.test","x")';

/** The sample account, three people, five kinds of change. */
async function busy(): Promise<{ space: Workspace; script: string; flow: string }> {
  const account = await sample();
  const space = new Workspace(
    { prod: { baseUrl: account.url, token: account.owner.token } },
    { repository: { commitUrl: 'https://git.example/acme/mirror/commit/{commit}' } },
  );
  await space.mirrored();
  const [owner, priya, mateo] = [account.owner, account.person('administrator'), account.person('administrator', 1)];
  const [first, second] = account.emulator.state.all('flows');
  const [hooks] = account.emulator.state.all('scripts');
  const made = (await account.call(priya, 'POST', '/v1/scripts', {
    name: EVIL,
    content: 'function f() {\n  return "<b>1</b>";\n}\n',
  })) as JsonObject;
  account.emulator
    .act(owner.token)
    .set('flows', String(first?._id), { description: FORMULA, schedule: '? 5 9 ? * 1-5' });
  account.emulator.act(mateo.token).set('flows', String(second?._id), { name: 'A new name for it' });
  const content = String(hooks?.content).replace('\n', '\n// <i>guard</i>\nif (!options.data) return { data: [] };\n');
  account.emulator.act(priya.token).set('scripts', String(hooks?._id), { content });
  await space.sync();
  account.emulator.act(mateo.token).remove('scripts', String(made._id));
  await space.sync();
  account.emulator.act(mateo.token).restore('scripts', String(made._id));
  await space.sync();
  return { space, script: String(made._id), flow: String(first?._id) };
}

async function written(space: Workspace, name: string, ...args: string[]): Promise<string> {
  const outcome = await space.run('report', '-o', name, ...args);
  expect(outcome.code, outcome.err).toBe(0);
  return join(space.dir, name);
}

describe('what a report is asked for', () => {
  /** A change of each of four resources on 31 January and on 1 February. */
  function made(): string {
    const dir = tempDir();
    const times = [new Date('2026-01-01T09:00Z'), new Date('2026-01-31T23:59Z'), new Date('2026-02-01T00:00Z')];
    const commits = [...manyChanges(2, 4)].map((commit, i) => ({ ...commit, time: times[i] ?? commit.time }));
    writeHistory(dir, 'prod', commits);
    return dir;
  }
  const report = (dir: string, ...args: string[]): Promise<Outcome> => cli(['report', '--mirror', dir, ...args], dir);

  it('--month is all of a month and nothing else', async () => {
    const dir = made();
    for (const [month, day] of [
      ['2026-01', '2026-01-31'],
      ['2026-02', '2026-02-01'],
    ]) {
      const { changes } = JSON.parse((await report(dir, '--month', month ?? '', '--json')).out) as ReportJson;
      expect(changes.map(({ time }) => time.slice(0, 10))).toEqual([day, day, day, day]);
    }
  });

  it.each([
    [['--month', '2026-13'], '--month: 2026-13 is not a month'],
    [['--month', 'yesterday'], '--month: yesterday is not a month'],
    [['--month', '2026-01', '--to', 'today'], '--month and --to both say which period to report'],
    [['-o', 'report.pdf'], '--output: report.pdf ends with .pdf, not a valid format'],
    [['-o', 'report.xlsx'], '--output: report.xlsx ends with .xlsx, not a valid format'],
  ])('%j is refused by name', async (args, message) => {
    const dir = made();

    const outcome = await report(dir, ...args);

    expect(outcome.code).toBe(64);
    expect(outcome.err).toContain(message);
    expect(existsSync(join(dir, args[1] ?? ''))).toBe(false);
  });

  it('a file of any name takes the format that --format names', async () => {
    const dir = made();

    expect((await report(dir, '-o', 'report.txt', '--format', 'csv')).code).toBe(0);

    expect(readFileSync(join(dir, 'report.txt'), 'utf8')).toMatch(/^time,person,/);
  });
});

describe('report', () => {
  it('reports every change with person, fields and commit, in every format', { tags: 'slow' }, async () => {
    const { space, script, flow } = await busy();

    const json = JSON.parse(readFileSync(await written(space, 'r.json'), 'utf8')) as ReportJson;

    expect(json.changes.map(({ by, what, type }) => `${by.name} ${what} ${type}`).sort()).toEqual([
      'Ingrid Solheim changed flows',
      'Mateo Álvarez deleted scripts',
      'Mateo Álvarez renamed flows',
      'Mateo Álvarez restored scripts',
      'Priya Raman added scripts',
      'Priya Raman changed scripts',
    ]);
    expect(json.found).toBeGreaterThan(100);
    expect(json.byType.map(({ type, total }) => [type, total])).toEqual([
      ['scripts', 4],
      ['flows', 2],
    ]);
    expect(json.byPerson.map(({ person, total }) => [person.name, total])).toEqual([
      ['Mateo Álvarez', 3],
      ['Priya Raman', 2],
      ['Ingrid Solheim', 1],
    ]);
    const edited = json.changes.find(({ id }) => id === flow);
    expect(edited?.fields).toContainEqual(expect.objectContaining({ place: 'description', after: FORMULA }));
    expect(edited?.url).toMatch(/^https:\/\/git\.example\/acme\/mirror\/commit\/[0-9a-f]{40}$/);
    expect(json.changes.find(({ what }) => what === 'deleted')?.document).toMatchObject({ _id: script, name: EVIL });

    const rows = parse(readFileSync(await written(space, 'r.csv'), 'utf8'), { columns: true }) as Record<
      string,
      string
    >[];
    expect(new Set(rows.map(({ commit }) => commit))).toEqual(new Set(space.log('%H').slice(0, -1)));
    // Cells that a spreadsheet would take for a formula begin with an apostrophe.
    for (const value of rows.flatMap((row) => Object.values(row))) expect(value).not.toMatch(/^[=+\-@\t\r]/);

    // What came or went is reported with its document.
    const gone = rows.find(({ what }) => what === 'deleted');
    expect([gone?.field, gone?.after, gone?.before]).toEqual(['', '', expect.stringContaining('return "<b>1</b>";')]);
    expect(rows.find(({ what }) => what === 'added')?.after).toContain(script);

    const markdown = readFileSync(await written(space, 'r.md'), 'utf8');
    for (const sign of ['\\+', '-']) expect(markdown).toMatch(new RegExp(`^${sign} +return "<b>1</b>";$`, 'm'));
    expect(markdown).toContain('+ description: "=HYPERLINK(');
    // Within a fence nothing is markup.
    const prose = markdown.replace(/^```diff\n[\s\S]*?^```$/gm, '');
    expect(prose).not.toMatch(/(?<!\\)<img/);
    expect(prose).not.toMatch(/(?<!\\)\[x\]\(/);
    expect(markdown).not.toContain('\u202e');
  });

  it('takes times, a selector and a person', { tags: 'slow' }, async () => {
    const { space } = await busy();
    const count = async (...args: string[]): Promise<number> => {
      const { out, err } = await space.run('report', '--json', ...args);
      if (out === '') throw new Error(err);
      return (JSON.parse(out) as ReportJson).changes.length;
    };
    expect(await count('flows')).toBe(2);
    expect(await count('--by', 'mateo')).toBe(3);
    expect(await count('--from', 'tomorrow', '--to', '2099-01-01')).toBe(0);
    expect(await count('--from', '2000-01-01')).toBe(6);
    expect(await count('--to', 'yesterday')).toBe(0);

    for (const args of [
      ['--from', 'tomorrow'],
      ['--to', 'whenever'],
      ['--commit-url', 'ftp://x/{commit}'],
    ]) {
      const outcome = await space.run('report', ...args);
      expect(outcome.code).toBe(64);
      expect(outcome.err).toMatch(/^error: --/);
    }
  });

  it('links to the commit pages of the forge that the remote is on, without its password', () => {
    const links: Record<string, string> = {
      'git@github.com:acme/mirror.git': 'https://github.com/acme/mirror/commit/abc',
      'ssh://git@git.example:2222/acme/mirror': 'https://git.example/acme/mirror/commit/abc',
      'https://user:pass@gitlab.example/a/b/mirror.git': 'https://gitlab.example/a/b/mirror/-/commit/abc',
      'https://bitbucket.org/acme/mirror.git': 'https://bitbucket.org/acme/mirror/commits/abc',
      'https://git.example:3000/acme/mirror/': 'https://git.example:3000/acme/mirror/commit/abc',
    };
    for (const [remote, link] of Object.entries(links))
      expect(commitLinks(undefined, remote)('abc'), remote).toBe(link);
    for (const remote of ['/srv/mirror.git', '../mirror.git', 'file:///srv/mirror.git', undefined]) {
      expect(commitLinks(undefined, remote)('abc'), remote).toBeUndefined();
    }
  });
});

describe.skipIf(WITHOUT_BROWSER)('the page of a report', { tags: 'slow' }, () => {
  it('is self-contained: no request, no error, no script but its own, whatever things are called', async () => {
    const { space } = await busy();
    const url = pathToFileURL(await written(space, 'r.html')).href;
    const { page, requests, errors } = await open(await browser(), url);
    const title = await page.title();

    await page.getByRole('button', { name: 'Open all' }).click();

    expect(requests).toEqual([]);
    expect(errors).toEqual([]);
    expect(await page.title()).toBe(title);
    expect(await page.locator('img').count()).toBe(0);
    expect(await page.locator('script').count()).toBe(1);
    // Direction marks would turn the rest of a line around.
    expect(await page.content()).not.toContain('\u202e');
    // Whatever else got into the page: the policy lets it run nothing.
    await page.evaluate(
      `const script = document.createElement('script'); script.textContent = 'document.title = "ran"';
       document.body.append(script)`,
    );
    expect(await page.title()).toBe(title);
    // A line diff with the code's own colours.
    const script = page.locator('details.x', { hasText: 'guard' });
    await expect
      .poll(() => script.locator('pre .p').allTextContents())
      .toContainEqual(expect.stringContaining('// <i>guard</i>'));
    expect(await script.locator('pre .hljs-comment, pre .hljs-keyword').count()).toBeGreaterThan(0);
    expect(await page.locator('a[href^="https://git.example/acme/mirror/commit/"]').count()).toBe(6);
  });

  it('can be searched and filtered, with the keyboard alone', async () => {
    const { space } = await busy();
    const { page } = await open(await browser(), pathToFileURL(await written(space, 'r.html')).href);
    const shown = (): Promise<number> => page.locator('details.x:visible').count();
    const reported = (): Promise<string> => page.locator('#count').innerText();
    expect(await reported()).toBe('6 changes');

    await page.getByLabel('Search').focus();
    await page.keyboard.type('hyperlink schedule');
    await expect.poll(reported).toBe('1 of 6 changes');
    expect(await shown()).toBe(1);
    await page.getByRole('button', { name: 'Clear' }).press('Enter');
    await expect.poll(reported).toBe('6 changes');
    await page.getByRole('combobox', { name: 'Person' }).selectOption({ label: 'Mateo Álvarez' });
    await page.getByRole('combobox', { name: 'Type' }).selectOption({ label: 'scripts' });
    await page.getByRole('combobox', { name: 'What' }).selectOption({ label: 'deleted' });
    await expect.poll(reported).toBe('1 of 6 changes');

    const change = page.locator('details.x:visible').first();
    await change.locator('summary').focus();
    await page.keyboard.press('Enter');
    expect(await change.getAttribute('open')).not.toBeNull();
  });

  it.each(['light', 'dark'] as const)('is accessible in the %s', async (colorScheme) => {
    const { space } = await busy();
    const url = pathToFileURL(await written(space, 'r.html')).href;
    const { page } = await open(await browser(), url, { colorScheme, bypassCSP: true });
    await page.getByRole('button', { name: 'Open all' }).click();
    // Everything that can be opened, with the table of the plot.
    await page.locator('details:not(.x) summary').click();
    expect(await page.locator('details:not([open])').count()).toBe(0);

    // Narrow or wide, nothing hangs over the edge and no word is taken apart letter by letter.
    for (const width of [360, 700, 1000, 1400]) {
      await page.setViewportSize({ width, height: 900 });
      expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth'), `${width}`).toBe(true);
      const heights = (await page.evaluate(
        `[...document.querySelectorAll('tbody tr')].map((row) => row.getBoundingClientRect().height)`,
      )) as number[];
      expect(Math.max(...heights), `${width}`).toBeLessThan(80);
    }
    expect(await accessibilityFaults(page)).toEqual([]);
  });

  it('prints what is shown, opened, and nothing to click', async () => {
    const { space } = await busy();
    const { page } = await open(await browser(), pathToFileURL(await written(space, 'r.html')).href);
    await page.getByRole('combobox', { name: 'Type' }).selectOption({ label: 'scripts' });
    await expect.poll(() => page.locator('#count').innerText()).toBe('4 of 6 changes');
    await page.emulateMedia({ media: 'print' });
    await page.evaluate(`dispatchEvent(new Event('beforeprint'))`);

    expect(await page.locator('details.x:visible dl').count()).toBe(4);
    expect(await page.locator('form').isVisible()).toBe(false);
    expect(await page.evaluate('getComputedStyle(document.body).backgroundColor')).toBe('rgb(255, 255, 255)');
    await page.evaluate(`dispatchEvent(new Event('afterprint'))`);
    expect(await page.locator('details.x[open]').count()).toBe(0);
  });

  it('can be read without scripts', async () => {
    const { space } = await busy();
    const url = pathToFileURL(await written(space, 'r.html')).href;
    const { page } = await open(await browser(), url, { javaScriptEnabled: false });

    await page.locator('details.x summary').first().click();

    expect(await page.locator('details.x').count()).toBe(6);
    expect(await page.locator('form').isVisible()).toBe(false);
  });

  it('is right and below 20 MB for 10,000 changes with large scripts', async () => {
    const dir = tempDir();
    writeHistory(dir, 'prod', manyChanges(50, 200));

    const outcome = await cli(['report', '--mirror', dir, '--account', 'prod', '-o', join(dir, 'r.html')], dir);

    expect(outcome.err).toContain('10000 changes');
    expect(statSync(join(dir, 'r.html')).size).toBeLessThan(20_000_000);
    const { page, errors } = await open(await browser(), pathToFileURL(join(dir, 'r.html')).href);
    expect(errors).toEqual([]);
    expect(await page.locator('#count').innerText()).toBe('10000 changes');
    const totals = await page
      .locator('table', { hasText: 'Changes by person' })
      .first()
      .locator('tbody tr td:last-child')
      .allInnerTexts();
    expect(totals.reduce((sum, text) => sum + Number(text), 0)).toBe(10_000);
    await page.getByLabel('Search').fill('"round 17"');
    await expect.poll(() => page.locator('#count').innerText(), { timeout: 20_000 }).not.toBe('10000 changes');
    await page.getByRole('combobox', { name: 'Person' }).selectOption({ label: 'Person 3' });
    await page.getByLabel('Search').fill('');
    // Rounds 3, 23 and 43.
    await expect.poll(() => page.locator('#count').innerText(), { timeout: 20_000 }).toBe('600 of 10000 changes');
  });
});
