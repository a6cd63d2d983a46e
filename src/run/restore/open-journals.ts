import { join } from 'node:path';
import type { AccountConfig, Config } from '../../config/schema.ts';
import { interrupted } from '../../mirror/journal.ts';

/** Accounts into which a restore was interrupted (the one called `id`, where given). */
export function interruptedAccounts(config: Config, id: string | undefined): AccountConfig[] {
  const stateDir = join(config.repository.path, '.git', 'celigo-mirror');
  return config.accounts.filter(({ name }) => {
    const journals = interrupted(stateDir, name);
    for (const journal of journals) journal.close();
    return journals.some(({ head }) => id === undefined || head.id === id);
  });
}
