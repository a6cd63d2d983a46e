import type { ResourceType } from '../../catalogue/types.ts';
import { diffFields } from '../../core/field-diff.ts';
import type { JsonObject } from '../../core/json.ts';
import { titleOf } from '../../core/layout.ts';
import { equalJson, valueAt } from '../../core/paths.ts';
import { restorable } from '../../plan/body.ts';

/** Fields that distinguish kinds of one type, besides the name (api-notes#discriminators). */
const DISCRIMINATORS = [
  'type',
  'adaptorType',
  'provider',
  'fileType',
  'relativeURI',
  '_integrationId',
  '_abstractFlowId',
];

/**
 * Picks, of resources that are unaccounted for, the one that a POST with this body most likely created: same name and
 * kind, the fewest other differences. Both are in the mirror's form.
 */
export function findCreated<T extends { readonly id: string; readonly doc: JsonObject }>(
  type: ResourceType,
  body: JsonObject,
  candidates: readonly T[],
): T | undefined {
  const alike = candidates.filter(
    ({ doc }) =>
      titleOf(type, doc) === titleOf(type, body) &&
      DISCRIMINATORS.every((path) => equalJson(valueAt(doc, path), valueAt(body, path))),
  );
  const form = restorable(type, body, new Map());
  return alike
    .map((candidate) => ({ candidate, distance: diffFields(restorable(type, candidate.doc, new Map()), form).length }))
    .sort((a, b) => a.distance - b.distance || (a.candidate.id < b.candidate.id ? -1 : 1))[0]?.candidate;
}
