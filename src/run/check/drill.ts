import { rmSync } from 'node:fs';
import { USERS } from '../../catalogue/index.ts';
import type { AccountConfig } from '../../config/schema.ts';
import type { MirrorDocument } from '../../core/documents.ts';
import type { Json, JsonObject } from '../../core/json.ts';
import { keyOf } from '../../core/keys.ts';
import { BINDING_FILE } from '../../core/layout.ts';
import { valueAt, withoutPaths } from '../../core/paths.ts';
import { placeOf, placeText } from '../../core/places.ts';
import { referencesOf } from '../../core/references.ts';
import { secretPlaces } from '../../core/secret-places.ts';
import type { AccountSeed, Person } from '../../emulator/model/seed.ts';
import { createGit } from '../../git/git.ts';
import { temporaryFolder } from '../../git/temporary-folder.ts';
import { subscriptionOf } from '../restore/subscriptions.ts';
import { configOf, copyMirror, type DrillInput, OPERATOR, readCopy, unreadable } from './drill-copy.ts';
import { unlistedReferences } from './drill-findings.ts';
import type { DrillReport } from './drill-report.ts';
import { rehearse } from './rehearse.ts';

const TARGET = 'drill';
const TOKEN = 'drill-token';

/** An empty account with the users of the mirror: they are invited, not restored. */
function emptyTarget(documents: readonly MirrorDocument[], sourceUser: string): AccountSeed {
  const shares = documents.filter(({ type }) => type === USERS);
  const emails = new Set(shares.map(({ doc }) => valueAt(doc, `${USERS.person}.email`)));
  // A subscriber who is not a user is the owner.
  const subscribers = documents.map(({ type, doc }) => subscriptionOf(type, doc)?.email);
  const email = subscribers.find((one) => one !== undefined && !emails.has(one)) ?? 'owner@example.test';
  const owner: Person = { _id: sourceUser, name: 'Account owner', email, token: TOKEN, role: 'owner' };
  // The access of users to single resources is given again with the invitation.
  const invited = shares.map(({ type, doc }) => {
    const access = new Set(referencesOf(type, doc).map(({ place }) => String(placeOf(place)[0])));
    return withoutPaths(doc, [...access]);
  });
  return {
    people: [owner],
    resources: { [USERS.name]: invited },
    lookupData: {},
    state: {},
    audit: [],
    unlisted: standIns(documents),
  };
}

/** Stand-ins for what others provide. */
function standIns(documents: readonly MirrorDocument[]): Record<string, JsonObject[]> {
  const out: Record<string, JsonObject[]> = {};
  for (const { type, id } of unlistedReferences(documents)) {
    out[type] = [...(out[type] ?? []), { _id: id, name: 'provided by others' }];
  }
  return out;
}

function targetOf(baseUrl: string, sampleData: boolean): AccountConfig {
  return {
    name: TARGET,
    baseUrl,
    token: TOKEN,
    include: ['*'],
    exclude: [],
    ignore: {},
    lookupCacheData: true,
    credentials: { fields: 'redact', code: 'warn' },
    auditFeed: false,
    overview: false,
    sampleData,
    // No one else uses this emulator.
    rateLimit: { perSecond: 100_000, burst: 1_000 },
    concurrency: 8,
    requestTimeoutMs: 60_000,
    maxResponseBytes: 2 ** 28,
    drill: false,
    maxPauseMs: 300_000,
    retries: 2,
  };
}

/** A value for every place of a credential, so that the rest can be shown to come back. */
function inventedSecrets(documents: readonly MirrorDocument[]): Map<string, Map<string, Json>> {
  const out = new Map<string, Map<string, Json>>();
  for (const { type, id, doc } of documents) {
    const places = secretPlaces(doc);
    if (places.length > 0)
      out.set(keyOf(type.name, id), new Map(places.map(({ place }) => [placeText(place), 'put-in-by-drill'])));
  }
  return out;
}

function userIdOf(files: ReadonlyMap<string, Buffer>): string {
  return (
    /userId: "?([0-9a-f]{24})/.exec(files.get(BINDING_FILE)?.toString('utf8') ?? '')?.[1] ?? '650000000000000000000001'
  );
}

/**
 * Rehearses a full restore: the mirror into an empty emulated account, which is mirrored again and compared, except for
 * ids and credentials. Needs no network and no token; leaves nothing behind.
 * @throws AppError when the mirror cannot be read at all
 */
export async function drill(input: DrillInput): Promise<DrillReport> {
  const started = performance.now();
  const folder = temporaryFolder('drill');
  const { startEmulator } = await import('../../emulator/http/server.ts');
  let emulator: Awaited<ReturnType<typeof startEmulator>> | undefined;
  try {
    const faults = unreadable(input);
    const bare = configOf(folder, targetOf('http://127.0.0.1', false), input.label);
    const git = createGit({ cwd: folder, config: bare.repository, env: input.env, signal: input.signal });
    await copyMirror(git, folder, input, new Set(faults.keys()));
    const copy = await readCopy(git, input.account, faults, (sampleData) => targetOf('', sampleData));
    emulator = await startEmulator({
      seed: emptyTarget(copy.documents, userIdOf(input.files)),
      rateLimit: false,
      auditAll: true,
      // What the account held when it was mirrored is not a fault, even if the API refuses to create it today.
      validation: 'record',
      standaloneFlows: 'refuse',
      completes: true,
    });
    const { refusals } = emulator;
    const target = { ...copy.target, baseUrl: emulator.url };
    const found = await rehearse({
      git,
      copy,
      deps: {
        ...input,
        config: configOf(folder, target, input.label),
        env: { ...input.env, CELIGO_MIRROR_OPERATOR: OPERATOR },
        report: () => undefined,
        lockWaitMs: 1_000,
        spareMemory: () => undefined,
      },
      request: {
        from: input.account,
        target,
        secrets: inventedSecrets(copy.documents),
        overrides: new Map(),
        enableFlows: true,
      },
      everyCredential: true,
      resume: false,
      refusals,
    });
    return {
      account: input.account,
      state: input.label,
      commit: input.commit,
      target: { kind: 'emulator' },
      ...found,
      durationMs: Math.round(performance.now() - started),
    };
  } finally {
    await emulator?.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
