import { AppError } from '../core/errors.ts';
import { isArray, isObject, type Json } from '../core/json.ts';
import { BINDING_FILE } from '../core/layout.ts';
import { parseYaml, renderYaml, YamlError } from '../core/yaml.ts';
import type { Git } from '../git/git.ts';

/** Version of the folder's layout. A newer one is refused. */
const LAYOUT = 1;

/** Version of the rules by which documents are written: raised when normaliser, writer or catalogue do so otherwise. */
export const RULES = 5;

/** What `mirror.yaml` says: which account the folder belongs to and what it covers. */
export interface Binding {
  readonly baseUrl: string;
  /** The token's `_userId`. */
  readonly userId: string;
  /** Key of the fingerprints that replace credentials. */
  readonly fingerprintKey: string;
  /** Version of the rules by which its documents were written; 2 where the file does not name it. */
  readonly rules: number;
  /** What the account ignored then: further volatile fields by type. */
  readonly ignore?: Readonly<Record<string, readonly string[]>>;
  /** Types that were read completely at least once. */
  readonly types: readonly string[];
}

export function renderBinding(binding: Binding): string {
  return renderYaml({
    account: { baseUrl: binding.baseUrl, userId: binding.userId },
    fingerprintKey: binding.fingerprintKey,
    ...(Object.keys(binding.ignore ?? {}).length === 0 ? {} : { ignore: binding.ignore as Json }),
    layout: LAYOUT,
    rules: binding.rules,
    types: [...binding.types].sort(),
  });
}

/** @throws AppError `BINDING` for a file that is damaged or of a later version */
export function readBinding(parsed: Json, path: string): Binding {
  const account = isObject(parsed) ? parsed.account : undefined;
  if (
    !isObject(parsed) ||
    !isObject(account) ||
    typeof account.baseUrl !== 'string' ||
    typeof account.userId !== 'string'
  ) {
    throw new AppError('BINDING', `${path} does not say which account the folder belongs to`, {
      hint: `Restore the file from git (git log -- ${path}), or remove the folder to start a new mirror`,
    });
  }
  if (typeof parsed.layout !== 'number' || parsed.layout > LAYOUT) {
    throw new AppError('BINDING', `${path} has the layout ${String(parsed.layout)}, this version knows ${LAYOUT}`, {
      hint: 'Install the version of celigo-mirror that wrote it, or a later one',
    });
  }
  return {
    baseUrl: account.baseUrl,
    userId: account.userId,
    fingerprintKey: typeof parsed.fingerprintKey === 'string' ? parsed.fingerprintKey : '',
    rules: typeof parsed.rules === 'number' ? parsed.rules : 2,
    ignore: ignoreIn(parsed.ignore),
    types: isArray(parsed.types) ? parsed.types.filter((type) => typeof type === 'string') : [],
  };
}

function ignoreIn(value: Json | undefined): NonNullable<Binding['ignore']> {
  if (!isObject(value)) return {};
  const strings = (list: Json): string[] => (isArray(list) ? list.filter((path) => typeof path === 'string') : []);
  return Object.fromEntries(Object.entries(value).map(([type, paths]) => [type, strings(paths)]));
}

/** Whether documents were written by rules that leave less out than today's: of the version, or of the account. */
export function hasOlderRules(
  { rules, ignore: before = {} }: Binding,
  ignore: NonNullable<Binding['ignore']>,
): boolean {
  const isNew = ([type, paths]: [string, readonly string[]]): boolean =>
    paths.some((path) => !before[type]?.includes(path));
  return rules < RULES || Object.entries(ignore).some(isNew);
}

/** Whether a URL is that of a server on this machine. */
export function isLoopback(baseUrl: string): boolean {
  return /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(new URL(baseUrl).hostname);
}

/** Origin and path; the port of this machine changes from start to start and says nothing. */
function comparable(baseUrl: string): string {
  if (!URL.canParse(baseUrl)) return baseUrl;
  const { origin, pathname } = new URL(baseUrl);
  return isLoopback(baseUrl) ? `loopback${pathname}` : `${origin}${pathname}`;
}

/** What the account's folder in HEAD is bound to; `undefined` for an account that was never mirrored. */
export async function bindingIn(git: Git, account: string): Promise<Binding | undefined> {
  const path = `${account}/${BINDING_FILE}`;
  const [file] = await git.find([`HEAD:${path}`]);
  if (!file) return undefined;
  try {
    return readBinding(parseYaml(file.bytes.toString('utf8')), path);
  } catch (error) {
    if (!(error instanceof YamlError)) throw error;
    return readBinding(null, path);
  }
}

/** Whether a folder is bound to the user of a token. */
export function bindsTo(binding: Binding, found: { baseUrl: string; userId: string }): boolean {
  return comparable(binding.baseUrl) === comparable(found.baseUrl) && binding.userId === found.userId;
}

/** Refuses to mix two accounts in one folder. @throws AppError `BINDING` */
export function checkBinding(binding: Binding, found: { baseUrl: string; userId: string }, account: string): void {
  if (bindsTo(binding, found)) return;
  const path = `${account}/${BINDING_FILE}`;
  throw new AppError(
    'BINDING',
    `${account}: the token belongs to user ${found.userId} at ${found.baseUrl}, but ${path} binds the folder to user ` +
      `${binding.userId} at ${binding.baseUrl}. Nothing was committed`,
    {
      hint:
        'Use the token of the right account, or another account name for this one. If it is the same account ' +
        `(a new owner or token): celigo-mirror sync --account ${account} --rebind`,
    },
  );
}
