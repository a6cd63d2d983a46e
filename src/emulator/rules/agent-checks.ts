import { isArray, isObject, type Json, type JsonObject } from '../../core/json.ts';
import { textOf, valueAt } from '../../core/paths.ts';
import { invalid, missing } from '../model/api-fault.ts';
import type { Faults } from './draft.ts';

/** Providers of models, with the block of their settings; the others have theirs flat (api-notes#ai-agents). */
const PROVIDERS: Readonly<Record<string, 'openai' | 'litellm' | undefined>> = {
  openai: 'openai',
  gemini: 'litellm',
  anthropic: 'litellm',
  mistral: undefined,
  xai: undefined,
  huggingface: undefined,
  deepseek: undefined,
  cohere: undefined,
  groq: undefined,
};

const BLOCKS = ['openai', 'litellm'] as const;
const STEPS_OF_AGENTS: ReadonlySet<Json> = new Set(['AiAgentImport', 'GuardrailImport', 'ToolImport']);

function* checkProvider(agent: JsonObject, place: string): Faults {
  const provider = textOf(agent.provider);
  if (provider === undefined) return;
  if (!(provider in PROVIDERS)) {
    yield invalid(`${place}.provider`, `there is no provider ${provider}`, 'provider_not_found');
    return;
  }
  const own = PROVIDERS[provider];
  for (const block of BLOCKS) {
    if (block !== own && agent[block] !== undefined) {
      const message = `${provider} is not configured by ${block}`;
      yield invalid(`${place}.${block}`, message, 'invalid_provider_config_format');
    }
  }
  if (own === undefined && agent.model === undefined) yield missing(`${place}.model`);
  const temperature = valueAt(agent, 'litellm.temperature');
  if (provider === 'anthropic' && typeof temperature === 'number' && temperature > 1) {
    yield invalid(`${place}.litellm.temperature`, 'the temperature is at most 1', 'invalid_field_value');
  }
}

/** What the server refuses in agents, guardrails and tools as steps (api-notes#ai-agents). */
export function* checkAgent(doc: JsonObject): Faults {
  if (isObject(doc.aiAgent)) yield* checkProvider(doc.aiAgent, 'aiAgent');
  if (!STEPS_OF_AGENTS.has(doc.adaptorType ?? null)) return;
  for (const field of ['blob', 'blobKeyPath']) {
    const value = doc[field];
    if (value !== undefined && value !== false) yield invalid(field, `${field} is not supported`, 'not_supported');
  }
}

function hasItems(value: Json | undefined): boolean {
  return isArray(value) && value.length > 0;
}

/** Where a list of tools with something in it is, at any depth. */
function toolsIn(value: Json, place: string): string[] {
  if (isArray(value)) return value.flatMap((item, i) => toolsIn(item, `${place}[${i}]`));
  if (!isObject(value)) return [];
  return Object.keys(value).flatMap((key) => {
    const held = value[key] as Json;
    const inner = `${place}.${key}`;
    return key === 'tools' && hasItems(held) ? [inner] : toolsIn(held, inner);
  });
}

/** What the server refuses in a guardrail (api-notes#ai-agents). */
export function* checkGuardrail({ guardrail }: JsonObject): Faults {
  if (!isObject(guardrail)) return;
  const { type: kind } = guardrail;
  if (kind === 'pii' && !hasItems(valueAt(guardrail, 'pii.entities'))) yield missing('guardrail.pii.entities');
  if (kind === 'moderation' && !hasItems(valueAt(guardrail, 'moderation.categories'))) {
    yield missing('guardrail.moderation.categories');
  }
  if (isObject(guardrail.aiAgent)) yield* checkProvider(guardrail.aiAgent, 'guardrail.aiAgent');
  for (const place of toolsIn(guardrail, 'guardrail')) {
    yield invalid(place, 'a guardrail has no tools', 'guardrail_tools_not_allowed');
  }
}
