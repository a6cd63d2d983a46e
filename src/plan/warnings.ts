import { valueAt } from '../core/paths.ts';
import { switchesToTurnOn } from './body.ts';
import { list, type PlanInput } from './draft.ts';
import { embeddedIds } from './ids.ts';
import { type Key, keyOf, type Step, type Wanted } from './types.ts';

export function warningsOf(
  steps: readonly Step[],
  documents: ReadonlyMap<Key, Wanted>,
  input: PlanInput,
): string[] {
  const warnings: string[] = [];
  const created = new Map<string, Key>();
  for (const { action, id, key } of steps) if (action === 'create') created.set(id, key);
  for (const step of steps) {
    const name = `${step.key} "${step.title}"`;
    const document = documents.get(step.key);
    if (!document) continue;
    const { doc, type } = document;
    if (step.action === 'unchanged' && step.credentials.length > 0)
      warnings.push(
        `${name}: the live credentials stay; those of that time are not in the mirror (${list(step.credentials)})`,
      );
    if (step.action === 'create' && step.credentials.length > 0) {
      const effect = type.dir === 'connections' ? 'will be offline until you enter' : 'is created without';
      warnings.push(`${name} ${effect} ${list(step.credentials)}`);
    }
    if (step.action === 'create' && (doc.adaptorType === 'WebhookExport' || doc.type === 'webhook'))
      warnings.push(`${name}: a webhook gets a new URL with its new id; every sender has to be told`);
    if (
      step.action === 'create' &&
      Array.isArray(doc._registeredLookupCacheIds) &&
      doc._registeredLookupCacheIds.length > 0
    )
      warnings.push(`${name}: its lookup caches have to be registered with it by hand`);
    if (step.action === 'create' && type.dir === 'ediprofiles')
      warnings.push(`${name}: its control number starts again; set it by hand before the first interchange`);
    const off = type.restore.switches?.some((path) => valueAt(doc, path) === false) ?? false;
    if (step.action === 'create' && off && !step.enable)
      warnings.push(`${name} will be left disabled (--enable-flows switches on)`);
    if (step.action === 'undelete' && off && type.dir === 'flows')
      warnings.push(`${name} was enabled when it was deleted: it runs again as soon as it is back`);
    const live = input.live.get(step.key);
    if (
      step.action !== 'create' &&
      live?.state === 'live' &&
      !step.enable &&
      switchesToTurnOn(type, doc, live.doc).length > 0
    )
      warnings.push(
        `${name} stays disabled, though it was enabled at that time (--enable-flows switches on)`,
      );
    if (created.size > 0 || input.ids.size > 0) {
      for (const { place, id } of embeddedIds(doc, (id) => created.has(id) || input.ids.has(id)))
        warnings.push(
          `${name}: ${place} holds the id ${id}${created.has(id) ? ` of ${created.get(id)}` : ''} inside a longer text; it is not rewritten`,
        );
    }
  }
  return warnings;
}

/** Ids that are about to change, inside longer texts of resources that are not restored. */
export function embeddedElsewhere(input: PlanInput, created: ReadonlyMap<string, Key>): string[] {
  const wanted = new Set(input.wanted.map(({ type, id }) => keyOf(type.dir, id)));
  return input.followers.flatMap((live) => {
    const key = keyOf(live.type.dir, live.id);
    if (wanted.has(key)) return [];
    return embeddedIds(live.doc, (id) => created.has(id)).map(
      ({ place, id }) =>
        `${key} "${live.title}": ${place} holds the id ${id} of ${created.get(id)} inside a longer text; it is not rewritten`,
    );
  });
}
