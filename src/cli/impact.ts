import { type Command, Option } from 'commander';
import type { ImpactFlags } from './actions/impact.ts';
import { ONE_SELECTOR, withStateOptions } from './options.ts';
import type { GlobalOptions, Io } from './ui/io.ts';

export function registerImpact(program: Command, io: Io): void {
  const command = program
    .command('impact')
    .summary('show what depends on a resource, and what it depends on')
    .description(
      'Follows references in both directions and over any number of steps: what breaks if this resource changes or ' +
        'is deleted, and what it needs to work. Includes flows that start each other and ids in code.',
    )
    .argument('<what>', ONE_SELECTOR)
    .addOption(
      new Option('--format <format>', 'output format').choices(['tree', 'mermaid', 'dot', 'json']).default('tree'),
    )
    .option('--json', 'short for --format json');
  withStateOptions(command)
    .addHelpText(
      'after',
      `
Examples:
  celigo-mirror impact connections/"Shop API"
  celigo-mirror impact connections/"Shop API" --json | jq -r '.dependants[] | select(.type == "flows") | .name'
  celigo-mirror impact flows/"Order sync" --format dot | dot -Tsvg > orders.svg

Exit codes:
  0   done
  64  no such resource`,
    )
    .action(async (what: string, flags: ImpactFlags, command: Command) => {
      const { runImpact } = await import('./actions/impact.ts');
      await runImpact(io, command.optsWithGlobals<GlobalOptions>(), what, flags);
    });
}
