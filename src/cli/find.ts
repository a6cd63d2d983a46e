import type { Command } from 'commander';
import type { FindFlags } from './actions/find.ts';
import { ACCOUNT, AT, BEFORE, JSON_RESULT, MIRROR, TIMEZONE } from './options.ts';
import type { GlobalOptions, Io } from './ui/io.ts';

function collected(value: string, all: readonly string[] = []): string[] {
  return [...all, value];
}

export function registerFind(program: Command, io: Io): void {
  program
    .command('find')
    .summary('find a text in configuration and code: resource, field or line, integration')
    .description(
      'Finds where a text is: in which resource, field or line of code, and in which integrations that is. Letter ' +
        'case does not matter. Reads the mirror alone: no token, no network. Without a text, it lists the resources ' +
        'that have a field (--field) or fulfil a condition (--where).',
    )
    .argument('[text]', 'what to look for')
    .argument(
      '[what...]',
      'only in these: <type>/<id or name>, integration/<name>, a type, an id, a path in the mirror',
    )
    .option('--regex', 'the text is a regular expression (JavaScript), tried line by line')
    .option('--type <type...>', 'only in resources of these types')
    .option('--field <path>', 'only in these fields: name, http.headers[].value, **._connectionId')
    .option(
      '--where <condition>',
      'only in resources that fulfil it: "disabled = true", "http.baseURI ~ sandbox", "schedule exists"; several ' +
        'conditions must all be fulfilled',
      collected,
    )
    .option(...AT)
    .option(...BEFORE)
    .option(...TIMEZONE)
    .option(ACCOUNT[0], 'account to search (default: all of the mirror)')
    .option(...MIRROR)
    .option(...JSON_RESULT)
    .addHelpText(
      'after',
      `
Examples:
  celigo-mirror find bergen                                   everywhere
  celigo-mirror find customsearch_4711 --at "last month"
  celigo-mirror find --regex "https?://[^/]*sandbox" --type connections exports imports
  celigo-mirror find --where "disabled = true" --type flows   which flows are off?
  celigo-mirror find --field "**._scriptId" 64f0c3a91b7e417   where is this script used?
  celigo-mirror find token integration/"Web shop"

Conditions: PATH OP VALUE. A path has keys and indexes; [] is any element of a list, * any key or element, ** any depth.
  =  !=       the same as the value, which may be JSON
  ~  !~       has the value in it, letter case aside; * is any text
  <  <=  >  >=  numbers, or texts such as dates
  exists  missing

Exit codes:
  0   done
  64  wrong usage, or no mirror`,
    )
    .action(async (text: string | undefined, what: string[], flags: FindFlags, command: Command) => {
      const { runFind } = await import('./actions/find.ts');
      await runFind(io, command.optsWithGlobals<GlobalOptions>(), text, what, flags);
    });
}
