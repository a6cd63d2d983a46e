import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sample, type TestAccount } from '../support/account.ts';
import { browser, WITHOUT_BROWSER } from '../support/browser.ts';
import { git, Workspace } from '../support/workspace.ts';

const MARK = '<!-- made by celigo-mirror: edits are undone -->';

async function begin(more: { overview?: boolean } = { overview: true }): Promise<{
  account: TestAccount;
  space: Workspace;
  folder: string;
}> {
  const account = await sample();
  const space = new Workspace({ prod: { baseUrl: account.url, token: account.owner.token, ...more } });
  await space.sync();
  return { account, space, folder: join(space.mirror, 'prod') };
}

function pages(space: Workspace): string[] {
  return space.git('ls-files', '--', 'prod/README.md', 'prod/overview').split('\n').filter(Boolean);
}

function text(space: Workspace, path: string): string {
  return readFileSync(join(space.mirror, path), 'utf8');
}

/** Diagrams of a page, as they stand between their fences. */
function diagrams(markdown: string): string[] {
  return [...markdown.matchAll(/^```mermaid\n([\s\S]*?)\n```$/gm)].map(([, body]) => body ?? '');
}

describe('overview', () => {
  it('explains the account and each integration; every link leads to a file', async () => {
    const { account, space } = await begin();

    const made = pages(space);
    expect(made).toHaveLength(1 + account.emulator.state.all('integrations').length);
    for (const path of made) {
      const markdown = text(space, path);
      expect(markdown.startsWith(MARK)).toBe(true);
      const targets = [...markdown.matchAll(/\]\(([^)]+)\)/g)].map(([, target]) => target ?? '');
      expect(targets.length).toBeGreaterThan(0);
      for (const target of targets) {
        expect(existsSync(join(space.mirror, dirname(path), target)), `${path} → ${target}`).toBe(true);
      }
    }
    const flows = account.emulator.state.all('flows').length;
    expect(made.reduce((sum, path) => sum + diagrams(text(space, path)).length, 0)).toBe(flows);
    const front = text(space, 'prod/README.md');
    expect(front).toContain('### Disabled flows');
    expect(front).toContain('Error digest to the alert channel');
    expect(front).toContain('### Used by nothing');
    const shop = text(space, made.find((path) => path.includes('webshop')) ?? '');
    expect(shop).toMatch(
      /\["Book sales order<br\/>on NetSuite #40;live#41;|Book sales order<br\/>on NetSuite \(live\)/,
    );
    expect(shop).toContain('ƒ preMap: Web order hooks');
    expect((await space.run('verify')).code).toBe(0);
  });

  it('changes only when what it shows changes', async () => {
    const { account, space } = await begin();
    const owner = account.emulator.act(account.owner.token);
    const [flow] = account.emulator.state.all('flows');
    const [connection] = account.emulator.state.all('connections');
    const commits = (): string[] => space.log('%s');
    const touched = (): string[] => space.git('show', '--name-only', '--format=', 'HEAD').split('\n').filter(Boolean);

    expect((await space.sync()).verdict).toBe('unchanged');
    account.emulator.state.touch('connections', String(connection?._id), { offline: true });
    expect((await space.sync('--full')).verdict).toBe('unchanged');
    expect(commits()).toHaveLength(1);

    owner.set('connections', String(connection?._id), { 'http.ping.relativeURI': '/alive' });
    await space.sync();
    expect(touched().filter((path) => path.endsWith('README.md'))).toEqual([]);

    owner.set('flows', String(flow?._id), { name: 'A flow with another name' });
    await space.sync();
    const changed = space.git('log', '--name-only', '--format=', '-2').split('\n').filter(Boolean);
    // The account's page shows neither the flow's name nor anything else that changed.
    expect(changed).not.toContain('prod/README.md');
    expect(changed.filter((path) => path.includes('/overview/')).length).toBe(1);
    expect(space.log('%an: %s')[0]).toBe('celigo-mirror: prod: overview');
  });

  it('follows integrations that come, are renamed and go, and goes when it is no longer wanted', async () => {
    const { account, space, folder } = await begin();
    const owner = account.emulator.act(account.owner.token);
    const made = owner.create('integrations', { name: 'Short-lived' });
    await space.sync();
    expect(pages(space).filter((path) => path.includes(`short-lived.${String(made._id)}`))).toHaveLength(1);
    owner.set('integrations', String(made._id), { name: 'Renamed' });
    await space.sync();
    expect(pages(space).filter((path) => path.includes(String(made._id)))).toEqual([
      `prod/overview/renamed.${String(made._id)}/README.md`,
    ]);
    owner.remove('integrations', String(made._id));
    await space.sync();
    expect(pages(space).some((path) => path.includes(String(made._id)))).toBe(false);

    space.configure({ prod: { baseUrl: account.url, token: account.owner.token } });
    await space.sync('--full');
    expect(pages(space)).toEqual([]);
    expect(existsSync(join(folder, 'README.md'))).toBe(false);
  });

  it('leaves a page alone that somebody wrote', async () => {
    const { account, space, folder } = await begin({});
    writeFileSync(join(folder, 'README.md'), '# Ours\n');
    space.git('add', '-A');
    space.git('-c', 'user.name=Ann', '-c', 'user.email=ann@x.test', 'commit', '-qm', 'our own page');
    space.configure({ prod: { baseUrl: account.url, token: account.owner.token, overview: true } });

    const report = await space.sync('--full');

    expect(text(space, 'prod/README.md')).toBe('# Ours\n');
    expect(report.notices.join('\n')).toMatch(/prod\/README\.md is not the mirror's/);
    expect(readdirSync(join(folder, 'overview')).length).toBeGreaterThan(3);
    space.configure({ prod: { baseUrl: account.url, token: account.owner.token } });
    await space.sync('--full');
    expect(pages(space)).toEqual(['prod/README.md']);
  });
});

