import ms, { type StringValue } from 'ms';
import * as z from 'zod';
import { DEFAULT_SCHEDULE, ignoredFields, scheduleText, timezoneText, typeList } from './checked-values.ts';
import {
  CHANNEL_KEYS,
  daemonSchema,
  drillSchema,
  durationOf,
  notificationsSchema,
  WATCH_KEYS,
} from './daemon-schema.ts';
import { sizeUpTo } from './sizes.ts';

/** Base URLs of the regions, fully separate from each other (api-notes#regions). */
export const REGIONS = {
  us: 'https://api.integrator.io',
  eu: 'https://api.eu.integrator.io',
  au: 'https://api.au.integrator.io',
  ca: 'https://api.ca.integrator.io',
} as const;

const LOOPBACK = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

const baseUrl = z
  .string()
  .refine((text) => URL.canParse(text), { message: 'expected a URL such as https://api.integrator.io' })
  .refine(
    (text) => !URL.canParse(text) || new URL(text).protocol === 'https:' || LOOPBACK.test(new URL(text).hostname),
    { message: 'expected https:// (http:// is accepted for this machine only): the token would be sent in plain text' },
  )
  .refine((text) => !URL.canParse(text) || new URL(text).username === '', {
    message: 'expected a URL without user name or password',
  });

const duration = durationOf(false);

const secretFile = z.string().min(1);

/** Requests per second of an account whose configuration names none. */
const PER_SECOND = 40;
/** Seconds of its rate that an account may send at once unless its configuration names a number, and most of these. */
const BURST_S = 7.5;
const BURST = 300;

const perSecond = z.number().int().min(1).max(300);
const rateLimit = z.strictObject({
  perSecond: perSecond.default(PER_SECOND).describe('Requests per second in the long run'),
  burst: z
    .number()
    .int()
    .min(1)
    .max(700)
    .optional()
    .describe(
      `Requests that may be sent at once before that; the default is those of ${BURST_S} seconds, at most ${BURST}`,
    ),
});

const credentialPolicy = z.enum(['redact', 'warn', 'refuse']);

