import ms, { type StringValue } from 'ms';
import * as z from 'zod';
import { SEVERITIES, WATCHED_CHANNELS, WATCHED_KINDS, watchFaults } from '../core/watch-rules.ts';
import { scheduleText, templateText } from './checked-values.ts';

/** A duration as text. `zero`: whether 0 is allowed. */
export function durationOf(zero: boolean) {
  return z.string().refine(
    (text) => {
      // `ms` throws for an empty text.
      const value = text === '' ? undefined : ms(text as StringValue);
      if (value === undefined) return false;
      return Number.isFinite(value) && (zero ? value >= 0 : value > 0);
    },
    { message: `expected a duration such as ${zero ? '0s, ' : ''}30s, 15m or 24h` },
  );
}

/** What a notification may be about. */
const NOTIFIED = ['failure', 'partial', 'refused', 'recovery', 'drill-failed', 'changes'] as const;
export type Notified = (typeof NOTIFIED)[number];

const LISTEN = /^(?:off|(?:\[[0-9a-f:.]+\]|[a-z0-9.-]+):\d{1,5})$/i;

/** Whether `text` is an address to listen on: host and port, or `off`. */
export function isListenAddress(text: string): boolean {
  return LISTEN.test(text) && (text === 'off' || Number(text.slice(text.lastIndexOf(':') + 1)) <= 65_535);
}

export const daemonSchema = z
  .strictObject({
    listen: z
      .string()
      .refine(isListenAddress, { message: 'expected host:port such as 127.0.0.1:8080, or off' })
      .default('127.0.0.1:8080')
      .describe('Where to serve /healthz, /readyz, /metrics, /status, POST /sync and the pages; off = nowhere'),
    runAtStart: z.boolean().default(true).describe('Run every account once when the daemon starts'),
    jitter: durationOf(true)
      .default('30s')
      .describe('Largest random delay of each run; never more than a tenth of the interval'),
    runTimeout: durationOf(false).default('1h').describe('Runs that take longer are abandoned'),
    shutdownGrace: durationOf(false)
      .default('20s')
      .describe('How long the process may take to end after SIGTERM; the run in progress is finished or abandoned'),
    readyWithin: durationOf(false)
      .optional()
      .describe('/readyz fails if the last good run is older; without it, once three runs were due since then'),
    backoffAfter: z
      .number()
      .int()
      .min(1)
      .default(3)
      .describe('After this many failures in a row, an account is tried less and less often'),
    longestPause: durationOf(false).default('6h').describe('… but at least this often'),
    hosts: z
      .array(z.string().regex(/^[a-z0-9.-]+$/i, 'expected a host name'))
      .default([])
      .describe('Names under which the daemon may be asked, besides addresses and localhost; other names are refused'),
    pages: z
      .boolean()
      .default(false)
      .describe(
        'Serve a status page for people at /, and reports of changes at /report; whoever reaches them sees all',
      ),
    triggerToken: z.string().min(16).optional().describe('Bearer token of POST /sync, which is off without one'),
    triggerTokenFile: z.string().min(1).optional().describe('File that holds the bearer token of POST /sync'),
  })
  .refine((value) => !(value.triggerToken && value.triggerTokenFile), {
    message: 'triggerToken and triggerTokenFile exclude each other',
    path: ['triggerTokenFile'],
  });

const watchRule = z
  .strictObject({
    type: z.string().min(1).optional().describe('Resource type, such as flows'),
    field: z
      .string()
      .min(1)
      .optional()
      .describe('A field that changed, such as disabled, http.baseURI or **._connectionId; as in `find --field`'),
    what: z.enum(WATCHED_KINDS).optional().describe('What happened to the resource'),
    where: z
      .string()
      .min(1)
      .optional()
      .describe('What the resource fulfils afterwards, such as "disabled = true"; as in `find --where`'),
    by: z.string().min(1).optional().describe("Part of the person's name or e-mail address"),
    channel: z.enum(WATCHED_CHANNELS).optional().describe('How the edit was made, according to the audit log'),
    outside: z
      .string()
      .min(1)
      .optional()
      .describe('Only edits outside these hours of the day, such as "08:00-18:00 Europe/Oslo"'),
    moreThan: z.int().min(1).optional().describe('Only if one person made more such changes than this within one run'),
    severity: z.enum(SEVERITIES).default('warning'),
  })
  .superRefine((rule, context) => {
    for (const fault of watchFaults(rule)) {
      const [, key, message = fault] = /^(\w+): (.*)$/s.exec(fault) ?? [];
      context.addIssue({ code: 'custom', message, path: key === undefined ? [] : [key] });
    }
  });

