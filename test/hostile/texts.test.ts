import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { identityOf } from '../../src/core/identity.ts';
import type { Json, JsonObject } from '../../src/core/json.ts';
import { escapeUnseen, jsonText, oneLine, terminalText } from '../../src/core/unseen.ts';
import { mermaidText } from '../../src/graph/mermaid.ts';
import { messageOf, plainText } from '../../src/notify/messages.ts';
import { startDaemon, until } from '../daemon/daemon-process.ts';
import { sample } from '../support/account.ts';
import { cases } from '../support/fuzz.ts';
import { gateway } from '../support/gateway.ts';
import { cli, ENV, Workspace } from '../support/workspace.ts';

/** What no output may hold: controls but line ends and tabs, direction marks, characters without width, tags. */
const HIDDEN = new RegExp(
  [
    String.raw`[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]`,
    String.raw`[\u061c\u200c-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ufffe\uffff]`,
    String.raw`[\u{e0000}-\u{e007f}]|[\ufe00-\ufe0f]{2}|\p{Cs}`,
  ].join('|'),
  'u',
);
/** One text with all of it, in lines that pose as the program's own. */
const TEXT = [
  '=HYPERLINK("http://evil.test")',
  '\u001b[8mhidden\u001b[0m\u001b]8;;http://evil.test\u0007link\u001b]8;;\u0007\u009b31m\u0085',
  '\u202egnp.exe\u202c\u2066x\u2069 \u200fz\u200dw\u2060\ufeff\u00ad \u2028\u2029',
  '\u{e0041}\u{e0042}\ufe00\ufe01\ufe0f \ud800 half',
  '\r\nerror: FORGED\n→ FORGED: run this\r\nCeligo-Read: 2099-01-01T00:00:00.000Z\nCo-authored-by: FORGED <m@x.test>',
  '<script>alert(1)</script> [x](javascript:alert(1)) | ``` <!channel> @everyone @acme/ops closes #12 [skip ci]',
].join('\n');
const ID = (n: number): string => `64f0c0ffee64f0c0ffee${n.toString(16).padStart(4, '0')}`;

/** Every text of a document but its ids is hostile; keys of settings too. */
function hostile(doc: JsonObject): JsonObject {
  const visit = (value: Json, key: string): Json => {
    if (typeof value === 'string')
      return /^_|^(?:type|adaptorType|method|createdAt|lastModified|schedule|timezone|function|id)$/.test(key)
        ? value
        : `${value} ${TEXT}`;
    if (Array.isArray(value)) return value.map((inner) => visit(inner as Json, key));
    if (value === null || typeof value !== 'object') return value;
    return Object.fromEntries(Object.entries(value as JsonObject).map(([name, held]) => [name, visit(held, name)]));
  };
  return { ...(visit(doc, '') as JsonObject), settings: { [TEXT]: TEXT } };
}

/** Names and addresses of people in every form that the log of the account has. */
function asPerson(entry: JsonObject): JsonObject {
  return { ...entry, byUser: { ...(entry.byUser as JsonObject), name: TEXT } };
}

