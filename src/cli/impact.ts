import { type Command, Option } from 'commander';
import { AppError } from '../core/errors.ts';
import type { GlobalOptions, Io } from './ui/io.ts';

type Format = 'tree' | 'mermaid' | 'dot' | 'json';

interface ImpactFlags {
  readonly at?: string;
  readonly format: Format;
  readonly account?: string;
  readonly mirror?: string;
  readonly json?: boolean;
}

export function registerImpact(program: Command, io: Io): void {
  program
    .command('impact')
    .summary('what depends on a resource, and what it needs')
    .description(
      'Follows the references of the mirror in both directions, through any number of them: who breaks when this changes or goes, and what has to be there for it to work. Flows that start each other and ids in code count.',
    )
    .argument('<what>', '<type>/<id or name>, an id, or a path in the mirror')
    .addOption(
      new Option('--format <format>', 'how it is told').choices(['tree', 'mermaid', 'dot', 'json']).default('tree'),
    )
    .option('--json', 'the same as --format json')
    .option('--at <ref or time>', 'the state of then (default: the latest)')
    .option('--account <name>', 'the account, where the mirror has several')
    .option('--mirror <folder>', 'a mirror to read without a configuration')
    .addHelpText(
      'after',
      `
Examples:
  celigo-mirror impact connections/"Shop API"
  celigo-mirror impact scripts/64f0c0ffee64f0c0ffee64f0 --json | jq -r '.dependants[] | select(.type == "flows") | .name'
  celigo-mirror impact flows/"Order sync" --format dot | dot -Tsvg > orders.svg

Exit codes: 0 done, 64 there is no such resource.`,
    )
    .action(async (what: string, flags: ImpactFlags, command: Command) => {
      await runImpact(io, command.optsWithGlobals<GlobalOptions>(), what, flags);
    });
}

async function runImpact(io: Io, globals: GlobalOptions, what: string, flags: ImpactFlags): Promise<void> {
  const [{ openGraph }, { selectScope }, { impactOf }, view, { anyAscii }] = await Promise.all([
    import('./graph.ts'),
    import('../run/restore/scope.ts'),
    import('../graph/impact.ts'),
    import('../graph/impact-view.ts'),
    import('./ui/transliterate.ts'),
  ]);
  const { graph, account, state } = await openGraph(io, globals, [what], flags);
  // For a restore `integration/…` means all that it holds; here it means the integration.
  const selector = what.replace(/^integration\//, 'integrations/');
  const { selected } = await selectScope(state, [selector], {
    withDependencies: false,
    transliterate: anyAscii,
  });
  const [start, ...more] = [...selected];
  if (!start || more.length > 0) {
    throw new AppError('USAGE', `${what} means ${selected.size} resources`, {
      hint: 'Name one: <type>/<id or name>',
    });
  }
  const impact = impactOf(graph, start);
  const format = flags.json ? 'json' : flags.format;
  if (format === 'json') io.out(`${JSON.stringify(view.impactJson(graph, account, impact), null, 2)}\n`);
  else if (format === 'mermaid') io.out(view.impactMermaid(graph, impact));
  else io.out(format === 'dot' ? view.impactDot(graph, impact) : view.impactTree(graph, impact));
}