const everywhere = {
  events: z
    .array(z.enum(NOTIFIED))
    .default(['failure', 'partial', 'refused', 'recovery', 'drill-failed'])
    .describe('What to report; changes (who changed what, after each run that committed) only if listed'),
  watch: z
    .array(watchRule)
    .default([])
    .describe('Changes to report that fulfil everything that one of these rules names, whatever events lists'),
  accounts: z.array(z.string()).min(1).optional().describe('Only these accounts'),
};

export const drillSchema = z.strictObject({
  schedule: scheduleText.optional().describe('When the daemon rehearses a full restore, such as "0 3 * * 0"'),
  receipts: z
    .boolean()
    .default(false)
    .describe('Keep the receipt of a drill in the repository, in receipts/: at most one a day'),
  timeout: durationOf(false).default('1h').describe('A drill of the daemon that takes longer is ended and has failed'),
});

const httpUrl = z
  .string()
  .refine((text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol), {
    message: 'expected a URL such as https://hooks.example/…',
  });

/** URL of a channel, or a file that holds it: whoever knows it can post there. */
const address = {
  url: httpUrl.optional().describe('Where to post; treated as a secret'),
  urlFile: z.string().min(1).optional().describe('File that holds the URL'),
};

const template = templateText.optional();

const webhook = z.strictObject({
  type: z.literal('webhook'),
  ...address,
  ...everywhere,
  headers: z.record(z.string(), z.string()).default({}).describe('Further headers, such as Authorization'),
  body: template.describe('Mustache template of the body; without it, the event as JSON'),
});

const slack = z.strictObject({
  type: z.literal('slack'),
  ...address,
  ...everywhere,
  text: template.describe('Mustache template of the message'),
});

const teams = z.strictObject({
  type: z.literal('teams'),
  ...address,
  ...everywhere,
  text: template.describe('Mustache template of the message'),
});

const email = z.strictObject({
  type: z.literal('email'),
  ...everywhere,
  host: z.string().min(1).describe('SMTP server'),
  port: z.number().int().min(1).max(65_535).default(587),
  secure: z.boolean().default(false).describe('TLS from the first byte (port 465); otherwise STARTTLS'),
  requireTls: z
    .boolean()
    .default(true)
    .describe('Refuse servers without STARTTLS; set to false only for a relay on this machine'),
  username: z.string().min(1).optional(),
  password: z.string().min(1).optional(),
  passwordFile: z.string().min(1).optional(),
  from: z.string().min(3),
  to: z.array(z.string().min(3)).min(1),
  subject: template.describe('Mustache template of the subject'),
  text: template.describe('Mustache template of the text'),
});

const ping = z.strictObject({
  type: z.literal('ping'),
  ...address,
  accounts: everywhere.accounts,
  start: z.boolean().default(true).describe('Also ping <url>/start when a run starts'),
});

const ADDRESS_ONCE = 'url and urlFile exclude each other, and one of them is required';

export const notificationsSchema = z.record(
  z.string().regex(/^[a-z0-9-]+$/, { message: 'expected lower-case letters, digits and dashes' }),
  z
    .discriminatedUnion('type', [webhook, slack, teams, email, ping])
    .refine((value) => value.type === 'email' || (value.url === undefined) !== (value.urlFile === undefined), {
      message: ADDRESS_ONCE,
      path: ['url'],
    })
    .refine((value) => value.type !== 'email' || !(value.password && value.passwordFile), {
      message: 'password and passwordFile exclude each other',
      path: ['passwordFile'],
    })
    .refine((value) => value.type === 'ping' || value.events.length + value.watch.length > 0, {
      message: 'it is empty and there is no watch: the channel would never get a message',
      path: ['events'],
    }),
);

/** The keys of a rule of `watch`, for suggestions. */
export const WATCH_KEYS = Object.keys(watchRule.shape);

/** The keys of all kinds of channels, for suggestions. */
export const CHANNEL_KEYS = [webhook, slack, teams, email, ping].flatMap(({ shape }) => Object.keys(shape));
