import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { AppError, EXIT, messageOf } from '../../core/errors.ts';
import { idIn, typeIn } from '../../core/keys.ts';
import { jsonText } from '../../core/unseen.ts';
import type { AccountGraph } from '../../graph/account-graph.ts';
import { unknownFields } from '../../lint/custom-rules.ts';
import { type Finding, type LintResult, lint, reaches, rulesOf } from '../../lint/lint.ts';
import { type LintPolicy, POLICY_FILE, readPolicy } from '../../lint/policy.ts';
import { sarif } from '../../lint/sarif.ts';
import type { Severity } from '../../lint/types.ts';
import { VERSION } from '../../version.ts';
import { openGraph } from '../input/graph.ts';
import type { StateFlags } from '../input/time-option.ts';
import { anyAscii } from '../input/transliterate.ts';
import type { GlobalOptions, Io } from '../ui/io.ts';
import { counted, printable, type Style, styleFor, table } from '../ui/style.ts';

export interface LintFlags extends StateFlags {
  readonly failOn: Severity | 'never';
  readonly policy?: string;
  readonly rules?: boolean;
  readonly account?: string;
  readonly mirror?: string;
  readonly format: 'text' | 'json' | 'sarif';
  readonly json?: boolean;
}

/** The text of a policy that an option names, or that is being drafted in the work tree. @throws AppError `USAGE` */
function policyText(file: string, named: boolean): string | undefined {
  if (!existsSync(file)) {
    if (!named) return undefined;
    throw new AppError('USAGE', `--policy: there is no file ${file}`, { hint: 'Name an existing policy file' });
  }
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new AppError('USAGE', `the policy ${file} cannot be read: ${messageOf(cause)}`, {
      hint: 'Name a file that this user may read',
      cause,
    });
  }
}

function listRules(io: Io, policy: LintPolicy, json: boolean): void {
  const rules = rulesOf(policy).map(({ id, severity, about }) => ({ rule: id, severity, about }));
  if (json) io.out(jsonText({ version: 1, rules }));
  else io.out(`${table(rules.map((rule) => Object.values(rule)))}\n`);
}

/** @returns the exit code. @throws AppError `USAGE` */
export async function runLint(io: Io, globals: GlobalOptions, flags: LintFlags): Promise<number> {
  const format = flags.json ? 'json' : flags.format;
  if (flags.rules && flags.policy === undefined) {
    listRules(io, readPolicy(undefined, POLICY_FILE), format === 'json');
    return EXIT.done;
  }
  const { graph, git, root, account } = await openGraph(io, globals, [], flags);
  const file = flags.policy === undefined ? join(root, POLICY_FILE) : resolve(io.cwd, flags.policy);
  const draft = policyText(file, flags.policy !== undefined);
  const policy = readPolicy(draft ?? (await git.ask(['cat-file', 'blob', `HEAD:${POLICY_FILE}`])), file);
  if (flags.rules) {
    listRules(io, policy, format === 'json');
    return EXIT.done;
  }
  const result = await lint(graph, policy, anyAscii);
  for (const sentence of unknownFields(policy.custom, graph)) io.err(`${printable(sentence)}\n`);
  const needless = result.needless.flatMap((i) => policy.allow[i] ?? []);
  if (format === 'json') {
    const findings = result.findings.map((finding) => findingJson(graph, account, finding));
    io.out(jsonText({ version: 1, account, findings, allowed: result.allowed, needless }));
  } else if (format === 'sarif') {
    const located = result.findings.map((one) => ({
      ...one,
      path: `${account}/${graph.nodes.get(one.key)?.path ?? ''}`,
    }));
    io.out(jsonText(sarif(located, rulesOf(policy), VERSION)));
  } else {
    const style = styleFor(io, globals);
    io.out(describe(result, { graph, account, style }));
    for (const { rule, what } of needless) {
      io.out(`${style.dim(`${file}: the allowance of ${rule} for ${printable(what)} is no longer needed`)}\n`);
    }
  }
  const limit = flags.failOn;
  const failed = limit !== 'never' && result.findings.some(({ severity }) => reaches(severity, limit));
  return failed ? EXIT.failed : EXIT.done;
}

function findingJson(graph: AccountGraph, account: string, finding: Finding) {
  const { key, rule, severity, place, line, message } = finding;
  const [type, id] = [typeIn(key), idIn(key)];
  const { title = '', path = '' } = graph.nodes.get(key) ?? {};
  return { rule, severity, type, id, name: title, path: `${account}/${path}`, place, line, message };
}

interface View {
  readonly graph: AccountGraph;
  readonly account: string;
  readonly style: Style;
}

function describe({ findings, allowed }: LintResult, { graph, account, style }: View): string {
  const paint = { error: style.red, warning: style.yellow, info: style.cyan };
  const lines = findings.flatMap(({ key, severity, rule, place, line, message }) => {
    const { title = '', path = '' } = graph.nodes.get(key) ?? {};
    const where = place === undefined ? '' : `, ${printable(place)}${line === undefined ? '' : `:${line}`}`;
    return [
      `${paint[severity](severity)} ${style.bold(rule)}  ${account}/${path}${where}`,
      `  "${printable(title)}": ${printable(message)}`,
    ];
  });
  const count = (severity: Severity, noun: string): string =>
    counted(findings.filter((finding) => finding.severity === severity).length, noun);
  const tail = allowed > 0 ? `; ${allowed} allowed by the policy` : '';
  if (findings.length === 0) return `${style.green('No findings')}${tail}\n`;
  const summary = `${count('error', 'error')}, ${count('warning', 'warning')}, ${count('info', 'note')}${tail}`;
  return `${[...lines, '', summary].join('\n')}\n`;
}
