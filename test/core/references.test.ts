import { describe, expect, it } from 'vitest';
import { findType } from '../../src/catalogue/index.ts';
import type { JsonObject } from '../../src/core/json.ts';
import { isReferencePlace, referencesOf } from '../../src/core/references.ts';

const A = '64f0a1b2c3d4e5f601020304';
const B = '64f0a1b2c3d4e5f601020305';

function found(dir: string, doc: JsonObject): [string, string | null][] {
  const type = findType(dir);
  if (!type) throw new Error(`no type ${dir}`);
  return referencesOf(type, doc).map(({ place, type: typeName }) => [place, typeName]);
}

describe('references', () => {
  it.each(['connections', 'exports', 'imports'])('of overrides are found in every tool of an agent: %s', (member) => {
    const overrides = { [member]: [{ _id: A, _abstractId: B }] };
    const tools = [{ type: 'tool', tool: { overrides } }];
    const at = `overrides.${member}[0]`;
    const doc = {
      tool: { overrides },
      aiAgent: { openai: { tools }, tools, litellm: { _overrides: { gemini: { tools } } } },
      guardrail: { aiAgent: { tools } },
    };
    const places = [
      'tool',
      'aiAgent.openai.tools[0].tool',
      'aiAgent.tools[0].tool',
      'aiAgent.litellm._overrides.gemini.tools[0].tool',
      'guardrail.aiAgent.tools[0].tool',
    ];
    expect(found('imports', doc)).toEqual(
      places.flatMap((place) => [
        [`${place}.${at}._id`, member],
        [`${place}.${at}._abstractId`, member],
      ]),
    );
  });

  it('below a field that is called like a member of every object are found', () => {
    const settings = { constructor: { _exportId: A }, toString: { _importId: B } };
    expect(found('flows', { settings })).toEqual([
      ['settings.constructor._exportId', 'exports'],
      ['settings.toString._importId', 'imports'],
    ]);
  });

  it('of overrides are no ids of parts of the document', () => {
    const imports = findType('imports');
    if (!imports) throw new Error('no imports');
    expect(isReferencePlace(imports, ['aiAgent', 'tools', 0, 'tool', 'overrides', 'connections', 0, '_id'])).toBe(true);
    for (const place of [
      ['mappings', 0, '_id'],
      ['overrides', 'routers', 0, '_id'],
      ['overrides', '_id'],
    ])
      expect(isReferencePlace(imports, place)).toBe(false);
  });

  it('of what an HTTP connector brings along are found by name', () => {
    const resources = [{ preBuiltExports: [{ _exportId: A }], preBuiltImports: [{ _importId: B }] }];
    expect(found('httpconnectors', { resources })).toEqual([
      ['resources[0].preBuiltExports[0]._exportId', 'exports'],
      ['resources[0].preBuiltImports[0]._importId', 'imports'],
    ]);
  });

  it('are not looked for in what was captured at run time', () => {
    expect(found('exports', { mockOutput: { _flowId: A }, sampleHeaders: { _exportId: A } })).toEqual([]);
  });
});
