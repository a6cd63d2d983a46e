import { AppError } from '../core/errors.ts';
import { idIn, typeIn } from '../core/keys.ts';
import type { Transliterate } from '../core/layout.ts';
import { slugOf } from '../core/layout.ts';
import { nearest } from '../core/suggest.ts';
import type { AccountGraph } from '../graph/account-graph.ts';
import { customRules } from './custom-rules.ts';
import { FLOW_RULES } from './flow-rules.ts';
import type { LintPolicy } from './policy.ts';
import { REFERENCE_RULES } from './reference-rules.ts';
import { TEXT_RULES } from './text-rules.ts';
import type { Problem, Rule, Severity } from './types.ts';

/** The built-in rules, in the order in which they are reported. */
const RULES: readonly Rule[] = [...REFERENCE_RULES, ...FLOW_RULES, ...TEXT_RULES];

/**
 * The built-in rules and those of the policy, in the order in which they are reported.
 * @throws AppError `USAGE` for a rule of the policy that is not valid or has the name of another one
 */
export function rulesOf(policy: LintPolicy): readonly Rule[] {
  const all = [...RULES, ...customRules(policy.custom)];
  const twice = all.find(({ id }, i) => all.findIndex((other) => other.id === id) < i);
  if (!twice) return all;
  throw new AppError('USAGE', `two rules are called ${twice.id}`, { hint: 'Give the rule of the policy another id' });
}

/** A problem with the rule that found it. */
export interface Finding extends Problem {
  readonly rule: string;
  readonly severity: Severity;
}

/** What `lint` found in one state of an account. */
export interface LintResult {
  /** By severity, then rule, then resource. */
  readonly findings: readonly Finding[];
  /** Findings that the policy allows. */
  readonly allowed: number;
  /** Allowances that no finding matched, by their position in the policy. */
  readonly needless: readonly number[];
}

const RANK: Readonly<Record<Severity, number>> = { error: 0, warning: 1, info: 2 };

/** Whether `severity` is at least as severe as `limit`. */
export function reaches(severity: Severity, limit: Severity): boolean {
  return RANK[severity] <= RANK[limit];
}

/** @throws AppError `USAGE` with a suggestion for an unknown rule */
function checkNames(policy: LintPolicy, rules: readonly Rule[]): void {
  const known = rules.map(({ id }) => id);
  const named = [...Object.keys(policy.rules), ...policy.allow.map(({ rule }) => rule)];
  for (const name of named) {
    if (known.includes(name)) continue;
    const guess = nearest(name, known);
    throw new AppError('USAGE', `unknown rule ${name}${guess ? ` (did you mean ${guess}?)` : ''}`, {
      hint: 'List the rules with: celigo-mirror lint --rules',
    });
  }
}

/**
 * Checks one state of an account against all rules that the policy leaves on.
 * @throws AppError `USAGE` when the policy names an unknown rule, or has one that is not valid
 */
export async function lint(graph: AccountGraph, policy: LintPolicy, transliterate: Transliterate): Promise<LintResult> {
  const rules = rulesOf(policy);
  checkNames(policy, rules);
  const needed = new Set<number>();
  const isAllowed = (rule: string, { key, place }: Problem): boolean => {
    const [typeName, id] = [typeIn(key), idIn(key)];
    const title = graph.nodes.get(key)?.title ?? '';
    const hits = policy.allow.flatMap((entry, i) => {
      const [type = '', ...rest] = entry.what.split('/');
      const name = rest.join('/');
      const fits =
        entry.rule === rule &&
        type === typeName &&
        (name === '*' || name === id || slugOf(name, transliterate) === slugOf(title, transliterate)) &&
        (entry.place === undefined || entry.place === place);
      return fits ? [i] : [];
    });
    for (const i of hits) needed.add(i);
    return hits.length > 0;
  };
  const findings: Finding[] = [];
  let allowed = 0;
  for (const rule of rules) {
    const severity = policy.rules[rule.id] ?? rule.severity;
    if (severity === 'off') continue;
    for (const problem of await rule.check(graph)) {
      if (isAllowed(rule.id, problem)) allowed += 1;
      else findings.push({ ...problem, rule: rule.id, severity });
    }
  }
  const order = new Map(rules.map(({ id }, i) => [id, i]));
  findings.sort(
    (a, b) =>
      RANK[a.severity] - RANK[b.severity] ||
      (order.get(a.rule) ?? 0) - (order.get(b.rule) ?? 0) ||
      (a.key < b.key ? -1 : a.key > b.key ? 1 : 0),
  );
  const needless = policy.allow.flatMap(({ rule }, i) => (needed.has(i) || policy.rules[rule] === 'off' ? [] : [i]));
  return { findings, allowed, needless };
}
