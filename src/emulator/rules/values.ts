import { PUBLISHED_KINDS } from '../../catalogue/published-fields.ts';
import type { FieldPath } from '../../catalogue/types.ts';

/** What the server checks in single fields of a type, wherever they are (api-notes#validation). Data, not code. */
interface ValueRule {
  readonly enums?: Readonly<Record<FieldPath, readonly string[]>>;
  /** Most bytes of a value as JSON. */
  readonly maxBytes?: Readonly<Record<FieldPath, number>>;
  /** Least and greatest number. */
  readonly range?: Readonly<Record<FieldPath, readonly [number, number]>>;
  /** Most elements of a list. */
  readonly maxItems?: Readonly<Record<FieldPath, number>>;
  readonly patterns?: Readonly<Record<FieldPath, RegExp>>;
}

const NO_LIMIT = Number.POSITIVE_INFINITY;

/** Kinds that documents still have, and new ones may not (api-notes#legacy-values, api-notes#legacy-rest). */
export const LEGACY_VALUES: ReadonlySet<string> = new Set(['RESTExport', 'RESTImport', 'rest']);

function kindsOf(type: string): Record<string, readonly string[]> {
  const kinds = PUBLISHED_KINDS[type];
  return kinds ? { [kinds.field]: [...kinds.values] } : {};
}

const MODERATION = [
  ...['sexual', 'sexual_minors', 'hate', 'hate_threatening', 'harassment', 'harassment_threatening', 'self_harm'],
  ...['self_harm_intent', 'self_harm_instructions', 'violence', 'violence_graphic', 'illicit', 'illicit_violent'],
];
const PII = [
  ...['credit_card_number', 'card_security_code_cvv_cvc', 'cryptocurrency_wallet_address', 'date_and_time'],
  ...['email_address', 'iban_code', 'bic_swift_bank_identifier_code', 'ip_address', 'location', 'persons_name'],
  ...['medical_license_number', 'national_registration_number', 'phone_number', 'url', 'us_bank_account_number'],
  ...['us_drivers_license', 'us_itin', 'us_passport_number', 'us_social_security_number', 'uk_nhs_number'],
  ...['uk_national_insurance_number', 'spanish_nif', 'spanish_nie', 'italian_fiscal_code', 'italian_drivers_license'],
  ...['italian_vat_code', 'italian_passport', 'italian_identity_card', 'polish_pesel', 'singapore_nric_fin'],
  ...['finnish_personal_identity_code', 'singapore_uen', 'australian_abn', 'australian_acn', 'australian_tfn'],
  ...['australian_medicare', 'indian_pan', 'indian_aadhaar', 'indian_vehicle_registration', 'indian_voter_id'],
  ...['indian_passport', 'korean_resident_registration_number'],
];

/** Names of an MCP server's APIs and prompts. */
const MCP_NAME = /^[A-Za-z0-9_\-.]+$/;

/** By the type's folder. */
const VALUES: Readonly<Record<string, ValueRule>> = {
  exports: {
    enums: {
      ...kindsOf('exports'),
      nsDomainType: ['suitetalk', 'restlet'],
      'http.method': ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD'],
      'webhook.verify': ['token', 'hmac', 'basic', 'secret_url'],
      'cdc.snapshotMode': ['initial', 'no_data', 'when_needed', 'initial_only'],
      'cdc.captureMode': ['change_streams_update_full', 'change_streams_update_full_with_pre_image'],
      'topic.startPosition': ['latest', 'earliest'],
      'file.directory.pathMode': ['relativePath', 'directoryId'],
    },
    range: {
      'topic.maxWaitTimeMs': [1_000, NO_LIMIT],
      'test.limit': [1, 100],
      'http.maxRedirects': [1, 10],
      'salesforce.bulk.maxRecords': [10_000, NO_LIMIT],
      'salesforce.distributed.batchSize': [4, 200],
    },
    maxItems: { mockOutput: 10 },
    maxBytes: { mockOutput: 1_048_576 },
    patterns: { 'cdc.slotName': /^[a-z_][a-z0-9_]{0,62}$/, 'cdc.publicationName': /^[a-z_][a-z0-9_]{0,62}$/ },
  },
  imports: {
    enums: {
      ...kindsOf('imports'),
      nsDomainType: ['suitetalk', 'restlet'],
      'netsuite_da.operation': ['add', 'update', 'addupdate', 'attach', 'detach', 'delete'],
      'file.aggregation.type': ['all', 'page', 'key'],
      'dynamodb.method': ['putItem', 'updateItem'],
      inputContext: ['record', 'envelope'],
      'guardrail.type': ['ai_agent', 'pii', 'moderation'],
      'guardrail.pii.entities[]': PII,
      'guardrail.moderation.categories[]': MODERATION,
      'aiAgent.output.format.type': ['text', 'json_schema'],
      'aiAgent.tools[].type': ['tool', 'mcp', 'web_search'],
      'aiAgent.openai.tools[].type': ['web_search', 'mcp', 'image_generation', 'code_execution', 'tool'],
    },
    range: {
      'http.maxRedirects': [1, 10],
      'topic.batchSize': [1, NO_LIMIT],
      'guardrail.confidenceThreshold': [0, 1],
      'aiAgent.litellm.maxCompletionTokens': [100, 128_000],
    },
  },
  connections: { enums: kindsOf('connections'), range: { 'ftp.port': [0, 65_535], 'rdbms.port': [1, 65_535] } },
  iclients: { enums: { 'azureserviceprincipal.authMethod': ['client-secret', 'certificate'] } },
  stacks: { enums: { type: ['server', 'lambda'] } },
  filedefinitions: {
    enums: {
      format: ['delimited', 'delimited/x12', 'delimited/edifact', 'fixed'],
      version: ['1', '2'],
      documentType: ['997', 'CONTRL'],
    },
    maxBytes: { rules: 20_480 },
  },
  ediprofiles: { enums: { fileType: ['edix12', 'edifact'] } },
  tools: {
    enums: {
      'routers[].routeRecordsTo': ['first_matching_branch'],
      'routers[].routeRecordsUsing': ['input_filters', 'script'],
      'input.schemaMode': ['manual', 'json'],
    },
    maxBytes: { 'input.mockInput': 1_048_576, 'output.mockInput': 1_048_576 },
  },
  apis: { enums: { type: ['builder', 'script'] } },
  mcpservers: {
    enums: { 'prompts[].messagesTemplate[].role': ['user', 'assistant'] },
    patterns: { 'apis[].name': MCP_NAME, 'prompts[].name': MCP_NAME, 'prompts[].arguments[].name': /^\w+$/ },
  },
};

const NONE: ValueRule = {};

export function valuesOf(type: string): ValueRule {
  return VALUES[type] ?? NONE;
}
