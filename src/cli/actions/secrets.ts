import { readSecretsFile, valuesFor } from '../../config/secrets-file.ts';
import { AppError, EXIT } from '../../core/errors.ts';
import { jsonText } from '../../core/unseen.ts';
import { type CredentialHolder, coverageOf, neededCredentials } from '../../credentials/needed.ts';
import { credentialsTemplate } from '../../credentials/template.ts';
import { credentialsJson, credentialsText } from '../../credentials/view.ts';
import { select } from '../../history/selection.ts';
import { openGraph } from '../input/graph.ts';
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
  const { graph, root, account, state, config, what: words } = await openGraph(io, globals, what, flags);
  const chosen = words.length === 0 ? undefined : (await select(state, words, { transliterate: anyAscii })).selected;
  const file =
    flags.secrets === undefined
      ? undefined
      : readSecretsFile(flags.secrets, secretsSource(io, flags.secrets, root, config));
  for (const problem of file?.problems ?? []) io.err(`${problem}\n`);
  const values = file?.values ?? new Map();
  const all = neededCredentials(graph, ({ type, id, title }) => valuesFor(values, type.name, id, title));
  const holders: CredentialHolder[] = all.filter(({ key }) => chosen?.has(key) ?? true);
  if (action === 'template') {
    const title = `Credentials of ${account} that the mirror does not hold (state ${state.label})`;
    io.out(credentialsTemplate(graph, title, holders, anyAscii));
  } else if (flags.json) io.out(jsonText(credentialsJson(graph, account, state.commit ?? '', holders)));
  else io.out(credentialsText(graph, account, holders, action === 'check'));
  const { credentials, supplied } = coverageOf(holders);
  return action === 'check' && supplied < credentials ? EXIT.partial : EXIT.done;
}
