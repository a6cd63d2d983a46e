import {
  type AccountConfig,
  type Config,
  configSchema,
  daemonConfig,
  durationMs,
  type RepositoryConfig,
} from './schema.ts';

const IDENTITY = { name: 'celigo-mirror', email: 'celigo-mirror@localhost' };

/** A repository as it is without any configuration. */
export function plainRepository(path: string, author = IDENTITY): RepositoryConfig {
  return { path, branch: 'main', stateless: false, author };
}

/** The configuration of one account, everything else as it is by default: for runs that have no file of their own. */
export function plainConfig(source: string, repository: RepositoryConfig, account: AccountConfig): Config {
  const { schedule, timezone, fullSweep, guards, daemon } = configSchema.parse({
    accounts: { [account.name]: { baseUrl: account.baseUrl, token: account.token } },
  });
  return {
    source,
    files: [],
    repository,
    accounts: [account],
    schedule,
    timezone,
    fullSweepMs: durationMs(fullSweep),
    guards,
    daemon: daemonConfig(daemon, undefined),
    notifications: [],
  };
}
