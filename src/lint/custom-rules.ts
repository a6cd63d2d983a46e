import { AppError } from '../core/errors.ts';
import { typeIn } from '../core/keys.ts';
import { addFields, missingField, omission } from '../core/omitted-fields.ts';
import { placeText } from '../core/places.ts';
import { typeNamed } from '../core/selectors.ts';
import { type Condition, fulfils, parseCondition, valuesAtPattern } from '../core/where.ts';
import type { AccountGraph } from '../graph/account-graph.ts';
import type { CustomRule } from './policy.ts';
import type { Problem, Rule } from './types.ts';

/** The conditions of a rule under one of its keys, and where each was written. @throws AppError `USAGE` */
function conditionsOf(rule: CustomRule, name: 'where' | 'assert'): (Condition & { readonly about: string })[] {
  const about = `rule ${rule.id}, ${name}`;
  return rule[name].map((text) => ({ ...parseCondition(text, about), about }));
}

/**
 * What is said of each field in a condition of a policy that no resource of the type has: it may be misspelt, and then
 * the rule finds nothing, or everything.
 */
export function unknownFields(rules: readonly CustomRule[], { nodes }: AccountGraph): string[] {
  return rules.flatMap((rule) => {
    const type = typeNamed(rule.type);
    const documents = [...nodes].flatMap(([key, { doc }]) => (typeIn(key) === type?.name ? [doc] : []));
    if (!type || documents.length === 0) return [];
    const known = new Set<string>();
    for (const doc of documents) addFields(known, doc);
    return [...conditionsOf(rule, 'where'), ...conditionsOf(rule, 'assert')]
      .filter(({ operator }) => operator !== 'exists' && operator !== 'missing')
      .filter(({ pattern }) => !documents.some((doc) => valuesAtPattern(doc, pattern).length > 0))
      .map((asked) => missingField([type], known, asked));
  });
}

/**
 * The rules that a policy defines as data: a resource of the type that fulfils all of `where` must fulfil all of
 * `assert`.
 *
 * @throws AppError `USAGE` for an unknown type, an invalid condition, or a field that is not in the mirror
 */
export function customRules(rules: readonly CustomRule[]): Rule[] {
  return rules.map((rule) => {
    const { id, severity, type, message } = rule;
    const found = typeNamed(type);
    if (!found) {
      throw new AppError('USAGE', `rule ${id}: no resource type is called ${type}`, {
        hint: 'List the types with: celigo-mirror types',
      });
    }
    const [only, must] = [conditionsOf(rule, 'where'), conditionsOf(rule, 'assert')];
    for (const condition of [...only, ...must]) {
      const never = omission([found], condition);
      if (never) throw never;
    }
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
