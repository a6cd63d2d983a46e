import { findNoise, ignoreRules, type NoisyField } from '../../audit/noise.ts';
import { readTrail } from '../../audit/trail.ts';
import { readVersions } from '../../audit/versions.ts';
import type { FieldPath } from '../../catalogue/types.ts';
import type { AccountConfig, Config } from '../../config/schema.ts';
import { AppError, EXIT } from '../../core/errors.ts';
import { readMessage } from '../../core/message.ts';
import { jsonText } from '../../core/unseen.ts';
import type { Git } from '../../git/git.ts';
import { readCut, readHistory } from '../../history/commits.ts';
import { accountFolders } from '../../mirror/folder.ts';
import { configuredPlace } from '../input/mirror.ts';
import type { GlobalOptions, Io } from '../ui/io.ts';
import { counted, minute, printable, type Style, styleFor, table } from '../ui/style.ts';

/** Commits that are looked at, unless a number is given. */
const COMMITS = 200;
/** Fields that are shown of one account; `--json` has all. */
const MOST_SHOWN = 40;

/** What the history of one account says. */
interface AccountNoise {
  readonly account: string;
  /** Commits that were looked at. */
  readonly commits: number;
  /** When the oldest of them was made. */
  readonly since: Date | undefined;
  readonly fields: readonly NoisyField[];
  readonly ignore: Readonly<Record<string, readonly FieldPath[]>>;
}

/** @throws AppError `USAGE` */
function numberOf(flag: string | true): number {
  const commits = flag === true ? COMMITS : Number(flag);
  if (Number.isInteger(commits) && commits >= 2) return commits;
  throw new AppError('USAGE', `--noise: ${flag} is not a number of commits`, {
    hint: 'Give how many of the last commits to look at, such as --noise 500',
  });
}

async function noiseOf(git: Git, { name, ignore }: AccountConfig, most: number): Promise<AccountNoise> {
  const history = await readHistory(git, name);
  // What a person committed is not a change of the account.
  const last = history.filter(({ message }) => readMessage(message).account !== undefined).slice(-most);
  const ids = new Set(last.map(({ id }) => id));
  const cut = await readCut(git);
  const entries = readTrail(history, name, cut?.commit).filter(({ commit }) => ids.has(commit));
  const fields = findNoise(entries, await readVersions(git, name, entries));
  const [first] = last;
  return { account: name, commits: last.length, since: first?.committed, fields, ignore: ignoreRules(fields, ignore) };
}

/**
 * Names the fields that change on their own, from the history of the mirror alone. Names of fields only: values may be
 * confidential.
 * @returns the exit code
 * @throws AppError `USAGE` where there is no mirror, or for a number that is none
 */
export async function runNoise(
  io: Io,
  globals: GlobalOptions,
  config: Config,
  flags: { readonly noise: string | true; readonly json?: boolean },
): Promise<number> {
  const most = numberOf(flags.noise);
  const { git, root } = configuredPlace(io, config);
  const folders = new Set(await accountFolders(git, root, undefined));
  const found: AccountNoise[] = [];
  for (const account of config.accounts) if (folders.has(account.name)) found.push(await noiseOf(git, account, most));
  if (flags.json) {
    const accounts = found.map(({ since, fields, ...rest }) => ({
      ...rest,
      since: since?.toISOString() ?? null,
      fields: fields.map(({ unexplained, ...field }) => ({ ...field, unexplained: unexplained ?? null })),
    }));
    io.out(jsonText({ version: 1, noise: accounts }));
  } else {
    const style = styleFor(io, globals);
    io.out(found.map((one) => describe(one, style)).join('\n'));
  }
  return EXIT.done;
}

function lineOf({ type, path, changes, resources, unexplained, flips }: NoisyField): string[] {
  const reasons = [
    ...(unexplained ? [`${unexplained} not in the audit log`] : []),
    ...(flips > 0 ? [`${flips} back to an earlier value`] : []),
  ];
  const where = counted(resources, 'resource');
  return [type, printable(path), `${counted(changes, 'change')} of ${where}: ${reasons.join(', ')}`];
}

function describe({ account, commits, since, fields, ignore }: AccountNoise, style: Style): string {
  const span = `${counted(commits, 'commit')}${since ? ` since ${minute(since)} UTC` : ''}`;
  const lines = [style.bold(`${account}: ${span}`)];
  if (fields.length === 0) return `${lines[0]}\n  ${style.green('No field seems to change on its own.')}\n`;
  const rows = fields.slice(0, MOST_SHOWN).map(lineOf);
  lines.push(
    ...table(rows, (cell, column) => (column === 1 ? style.yellow(cell) : cell))
      .split('\n')
      .map((row) => `  ${row}`),
  );
  if (fields.length > MOST_SHOWN)
    lines.push(`  … and ${counted(fields.length - MOST_SHOWN, 'more field')}; --json shows all`);
  if (Object.keys(ignore).length > 0) {
    lines.push(
      '',
      `To leave these fields out of the mirror, add this line to the account ${account}. Remove from it what people ` +
        'change.',
      `  ${style.cyan('ignore:')} ${JSON.stringify(ignore)}`,
    );
  }
  return `${lines.join('\n')}\n`;
}
