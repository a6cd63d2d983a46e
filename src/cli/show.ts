import type { Command } from 'commander';
import { AppError } from '../core/errors.ts';
import type { GlobalOptions, Io } from './ui/io.ts';

interface ShowFlags {
  readonly at?: string;
  readonly account?: string;
  readonly mirror?: string;
  readonly json?: boolean;
}

export function registerShow(program: Command, io: Io): void {
  program
    .command('show')
    .summary('print a resource as it was at some time')
    .description(
      'Prints a document of the mirror as YAML, code and long texts in their places; also of what was deleted since.',
    )
    .argument('<what>', '<type>/<id or name>, or a path in the mirror')
    .option('--at <ref or time>', 'commit, tag, 2026-11-23, yesterday … (default: the latest state that has it)')
    .option('--account <name>', 'the account, where the mirror has several')
    .option('--mirror <folder>', 'a mirror to read without a configuration')
    .option('--json', 'print JSON instead')
    .addHelpText(
      'after',
      `
Examples:
  celigo-mirror show flows/"Order sync"
  celigo-mirror show scripts/64f0c0ffee64f0c0ffee64f0 --at "3 days ago"
  diff <(celigo-mirror show flows/"Order sync" --at v1) <(celigo-mirror show flows/"Order sync")

Exit codes: 0 done, 64 there is no such resource or state.`,
    )
    .action(async (what: string, flags: ShowFlags, command: Command) => {
      const [
        { openMirror, stateOf },
        { selectScope },
        { documentPaths, readDocuments },
        { renderYaml },
        { anyAscii },
        { readPath },
      ] = await Promise.all([
        import('./ui/states.ts'),
        import('../run/restore/scope.ts'),
        import('../mirror/state.ts'),
        import('../core/yaml.ts'),
        import('./ui/transliterate.ts'),
        import('../core/layout.ts'),
      ]);
      const mirror = await openMirror(io, command.optsWithGlobals<GlobalOptions>(), [what], flags);
      const state = await stateOf(mirror, flags.at, io.now(), {
        selector: { text: what, transliterate: anyAscii },
      });
      const { selected } = await selectScope(state, [what], {
        withDependencies: false,
        transliterate: anyAscii,
      });
      const paths = documentPaths(state).filter((path) => {
        const parts = readPath(path);
        return parts && selected.has(`${parts.type}/${parts.id}`);
      });
      const [document, ...more] = await readDocuments(state, paths);
      if (!document || more.length > 0) {
        throw new AppError('USAGE', `${what} means ${more.length + 1} resources`, {
          hint: 'Name one: <type>/<id or name>',
        });
      }
      if (state.commit !== undefined)
        io.err(
          `# ${mirror.account}/${document.path} as of ${state.label}${state.date ? ` (${state.date.toISOString()})` : ''}\n`,
        );
      io.out(flags.json ? `${JSON.stringify(document.doc, null, 2)}\n` : renderYaml(document.doc));
    });
}
