import type { Argument, Command, Option } from 'commander';
import { GROUPS, RESOURCE_TYPES } from '../../catalogue/index.ts';
import { AppError } from '../../core/errors.ts';
import { typeNamed } from '../../core/selectors.ts';
import { headCommit, readState } from '../../history/state.ts';
import { mirrorPlace } from '../input/mirror.ts';
import { SHELLS, type Shell } from '../input/shells.ts';
import type { GlobalOptions, Io } from '../ui/io.ts';
import { printable } from '../ui/style.ts';

/** What may be typed, and what it is. */
type Candidate = readonly [text: string, about: string];

/** What the mirror knows that a word may mean. */
interface Mirrored {
  readonly accounts: () => Promise<readonly string[]>;
  /** Documents of a type, by the slug of their files, or by their id where several have the same. */
  readonly resources: (type: string) => Promise<readonly Candidate[]>;
}

/** Options that take the name of an account, and arguments that are one. */
const ACCOUNTS = /^(account|other account)$/;
/** Arguments that are selectors. */
const SELECTORS = /^what$/;

/** Prints the script for a shell. */
export function printScript(io: Io, shell: Shell): void {
  io.out(SHELLS[shell], 'exact');
}

/** Prints what the last of `words` may become, one candidate a line; nothing where that is not known. */
export async function runComplete(
  io: Io,
  globals: GlobalOptions,
  program: Command,
  words: readonly string[],
): Promise<void> {
  const typed = words.at(-1) ?? '';
  const found = await candidates(program, words, mirrored(io, globals, words));
  const fitting = found.filter(([text]) => text.startsWith(typed));
  io.out(fitting.map(([text, about]) => `${printable(text)}\t${printable(about)}\n`).join(''));
}

async function candidates(program: Command, words: readonly string[], mirror: Mirrored): Promise<readonly Candidate[]> {
  const typed = words.at(-1) ?? '';
  let command = program;
  let values = 0;
  let waiting: Option | undefined;
  for (const word of words.slice(0, -1)) {
    if (waiting) waiting = undefined;
    else if (word.startsWith('-'))
      waiting = optionsOf(command).find((one) => (one.long === word || one.short === word) && takesValue(one));
    else {
      if (command === program && word === 'help') return commandsOf(program);
      const inner = values === 0 ? command.commands.find((one) => one.name() === word) : undefined;
      if (inner) command = inner;
      else values++;
    }
  }
  if (waiting) return ofOption(waiting, mirror);
  if (typed.startsWith('-')) return optionsOf(command).flatMap((one) => optionCandidate(one));
  const argument = command.registeredArguments[Math.min(values, command.registeredArguments.length - 1)];
  const isOver = argument !== undefined && values >= command.registeredArguments.length && !argument.variadic;
  return [
    ...(values === 0 ? commandsOf(command) : []),
    ...(argument && !isOver ? await ofArgument(argument, typed, mirror) : []),
  ];
}

function optionsOf(command: Command): readonly Option[] {
  const help = command.createHelp();
  const above = command.parent ? optionsOf(command.parent) : [];
  return [...help.visibleOptions(command), ...above.filter(({ long }) => long !== '--help' && long !== '--version')];
}

function takesValue({ required, optional }: Option): boolean {
  return required || optional;
}

function optionCandidate({ long, description }: Option): Candidate[] {
  return long ? [[long, description]] : [];
}

function commandsOf(command: Command): readonly Candidate[] {
  return command
    .createHelp()
    .visibleCommands(command)
    .map((one) => [one.name(), one.summary() || one.description()]);
}

async function ofOption(option: Option, mirror: Mirrored): Promise<readonly Candidate[]> {
  if (option.argChoices) return option.argChoices.map((choice) => [choice, '']);
  const [, value = ''] = /<([^>.]+)/.exec(option.flags) ?? [];
  if (value === 'type') return types();
  return option.long === '--account' || value === 'account' ? accountNames(mirror) : [];
}

async function ofArgument(argument: Argument, typed: string, mirror: Mirrored): Promise<readonly Candidate[]> {
  if (argument.argChoices) return argument.argChoices.map((choice) => [choice, '']);
  if (ACCOUNTS.test(argument.name())) return accountNames(mirror);
  if (argument.name() === 'type') return types();
  if (!SELECTORS.test(argument.name())) return [];
  const slash = typed.indexOf('/');
  if (slash < 0) {
    const one = (text: string, about: string): Candidate => [`${text}/`, about];
    return [
      one(GROUPS.noun, `an ${GROUPS.noun} with all that belongs to it`),
      ...types().map(([name, about]) => one(name, about)),
    ];
  }
  const word = typed.slice(0, slash);
  const type = word === GROUPS.noun ? GROUPS : typeNamed(word);
  if (!type) return [];
  return (await mirror.resources(type.name)).map(([text, about]) => [`${word}/${text}`, about]);
}

function types(): readonly Candidate[] {
  return RESOURCE_TYPES.map(({ name, plural }) => [name, plural]);
}

async function accountNames(mirror: Mirrored): Promise<readonly Candidate[]> {
  return (await mirror.accounts()).map((name) => [name, 'account']);
}

/** What the words of a line so far give an option. */
function valueIn(words: readonly string[], ...names: readonly string[]): string | undefined {
  const given = words.slice(0, -1);
  const joined = given.find((word) => names.some((name) => word.startsWith(`${name}=`)));
  return joined?.slice(joined.indexOf('=') + 1) ?? given.find((_word, i) => names.includes(words[i - 1] ?? ''));
}

function mirrored(io: Io, globals: GlobalOptions, words: readonly string[]): Mirrored {
  const config = valueIn(words, '-c', '--config') ?? globals.config;
  const place = mirrorPlace(io, { ...globals, ...(config ? { config } : {}) }, valueIn(words, '--mirror'));
  /** Without a mirror, nothing is known of it. */
  const known = async <T>(ask: () => Promise<readonly T[]>): Promise<readonly T[]> =>
    ask().catch((error: unknown) => {
      if (error instanceof AppError) return [];
      throw error;
    });
  place.catch(() => undefined);
  return {
    accounts: () => known(async () => (await place).accounts),
    resources: (type) =>
      known(async () => {
        const { git, accounts } = await place;
        const head = await headCommit(git);
        const states = await Promise.all(accounts.map((account) => readState(git, account, head)));
        const entries = states.flatMap(({ documents }) => [...documents.values()].filter((one) => one.type === type));
        const count = new Map<string, number>();
        for (const { slug } of entries) count.set(slug, (count.get(slug) ?? 0) + 1);
        return entries.map(({ slug, id }): Candidate => (count.get(slug) === 1 ? [slug, id] : [id, slug]));
      }),
  };
}
