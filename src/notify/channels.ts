import { createTransport } from 'nodemailer';
import pRetry, { AbortError } from 'p-retry';
import type { Dispatcher } from 'undici';
import type { ChannelConfig } from '../config/schema.ts';
import { type Json, mapTexts } from '../core/json.ts';
import { fillTemplate } from '../core/templates.ts';
import { openDispatcher } from '../net/dispatcher.ts';
import { exchange } from '../net/exchange.ts';
import type { ProxySettings } from '../net/proxies.ts';
import { AS_IT_IS, FOR_JSON, FOR_SLACK, type Message, plainText } from './messages.ts';
import { teamsCard } from './teams.ts';

/** Time limit of one try, in milliseconds. */
const TRY_MS = 10_000;
/** What a receiver answers is not used. Bytes. */
const LONGEST_ANSWER = 2 ** 20;
const RETRIES = 2;

/** What a ping reports. */
export type Ping = 'start' | 'success' | 'fail';

/** One receiver of notifications. */
export interface Channel {
  readonly config: ChannelConfig;
  /** @throws Error when the message could not be delivered */
  send(message: Message): Promise<void>;
  /** @throws Error when it could not be delivered; only for channels of type `ping` */
  ping(what: Ping, summary: string): Promise<void>;
  close(): Promise<void>;
}

interface ChannelOptions {
  /** Proxies that the environment names. */
  readonly proxies: ProxySettings | undefined;
  readonly userAgent: string;
  /** Removes the secrets from a text. */
  readonly scrub: (text: string) => string;
  readonly signal: AbortSignal;
}

interface Post {
  readonly method: 'GET' | 'POST';
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** Whether a retry cannot help. */
function isFinal(status: number): boolean {
  return status >= 400 && status < 500 && status !== 408 && status !== 429;
}

async function request(dispatcher: Dispatcher, post: Post, options: ChannelOptions): Promise<void> {
  const { url, method, body = null, headers } = post;
  const target = new URL(url);
  const { status } = await exchange(
    dispatcher,
    {
      origin: target.origin,
      path: target.pathname + target.search,
      method,
      headers: { 'user-agent': options.userAgent, ...headers },
      body,
    },
    { timeMs: TRY_MS, bytes: LONGEST_ANSWER, signal: options.signal },
  );
  if (status >= 200 && status < 300) return;
  const error = new Error(`${target.host} answered ${status}`);
  throw isFinal(status) ? new AbortError(error) : error;
}

function withRetries(work: () => Promise<void>, signal: AbortSignal): Promise<void> {
  return pRetry(work, { retries: RETRIES, minTimeout: 500, maxTimeout: 5_000, randomize: true, signal });
}

type Email = Extract<ChannelConfig, { type: 'email' }>;

function mailer(config: Email): (message: Message) => Promise<void> {
  const transport = createTransport({
    host: config.host,
    port: config.port,
    secure: config.secure,
    requireTLS: config.requireTls && !config.secure,
    ignoreTLS: !config.requireTls && !config.secure,
    ...(config.username ? { auth: { user: config.username, pass: config.password ?? '' } } : {}),
    connectionTimeout: TRY_MS,
    greetingTimeout: TRY_MS,
    socketTimeout: TRY_MS,
    dnsTimeout: TRY_MS,
    // Explicit: NODE_TLS_REJECT_UNAUTHORIZED=0 in the environment changes nothing.
    tls: { rejectUnauthorized: true },
    // Neither files nor addresses named in a message are ever read.
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return async (message) => {
    await transport.sendMail({
      from: config.from,
      to: [...config.to],
      subject: config.subject
        ? fillTemplate(config.subject, message, AS_IT_IS)
        : `[celigo-mirror] ${message.account}: ${message.event}`,
      text: config.text ? fillTemplate(config.text, message, AS_IT_IS) : `${plainText(message)}\n`,
    });
  };
}

/** The body and its type, by the kind of channel. */
function posted(config: Exclude<ChannelConfig, Email>, message: Message): Post {
  const { url } = config;
  const json = { 'content-type': 'application/json' };
  switch (config.type) {
    case 'webhook': {
      const body = config.body ? fillTemplate(config.body, message, FOR_JSON) : JSON.stringify(message);
      return { method: 'POST', url, headers: { ...json, ...config.headers }, body };
    }
    case 'slack': {
      // Only a template of the configuration may format: names are shown as they are.
      const body = config.text
        ? { text: fillTemplate(config.text, message, FOR_SLACK) }
        : { text: FOR_SLACK(plainText(message)), mrkdwn: false };
      return { method: 'POST', url, headers: json, body: JSON.stringify(body) };
    }
    case 'teams': {
      const text = config.text ? fillTemplate(config.text, message, AS_IT_IS) : plainText(message);
      return { method: 'POST', url, headers: json, body: JSON.stringify(teamsCard(text, message)) };
    }
    case 'ping':
      throw new Error('a ping channel takes no messages');
  }
}

/** The address of a ping: `<url>`, `<url>/start`, `<url>/fail`. */
function pingUrl(base: string, what: Ping): string {
  const url = new URL(base);
  if (what !== 'success') url.pathname = `${url.pathname.replace(/(?<!\/)\/+$/, '')}/${what}`;
  return url.href;
}

/** Opens a channel; nothing is connected before the first message. */
export function openChannel(config: ChannelConfig, options: ChannelOptions): Channel {
  const clean = (message: Message): Message =>
    mapTexts(message as unknown as Json, options.scrub) as unknown as Message;
  if (config.type === 'email') {
    const mail = mailer(config);
    return {
      config,
      send: (message) => withRetries(() => mail(clean(message)), options.signal),
      ping: async () => undefined,
      close: async () => undefined,
    };
  }
  const dispatcher = openDispatcher({ proxies: options.proxies, connectTimeout: TRY_MS });
  return {
    config,
    send: (message) => withRetries(() => request(dispatcher, posted(config, clean(message)), options), options.signal),
    ping: (what, summary) => {
      const url = pingUrl(config.url, what);
      const post: Post =
        what === 'fail'
          ? {
              method: 'POST',
              url,
              body: options.scrub(summary),
              headers: { 'content-type': 'text/plain; charset=utf-8' },
            }
          : { method: 'GET', url };
      return withRetries(() => request(dispatcher, post, options), options.signal);
    },
    close: () => dispatcher.destroy(),
  };
}