const account = z
  .strictObject({
    region: z
      .enum(['us', 'eu', 'au', 'ca'])
      .optional()
      .describe('Where you sign in: us = integrator.io, eu = eu.integrator.io, …'),
    baseUrl: baseUrl.optional().describe('Instead of region: base URL of the API'),
    token: z.string().min(1).optional().describe('API token; prefer an environment variable or tokenFile'),
    tokenFile: secretFile.optional().describe('File that holds the API token'),
    include: typeList.default(['*']),
    exclude: typeList.default([]),
    lookupCacheData: z
      .boolean()
      .default(false)
      .describe('Also mirror the entries of lookup caches, which may hold customer data'),
    sampleData: z
      .boolean()
      .default(false)
      .describe(
        'Also mirror what the platform captures at run time (sampleData, mockOutput, mockResponse, …): it changes ' +
          'on its own and may hold customer data',
      ),
    ignore: ignoredFields
      .default({})
      .describe(
        'Fields that change on their own and are not mirrored, by resource type: "flows: [settings.lastTouched]"; ' +
          '[] is every element of a list, * any key. `celigo-mirror doctor --noise` finds them',
      ),
    credentials: z
      .strictObject({
        fields: credentialPolicy.default('redact').describe('In fields and short texts'),
        code: credentialPolicy.default('warn').describe('In scripts, queries, prompts and other long texts'),
      })
      .prefault({})
      .describe(
        'What to do with a plain-text credential outside the fields meant for credentials: redact replaces it with a ' +
          'placeholder, warn keeps it and reports it, refuse ends the run. Credentials in their own fields are never ' +
          'mirrored',
      ),
    auditFeed: z
      .boolean()
      .default(false)
      .describe(
        "Also keep the account's own audit log, one file a month (audit/2026-11.ndjson), without values; needs the " +
          'token of an administrator',
      ),
    overview: z
      .boolean()
      .default(false)
      .describe(
        'Generate pages that explain the account and each integration, with diagrams: README.md in the account folder',
      ),
    rateLimit: rateLimit
      .optional()
      .describe(
        'Pace of the requests. The account has a bucket of 1,000 requests that refills with 300 per second, shared ' +
          'with production',
      ),
    requestsPerSecond: perSecond.optional().describe('Short form of rateLimit: { perSecond }'),
    concurrency: z.number().int().min(1).max(32).default(6).describe('Requests in progress at once'),
    requestTimeout: duration.default('60s').describe('Time limit of one request'),
    maxResponse: sizeUpTo('1GiB')
      .default('256MiB')
      .describe('Longest answer that is read, as it comes over the wire and unpacked; a longer one is an error'),
    maxPause: duration
      .default('5m')
      .describe('Longest pause that the API may ask for, or several for one request in all; after that the run ends'),
    retries: z.number().int().min(0).max(20).default(5).describe('Retries of a request after a transient failure'),
    schedule: scheduleText.optional().describe('Schedule of this account, instead of the general one'),
    drill: z
      .boolean()
      .default(false)
      .describe(
        'This account is empty and there for rehearsals: `drill --into` may write to it and deletes afterwards what ' +
          'it made. It is not mirrored unless --account names it',
      ),
    overrides: z
      .record(
        z.string().regex(/^[a-z]+\/./, { message: 'expected <type>/<id or name>, or <type>/*' }),
        z.record(z.string(), z.json()),
      )
      .optional()
      .describe(
        'Values that differ in this account when another account is restored into it (restore --to): resource → ' +
          'place → value, such as "connections/Shop API: { http.baseURI: https://sandbox.example }"',
      ),
  })
  .refine((value) => !(value.region && value.baseUrl), {
    message: 'region and baseUrl exclude each other',
    path: ['baseUrl'],
  })
  .refine((value) => !(value.rateLimit && value.requestsPerSecond), {
    message: 'rateLimit and requestsPerSecond exclude each other',
    path: ['requestsPerSecond'],
  })
  .refine((value) => !(value.token && value.tokenFile), {
    message: 'token and tokenFile exclude each other',
    path: ['tokenFile'],
  })
  .refine((value) => value.token || value.tokenFile, {
    message: 'a token is required: set token or tokenFile',
    path: ['token'],
  });

const repository = z.strictObject({
  path: z
    .string()
    .min(1)
    .default('./mirror')
    .describe('The working clone; created, or cloned from the remote, if it does not exist'),
  remote: z
    .string()
    .min(1)
    .refine((text) => !/^[a-z+]+:\/\/[^/@:]*:[^/@]*@/i.test(text), {
      message: 'expected a URL without password: use username with token or tokenFile, or sshKeyFile',
    })
    .refine((text) => !text.startsWith('-') && !/^ext::/i.test(text), { message: 'expected a Git remote' })
    .optional()
    .describe('Git remote to push to after each commit'),
  branch: z
    .string()
    .regex(/^(?!-)(?!.*\.\.)(?!.*\/$)[A-Za-z0-9._/-]+$/, { message: 'expected a branch name' })
    .default('main'),
  author: z
    .strictObject({ name: z.string().min(1), email: z.string().min(3) })
    .default({ name: 'celigo-mirror', email: 'celigo-mirror@localhost' })
    .describe('Committer of every commit, and author of changes whose author is unknown'),
  username: z.string().min(1).optional().describe('User name for an HTTPS remote'),
  token: z.string().min(1).optional().describe('Password or access token for an HTTPS remote'),
  tokenFile: secretFile.optional(),
  sshKeyFile: z.string().min(1).optional().describe('Private key for an SSH remote'),
  passEnvironment: z
    .array(z.string().regex(/^(?!GIT_)[A-Za-z_]\w*$/, { message: 'expected the name of a variable, not one of git' }))
    .optional()
    .describe(
      'Variables of the environment for programs that reach the remote, such as a credential helper of yours: ' +
        'without it, they get none that holds a credential',
    ),
  sshKnownHostsFile: z
    .string()
    .min(1)
    .optional()
    .describe('Host keys to trust; without it, a new host is trusted on first use'),
  remoteTimeout: duration
    .default('15m')
    .describe('Longest time of one exchange with the remote, such as a fetch or a push; then it counts as unreachable'),
  commitUrl: z
    .string()
    .regex(/^https?:\/\/[^\s@]+$/, { message: 'expected a URL without user or password' })
    .includes('{commit}')
    .optional()
    .describe(
      'URL of a commit, for reports: https://git.example/acme/mirror/commit/{commit}; derived from the remote for ' +
        'GitHub, GitLab, Bitbucket and Gitea',
    ),
  signingKeyFile: z.string().min(1).optional().describe('SSH key that signs every commit'),
  bare: z.boolean().default(false).describe('The clone is made without a work tree: for containers'),
  stateless: z
    .boolean()
    .default(false)
    .describe(
      'The clone is not kept between runs: fetch only the newest commit of the remote, and fail if the push fails',
    ),
  maintenance: z
    .enum(['auto', 'off'])
    .default('auto')
    .describe('auto: pack the clone when that is due, after a run and never in the way of another; off: never'),
});