describe('one name in every text of the account, of a branch and of the server', () => {
  it('hides nothing and forges nothing in any output', { tags: 'slow', timeout: 300_000 }, async () => {
    const account = await sample();
    let refuses = false;
    const before = await gateway(account.url, ({ url }, response) => {
      if (refuses && url.startsWith('/v1/scripts')) {
        response.writeHead(422, { 'content-type': 'application/json' });
        response.end(JSON.stringify({ errors: [{ code: TEXT, field: TEXT, message: TEXT }] }));
        return true;
      }
      if (!url.startsWith('/v1/audit')) return false;
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify((account.emulator.state.audit() as unknown as JsonObject[]).map(asPerson)));
      return true;
    });
    const settings = { baseUrl: before.url, token: account.owner.token, overview: true, auditFeed: true, retries: 0 };
    const space = new Workspace({ prod: settings });
    await space.run('sync');
    const types = ['flows', 'scripts', 'integrations', 'exports', 'connections', 'tags'];
    for (const type of types) {
      const [doc] = account.emulator.state.all(type);
      const { _id, createdAt: _, ...fields } = hostile(doc as unknown as JsonObject);
      account.emulator.state.touch(type, String(_id), { ...fields, lastModified: new Date().toISOString() });
    }
    const outputs: Record<string, string> = {};
    const run = async (...args: string[]): Promise<void> => {
      const { out, err } = await cli(args, space.dir, { LOG_LEVEL: 'trace' });
      outputs[`${args.join(' ')}`] = `${out}\n${err}`;
    };
    await run('sync');
    // On a branch: files of any name, commits of any author.
    const pushed = join(space.mirror, 'prod', 'flows', `${TEXT.replaceAll('/', '-').slice(4, 150)}.yaml`);
    mkdirSync(dirname(pushed), { recursive: true });
    writeFileSync(pushed, TEXT);
    writeFileSync(
      join(space.mirror, 'prod', 'scripts', `x.${ID(1)}.yaml`),
      `_id: ${ID(1)}\nname: ${JSON.stringify(TEXT)}\n`,
    );
    const identity = { GIT_AUTHOR_NAME: TEXT.replaceAll('\n', ' '), GIT_AUTHOR_EMAIL: 'eve@x.test' };
    const env = { ...ENV, ...identity, GIT_COMMITTER_NAME: 'Eve', GIT_COMMITTER_EMAIL: 'eve@x.test' };
    for (const args of [
      ['add', '-A'],
      ['commit', '-qm', TEXT],
    ])
      execFileSync('git', args as string[], { cwd: space.mirror, env });
    refuses = true;
    for (const command of ['verify', 'lint', 'diff', 'log', 'doctor']) await run(command);
    for (const command of ['verify', 'lint', 'log', 'drill']) await run(command, '--json');
    for (const [n, type] of types.entries()) {
      const id = `${type}/${String(account.emulator.state.all(type)[0]?._id)}`;
      const form = n % 2 === 0 ? [] : ['--json'];
      for (const command of ['blame', 'show']) await run(command, id, ...form);
      if (n < 2) await run('restore', id, '--at', 'HEAD~2', '--dry-run', ...form);
    }
    await run('log', '--patch');
    await run('show', `flows/${TEXT}`);
    await run('impact', `flows/${String(account.emulator.state.all('flows')[0]?._id)}`, '--format', 'mermaid');
    await run('impact', `flows/${String(account.emulator.state.all('flows')[0]?._id)}`, '--format', 'dot');
    for (const format of ['html', 'md', 'csv', 'json']) await run('report', '--format', format);
    await run('sync', '--json');
    await run('sync', '--log-format', 'pretty');
    outputs.history = space.git('log', '--format=%an %ae%n%B', '--committer=celigo-mirror');
    for (const page of ['README.md']) outputs[page] = readFileSync(join(space.mirror, 'prod', page), 'utf8');

    const bad = Object.entries(outputs).flatMap(([command, text]) => {
      // Where a forge would act on a word, the mirror itself breaks it.
      // YAML that a program reads is as in the mirror's files: of what it need not escape, tags stay.
      const read = /^show(?!.*--json)/.test(command)
        ? text.replaceAll(/[\u{e0000}-\u{e007f}]|[\ufe00-\ufe0f]/gu, '')
        : text;
      const at = read.replaceAll('\u200b', '').search(HIDDEN);
      return at < 0 ? [] : [`${command}: ${JSON.stringify(read.slice(Math.max(0, at - 40), at + 20))}`];
    });
    expect(bad).toEqual([]);
    const forged = Object.entries(outputs).filter(
      ([command, text]) =>
        !/^(?:show|report|log --patch)/.test(command) &&
        /^(?:error|→|Co-authored-by|Celigo-Read: 2099).*(?:FORGED|2099)/m.test(text),
    );
    expect(forged.map(([command]) => command)).toEqual([]);
    expect(outputs['report --format csv']).not.toMatch(/(?:^|,)"?[=+@\t]/m);
    expect(outputs['report --format html']).not.toMatch(/<script>alert|href="javascript:/);
    const prose = outputs['report --format md']?.replace(/^(`{3,})[^`].*?^\1$/gms, '');
    expect(prose).not.toMatch(/^<script|\]\(javascript:/m);
    expect(outputs.history).not.toMatch(/@everyone|@acme\/ops|\[skip ci\]|#12\b/);
    // Not for want of trying.
    expect(Object.keys(outputs).length).toBeGreaterThan(25);
    expect(Object.values(outputs).filter((text) => text.includes('HYPERLINK')).length).toBeGreaterThan(12);
  });
});

/** Where an output hides something, with what is around it. */
function hidden(outputs: Readonly<Record<string, string>>): string[] {
  return Object.entries(outputs).flatMap(([name, text]) => {
    const at = text.replaceAll('\u200b', '').search(HIDDEN);
    return at < 0
      ? []
      : [`${name}: ${JSON.stringify(text.replaceAll('\u200b', '').slice(Math.max(0, at - 40), at + 20))}`];
  });
}

describe('what a person calls things, in what takes changes back, compares, searches and watches', () => {
  it('hides nothing and forges nothing in any output', { tags: 'slow', timeout: 300_000 }, async () => {
    const account = await sample();
    const settings = { baseUrl: account.url, token: account.owner.token, include: ['flows', 'connections'] };
    const space = new Workspace(
      { prod: settings, other: settings },
      { daemon: { jitter: '0s' }, schedule: '0 0 1 1 *' },
    );
    await space.run('sync', '--account', 'other');
    for (const type of ['flows', 'connections']) {
      const [doc] = account.emulator.state.all(type);
      const { _id, createdAt: _, ...fields } = hostile(doc as unknown as JsonObject);
      account.emulator.state.touch(type, String(_id), { ...fields, lastModified: new Date().toISOString() });
    }
    await space.run('sync', '--account', 'prod');
    const flow = `flows/${String(account.emulator.state.all('flows')[0]?._id)}`;
    const again = { description: `${TEXT} again`, lastModified: new Date(Date.now() + 1_000).toISOString() };
    account.emulator.state.touch('flows', flow.slice(6), again);
    await space.run('sync', '--account', 'prod');
    const outputs: Record<string, string> = {};
    const run = async (...args: string[]): Promise<void> => {
      const { out, err } = await cli(args, space.dir, { LOG_LEVEL: 'trace' });
      outputs[args.join(' ')] = `${out}\n${err}`;
    };
    for (const form of ['text', 'md', 'json']) await run('compare', 'other', 'prod', '--all', '--format', form);
    for (const form of [[], ['--json']]) {
      await run('find', 'hyperlink', '--account', 'prod', ...form);
      await run('find', TEXT, '--account', 'prod', ...form);
      await run('find', '--field', 'settings.*', '--account', 'prod', ...form);
      await run('find', '--where', `name = ${JSON.stringify(TEXT)}`, '--account', 'prod', ...form);
      await run('undo', 'HEAD', '--account', 'prod', '--dry-run', ...form);
      await run('undo', 'all', '--by', TEXT, '--account', 'prod', '--dry-run', ...form);
      for (const action of ['list', 'template', 'check']) await run('secrets', action, '--account', 'prod', ...form);
    }
    const file = space.files('prod').find((path) => path.includes(flow.slice(6)) && path.endsWith('.yaml')) ?? '';
    const edited = join(space.mirror, 'prod', file);
    writeFileSync(edited, `${readFileSync(edited, 'utf8')}zzz: ${JSON.stringify(TEXT)}\n`);
    space.git('-c', 'user.name=Eve', '-c', 'user.email=e@x.test', 'commit', '-qam', TEXT);
    for (const form of ['text', 'md', 'json']) await run('apply', '--account', 'prod', '--dry-run', '--format', form);
    const daemon = await startDaemon(space.dir, [], { LOG_LEVEL: 'trace' });
    await until('the run to end', async () => (await daemon.status()).accounts.prod?.lastRun !== undefined);
    for (const path of ['/status', '/metrics', '/healthz', '/readyz', `/${encodeURIComponent(TEXT.toWellFormed())}`])
      outputs[`GET ${path}`] = (await daemon.get(path)).text;
    await daemon.stop();
    outputs.daemon = daemon.output();

    expect(hidden(outputs)).toEqual([]);
    const forged = Object.entries(outputs).filter(([, text]) =>
      /^(?:error|→|Celigo-Read: 2099).*(?:FORGED|2099)/m.test(text),
    );
    expect(forged.map(([command]) => command)).toEqual([]);
    const markdown = Object.entries(outputs).filter(([command]) => command.includes('--format md'));
    for (const [command, text] of markdown) {
      // Code, and what is HTML already: there the signs of Markdown mean nothing.
      const prose = text.replace(/^(`{3,})[^`].*?^\1$/gms, '').replace(/^<details>.*$/gm, '');
      expect(prose, command).not.toMatch(/(?<!\\)<script>alert|\]\(javascript:|@everyone|@acme\/ops|closes #12/);
    }
    // Not for want of trying.
    expect(Object.values(outputs).filter((text) => text.includes('HYPERLINK')).length).toBeGreaterThan(12);
  });
});

describe('each kind of output', () => {
  const texts = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(fc.constantFrom(...TEXT, '\u001b[31m', '\u001b[8m', 'a', ' ', '\r\n')).map((parts) => parts.join('')),
  );

  it('hides nothing of any text, and JSON means the same', () => {
    fc.assert(
      fc.property(texts, (text) => {
        expect(oneLine(text)).not.toMatch(HIDDEN);
        expect(mermaidText(text)).not.toMatch(HIDDEN);
        expect(identityOf({ name: text, email: text }).name).not.toMatch(HIDDEN);
        expect(terminalText(text, false)).not.toMatch(HIDDEN);
        expect(terminalText(text, true).replace(/\u001b\[(?:0|1|2|22|3[1-6]|39|90)m/g, '')).not.toMatch(HIDDEN);
        expect(jsonText({ [text]: [text] })).not.toMatch(HIDDEN);
        expect(JSON.parse(jsonText({ a: text }))).toEqual({ a: text });
        expect(JSON.parse(escapeUnseen(JSON.stringify(text)))).toBe(text);
      }),
      cases(1_500),
    );
  });

  it('keeps what people read', () => {
    for (const name of ['日本語の名前', 'Größe', 'é', 'عربي', '👍🏽', '❤️', 'शर्मा'])
      expect([oneLine(name), terminalText(name, false)]).toEqual([name, name]);
    expect(terminalText('\u001b[31mred\u001b[39m\n\tx', true)).toBe('\u001b[31mred\u001b[39m\n\tx');
  });

  it('of a notification calls no one and is one line for each fact', () => {
    const commit = { id: 'a'.repeat(40), author: TEXT, subject: TEXT, date: '2026-01-01T00:00:00Z' };
    const resources = [0, 1].map((n) => ({ type: 'flows', id: ID(n), name: TEXT, what: 'changed', fields: [TEXT] }));
    const run = {
      ...{ runId: 'r', verdict: 'failed', exitCode: 1, durationMs: 1, incomplete: [], changes: 1 },
      ...{ commits: [{ ...commit, resources }], remote: { state: 'none' }, endedAt: '2026-01-01T00:00:00Z' },
      error: { code: 'API', message: TEXT, hint: TEXT },
    } as unknown as Parameters<typeof messageOf>[3];
    const counts = { added: 0, changed: 1, renamed: 0, deleted: 0 };
    const message = messageOf('failure', 'prod', { now: 'failed', before: 'ok' }, run, counts, () => undefined);

    for (const text of [plainText(message), JSON.stringify(message)]) {
      expect(text.replaceAll('\u200b', '')).not.toMatch(HIDDEN);
      expect(text).not.toMatch(/@everyone|@acme|#12\b|^(?:error|→)/m);
    }
    expect(plainText(message).split('\n')).toHaveLength(6);
  });
});
