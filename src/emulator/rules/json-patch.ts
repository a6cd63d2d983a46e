import type { ResourceType } from '../../catalogue/types.ts';
import { isArray, isObject, type Json, type JsonObject } from '../../core/json.ts';
import { setSteps } from '../../core/paths.ts';
import { fault, invalid } from '../model/api-fault.ts';

function stepsOf(pointer: string): readonly string[] {
  return pointer
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/** The pointer in the catalogue's spelling: `/routers/0/name` → `routers[].name`. */
function pathOf(steps: readonly string[]): string {
  return steps
    .map((step) => (/^(\d+|-)$/.test(step) ? '[]' : `.${step}`))
    .join('')
    .replace(/^\./, '');
}

/**
 * Applies a JSON Patch that may touch the listed fields of the type only (api-notes#json-patch).
 * @throws ApiFault 400 for something that is not a patch, 422 for a field or operation that is not allowed
 */
export function applyPatch(type: ResourceType, doc: JsonObject, patch: Json): JsonObject {
  if (!isArray(patch)) throw fault(400, 'invalid_json_patch', 'the body must be an array of operations');
  const allowed = type.restore.patch ?? [];
  let result = doc;
  for (const operation of patch) {
    const pointer = isObject(operation) ? operation.path : undefined;
    if (!isObject(operation) || typeof pointer !== 'string' || !pointer.startsWith('/')) {
      throw fault(400, 'invalid_json_patch', 'an operation needs op and path');
    }
    const steps = stepsOf(pointer);
    const path = pathOf(steps);
    if (!allowed.some((field) => path === field || path.startsWith(`${field}.`) || path.startsWith(`${field}[`))) {
      throw invalid(pointer, `${pointer} cannot be patched`);
    }
    switch (operation.op) {
      case 'add':
      case 'replace':
        if (operation.value === undefined) throw fault(400, 'invalid_json_patch', 'the operation needs a value');
        result = setSteps(result, steps, operation.value) as JsonObject;
        break;
      case 'remove':
        result = setSteps(result, steps, undefined) as JsonObject;
        break;
      default:
        throw invalid(pointer, `operation ${String(operation.op)} is not supported`);
    }
  }
  return result;
}