/** The configuration file, with every default of the program. */
export const configSchema = z.strictObject({
  repository: repository.prefault({}),
  accounts: z
    .record(z.string().regex(/^[a-z0-9-]+$/, { message: 'expected lower-case letters, digits and dashes' }), account)
    .refine((value) => Object.keys(value).length > 0, { message: 'at least one account is required' }),
  schedule: scheduleText.default(DEFAULT_SCHEDULE).describe('When the daemon runs; syntax of node-cron'),
  timezone: timezoneText.default('UTC'),
  fullSweep: duration.default('24h').describe('How often everything is refetched, including unchanged resources'),
  guards: z
    .strictObject({
      maxDeletions: z
        .number()
        .int()
        .min(0)
        .default(25)
        .describe('A run is refused if it would delete more than this many resources of a type …'),
      maxDeletionShare: z.number().min(0).max(1).default(0.2).describe('… and more than this share of them'),
    })
    .prefault({}),
  daemon: daemonSchema.prefault({}),
  drill: drillSchema.prefault({}).describe('Rehearsals of a full restore'),
  notifications: notificationsSchema.default({}).describe('Who is notified of what; choose a name for each'),
});

/** The keys of each part of the configuration, for suggestions. */
export const CONFIG_KEYS = {
  top: Object.keys(configSchema.shape),
  account: Object.keys(account.shape),
  repository: Object.keys(repository.shape),
  author: ['name', 'email'],
  guards: ['maxDeletions', 'maxDeletionShare'],
  rateLimit: Object.keys(rateLimit.shape),
  daemon: Object.keys(daemonSchema.shape),
  drill: Object.keys(drillSchema.shape),
  channels: CHANNEL_KEYS,
  watch: WATCH_KEYS,
} as const;

type ParsedConfig = z.output<typeof configSchema>;
type ParsedAccount = ParsedConfig['accounts'][string];

/** One account, ready to use: secrets read, URL and durations resolved. */
export interface AccountConfig
  extends Omit<
    ParsedAccount,
    | 'region'
    | 'baseUrl'
    | 'token'
    | 'tokenFile'
    | 'requestTimeout'
    | 'maxResponse'
    | 'maxPause'
    | 'rateLimit'
    | 'requestsPerSecond'
  > {
  readonly name: string;
  /** Origin without trailing slash. */
  readonly baseUrl: string;
  readonly token: string;
  readonly rateLimit: { readonly perSecond: number; readonly burst: number };
  readonly requestTimeoutMs: number;
  readonly maxResponseBytes: number;
  readonly maxPauseMs: number;
}

