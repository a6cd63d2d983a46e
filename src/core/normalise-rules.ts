import {
  ALWAYS_DEFAULT,
  ALWAYS_VOLATILE,
  CAPTURED_FIELDS,
  CHOSEN_KEY_FIELDS,
  VOLATILE_MEMBERS,
} from '../catalogue/common.ts';
import type { ResourceType, SideFileRule } from '../catalogue/types.ts';
import { getOwn, type Json, type JsonObject } from './json.ts';
import type { Place } from './places.ts';

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
  parameters?: true;
  credentialText?: true;
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

/** What decides, besides the rules of its type, which members of a document the mirror leaves out. */
export interface Scope {
  readonly doc: JsonObject;
  /** Whether an integration app made the document. */
  readonly inApp: boolean;
  /** Keep what was captured at run time. */
  readonly sampleData: boolean;
}

export function scopeOf(doc: JsonObject, sampleData: boolean): Scope {
  return { doc, inApp: getOwn(doc, '_connectorId') !== undefined, sampleData };
}

/** Whether people choose the keys at a place: it is below a field of theirs. */
export function hasChosenKeys(place: Place): boolean {
  return place.some((step) => typeof step === 'string' && CHOSEN_KEY_FIELDS.has(step));
}

/**
 * Whether the mirror leaves out the member `key` of `holder`.
 * @param rule that of the member's place
 * @param free people choose the keys here: only the rules of the type hold
 */
export function isLeftOut(
  scope: Scope,
  holder: JsonObject,
  key: string,
  rule: Rule | undefined,
  free: boolean,
): boolean {
  if (rule?.drop || (rule?.dropInApps && scope.inApp)) return true;
  if (free) return false;
  if (!scope.sampleData && CAPTURED_FIELDS.has(key)) return true;
  const member = VOLATILE_MEMBERS.get(key);
  return member !== undefined && (member.when?.(holder, scope.doc) ?? true);
}

/** The rule of a member. */
export function ruleOf(rule: Rule | undefined, key: string): Rule | undefined {
  return rule?.below.get(key) ?? rule?.below.get('*');
}

/** Adds to the rules that the members at a path are left out. */
export function dropAt(root: Rule, path: string): void {
  ruleAt(root, path).drop = true;
}

/** Makes what holds for any key hold for those with rules of their own, too. */
function spread({ below }: Rule): void {
  const any = below.get('*');
  for (const [key, own] of below) {
    if (any && own !== any && key !== '[]') inherit(own, any);
    spread(own);
  }
}

function inherit(own: Rule, from: Rule): void {
  Object.assign(own, { ...from, ...own });
  for (const [key, rule] of from.below) {
    const held = own.below.get(key);
    if (held) inherit(held, rule);
    else own.below.set(key, rule);
  }
}

/** The rules of a type, by place. */
export function compileRules(type: ResourceType): Rule {
  const root: Rule = { below: new Map() };
  for (const path of [...ALWAYS_VOLATILE, ...(type.volatile ?? [])]) dropAt(root, path);
  for (const path of type.volatileInApps ?? []) ruleAt(root, path).dropInApps = true;
  for (const [path, value] of Object.entries({ ...ALWAYS_DEFAULT, ...type.defaults })) {
    ruleAt(root, path).equalsAbsent = value;
  }
  for (const path of type.lowerCase ?? []) ruleAt(root, path).letterCase = 'lower';
  for (const path of type.upperCase ?? []) ruleAt(root, path).letterCase = 'upper';
  for (const path of type.padded ?? []) ruleAt(root, path).padded = true;
  for (const path of type.expressions ?? []) ruleAt(root, path).expression = true;
  for (const path of type.hooks ?? []) ruleAt(root, path).hooks = true;
  for (const path of type.secrets ?? []) ruleAt(root, path).secret = true;
  for (const path of type.parameters ?? []) ruleAt(root, path).parameters = true;
  for (const path of type.credentialTexts ?? []) ruleAt(root, path).credentialText = true;
  for (const [path, key] of Object.entries(type.sets ?? {})) ruleAt(root, path).sortBy = key;
  for (const [path, rule] of Object.entries(type.sideFiles ?? {})) ruleAt(root, path).sideFile = rule;
  spread(root);
  return root;
}
