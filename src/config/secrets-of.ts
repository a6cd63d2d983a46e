import type { ChannelConfig, Config } from './schema.ts';

function secretsOfChannel(channel: ChannelConfig): (string | undefined)[] {
  if (channel.type === 'email') return [channel.password];
  const headers = channel.type === 'webhook' ? Object.values(channel.headers) : [];
  // Whoever knows such a URL can post there; the host alone reveals nothing.
  const { pathname, search } = new URL(channel.url);
  const path = pathname.replace(/(?<!\/)\/+$/, '');
  return [channel.url, path.length >= 8 ? path : undefined, search, ...headers];
}

/** Every secret of the configuration: none may appear in a log, an answer or a message. */
export function secretsOf(config: Config): string[] {
  return [
    ...config.accounts.map(({ token }) => token),
    config.repository.token,
    config.daemon.triggerToken,
    ...config.notifications.flatMap(secretsOfChannel),
  ].filter((secret): secret is string => secret !== undefined && secret !== '');
}
