import { AppError } from '../core/errors.ts';

/** Addresses of proxies, `''` for none, and the hosts that are reached without one. */
export interface ProxySettings {
  readonly httpProxy: string;
  readonly httpsProxy: string;
  readonly noProxy: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

const SCHEMES: ReadonlySet<string> = new Set(['http:', 'https:', 'socks5:', 'socks:']);

function isProxyUrl(text: string): boolean {
  try {
    const { protocol, hostname, username, password } = new URL(text);
    decodeURIComponent(username + password);
    return SCHEMES.has(protocol) && hostname !== '';
  } catch {
    return false;
  }
}

/** The variable's value; lower case wins over upper case, as in other programs. @throws AppError `USAGE` */
function proxyIn(env: Environment, name: string): string {
  const variable = env[name.toLowerCase()] === undefined ? name : name.toLowerCase();
  const value = env[variable] ?? '';
  // The value may hold a password: it is never shown.
  if (value !== '' && !isProxyUrl(value)) {
    throw new AppError('USAGE', `$${variable} is not a valid proxy URL`, {
      hint:
        `Set ${variable} to a URL such as http://proxy.example:3128, with special characters in user and password ` +
        'written as %XX; or unset it',
    });
  }
  return value;
}

/**
 * The proxies that the environment names (`HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`), or `undefined` without any.
 * @throws AppError `USAGE` for an invalid URL, naming the variable
 */
export function proxiesOf(env: Environment): ProxySettings | undefined {
  const httpProxy = proxyIn(env, 'HTTP_PROXY');
  const httpsProxy = proxyIn(env, 'HTTPS_PROXY');
  if (httpProxy === '' && httpsProxy === '') return undefined;
  return { httpProxy, httpsProxy, noProxy: env.no_proxy ?? env.NO_PROXY ?? '' };
}
