import { describe, expect, it } from 'vitest';
import type { Json, JsonObject } from '../../src/core/json.ts';
import { valueAt, valuesAt } from '../../src/core/paths.ts';
import { account, codeOf, doc, id, smallShop, start, verdicts } from './support.ts';

const PATH = `/v1/mcpservers/${id('8', 1)}`;
const TOOL = { _toolId: id('7', 1), name: 't' };

function shop() {
  return {
    ...smallShop(),
    storageitems: [doc(id('c', 1), 'F')],
    tools: [doc(id('7', 1), 'T', { _integrationId: id('1', 1) })],
    apis: [
      doc(id('a', 1), 'A', { type: 'builder', disabled: false }),
      doc(id('a', 2), 'B', { type: 'script', disabled: false }),
    ],
  };
}

function server(fields: JsonObject = {}): JsonObject {
  return doc(id('8', 1), 'M', { relativeURI: '/m', disabled: true, tools: [], apis: [], ...fields });
}

describe('MCP servers', () => {
  it('are refused when what they offer makes no sense', async () => {
    const prompt = { name: 'p', messagesTemplate: [{ role: 'user' }] };
    const cases: readonly (readonly [JsonObject, string])[] = [
      [{ disabled: false }, '422 invalid_field'],
      [{ disabled: false, tools: [TOOL] }, '422 invalid_field'],
      [{ disabled: false, tools: [{ ...TOOL, disabled: false }] }, '201'],
      [{ prompts: [prompt, prompt] }, '422 mcp_server_duplicate_prompt_name'],
      [{ prompts: [{ ...prompt, name: 'with blanks' }] }, '422 invalid_field_value'],
      [{ prompts: [{ ...prompt, name: 'n'.repeat(129) }] }, '422 size_limit_exceeded'],
      [{ prompts: [{ ...prompt, arguments: [{ name: 'a-b' }] }] }, '422 invalid_field_value'],
      [{ prompts: [{ ...prompt, messagesTemplate: [{ role: 'system' }] }] }, '422 enum'],
      [{ resources: [{ _fileId: id('c', 1) }, { _fileId: id('c', 1) }] }, '422 mcp_server_duplicate_file_not_allowed'],
      [{ apis: [{ _apiId: id('a', 2), name: 'a' }] }, '422 invalid_field'],
      [
        {
          apis: [
            { _apiId: id('a', 1), name: 'a' },
            { _apiId: id('a', 1), name: 'b' },
          ],
        },
        '422 invalid_field',
      ],
      [{ apis: [{ _apiId: id('a', 1), name: 'a' }] }, '201'],
    ];
    const bodies = cases.map(([body], n) => ({ name: 'M', relativeURI: `/m${n}`, ...body }));
    expect(await verdicts(shop(), '/v1/mcpservers', bodies)).toEqual(cases.map(([, verdict]) => verdict));
    const { send } = await start({ seed: account({ ...shop(), mcpservers: [server({ sandbox: true })] }) });
    const inSandbox = await send('PUT', PATH, server({ resources: [{ _fileId: id('c', 1) }] }));
    expect(codeOf(inSandbox)).toBe('mcp_server_resources_not_allowed_in_sandbox');
    const [without] = await verdicts({}, '/v1/mcpservers', [{ name: 'M', relativeURI: '/m' }], { accountAlias: false });
    expect(without).toBe('422 mcp_server_account_alias_required');
  });

  it('keep and lose in a PUT what the API says', async () => {
    const upstream = [{ _connectionId: id('2', 1), tools: [{ name: 'u', changedSinceApproval: true }] }];
    const stored = server({
      upstreamMcpConnections: upstream,
      permissionSets: [{ name: 'p' }],
      policies: [{ name: 'q' }],
    });
    const { send, emulator } = await start({ seed: account({ ...shop(), mcpservers: [stored] }) });

    await send('PUT', PATH, { name: 'M', relativeURI: '/m' });

    const held = emulator.state.get('mcpservers', id('8', 1));
    expect(held).toMatchObject({ upstreamMcpConnections: upstream });
    for (const field of ['permissionSets', 'policies']) expect(held).not.toHaveProperty(field);
  });

  it('approves what changed upstream when a PUT carries it', async () => {
    const upstream = [{ _connectionId: id('2', 1), tools: [{ name: 'u', changedSinceApproval: true }] }];
    const stored = server({ upstreamMcpConnections: upstream });
    const { send, emulator } = await start({ seed: account({ ...shop(), mcpservers: [stored] }) });

    await send('PUT', PATH, stored);

    const held = emulator.state.get('mcpservers', id('8', 1));
    expect(valuesAt(held, 'upstreamMcpConnections[].tools[].changedSinceApproval')).toEqual([false]);
  });

  it('give their parts ids, which a PUT keeps by name and by file', async () => {
    const { send } = await start({ seed: account(shop()), completes: true });
    const parts = { prompts: [{ name: 'a' }, { name: 'b' }], resources: [{ _fileId: id('c', 1) }] };
    const body = { name: 'M', relativeURI: '/m', ...parts };
    const idsOf = (answer: Json | undefined) =>
      ['prompts', 'resources'].map((list) => valuesAt(answer, `${list}[]._id`));

    const made = (await send('POST', '/v1/mcpservers', body)).body as JsonObject;
    const [prompts = [], resources = []] = idsOf(made);
    expect([prompts.length, resources.length]).toEqual([2, 1]);
    const path = `/v1/mcpservers/${String(valueAt(made, '_id'))}`;
    const again = (await send('PUT', path, { ...body, prompts: [{ name: 'b' }, { name: 'c' }] })).body as JsonObject;
    const [changed = [], kept] = idsOf(again);

    expect(kept).toEqual(resources);
    expect(changed[0]).toBe(prompts[1]);
    expect(prompts).not.toContain(changed[1]);
  });

  it('need references that exist', async () => {
    const { send } = await start({ seed: account(shop()) });
    const body = { name: 'M', relativeURI: '/m' };

    for (const more of [{ _networkPolicyId: id('9', 9) }, { tools: [{ ...TOOL, _toolId: id('7', 9) }] }]) {
      expect(codeOf(await send('POST', '/v1/mcpservers', { ...body, ...more }))).toBe('invalid_ref');
    }
  });
});
