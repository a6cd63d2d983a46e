import type { JsonObject } from '../../core/json.ts';
import { ids } from './ids.ts';
import { importDoc } from './steps.ts';

const RISK_INSTRUCTIONS = `You look at one business order at a time and decide whether it may go through.

Rules
- "review" when the total is more than the credit limit, or when the delivery address is new.
- "pass" otherwise.
- An order without a credit limit never passes.

Answer in the given format only. The reason is one sentence, in Norwegian, without names or addresses.
`;

const TRIAGE_INSTRUCTIONS = `# Role
You sort tickets of an outdoor shop into queues: returns, delivery, products, invoices.

# How
1. Read the ticket and the earlier tickets.
2. Use the tool "verify_address" when the customer says that a parcel went astray.
3. Choose one queue and say how sure you are, from 0 to 1.
4. Draft an answer of at most 120 words in the language of the ticket.

# Never
- promise a refund or a date;
- mention that you are a machine unless asked.
`;

/** Agents and guardrails: imports without a connection. */
export const artificialSteps: readonly JsonObject[] = [
  importDoc(ids.imports.riskAgent, 'AiAgentImport', 'B2B order reviewer', {
    aiAgent: {
      provider: 'openai',
      openai: {
        model: 'gpt-5-mini',
        instructions: RISK_INSTRUCTIONS,
        reasoning: { effort: 'low', summary: 'auto' },
        maxOutputTokens: 600,
        output: {
          format: {
            type: 'json_schema',
            name: 'order_review',
            strict: true,
            jsonSchema: {
              type: 'object',
              properties: { decision: { type: 'string', enum: ['pass', 'review'] }, reason: { type: 'string' } },
              required: ['decision', 'reason'],
              additionalProperties: false,
            },
          },
          verbose: 'low',
        },
        tools: [
          { type: 'tool', tool: { _toolId: ids.tools.address } },
          { type: 'mcp', mcp: { _mcpConnectionId: ids.connections.crmMcp, allowedTools: ['find_customer'] } },
        ],
      },
    },
    mockResponse: [{ _json: { decision: 'pass', reason: 'Innenfor kredittgrensen.' } }],
  }),
  importDoc(ids.imports.triageAgent, 'AiAgentImport', 'Ticket triage agent', {
    aiAgent: {
      provider: 'gemini',
      litellm: {
        model: 'gemini/gemini-2.5-flash',
        temperature: 0.2,
        _overrides: {
          gemini: {
            systemInstruction: TRIAGE_INSTRUCTIONS,
            tools: [
              { type: 'tool', tool: { _toolId: ids.tools.address } },
              { type: 'mcp', mcp: { _mcpConnectionId: ids.connections.crmMcp } },
            ],
          },
        },
      },
    },
  }),
  importDoc(ids.imports.maskPersonalData, 'GuardrailImport', 'Hide names and addresses', {
    guardrail: {
      type: 'pii',
      confidenceThreshold: 0.7,
      pii: { entities: ['persons_name', 'email_address', 'phone_number', 'credit_card_number'], mask: true },
    },
  }),
  importDoc(ids.imports.moderateReplies, 'GuardrailImport', 'Moderate replies', {
    guardrail: {
      type: 'moderation',
      confidenceThreshold: 0.85,
      moderation: { categories: ['harassment', 'hate', 'self_harm', 'violence'] },
    },
  }),
];
