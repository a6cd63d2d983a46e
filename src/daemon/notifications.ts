import type { Config } from '../config/schema.ts';
import { secretsOf } from '../config/secrets-of.ts';
import { commitLinks } from '../core/commit-links.ts';
import type { ProxySettings } from '../net/proxies.ts';
import { openChannel } from '../notify/channels.ts';
import { createNotifier, type Notifier, type Reported } from '../notify/notifier.ts';
import { scrub } from '../run/log.ts';
import type { DaemonLog } from './log.ts';
import { HISTORY_MS, type MirrorReader } from './pages.ts';

interface NotificationOptions {
  readonly log: DaemonLog;
  readonly proxies: ProxySettings | undefined;
  readonly userAgent: string;
  /** Gives up every delivery. */
  readonly signal: AbortSignal;
  /** Reads the mirror; absent where this machine cannot. */
  readonly reader?: MirrorReader | undefined;
  /** What was reported has changed and is to be saved. */
  readonly onReported: () => void;
  /** A message was delivered, or `failing` says why not. */
  readonly onDelivery: (channel: string, failing: string | undefined) => void;
}

/** The notifier of a configuration: its channels, logged and with every secret removed. */
export function notifierOf(config: Config, reported: Reported, options: NotificationOptions): Notifier {
  const { log, onDelivery, reader, signal } = options;
  const secrets = secretsOf(config);
  return createNotifier({
    channels: config.notifications.map((channel) =>
      openChannel(channel, { ...options, scrub: (text) => scrub(text, secrets) }),
    ),
    accounts: config.accounts.map(({ name }) => name),
    reported,
    watching: reader && {
      head: () => reader.head(config),
      find: (account, rules, since) =>
        reader.watched(config, account, rules, since, AbortSignal.any([signal, AbortSignal.timeout(HISTORY_MS)])),
    },
    linkOf: commitLinks(config.repository.commitUrl, config.repository.remote),
    onReported: options.onReported,
    onSent: (channel, account, event) => {
      onDelivery(channel, undefined);
      log.info({ channel, account, event }, 'notification sent');
    },
    onFailed: (channel, account, event, reason) => {
      onDelivery(channel, reason);
      log.warn({ channel, account, event, reason }, 'notification failed');
    },
  });
}
