import {
  type AccountConfig,
  type Config,
  configSchema,
  daemonConfig,
  drillConfig,
  durationMs,
  type RepositoryConfig,
} from './schema.ts';

const IDENTITY = { name: 'celigo-mirror', email: 'celigo-mirror@localhost' };

/** The repository of a run without a configuration file. */
export function plainRepository(path: string, author = IDENTITY): RepositoryConfig {
  return { path, branch: 'main', bare: false, stateless: false, maintenance: 'auto', author };
}

/** The configuration of one account with defaults for everything else: for runs without a configuration file. */
export function plainConfig(source: string, repository: RepositoryConfig, account: AccountConfig): Config {
  const { schedule, timezone, fullSweep, guards, daemon, drill } = configSchema.parse({
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
    drill: drillConfig(drill),
    notifications: [],
  };
}
