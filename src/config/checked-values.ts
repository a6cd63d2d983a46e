import * as z from 'zod';
import { findType, RESOURCE_TYPES } from '../catalogue/index.ts';
import type { ResourceType } from '../catalogue/types.ts';
import { suggestion } from '../core/schema-words.ts';
import { isTimezone } from '../core/zones.ts';

// What is wrong with these values is found by the schema itself: it says all that is wrong at once.

export const DEFAULT_SCHEDULE = '*/15 * * * *';

/** A text that is not empty. Of an empty one nothing else is said: each check lets it be. */
const filled = z.string().min(1);

/** When something runs. The cron libraries are loaded only for what differs from the default. */
export const scheduleText = filled.superRefine(async (text, context) => {
  if (text === '' || text === DEFAULT_SCHEDULE) return;
  const { scheduleFault } = await import('./cron.ts');
  const message = scheduleFault(text);
  if (message !== undefined) context.addIssue({ code: 'custom', message });
});

export const timezoneText = filled.refine((name) => name === '' || isTimezone(name), {
  error: ({ input }) => `unknown time zone ${String(input)}; use one such as UTC or Europe/Berlin`,
});

/** A Mustache template, whose library is loaded only where there is one. */
export const templateText = filled.superRefine(async (text, context) => {
  const { templateFault } = await import('../core/templates.ts');
  const fault = templateFault(text);
  if (fault !== undefined) context.addIssue({ code: 'custom', message: `expected a Mustache template: ${fault}` });
});

function unknownType(name: string): string {
  const known = RESOURCE_TYPES.map((type) => type.name);
  return `no resource type is called ${name}${suggestion(name, known)}`;
}

export const typeList = z
  .array(
    filled.refine((name) => ['', '*'].includes(name) || findType(name) !== undefined, {
      error: ({ input }) => unknownType(String(input)),
    }),
  )
  .describe('Resource types, as listed by `celigo-mirror types`; "*" is every type that is not opt-in');

/** A path that rules understand: keys, `*` for any key, `[]` for every element of a list. */
const RULE_PATH = /^[^.[\]]+(?:\[\])*(?:\.[^.[\]]+(?:\[\])*)*$/;

/** Why the fields at a path cannot be ignored, if they cannot. */
function ignoreFault({ title, plural }: ResourceType, path: string): string | undefined {
  if (/\[\d+\]/.test(path)) return `${path} names one element of a list; use [] for every element`;
  if (!RULE_PATH.test(path)) return `${path} is not a path such as settings.lastTouched or mappings[].status`;
  if (path.endsWith('[]')) return `${path} names the elements of a list; use ${path.slice(0, -2)} to ignore the list`;
  if (path === '*') return `* would ignore everything; name the fields of ${plural}`;
  if (path === '_id' || path === (title ?? 'name')) return `${path} identifies ${plural} and cannot be ignored`;
  return undefined;
}

/** Fields that are not mirrored, by resource type. */
export const ignoredFields = z.record(z.string(), z.array(z.string())).superRefine((ignore, context) => {
  for (const [typeName, paths] of Object.entries(ignore)) {
    const type = findType(typeName);
    if (!type) context.addIssue({ code: 'custom', message: unknownType(typeName) });
    for (const [i, path] of type ? paths.entries() : []) {
      const message = type && ignoreFault(type, path);
      if (message !== undefined) context.addIssue({ code: 'custom', message, path: [typeName, i] });
    }
  }
});
