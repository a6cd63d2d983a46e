import type { SignInRule } from '../catalogue/types.ts';
import { isAppPart, type MirrorDocument } from '../core/documents.ts';
import type { JsonObject } from '../core/json.ts';
import type { Key } from '../core/keys.ts';
import { valueAt } from '../core/paths.ts';
import { atPlace, covers, placeOf } from '../core/places.ts';
import { isMask } from '../core/secrets.ts';
import type { AccountGraph } from '../graph/account-graph.ts';
import { createBody, switchesOf } from '../plan/body.ts';
import type { Supplied } from '../plan/secrets.ts';

/** A value that a restore lacks when it creates the resource. */
export interface NeededCredential {
  readonly place: string;
  /** Whether a person gets it by signing in in a browser, where it is not in a vault. */
  readonly bySignIn: boolean;
  /** Whether `--secrets` has it. */
  readonly supplied: boolean;
  /** The text of the mirror, where the credential is a part of one: the value is the text as a whole. */
  readonly text?: string;
}

/** What an account was found to have of a resource and its credentials. */
export interface InAccount {
  /** `binned`: it comes back from the recycle bin with its credentials. */
  readonly state: 'live' | 'binned' | 'absent';
  readonly isOffline: boolean;
  /** Places of credentials that it has. */
  readonly places: ReadonlySet<string>;
}

/** A resource that cannot come back whole from the mirror alone. */
export interface CredentialHolder {
  readonly key: Key;
  readonly document: MirrorDocument;
  /** In the order of the document. */
  readonly credentials: readonly NeededCredential[];
  /** Whether a person has to sign in in a browser after the resource was created. */
  readonly signIn: boolean;
  /** What stays offline without it: itself, where it is a connection, and others that use it. */
  readonly connections: readonly Key[];
  /** Flows that use it, directly or through others. */
  readonly flows: readonly { readonly key: Key; readonly enabled: boolean }[];
  /** What the account has of it, where that was asked. */
  readonly live?: InAccount;
}

/** Whether a value need not be passed: `--secrets` has it, or the account, or it comes back from the recycle bin. */
export function isMet({ place, supplied }: NeededCredential, { live }: CredentialHolder): boolean {
  return supplied || live?.state === 'binned' || live?.places.has(place) === true;
}

function applies({ when }: SignInRule, doc: JsonObject): boolean {
  return Object.entries(when).every(([path, values]) => values.some((value) => value === (valueAt(doc, path) ?? null)));
}

/** A resource and all that does not work without it. Membership and the order of flows are no need. */
function waitingFor(graph: AccountGraph, start: Key): ReadonlySet<Key> {
  const found = new Set([start]);
  for (const key of found) for (const { from, kind } of graph.usedBy(key)) if (kind === 'uses') found.add(from);
  return found;
}

function isEnabled({ type, doc }: MirrorDocument): boolean {
  return switchesOf(type, doc).some((path) => valueAt(doc, path) === false);
}

/** Places of what a creation lacks. Tokens that the server issues again, such as that of an agent, are not. */
function lacking({ type, doc }: MirrorDocument, supplied: Supplied): string[] {
  const { missing } = createBody({ type, wanted: doc, ids: new Map(), supplied, late: [] });
  const minted = type.restore.strip ?? [];
  return missing.filter((place) => !minted.some((path) => covers(path, placeOf(place))));
}

function holderOf(graph: AccountGraph, key: Key, supplied: Supplied): CredentialHolder | undefined {
  const document = graph.nodes.get(key);
  // What an Integration App made, its makers restore; what is changed manually alone, no value is passed for.
  if (!document || isAppPart(document.doc) || document.type.restore.mode === 'manual') return undefined;
  const rules = (document.type.signIn ?? []).filter((rule) => applies(rule, document.doc));
  const needed = lacking(document, new Map());
  if (needed.length === 0 && rules.length === 0) return undefined;
  const unfilled = supplied.size === 0 ? needed : lacking(document, supplied);
  const credentials = needed.map((place): NeededCredential => {
    const steps = placeOf(place);
    const held = atPlace(document.doc, steps);
    return {
      place,
      bySignIn: rules.some((rule) => rule.credentials.some((path) => covers(path, steps))),
      supplied: !unfilled.includes(place),
      ...(typeof held === 'string' && !isMask(held) ? { text: held } : {}),
    };
  });
  const waiting = [...waitingFor(graph, key)];
  const found = (one: Key): MirrorDocument | undefined => graph.nodes.get(one);
  return {
    key,
    document,
    credentials,
    signIn: rules.length > 0,
    connections: waiting.filter((one) => found(one)?.type.offline !== undefined),
    flows: waiting.flatMap((one) => {
      const flow = found(one);
      return flow?.type.dependence === 'runs' ? [{ key: one, enabled: isEnabled(flow) }] : [];
    }),
  };
}

/**
 * What a restore into an empty account needs beside the mirror: every credential that the mirror does not hold, by the
 * resource that has it, those for which most enabled flows wait first.
 * @param supplied the values of `--secrets` for a resource
 */
export function neededCredentials(
  graph: AccountGraph,
  supplied: (document: MirrorDocument) => Supplied = () => new Map(),
): CredentialHolder[] {
  const holders = [...graph.nodes].flatMap(([key, document]) => holderOf(graph, key, supplied(document)) ?? []);
  const enabled = ({ flows }: CredentialHolder): number => flows.filter((flow) => flow.enabled).length;
  return holders.sort((a, b) => enabled(b) - enabled(a) || (a.key < b.key ? -1 : 1));
}

/** How much a person has to supply, and what waits for it. */
export interface Coverage {
  /** Values that `--secrets` can pass. */
  readonly credentials: number;
  /** Of these, what it has. */
  readonly supplied: number;
  /** Resources of which a person has to sign in in a browser. */
  readonly signIns: number;
  /** What stays offline until the rest is there. */
  readonly connections: readonly Key[];
  /** Enabled flows that do not run until then. */
  readonly flows: readonly Key[];
}

/** Whether a resource still lacks something. */
export function isOpen(holder: CredentialHolder): boolean {
  const { credentials, signIn, live } = holder;
  if (live?.isOffline) return true;
  const lacks = credentials.some((one) => !one.bySignIn && !isMet(one, holder));
  const tokens = credentials.filter(({ bySignIn }) => bySignIn);
  const isSignedIn =
    tokens.length > 0 ? tokens.every((one) => isMet(one, holder)) : live !== undefined && live.state !== 'absent';
  return lacks || (signIn && !isSignedIn);
}

/** Sums up what is needed. */
export function coverageOf(holders: readonly CredentialHolder[]): Coverage {
  const values = holders.flatMap(({ credentials }) => credentials.filter(({ bySignIn }) => !bySignIn));
  const open = holders.filter(isOpen);
  const flows = open.flatMap((holder) => holder.flows.filter(({ enabled }) => enabled).map(({ key }) => key));
  return {
    credentials: values.length,
    supplied: values.filter(({ supplied }) => supplied).length,
    signIns: holders.filter(({ signIn }) => signIn).length,
    connections: [...new Set(open.flatMap(({ connections }) => connections))].sort(),
    flows: [...new Set(flows)].sort(),
  };
}