/** The pace of an account, from either form of it. */
export function rateLimitOf(
  account: Pick<ParsedAccount, 'rateLimit' | 'requestsPerSecond'>,
): AccountConfig['rateLimit'] {
  const { perSecond = PER_SECOND, burst } = account.rateLimit ?? { perSecond: account.requestsPerSecond };
  return { perSecond, burst: burst ?? Math.min(BURST, Math.round(BURST_S * perSecond)) };
}

/** The repository, its token read. */
export type RepositoryConfig = Omit<ParsedConfig['repository'], 'tokenFile' | 'remoteTimeout'> & {
  readonly remoteTimeoutMs?: number;
};

/** The complete configuration, validated. `source`: where it came from, for messages. */
export interface Config
  extends Omit<ParsedConfig, 'accounts' | 'repository' | 'fullSweep' | 'daemon' | 'drill' | 'notifications'> {
  readonly source: string;
  /** Every file that was read: the configuration itself and those that hold secrets. */
  readonly files: readonly string[];
  readonly repository: RepositoryConfig;
  readonly accounts: readonly AccountConfig[];
  readonly fullSweepMs: number;
  readonly daemon: DaemonConfig;
  readonly drill: DrillConfig;
  readonly notifications: readonly ChannelConfig[];
}

type ParsedDaemon = ParsedConfig['daemon'];

/** How the daemon runs, durations in milliseconds. */
interface DaemonConfig extends Pick<ParsedDaemon, 'listen' | 'hosts' | 'pages' | 'runAtStart' | 'backoffAfter'> {
  readonly triggerToken: string | undefined;
  readonly jitterMs: number;
  readonly runTimeoutMs: number;
  readonly shutdownGraceMs: number;
  readonly readyWithinMs: number | undefined;
  readonly longestPauseMs: number;
}

/** The daemon's part of a parsed configuration, ready to use. */
export function daemonConfig(daemon: ParsedDaemon, triggerToken: string | undefined): DaemonConfig {
  return {
    listen: daemon.listen,
    hosts: daemon.hosts,
    pages: daemon.pages,
    runAtStart: daemon.runAtStart,
    backoffAfter: daemon.backoffAfter,
    triggerToken,
    jitterMs: durationMs(daemon.jitter),
    runTimeoutMs: durationMs(daemon.runTimeout),
    shutdownGraceMs: durationMs(daemon.shutdownGrace),
    readyWithinMs: daemon.readyWithin === undefined ? undefined : durationMs(daemon.readyWithin),
    longestPauseMs: durationMs(daemon.longestPause),
  };
}

type ParsedDrill = ParsedConfig['drill'];

/** How drills are made and kept. */
export interface DrillConfig extends Omit<ParsedDrill, 'timeout'> {
  readonly timeoutMs: number;
}

/** The part of a parsed configuration about drills, ready to use. */
export function drillConfig({ timeout, ...drill }: ParsedDrill): DrillConfig {
  return { ...drill, timeoutMs: durationMs(timeout) };
}

type ParsedChannel = ParsedConfig['notifications'][string];
type Ready<C> = Omit<C, 'url' | 'urlFile' | 'passwordFile'> & { readonly name: string };

/** One receiver of notifications, its secrets read. */
export type ChannelConfig =
  | (Ready<Extract<ParsedChannel, { type: 'webhook' }>> & { readonly url: string })
  | (Ready<Extract<ParsedChannel, { type: 'slack' }>> & { readonly url: string })
  | (Ready<Extract<ParsedChannel, { type: 'teams' }>> & { readonly url: string })
  | (Ready<Extract<ParsedChannel, { type: 'ping' }>> & { readonly url: string })
  | Ready<Extract<ParsedChannel, { type: 'email' }>>;

/** Milliseconds of a valid duration such as `15m`. */
export function durationMs(text: string): number {
  return ms(text as StringValue);
}

/** The JSON Schema of the configuration file, for editors. */
export function configJsonSchema(): string {
  const schema = z.toJSONSchema(configSchema, { io: 'input', unrepresentable: 'any' });
  return `${JSON.stringify({ ...schema, title: 'celigo-mirror configuration' }, null, 2)}\n`;
}
