import type { AccountConfig, Config } from '../../config/schema.ts';
import { AppError } from '../../core/errors.ts';
import { existingStateDir } from '../../mirror/state-dir.ts';
import { interrupted, type Journal } from './journal.ts';

/** The restores that were interrupted, oldest first within their account. */
export async function interruptedRestores(
  config: Config,
  env: Readonly<Record<string, string | undefined>>,
): Promise<{ readonly account: AccountConfig; readonly id: string }[]> {
  const stateDir = await existingStateDir(config.repository, env);
  if (stateDir === undefined) return [];
  return config.accounts.flatMap((account) => {
    const journals = interrupted(stateDir, account.name);
    for (const journal of journals) journal.close();
    return journals.map(({ head }) => ({ account, id: head.id }));
  });
}

/**
 * The journal to resume, or none.
 * @throws AppError `CONFLICT` when there is one and `resume` is not given, `USAGE` when there is none to resume
 */
export function findJournal(
  stateDir: string,
  account: string,
  resume: { readonly id?: string } | undefined,
): Journal | undefined {
  const open = interrupted(stateDir, account);
  const chosen = resume?.id === undefined ? open.at(-1) : open.find(({ head }) => head.id === resume.id);
  for (const journal of open) if (journal !== chosen || !resume) journal.close();
  if (resume && !chosen) {
    throw new AppError(
      'USAGE',
      resume.id === undefined
        ? `no restore into ${account} was interrupted`
        : `no interrupted restore is called ${resume.id}`,
      {
        hint:
          open.length > 0
            ? `Interrupted: ${open.map(({ head }) => head.id).join(', ')}`
            : 'Start one with: celigo-mirror restore <what>',
      },
    );
  }
  if (!resume && chosen) {
    const { id, startedAt, what } = chosen.head;
    throw new AppError(
      'CONFLICT',
      `a restore into ${account} was interrupted: ${id} (${what.join(' ')}, started ${startedAt})`,
      { hint: `Resume it first: celigo-mirror restore --resume ${id}` },
    );
  }
  return resume ? chosen : undefined;
}
