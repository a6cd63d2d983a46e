import type { Config } from '../../config/schema.ts';
import { readSecretsFile, valuesFor } from '../../config/secrets-file.ts';
import { AppError, EXIT } from '../../core/errors.ts';
import { jsonText } from '../../core/unseen.ts';
import { type CredentialHolder, neededCredentials } from '../../credentials/needed.ts';
import { credentialsTemplate } from '../../credentials/template.ts';
import { credentialsJson, credentialsText, missingIn } from '../../credentials/view.ts';
import type { Git } from '../../git/git.ts';
import { select } from '../../history/selection.ts';
import { liveCredentials } from '../../run/check/live-credentials.ts';
import { type IdMaps, idMapPath, readIdMaps } from '../../run/idmaps.ts';
import { accountNamed } from '../input/accounts.ts';
import { openGraph } from '../input/graph.ts';
import { configOf, runDeps } from '../input/run-deps.ts';
import { secretsSource } from '../input/secret-program.ts';
import type { StateFlags } from '../input/time-option.ts';
import { anyAscii } from '../input/transliterate.ts';
import type { GlobalOptions, Io } from '../ui/io.ts';

export type SecretsAction = 'list' | 'template' | 'check';

export interface SecretsFlags extends StateFlags {
  readonly secrets?: string;
  readonly account?: string;
  readonly mirror?: string;
  readonly json?: boolean;
  /** The account to ask, or `true` for the one of the mirror. */
  readonly live?: string | boolean;
}

/**
 * Names the credentials that a restore needs beside the mirror.
 * @returns the exit code
 * @throws AppError `USAGE`
 */
export async function runSecrets(
  io: Io,
  globals: GlobalOptions,
  action: SecretsAction,
  what: readonly string[],
  flags: SecretsFlags,
): Promise<number> {
  if (action === 'template' && (flags.secrets !== undefined || flags.json))
    throw new AppError('USAGE', 'template writes a file for --secrets', {
      hint: 'To see what such a file lacks: celigo-mirror secrets check --secrets FILE',
    });
  if (action === 'template' && flags.live !== undefined)
    throw new AppError('USAGE', 'template is for an empty account, which has no credentials', {
      hint: 'To see what an account still lacks: celigo-mirror secrets check --live',
    });
  const { graph, git, root, account, state, config, what: words } = await openGraph(io, globals, what, flags);
  const chosen = words.length === 0 ? undefined : (await select(state, words, { transliterate: anyAscii })).selected;
  const file =
    flags.secrets === undefined
      ? undefined
      : readSecretsFile(flags.secrets, secretsSource(io, flags.secrets, root, config));
  for (const problem of file?.problems ?? []) io.err(`${problem}\n`);
  const values = file?.values ?? new Map();
  const all = neededCredentials(graph, ({ type, id, title }) => valuesFor(values, type.name, id, title));
  const needed = all.filter(({ key }) => chosen?.has(key) ?? true);
  const holders =
    flags.live === undefined ? needed : await askAccount(io, globals, { git, account, config }, needed, flags.live);
  if (action === 'template') {
    const title = `Credentials of ${account} that the mirror does not hold (state ${state.label})`;
    io.out(credentialsTemplate(graph, title, holders, anyAscii));
  } else if (flags.json) io.out(jsonText(credentialsJson(graph, account, state.commit ?? '', holders)));
  else io.out(credentialsText(graph, account, holders, action === 'check'));
  const offline = holders.some(({ live, flows }) => live?.isOffline && flows.some(({ enabled }) => enabled));
  return action === 'check' && (missingIn(holders) > 0 || offline) ? EXIT.partial : EXIT.done;
}

/** What an account has of the credentials of a mirror. @throws AppError `USAGE` without a configuration, ApiError */
async function askAccount(
  io: Io,
  globals: GlobalOptions,
  { git, account, config }: { readonly git: Git; readonly account: string; readonly config: Config | undefined },
  holders: readonly CredentialHolder[],
  live: string | boolean,
): Promise<CredentialHolder[]> {
  if (!config)
    throw new AppError('USAGE', '--live asks the account, and this mirror has no configuration with its token', {
      hint: 'Name the configuration with --config',
    });
  // Reading the mirror needs no token, asking the account does.
  const target = accountNamed(await configOf(io, globals), typeof live === 'string' ? live : account, '--live');
  const maps: IdMaps = target.name === account ? new Map() : await readIdMaps(git, idMapPath(account, target.name));
  const ids = new Map([...maps.values()].flatMap((map) => [...map]));
  const { userAgent, env, signal } = runDeps(io, { config, report: () => undefined });
  const found = await liveCredentials(target, { env, userAgent, signal }, holders, ids);
  return holders.map((holder) => {
    const there = found.get(holder.key);
    return there ? { ...holder, live: there } : holder;
  });
}