describe('a clone that is not kept', () => {
  it('makes the same pages and goes on with the feed, and leaves alone what somebody wrote', {
    tags: 'slow',
  }, async () => {
    const account = await sample();
    const settings = {
      prod: { baseUrl: account.url, token: account.owner.token, overview: true, auditFeed: true },
    };
    const space = new Workspace(settings);
    const remote = join(space.dir, 'remote.git');
    git(space.dir, 'init', '-q', '--bare', '-b', 'main', remote);
    space.configure(settings, { repository: { remote, stateless: true } });
    const again = async (): Promise<Awaited<ReturnType<Workspace['sync']>>> => {
      rmSync(space.mirror, { recursive: true, force: true });
      const report = await space.sync();
      expect(report.code, JSON.stringify(report.error)).toBe(0);
      return report;
    };
    await again();
    expect((await again()).commits).toEqual([]);
    const flow = String(account.emulator.state.all('flows')[0]?._id);
    account.emulator.act(account.owner.token).set('flows', flow, { name: 'Another name' });
    await again();
    expect((await again()).commits).toEqual([]);

    const clone = join(space.dir, 'clone');
    git(space.dir, 'clone', '-q', remote, clone);
    const kept = new Workspace({ prod: settings.prod });
    await kept.sync();
    for (const path of [
      'README.md',
      ...readdirSync(join(clone, 'prod', 'overview')).map((name) => `overview/${name}/README.md`),
    ]) {
      expect(readFileSync(join(clone, 'prod', path), 'utf8')).toBe(text(kept, `prod/${path}`));
    }
    const feed = (folder: string): string[] =>
      readdirSync(join(folder, 'prod', 'audit')).flatMap((name) =>
        readFileSync(join(folder, 'prod', 'audit', name), 'utf8')
          .trimEnd()
          .split('\n'),
      );
    expect(feed(clone).sort()).toEqual(feed(kept.mirror).sort());

    writeFileSync(join(clone, 'prod', 'README.md'), '# Ours\n');
    git(clone, '-c', 'user.name=Ann', '-c', 'user.email=ann@x.test', 'commit', '-qam', 'our own page');
    git(clone, 'push', '-q', 'origin', 'HEAD:main');
    account.emulator.act(account.owner.token).set('flows', flow, { name: 'A third name', disabled: true });
    const report = await again();
    expect(report.notices.join('\n')).toMatch(/README\.md is not the mirror's/);
    git(clone, 'pull', '-q', 'origin', 'main');
    expect(readFileSync(join(clone, 'prod', 'README.md'), 'utf8')).toBe('# Ours\n');
  });
});

describe.skipIf(WITHOUT_BROWSER)('diagrams', { tags: 'slow' }, () => {
  it('are drawn by Mermaid without an error: every flow, every impact, whatever things are called', async () => {
    const { account, space } = await begin();
    const owner = account.emulator.act(account.owner.token);
    const evil = 'end"] --> x; <b>`%%{init: {}}%%` #quot; [(\\) click n1 "javascript:1" 日本語 🚨';
    const [flow] = account.emulator.state.all('flows');
    const [connection] = account.emulator.state.all('connections');
    const [hooks] = account.emulator.state.all('scripts');
    owner.set('flows', String(flow?._id), {
      name: evil,
      'routers[0].name': evil,
      'routers[0].branches[0].name': evil,
    });
    owner.set('connections', String(connection?._id), { name: evil });
    owner.set('scripts', String(hooks?._id), { name: evil });
    await space.sync();
    const all = pages(space).flatMap((path) => diagrams(text(space, path)));
    for (const dir of ['connections', 'scripts', 'flows', 'integrations']) {
      for (const { _id } of account.emulator.state.all(dir)) {
        const outcome = await space.run('impact', `${dir}/${String(_id)}`, '--format', 'mermaid');
        expect(outcome.code, outcome.err).toBe(0);
        all.push(outcome.out);
      }
    }
    expect(all.length).toBeGreaterThan(70);

    const page = await (await browser()).newPage();
    const library = createRequire(import.meta.url)
      .resolve('mermaid')
      .replace(/mermaid\.core\.mjs$/, 'mermaid.min.js');
    await page.addScriptTag({ path: library });
    await page.evaluate(
      `mermaid.initialize({ startOnLoad: false, securityLevel: 'strict', maxTextSize: 500000, maxEdges: 2000 })`,
    );
    const failures = await page.evaluate(
      `(async (texts) => {
        const failed = [];
        for (const [i, text] of texts.entries()) {
          try {
            const { svg } = await mermaid.render('d' + i, text);
            if (svg.includes('Syntax error')) failed.push('drawn as an error: ' + text);
          } catch (error) {
            failed.push(error.message + ': ' + text);
          }
        }
        return failed;
      })(${JSON.stringify(all)})`,
    );
    expect(failures).toEqual([]);
    // The name is shown as it is, not taken apart.
    const shown = await page.evaluate(
      `mermaid.render('shown', ${JSON.stringify(all.find((one) => one.includes('#34;')))}).then(({ svg }) => {
        const div = document.createElement('div');
        div.innerHTML = svg;
        return div.textContent;
      })`,
    );
    expect(shown).toContain('end"] --> x; <b>`%%{init');
  });
});
