import * as z from 'zod';
import { AppError } from '../core/errors.ts';
import { schemaProblems, schemaWords } from '../core/schema-words.ts';
import { oneLine } from '../core/unseen.ts';
import { parseYaml, YamlError } from '../core/yaml.ts';

/** The policy file, in the root of the mirror's repository, where changes of it can be reviewed. */
export const POLICY_FILE = 'celigo-lint.yaml';

const conditions = z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]).transform((one) => [one].flat());

const customRule = z.strictObject({
  id: z.string().regex(/^[a-z][a-z0-9-]*$/, { message: 'expected a name such as base-uri-is-https' }),
  severity: z.enum(['error', 'warning', 'info']).default('warning'),
  type: z.string().min(1).describe('Resource type, such as connections'),
  where: conditions.default([]).describe('Only resources that fulfil all of these'),
  assert: conditions.describe('What they must fulfil'),
  message: z.string().min(1).describe('What is wrong where they do not'),
});

/** A rule as data. */
export type CustomRule = z.output<typeof customRule>;

const allowed = z.strictObject({
  rule: z.string().min(1),
  what: z.string().regex(/^[a-z]+\/./, { message: 'expected <type>/<id or name>, or <type>/*' }),
  place: z.string().min(1).optional(),
  reason: z.string().min(1).describe('Why it may stay'),
});

const policySchema = z.strictObject({
  rules: z
    .record(z.string(), z.enum(['off', 'info', 'warning', 'error']))
    .default({})
    .describe('Rule → its severity here'),
  allow: z.array(allowed).default([]),
  custom: z.array(customRule).default([]).describe('Rules of your own'),
});

/** Which rules apply, with which severity, and which findings are allowed. */
export type LintPolicy = z.output<typeof policySchema>;

/** Keys that the schema knows at a place. */
function knownKeys([list]: readonly PropertyKey[]): readonly string[] {
  if (list === undefined) return Object.keys(policySchema.shape);
  return list === 'custom' ? Object.keys(customRule.shape) : list === 'allow' ? Object.keys(allowed.shape) : [];
}

/**
 * Reads a policy.
 * @param text content of the file; `undefined` where there is none
 * @throws AppError `USAGE` naming the file, the place and the cause
 */
export function readPolicy(text: string | undefined, file: string): LintPolicy {
  if (text === undefined) return { rules: {}, allow: [], custom: [] };
  try {
    const result = policySchema.safeParse(text.trim() === '' ? {} : parseYaml(text), { error: schemaWords });
    if (result.success) return result.data;
    const problems = schemaProblems(result.error, knownKeys).map((problem) => `\n  ${oneLine(problem)}`);
    throw new AppError('USAGE', `${file} is not a valid policy:${problems.join('')}`, {
      hint:
        'Expected: rules: {<rule>: off|info|warning|error}, allow: [{rule, what, place, reason}], ' +
        'custom: [{id, severity, type, where, assert, message}]',
    });
  } catch (error) {
    if (!(error instanceof YamlError)) throw error;
    throw new AppError('USAGE', `${file}${error.line ? `:${error.line}` : ''} is not valid YAML: ${error.message}`, {
      hint: 'Fix the file, or name another one with --policy',
      cause: error,
    });
  }
}
