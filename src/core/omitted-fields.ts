import { CAPTURED_FIELDS, VOLATILE_MEMBERS } from '../catalogue/common.ts';
import type { ResourceType } from '../catalogue/types.ts';
import { AppError } from './errors.ts';
import { isArray, isObject, type Json } from './json.ts';
import { compileRules, hasChosenKeys, ruleOf } from './normalise-rules.ts';
import { placeText } from './places.ts';
import { nearest } from './suggest.ts';
import { oneLine } from './unseen.ts';
import type { Pattern } from './where.ts';

/** A field that someone asks for: where it was given, such as `--where`, and its path. */
export interface AskedField {
  readonly about: string;
  readonly pattern: Pattern;
  /** As it was given. */
  readonly field: string;
}

/** The steps of a pattern from the top of a document: what follows any number of steps may be there. */
function stepsIn(pattern: Pattern): Pattern {
  return pattern.slice(pattern.findLastIndex(({ kind }) => kind === 'deep') + 1);
}

/** Whether the mirror of a type leaves out what a pattern names, in every document. */
function isOmitted(type: ResourceType, pattern: Pattern): boolean {
  const names = stepsIn(pattern).map(({ kind, name }) =>
    kind === 'index' || kind === 'element' ? '[]' : kind === 'any' ? '*' : name,
  );
  let rule: ReturnType<typeof ruleOf> = compileRules(type);
  return names.some((name, i) => {
    rule = rule && ruleOf(rule, name);
    if (rule?.drop) return true;
    const member = hasChosenKeys(names.slice(0, i)) ? undefined : VOLATILE_MEMBERS.get(name);
    return member !== undefined && !member.when;
  });
}

/** Why none of these types has a field in the mirror, if there is a reason. */
export function omission(types: readonly ResourceType[], { about, pattern, field }: AskedField): AppError | undefined {
  const [type] = types;
  if (!type || !types.every((one) => isOmitted(one, pattern))) return undefined;
  return new AppError(
    'USAGE',
    `${about}: ${oneLine(field)} is not in the mirror, which leaves out what changes on its own`,
    { hint: `To list such fields: celigo-mirror types ${type.name}; when resources changed: celigo-mirror log` },
  );
}

/** Adds the fields of a document as a path names them, without the indexes of elements: `routers[].name`. */
export function addFields(fields: Set<string>, value: Json, path = ''): void {
  if (path !== '') fields.add(path);
  if (isArray(value)) for (const item of value) addFields(fields, item, `${path}[]`);
  else if (isObject(value))
    for (const key of Object.keys(value)) {
      const step = placeText([key]);
      addFields(fields, value[key] as Json, path === '' || step.startsWith('[') ? path + step : `${path}.${step}`);
    }
}

/**
 * What is said of a field that no document has.
 * @param types of the documents @param known their fields, as {@link addFields} finds them
 * @throws AppError `USAGE` where none of them can have it: a condition on it would mean nothing
 */
export function missingField(types: readonly ResourceType[], known: Iterable<string>, asked: AskedField): string {
  const { about, pattern, field } = asked;
  const never = omission(types, asked);
  if (never) throw never;
  const said = `${about}: no resource here has the field ${oneLine(field)}`;
  if (stepsIn(pattern).some(({ kind, name }) => kind === 'key' && CAPTURED_FIELDS.has(name)))
    return `${said}: the mirror keeps what is captured when a step runs only with sampleData: true`;
  const omitting = types.filter((type) => isOmitted(type, pattern)).map(({ name }) => name);
  if (omitting.length > 0)
    return `${said}: it changes on its own, and the mirror leaves it out of ${omitting.join(', ')}`;
  const meant = nearest(field.replace(/\[\d+\]/g, '[]'), [...known]);
  return `${said}${meant === undefined ? '' : ` (did you mean ${oneLine(meant)}?)`}`;
}
