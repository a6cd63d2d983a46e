import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { AppError, EXIT, messageOf } from '../core/errors.ts';
import type { Finding, LintResult } from '../lint/lint.ts';
import type { Severity } from '../lint/types.ts';
import type { GlobalOptions, Io } from './ui/io.ts';
import { printable, type Style, styleFor, table } from './ui/style.ts';

interface LintFlags {
  readonly failOn: Severity | 'never';
  readonly policy?: string;
  readonly rules?: boolean;
  readonly at?: string;
  readonly account?: string;
  readonly mirror?: string;
  readonly json?: boolean;
}

export function registerLint(program: Command, io: Io, finish: (code: number) => void): void {
  program
    .command('lint')
    .summary('faults of the configuration itself')
    .description(
      'Looks in the mirror for faults of the account’s configuration: references to nothing, parts that nothing uses, flows that never start, ids and credentials in code, names given twice. Needs no token. What is known and may stay stands in celigo-lint.yaml in the root of the mirror.',
    )
    .addOption(
      new Option('--fail-on <severity>', 'exit 1 from this severity on')
        .choices(['error', 'warning', 'info', 'never'])
        .default('warning'),
    )
    .option('--policy <file>', 'instead of celigo-lint.yaml in the root of the mirror')
    .option('--rules', 'list the rules')
    .option('--at <ref or time>', 'the state of then (default: the latest)')
    .option('--account <name>', 'the account, where the mirror has several')
    .option('--mirror <folder>', 'a mirror to read without a configuration')
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      `
Examples:
  celigo-mirror lint
  celigo-mirror lint --fail-on error
  celigo-mirror lint --mirror . --json | jq -r '.findings[].rule' | sort | uniq -c     in CI of the mirror

celigo-lint.yaml:
  rules:
    unused-resource: off
  allow:
    - { rule: hard-coded-id, what: scripts/Order hooks, reason: the id of our own error flow }

Exit codes: 0 nothing as grave as --fail-on, 1 something was, 64 wrong usage, policy, or no mirror.`,
    )
    .action(async (flags: LintFlags, command: Command) => {
      finish(await runLint(io, command.optsWithGlobals<GlobalOptions>(), flags));
    });
}

/** @throws AppError `USAGE` when the policy cannot be read */
function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new AppError('USAGE', `the policy ${file} cannot be read: ${messageOf(cause)}`, {
      hint: 'It is a file that this user may read',
      cause,
    });
  }
}

async function runLint(io: Io, globals: GlobalOptions, flags: LintFlags): Promise<number> {
  const [{ lint, reaches, RULES }, { readPolicy, POLICY_FILE }] = await Promise.all([
    import('../lint/lint.ts'),
    import('../lint/policy.ts'),
  ]);
  const style = styleFor(io, globals);
  if (flags.rules) {
    const rules = RULES.map(({ id, severity, about }) => ({ rule: id, severity, about }));
    if (flags.json) io.out(`${JSON.stringify({ version: 1, rules }, null, 2)}\n`);
    else io.out(`${table(rules.map((rule) => Object.values(rule)))}\n`);
    return EXIT.done;
  }
  const [{ openGraph }, { anyAscii }] = await Promise.all([import('./graph.ts'), import('./ui/transliterate.ts')]);
  const { graph, root, account } = await openGraph(io, globals, [], flags);
  const file = flags.policy === undefined ? join(root, POLICY_FILE) : resolve(io.cwd, flags.policy);
  if (flags.policy !== undefined && !existsSync(file)) {
    throw new AppError('USAGE', `--policy: there is no file ${file}`, {
      hint: 'Name the file of the policy',
    });
  }
  const policy = readPolicy(existsSync(file) ? textOf(file) : undefined, file);
  const result = await lint(graph, policy, anyAscii);
  const nameFor = ({ key }: Finding): string => graph.nodes.get(key)?.title ?? '';
  const pathFor = ({ key }: Finding): string => `${account}/${graph.nodes.get(key)?.path ?? ''}`;
  if (flags.json) {
    const findings = result.findings.map((finding) => {
      const { key, rule, severity, place, line, message } = finding;
      const [type = '', id = ''] = key.split('/');
      return {
        rule,
        severity,
        type,
        id,
        name: nameFor(finding),
        path: pathFor(finding),
        place,
        line,
        message,
      };
    });
    const needless = result.needless.map((i) => policy.allow[i]);
    io.out(`${JSON.stringify({ version: 1, account, findings, allowed: result.allowed, needless }, null, 2)}\n`);
  } else {
    io.out(describe(result, { nameFor, pathFor, style }));
    for (const i of result.needless) {
      const { rule, what } = policy.allow[i] ?? { rule: '', what: '' };
      io.out(`${style.dim(`${file}: nothing needs the allowance of ${rule} for ${printable(what)} any more`)}\n`);
    }
  }
  const limit = flags.failOn;
  const grave = limit !== 'never' && result.findings.some(({ severity }) => reaches(severity, limit));
  return grave ? EXIT.failed : EXIT.done;
}

interface View {
  readonly nameFor: (finding: Finding) => string;
  readonly pathFor: (finding: Finding) => string;
  readonly style: Style;
}

function describe({ findings, allowed }: LintResult, { nameFor, pathFor, style }: View): string {
  const paint = { error: style.red, warning: style.yellow, info: style.cyan };
  const lines = findings.flatMap((finding) => {
    const { severity, rule, place, line, message } = finding;
    const where = place === undefined ? '' : `, ${printable(place)}${line === undefined ? '' : `:${line}`}`;
    return [
      `${paint[severity](severity)} ${style.bold(rule)}  ${pathFor(finding)}${where}`,
      `  "${printable(nameFor(finding))}": ${printable(message)}`,
    ];
  });
  const count = (severity: Severity): number => findings.filter((finding) => finding.severity === severity).length;
  const tail = allowed > 0 ? `; ${allowed} allowed by the policy` : '';
  return findings.length === 0
    ? `${style.green('No faults')}${tail}\n`
    : `${[...lines, '', `${count('error')} errors, ${count('warning')} warnings, ${count('info')} to know${tail}`].join('\n')}\n`;
}
