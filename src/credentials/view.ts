import { counted } from '../core/counted.ts';
import type { Json, JsonObject } from '../core/json.ts';
import { idIn, type Key, typeIn } from '../core/keys.ts';
import { oneLine } from '../core/unseen.ts';
import { type AccountGraph, nameOf } from '../graph/account-graph.ts';
import { type Coverage, type CredentialHolder, coverageOf, isMet, isOpen, type NeededCredential } from './needed.ts';

/** Most names in one line; the others are counted. */
const MOST_NAMES = 5;

function named(graph: AccountGraph, keys: readonly Key[]): string {
  const names = keys.slice(0, MOST_NAMES).map((key) => `"${oneLine(nameOf(graph, key))}"`);
  return `${names.join(', ')}${keys.length > MOST_NAMES ? ` and ${keys.length - MOST_NAMES} more` : ''}`;
}

function waiting(graph: AccountGraph, { key, connections, flows }: CredentialHolder): string[] {
  const others = connections.filter((one) => one !== key);
  const enabled = flows.filter((flow) => flow.enabled).map((flow) => flow.key);
  const lines = [
    { keys: others, what: `used by ${counted(others.length, 'connection')}` },
    { keys: enabled, what: `needed by ${counted(enabled.length, 'enabled flow')}` },
  ];
  return lines.flatMap(({ keys, what }) => (keys.length > 0 ? [`${what}: ${named(graph, keys)}`] : []));
}

/** How one credential comes back. */
function stateOf(credential: NeededCredential, holder: CredentialHolder, checked: boolean): string {
  if (credential.supplied) return '  (supplied)';
  if (holder.live?.places.has(credential.place)) return '  (in the account)';
  if (holder.live?.state === 'binned') return '  (comes back from the recycle bin)';
  if (credential.bySignIn) return '  (by signing in)';
  return checked ? '  (missing)' : '';
}

/** What an account was found to have. */
const LIVE = {
  live: 'in the account',
  offline: 'in the account, and offline there',
  binned: 'in the recycle bin of the account, which keeps its credentials',
  absent: 'not in the account',
} as const;

function holderText(graph: AccountGraph, holder: CredentialHolder, checked: boolean): string[] {
  return [
    `${holder.key}  "${oneLine(nameOf(graph, holder.key))}"`,
    ...(holder.live ? [`  ${LIVE[holder.live.isOffline ? 'offline' : holder.live.state]}`] : []),
    ...holder.credentials.map((one) => `  ${one.place}${stateOf(one, holder, checked)}`),
    ...(holder.signIn ? ['  a person signs in in the browser'] : []),
    ...waiting(graph, holder).map((line) => `    ${line}`),
    '',
  ];
}

/** What a coverage means, as one sentence. */
export function coverageText({ credentials, signIns, connections, flows }: Coverage): string {
  if (credentials === 0 && signIns === 0) return 'needs no credentials beside the mirror';
  const signing = signIns === 0 ? '' : ` and ${counted(signIns, 'sign-in')} in the browser`;
  const waiting = `${counted(connections.length, 'connection')} and ${counted(flows.length, 'enabled flow')}`;
  return `needs ${counted(credentials, 'credential')}${signing} beside the mirror; ${waiting} wait for them`;
}

/**
 * The credentials that a restore into an empty account needs, for people.
 * @param checked whether values were looked for, so that those without one are missing
 */
export function credentialsText(
  graph: AccountGraph,
  account: string,
  holders: readonly CredentialHolder[],
  checked: boolean,
): string {
  const coverage = coverageOf(holders);
  const shown = checked ? holders.filter(isOpen) : holders;
  const lines = shown.flatMap((holder) => holderText(graph, holder, checked));
  if (!checked) {
    const ways =
      'A resource in the recycle bin keeps its credentials. For one that is gone, pass them with --secrets: ' +
      'celigo-mirror secrets template';
    const sum = `A full restore of ${account} ${coverageText(coverage)}.`;
    return `${[...lines, sum, ...(lines.length > 0 ? [ways] : [])].join('\n')}\n`;
  }
  const { credentials, supplied, flows } = coverage;
  const all = `${counted(credentials, 'credential')} of ${account}`;
  const missing = missingIn(holders);
  const there = credentials - supplied - missing;
  const others = there > 0 ? `, ${there} are in the account` : '';
  const filled =
    credentials === supplied
      ? `All ${all} are supplied.`
      : `${supplied} of ${all} are supplied${others}, ${missing} are missing.`;
  const offline =
    flows.length === 0 ? [] : [`${counted(flows.length, 'enabled flow')} will not run: ${named(graph, flows)}`];
  return `${[...lines, filled, ...offline].join('\n')}\n`;
}

/** How many credentials neither `--secrets` nor the account has; what a person gets by signing in is none of them. */
export function missingIn(holders: readonly CredentialHolder[]): number {
  return holders.flatMap((holder) => holder.credentials.filter((one) => !one.bySignIn && !isMet(one, holder))).length;
}

/** The same as one JSON document. */
export function credentialsJson(
  graph: AccountGraph,
  account: string,
  commit: string,
  holders: readonly CredentialHolder[],
): JsonObject {
  const coverage = coverageOf(holders);
  const resource = (key: Key): Json => ({ type: typeIn(key), id: idIn(key), name: nameOf(graph, key) });
  return {
    account,
    commit,
    credentials: coverage.credentials,
    supplied: coverage.supplied,
    missing: missingIn(holders),
    signIns: coverage.signIns,
    connections: coverage.connections.map(resource),
    flows: coverage.flows.map(resource),
    resources: holders.map((holder) => ({
      type: typeIn(holder.key),
      id: idIn(holder.key),
      name: nameOf(graph, holder.key),
      signIn: holder.signIn,
      ...(holder.live ? { live: { state: holder.live.state, offline: holder.live.isOffline } } : {}),
      credentials: holder.credentials.map((one) => ({
        ...{ place: one.place, bySignIn: one.bySignIn, supplied: one.supplied },
        ...(holder.live ? { inAccount: isMet({ ...one, supplied: false }, holder) } : {}),
      })),
      connections: [...holder.connections],
      flows: holder.flows.map(({ key, enabled }) => ({ key, enabled })),
    })),
  };
}
