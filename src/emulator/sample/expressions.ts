import type { Json, JsonObject } from '../../core/json.ts';
import { code } from './build.ts';

/** One comparison of a filter, in prefix notation. */
export function compare(operator: string, type: string, path: string, value?: Json): readonly Json[] {
  const operand: readonly Json[] = [type, ['extract', path]];
  return value === undefined ? [operator, operand] : [operator, operand, value];
}

/** A filter as responses show it: the expression and its repetition one level up. */
export function filter(rules: readonly Json[]): JsonObject {
  return { type: 'expression', expression: { version: '1', rules }, version: '1', rules };
}

/** A Transform 1.0 of `[extract, generate]` pairs; each row carries the editor's random key. */
export function transform1(pairs: readonly (readonly [string, string])[]): JsonObject {
  const rules = [pairs.map(([extract, generate]) => ({ extract, generate, key: code(extract + generate, 9) }))];
  return { type: 'expression', expression: { version: '1', rules }, version: '1', rules };
}

export function transform2(mappings: readonly JsonObject[], lookups: readonly JsonObject[] = []): JsonObject {
  return {
    type: 'expression',
    expression: { version: '2', rulesTwoDotZero: { mode: 'create', mappings, lookups } },
    version: '2',
  };
}

/** One line of a Mapper 2.0 mapping. */
export function map(generate: string, extract: string, dataType = 'string', more: JsonObject = {}): JsonObject {
  return { generate, dataType, extract, sourceDataType: dataType, status: 'Active', ...more };
}

export function mapConstant(generate: string, hardCodedValue: string, more: JsonObject = {}): JsonObject {
  return { generate, dataType: 'string', hardCodedValue, status: 'Active', ...more };
}

export function mapObject(generate: string, mappings: readonly JsonObject[]): JsonObject {
  return { generate, dataType: 'object', status: 'Active', mappings };
}

export function mapEach(generate: string, extract: string, mappings: readonly JsonObject[]): JsonObject {
  return {
    generate,
    dataType: 'objectarray',
    status: 'Active',
    buildArrayHelper: [{ extract, sourceDataType: 'objectarray', mappings }],
  };
}

/** One line of a Mapper 1.0 mapping for NetSuite. */
export function field(extract: string, generate: string, more: JsonObject = {}): JsonObject {
  return { extract, generate, internalId: false, immutable: false, discardIfEmpty: false, ...more };
}

export function hook(name: string, script: string): JsonObject {
  return { function: name, _scriptId: script };
}
