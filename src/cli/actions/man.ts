import type { Command, Help } from 'commander';

/** What groff would read as something else, by its name there. */
const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['\\', '\\e'],
  ['-', '\\-'],
  ["'", '\\(aq'],
  ['"', '\\(dq'],
  ['`', '\\(ga'],
  ['^', '\\(ha'],
  ['~', '\\(ti'],
]);

/** A text that is shown as it is: no sign of it is a command, and none becomes another on paper. */
export function roff(text: string): string {
  return (
    text
      .replace(/[\\\-'"`^~]/g, (sign) => ESCAPES.get(sign) ?? sign)
      .replace(/[^\n -~]/gu, (sign) => `\\[u${(sign.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}]`)
      // A line that begins with it would be a command.
      .replace(/^\./gm, '\\&.')
  );
}

/** Characters of a line of the source. */
const LONGEST_LINE = 80;

/** A text of prose: one paragraph, filled to the width of the reader. */
function prose(text: string): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text
    .trim()
    .split(/\s+/)
    .map((one) => roff(one))) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (longer.length > LONGEST_LINE && line !== '') {
      lines.push(line);
      line = word;
    } else line = longer;
  }
  return [...lines, line].join('\n');
}

/** Terms with what they mean. */
function terms(pairs: readonly (readonly [term: string, about: string])[]): string[] {
  return pairs.flatMap(([term, about]) => ['.TP', `.B ${roff(term)}`, prose(about)]);
}

/** A list below a heading in bold; nothing for an empty one. */
function list(heading: string, pairs: readonly (readonly [string, string])[]): string[] {
  return pairs.length === 0 ? [] : ['.PP', `.B ${roff(heading)}`, ...terms(pairs)];
}

/** What `addHelpText` adds below the help: examples and exit codes, line by line. */
function addedText(command: Command): string {
  let all = '';
  const write = (text: string): void => {
    all += text;
  };
  command.configureOutput({
    ...command.configureOutput(),
    writeOut: write,
    writeErr: write,
    getOutHelpWidth: () => 80,
  });
  command.outputHelp();
  return all.slice(all.indexOf(command.helpInformation()) + command.helpInformation().length).trim();
}

function added(command: Command): string[] {
  const text = addedText(command);
  if (text === '') return [];
  return text.split(/\n\n+/).flatMap((part) => {
    const [heading = '', ...lines] = part.split('\n');
    const shown = lines.map((line) => (line.trim() === '' ? '.sp' : roff(line.replace(/^ {2}/, ''))));
    return ['.PP', `.B ${roff(heading)}`, '.RS', '.nf', ...shown, '.fi', '.RE'];
  });
}

function options(help: Help, command: Command): (readonly [string, string])[] {
  return help.visibleOptions(command).map((option) => [help.optionTerm(option), help.optionDescription(option)]);
}

function section(help: Help, command: Command): string[] {
  const args = help.visibleArguments(command);
  return [
    `.SS ${roff(help.commandUsage(command))}`,
    prose(command.description()),
    ...list(
      'Arguments:',
      args.map((one) => [help.argumentTerm(one), help.argumentDescription(one)]),
    ),
    ...list(
      'Options:',
      options(help, command).filter(([term]) => !term.includes('--help')),
    ),
    ...added(command),
  ];
}

/**
 * The manual page of the program with all its commands, from the texts of `--help`.
 * @param date of the page, such as `2026-11-28`
 */
export function manPage(program: Command, date: string): string {
  const help = program.createHelp();
  const commands = help.visibleCommands(program).filter((command) => command.name() !== 'help');
  const name = program.name();
  const lines = [
    `.TH ${roff(name.toUpperCase())} 1 ${date} "${roff(name)} ${roff(program.version() ?? '')}"`,
    '.SH NAME',
    prose(`${name} - ${program.description()}`),
    '.SH SYNOPSIS',
    roff(help.commandUsage(program)),
    '.SH DESCRIPTION',
    prose(program.description()),
    '.PP',
    prose('The commands, each described below:'),
    ...terms(commands.map((command) => [command.name(), command.summary() || command.description()])),
    '.SH OPTIONS',
    ...terms(options(help, program)),
    '.SH COMMANDS',
    ...commands.flatMap((command) => section(help, command)),
    '.SH SEE ALSO',
    '.BR git (1)',
  ];
  return `${lines.join('\n')}\n`;
}
