import { RESOURCE_TYPES } from '../catalogue/index.ts';
import { messageOf } from './errors.ts';
import { omission } from './omitted-fields.ts';
import { typeNamed } from './selectors.ts';
import { parseWindow, type TimeWindow } from './time-window.ts';
import { type Condition, type Pattern, parseCondition, parsePattern } from './where.ts';

/** What can happen to a resource, as `log` names it. */
export const WATCHED_KINDS = ['added', 'changed', 'renamed', 'deleted', 'restored'] as const;
/** How an edit can be made, according to the audit log. */
export const WATCHED_CHANNELS = ['ui', 'api', 'script', 'stack', 'connector', 'sso', 'system'] as const;
/** From the least to the most urgent. */
export const SEVERITIES = ['info', 'warning', 'critical'] as const;

export type WatchSeverity = (typeof SEVERITIES)[number];

/** A rule as the configuration has it: a change is watched that fulfils everything given. */
export interface WatchSettings {
  readonly type?: string | undefined;
  readonly field?: string | undefined;
  readonly what?: (typeof WATCHED_KINDS)[number] | undefined;
  readonly where?: string | undefined;
  readonly by?: string | undefined;
  readonly channel?: (typeof WATCHED_CHANNELS)[number] | undefined;
  readonly outside?: string | undefined;
  readonly moreThan?: number | undefined;
  readonly severity: WatchSeverity;
}

/** A rule, ready to use. */
export interface WatchRule extends Pick<WatchSettings, 'what' | 'by' | 'channel' | 'moreThan' | 'severity'> {
  /** For people: `type: flows, field: disabled`. */
  readonly about: string;
  /** Name of the type. */
  readonly type: string | undefined;
  readonly field: Pattern | undefined;
  readonly where: Condition | undefined;
  readonly outside: TimeWindow | undefined;
}

/** What a rule may ask. */
const CONDITIONS = ['type', 'field', 'what', 'where', 'by', 'channel', 'outside', 'moreThan'] as const;

/** Reads what a rule may hold; what is wrong with it becomes a problem. */
function attempt<T>(problems: string[], key: string, read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    problems.push(messageOf(error).replace(/^(\w+): /, `${key}: `));
    return undefined;
  }
}

function compile(rule: WatchSettings, problems: string[]): WatchRule {
  const { type, field, where, outside, what, by, channel, moreThan, severity } = rule;
  const given = CONDITIONS.filter((key) => rule[key] !== undefined);
  if (given.length === 0) problems.push(`it asks for nothing; give at least one of ${CONDITIONS.join(', ')}`);
  const resourceType = type === undefined ? undefined : typeNamed(type);
  if (type !== undefined && !resourceType) {
    problems.push(`type: no resource type is called ${type}; celigo-mirror types lists them`);
  }
  /** @throws AppError for a field that is not in the mirror: the rule would never hold */
  const mirrored = <T extends Pick<Condition, 'field' | 'pattern'>>(asked: T, about: string): T => {
    const never = omission(resourceType ? [resourceType] : RESOURCE_TYPES, { about, ...asked });
    if (never) throw never;
    return asked;
  };
  const window = outside === undefined ? undefined : parseWindow(outside);
  if (typeof window === 'string') problems.push(`outside: ${window}`);
  return {
    about: given.map((key) => `${key}: ${rule[key]}`).join(', '),
    type: resourceType?.name,
    field:
      field === undefined
        ? undefined
        : attempt(problems, 'field', () => mirrored({ field, pattern: parsePattern(field, 'field') }, 'field').pattern),
    where:
      where === undefined
        ? undefined
        : attempt(problems, 'where', () => mirrored(parseCondition(where, 'where'), 'where')),
    outside: typeof window === 'string' ? undefined : window,
    what,
    by,
    channel,
    moreThan,
    severity,
  };
}

/** What is wrong with a rule, each as `key: problem`, or as a sentence about the whole rule. */
export function watchFaults(rule: WatchSettings): readonly string[] {
  const problems: string[] = [];
  compile(rule, problems);
  return problems;
}

/** @param rule one without faults */
export function watchRule(rule: WatchSettings): WatchRule {
  return compile(rule, []);
}
