import type { Json, JsonObject } from '../../core/json.ts';
import { lately, sandboxed } from './build.ts';

export function flow(id: string, name: string, fields: JsonObject): JsonObject {
  return sandboxed(id, {
    name,
    disabled: false,
    autoResolveMatchingTraceKeys: true,
    ...(fields.disabled !== true && { lastExecutedAt: lately(id) }),
    ...fields,
  });
}

/** A place in an integration: the integration and, where it has them, one of its groups. */
export function within(integration: string, group?: string): JsonObject {
  return { _integrationId: integration, ...(group !== undefined && { _flowGroupingId: group }) };
}

export function source(exportId: string, more: JsonObject = {}): JsonObject {
  return { _exportId: exportId, skipRetries: false, ...more };
}

type Pairs = readonly (readonly [extract: string, generate: string])[];

function responseMapping(pairs: Pairs): JsonObject {
  return { fields: pairs.map(([extract, generate]) => ({ extract, generate })), lists: [] };
}

/** A lookup step. */
export function look(exportId: string, pairs: Pairs, more: JsonObject = {}): JsonObject {
  return { type: 'export', _exportId: exportId, responseMapping: responseMapping(pairs), ...more };
}

/** A step that writes. */
export function write(importId: string, pairs: Pairs = [], more: JsonObject = {}): JsonObject {
  return { type: 'import', _importId: importId, responseMapping: responseMapping(pairs), ...more };
}

export function branch(
  name: string,
  rules: readonly Json[],
  pageProcessors: readonly JsonObject[],
  more: JsonObject = {},
): JsonObject {
  return { name, inputFilter: { version: '1', rules }, pageProcessors, ...more };
}
