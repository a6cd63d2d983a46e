import { type Command, Option } from 'commander';
import type { LintFlags } from './actions/lint.ts';
import { withStateOptions } from './options.ts';
import type { GlobalOptions, Io } from './ui/io.ts';

export function registerLint(program: Command, io: Io, finish: (code: number) => void): void {
  const command = program
    .command('lint')
    .summary('find configuration faults in the account')
    .description(
      'Checks the mirror for faults in the account’s configuration: broken references, unused resources, flows that ' +
        'never start, ids and credentials in code, duplicate names. Needs no token. ' +
        'celigo-lint.yaml in the root of the mirror lists accepted findings.',
    )
    .addOption(
      new Option('--fail-on <severity>', 'lowest severity that makes the command exit with 1')
        .choices(['error', 'warning', 'info', 'never'])
        .default('warning'),
    )
    .option('--policy <file>', 'policy to use instead of celigo-lint.yaml in the root of the mirror')
    .option('--rules', 'list the rules; with --policy, also those of the policy')
    .addOption(new Option('--format <format>', 'output format').choices(['text', 'json', 'sarif']).default('text'));
  withStateOptions(command)
    .option('--json', 'short for --format json')
    .addHelpText(
      'after',
      `
Examples:
  celigo-mirror lint
  celigo-mirror lint --fail-on error
  celigo-mirror lint --mirror . --json | jq -r '.findings[].rule' | sort | uniq -c     in CI of the mirror

  celigo-mirror lint --format sarif > lint.sarif       for the code scanning of a forge

celigo-lint.yaml:
  rules:
    unused-resource: off
  allow:
    - { rule: hard-coded-id, what: scripts/Order hooks, reason: the id of our own error flow }
  custom:
    - id: production-uses-no-sandbox
      type: connections
      where: http.baseURI exists
      assert: http.baseURI !~ sandbox
      message: a connection of production leads to a sandbox

Exit codes:
  0   no findings of the severity of --fail-on or above
  1   findings of that severity or above
  64  wrong usage or policy, or no mirror`,
    )
    .action(async (flags: LintFlags, command: Command) => {
      const { runLint } = await import('./actions/lint.ts');
      finish(await runLint(io, command.optsWithGlobals<GlobalOptions>(), flags));
    });
}
