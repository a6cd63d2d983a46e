import { ALWAYS_DEFAULT, ALWAYS_VOLATILE } from '../catalogue/common.ts';
import type { ResourceType, SideFileRule } from '../catalogue/types.ts';
import type { Json } from './json.ts';

/** The rules for one place of a document, and for the places below it. */
export interface Rule {
  readonly below: Map<string, Rule>;
  drop?: true;
  dropInApps?: true;
  equalsAbsent?: Json;
  letterCase?: 'lower' | 'upper';
  padded?: true;
  expression?: true;
  hooks?: true;
  secret?: true;
  headers?: true;
  sortBy?: string;
  sideFile?: SideFileRule;
}

function ruleAt(root: Rule, path: string): Rule {
  // 'a[].b' → a, [], b
  const steps = path
    .replaceAll('[]', '.[]')
    .split('.')
    .filter((step) => step !== '');
  let rule = root;
  for (const step of steps) {
    let next = rule.below.get(step);
    if (!next) {
      next = { below: new Map() };
      rule.below.set(step, next);
    }
    rule = next;
  }
  return rule;
}

/** The rules of a type, by place. `keepSamples`: previews are kept. */
export function compileRules(type: ResourceType, keepSamples: boolean): Rule {
  const root: Rule = { below: new Map() };
  for (const path of ALWAYS_VOLATILE) ruleAt(root, path).drop = true;
  for (const path of type.volatile ?? []) ruleAt(root, path).drop = true;
  for (const path of type.volatileInApps ?? []) ruleAt(root, path).dropInApps = true;
  if (!keepSamples) for (const path of type.samples ?? []) ruleAt(root, path).drop = true;
  for (const [path, value] of Object.entries({ ...ALWAYS_DEFAULT, ...type.defaults })) {
    ruleAt(root, path).equalsAbsent = value;
  }
  for (const path of type.lowerCase ?? []) ruleAt(root, path).letterCase = 'lower';
  for (const path of type.upperCase ?? []) ruleAt(root, path).letterCase = 'upper';
  for (const path of type.padded ?? []) ruleAt(root, path).padded = true;
  for (const path of type.expressions ?? []) ruleAt(root, path).expression = true;
  for (const path of type.hooks ?? []) ruleAt(root, path).hooks = true;
  for (const path of type.secrets ?? []) ruleAt(root, path).secret = true;
  for (const path of type.headers ?? []) ruleAt(root, path).headers = true;
  for (const [path, key] of Object.entries(type.sets ?? {})) ruleAt(root, path).sortBy = key;
  for (const [path, rule] of Object.entries(type.sideFiles ?? {})) ruleAt(root, path).sideFile = rule;
  return root;
}
