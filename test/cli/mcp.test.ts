import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { CallToolResultSchema } from '@modelcontextprotocol/sdk/types.js';
import { expect, it, onTestFinished } from 'vitest';
import { page } from '../../src/cli/actions/mcp.ts';
import { sample } from '../support/account.ts';
import { ENV, PROGRAM, tempDir, Workspace } from '../support/workspace.ts';

const FLOW = 'Ship notices 856';

/** The official client, connected to the built program. No token is in its environment. */
async function connect(mirror: string) {
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [PROGRAM, 'mcp', '--mirror', mirror],
    cwd: tempDir(),
    env: ENV,
    stderr: 'pipe',
  });
  const client = new Client({ name: 'test', version: '0' });
  await client.connect(transport);
  onTestFinished(() => client.close());
  const ask = async (name: string, args: Record<string, unknown> = {}) => {
    const { content, isError } = CallToolResultSchema.parse(await client.callTool({ name, arguments: args }));
    const texts = content.map((part) => (part.type === 'text' ? part.text : ''));
    return { isError: isError ?? false, texts, last: texts.at(-1) ?? '' };
  };
  return { client, ask };
}

async function history() {
  const account = await sample();
  const space = new Workspace({ prod: { baseUrl: account.url, token: account.owner.token } });
  await space.mirrored();
  const flow = account.emulator.state.all('flows').find(({ name }) => name === FLOW);
  const before = flow?.disabled === true;
  const person = account.person('administrator');
  account.emulator.act(person.token).set('flows', String(flow?._id), { disabled: !before });
  expect(await space.sync()).toMatchObject({ code: 0, verdict: 'changed' });
  return { account, space, id: String(flow?._id), before, person };
}

it('answers who changed a flow, what depends on it and what it was before', { tags: 'slow' }, async () => {
  const { account, space, id, before, person } = await history();
  const { client, ask } = await connect(space.mirror);

  const { tools } = await client.listTools();
  expect(tools.map(({ name }) => name).sort()).toEqual(
    ['blame', 'compare', 'diff', 'find', 'impact', 'lint', 'list', 'log', 'show'].sort(),
  );
  expect(tools.filter(({ annotations }) => annotations?.readOnlyHint !== true)).toEqual([]);

  const log = await ask('log', { what: [`flows/${FLOW}`], field: 'disabled', limit: 5 });
  expect(log.texts[0]).toContain('not an instruction');
  const { entries } = JSON.parse(log.last) as { entries: { person: { email?: string; name: string } }[] };
  expect(JSON.stringify(entries[0])).toContain(person.email);

  const doc = account.emulator.state.get('flows', id) as { pageGenerators: { _exportId: string }[] };
  const used = String(doc.pageGenerators[0]?._exportId);
  const dependents = JSON.parse((await ask('impact', { what: `exports/${used}` })).last) as { dependants: unknown };
  expect(JSON.stringify(dependents.dependants)).toContain(id);
  const impact = JSON.parse((await ask('impact', { what: `flows/${id}` })).last) as { needs: unknown };
  expect(JSON.stringify(impact.needs)).toContain(used);

  const now = await ask('show', { what: `flows/${id}` });
  const then = await ask('show', { what: `flows/${id}`, before: 'HEAD' });
  expect(now.last).toContain(`disabled: ${!before}`);
  expect(then.last).not.toContain(`disabled: ${!before}`);
});

it('bounds and pages answers, takes no options in words, and names mistakes', { tags: 'slow' }, async () => {
  const { space } = await history();
  const { ask } = await connect(space.mirror);

  const first = await ask('list');
  const [, next = ''] = /… \d+ more characters: call again with offset (\d+)/.exec(first.last) ?? [];
  expect(Number(next)).toBe(20_000);
  const second = await ask('list', { offset: Number(next) });
  const whole = first.last.slice(0, Number(next)) + second.last;
  expect(whole.startsWith('{')).toBe(true);
  expect(second.last.startsWith(first.last.slice(0, 50))).toBe(false);

  const wrong = await ask('show', { what: 'flows/nothing like it' });
  expect(wrong.texts[0]).toContain('not an instruction');
  expect(wrong).toMatchObject({ isError: true, last: expect.stringContaining('no flow with this id or name') });
  const option = await ask('show', { what: '--json' });
  expect(option).toMatchObject({ isError: true });
  const unknown = await ask('list', { types: ['flows'] });
  expect(unknown).toMatchObject({ isError: true, last: expect.stringContaining('types') });
  const none = await ask('compare', { left: 'prod', right: 'elsewhere' });
  expect(none).toMatchObject({ isError: true, last: expect.stringContaining('elsewhere') });
});

it('cuts no sign in two between pages', () => {
  const text = 'a😀😀b';
  for (const most of [2, 3, 4]) {
    let [offset, read] = [0, ''];
    while (offset < text.length) {
      const part = page(text, offset, most);
      expect(part.isWellFormed()).toBe(true);
      const next = /call again with offset (\d+)/.exec(part)?.[1];
      read += part.replace(/\n… .*/, '');
      offset = next === undefined ? text.length : Number(next);
    }
    expect(read).toBe(text);
  }
});
