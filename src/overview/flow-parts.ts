import type { MirrorDocument } from '../core/documents.ts';
import { getOwn } from '../core/json.ts';
import { type Key, keyOf } from '../core/keys.ts';
import type { Place } from '../core/places.ts';
import { referencesOf } from '../core/references.ts';

/** Fields of a flow that decide what it looks like. */
const DRAWN: ReadonlySet<string> = new Set([
  'pageGenerators',
  'pageProcessors',
  'routers',
  '_exportId',
  '_importId',
  '_abstractFlowId',
]);
/** Types whose names a drawing of a flow shows. */
const NAMED: ReadonlySet<string> = new Set(['exports', 'imports', 'tools', 'connections', 'scripts']);

/** Whether a flow may look different with another value there. */
export function isDrawn([field]: Place): boolean {
  return DRAWN.has(String(field));
}

/** Whether a resource is a step of the flows that use it: they look different where it does. */
export function isStep(type: string): boolean {
  return type === 'exports' || type === 'imports';
}

/** Other resources that the drawing of a flow shows beside this one, which is the flow or a part of it. */
export function partsOf({ type, doc }: MirrorDocument): Key[] {
  const abstract = getOwn(doc, '_abstractFlowId');
  return [
    ...referencesOf(type, doc).flatMap((one) =>
      one.type !== null && NAMED.has(one.type) ? [keyOf(one.type, one.id)] : [],
    ),
    ...(typeof abstract === 'string' ? [keyOf('flows', abstract)] : []),
  ];
}
