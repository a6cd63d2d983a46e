import { AppError } from '../core/errors.ts';
import { typeIn } from '../core/keys.ts';
import { omission } from '../core/omitted-fields.ts';
import { placeText } from '../core/places.ts';
import { typeNamed } from '../core/selectors.ts';
import { type Condition, fulfils, parseCondition, valuesAtPattern } from '../core/where.ts';
import type { CustomRule } from './policy.ts';
import type { Problem, Rule } from './types.ts';

/**
 * The rules that a policy defines as data: a resource of the type that fulfils all of `where` must fulfil all of
 * `assert`.
 *
 * @throws AppError `USAGE` for an unknown type, an invalid condition, or a field that is not in the mirror
 */
export function customRules(rules: readonly CustomRule[]): Rule[] {
  return rules.map(({ id, severity, type, where, assert, message }) => {
    const found = typeNamed(type);
    if (!found) {
      throw new AppError('USAGE', `rule ${id}: no resource type is called ${type}`, {
        hint: 'List the types with: celigo-mirror types',
      });
    }
    const read = (texts: readonly string[], name: string): Condition[] =>
      texts.map((text) => {
        const about = `rule ${id}, ${name}`;
        const condition = parseCondition(text, about);
        const never = omission([found], { about, ...condition });
        if (never) throw never;
        return condition;
      });
    const [only, must] = [read(where, 'where'), read(assert, 'assert')];
    return {
      id,
      severity,
      about: message,
      check: ({ nodes }) =>
        [...nodes].flatMap(([key, { doc }]): Problem[] => {
          if (typeIn(key) !== found.name || !only.every((condition) => fulfils(doc, condition))) return [];
          const broken = must.find((condition) => !fulfils(doc, condition));
          if (!broken) return [];
          // The value itself may be a secret that no one recognised: its place says enough.
          const [held] = valuesAtPattern(doc, broken.pattern);
          return [{ key, message, ...(held ? { place: placeText(held.place) } : {}) }];
        }),
    };
  });
}
