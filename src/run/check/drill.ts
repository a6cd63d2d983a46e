import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { findType, USERS } from '../../catalogue/index.ts';
import { plainConfig, plainRepository } from '../../config/plain.ts';
import type { AccountConfig, Config } from '../../config/schema.ts';
import type { MirrorDocument } from '../../core/documents.ts';
import { AppError, messageOf } from '../../core/errors.ts';
import { diffFields } from '../../core/field-diff.ts';
import type { Json, JsonObject } from '../../core/json.ts';
import { type Key, keyOf } from '../../core/keys.ts';
import { BINDING_FILE, type Transliterate } from '../../core/layout.ts';
import { setSteps, stepsOf, valueAt, withoutPaths } from '../../core/paths.ts';
import { placeOf, placeText } from '../../core/places.ts';
import { referencesOf } from '../../core/references.ts';
import { secretPlaces } from '../../core/secret-places.ts';
import type { AccountSeed, Person } from '../../emulator/model/seed.ts';
import { createGit, type Git } from '../../mirror/git.ts';
import { documentPaths, type MirrorState, readDocuments, readState, resolveAt } from '../../mirror/state.ts';
import { restorable, switchesOf } from '../../plan/body.ts';
import { bindingReferences, isLate } from '../../plan/dangling.ts';
import { isActing, type Step } from '../../plan/types.ts';
import type { Prepared } from '../restore/prepared.ts';
import type { RestoreReport } from '../restore/report.ts';
import { openRestore } from '../restore/session.ts';
import { subscriptionOf } from '../restore/subscriptions.ts';
import type { Outcome } from '../restore/write-log.ts';
import { EDITED, verifyFolder } from './verify.ts';

/** One thing that a rehearsal did not restore as it was. */
export interface DrillFinding {
  /** `<type>/<id>`, or a path. */
  readonly what: string;
  readonly title: string;
  readonly why: string;
}

/** What a rehearsal of a full restore showed. */
export interface DrillReport {
  readonly account: string;
  /** Commit, or the folder on the disk. */
  readonly state: string;
  readonly documents: number;
  /** Restored, and the same afterwards. */
  readonly restored: number;
  /** Credentials that a real restore would need: places in all resources together. */
  readonly credentials: number;
  /** Known to be impossible to restore through the API, with what to do. */
  readonly explained: readonly DrillFinding[];
  /** Faults of the mirror or of the restore. */
  readonly unexplained: readonly DrillFinding[];
  readonly requests: number;
  readonly durationMs: number;
}

interface DrillInput {
  readonly account: string;
  readonly label: string;
  /** Path inside the account's folder → bytes. */
  readonly files: ReadonlyMap<string, Buffer>;
  readonly transliterate: Transliterate;
  readonly userAgent: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly now: () => Date;
  readonly signal: AbortSignal;
}

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
  return { people: [owner], resources: { [USERS.name]: invited }, lookupData: {}, state: {}, audit: [] };
}

/** Files of documents that cannot be read, with the reason; the others are rehearsed all the same. */
function unreadable(input: DrillInput): Map<string, string> {
  const faults = new Map<string, string>();
  for (const { path, problem, line } of verifyFolder(input.account, input.files).faults) {
    const inside = path.slice(input.account.length + 1);
    if (problem === EDITED || inside === BINDING_FILE || !inside.includes('/')) continue;
    faults.set(inside, line ? `line ${line} ${problem}` : problem);
  }
  return faults;
}

/** Copies the mirror's folder into a repository of its own, where a restore can read it as usual. */
async function copyMirror(git: Git, folder: string, input: DrillInput, without: ReadonlySet<string>): Promise<void> {
  const folders = new Set<string>();
  for (const [path, bytes] of input.files) {
    if (without.has(path)) continue;
    const target = join(folder, input.account, path);
    if (!folders.has(dirname(target))) mkdirSync(dirname(target), { recursive: true });
    folders.add(dirname(target));
    writeFileSync(target, bytes);
  }
  await git.run(['init', '--quiet', '--initial-branch=main', '.']);
  await git.run(['add', '--all', '--force', '--', '.']);
  await git.run(['commit', '--quiet', '--allow-empty', '-m', 'the mirror as it is']);
}

/** Whether the mirror was written with `sampleData`. */
function holdsSamples(documents: readonly MirrorDocument[]): boolean {
  return documents.some(({ type, doc }) => type.samples?.some((path) => valueAt(doc, path) !== undefined));
}

function configOf(
  folder: string,
  baseUrl: string,
  state: string,
  sampleData: boolean,
): { config: Config; target: AccountConfig } {
  const target: AccountConfig = {
    name: TARGET,
    baseUrl,
    token: TOKEN,
    include: ['*'],
    exclude: [],
    lookupCacheData: true,
    credentials: { fields: 'redact', code: 'warn' },
    auditFeed: false,
    overview: false,
    sampleData,
    // No one else uses this emulator.
    requestsPerSecond: 100_000,
    concurrency: 8,
    requestTimeoutMs: 60_000,
    retries: 2,
  };
  const config: Config = {
    ...plainConfig(state, plainRepository(folder, { name: 'drill', email: 'drill@localhost' }), target),
    guards: { maxDeletions: 1_000_000, maxDeletionShare: 1 },
  };
  return { config, target };
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
  const folder = mkdtempSync(join(tmpdir(), 'celigo-mirror-drill-'));
  const { startEmulator } = await import('../../emulator/http/server.ts');
  let emulator: Awaited<ReturnType<typeof startEmulator>> | undefined;
  try {
    const faults = unreadable(input);
    const { config: bare } = configOf(folder, 'http://127.0.0.1', input.label, false);
    const git = createGit({ cwd: folder, config: bare.repository, env: input.env, signal: input.signal });
    await copyMirror(git, folder, input, new Set(faults.keys()));
    const state = await readState(git, input.account, await resolveAt(git, 'HEAD', input.now()));
    const documents = await readable(state, faults);
    emulator = await startEmulator({
      seed: emptyTarget(documents, userIdOf(input.files)),
      rateLimit: false,
      legacyRest: 'accept',
      auditAll: true,
    });
    const { config, target } = configOf(folder, emulator.url, input.label, holdsSamples(documents));
    const secrets = inventedSecrets(documents);
    const session = await openRestore(
      {
        config,
        env: { ...input.env, CELIGO_MIRROR_OPERATOR: 'drill <drill@localhost>' },
        now: input.now,
        report: () => undefined,
        transliterate: input.transliterate,
        userAgent: input.userAgent,
        lockWaitMs: 1_000,
        onManyFiles: () => undefined,
        signal: input.signal,
      },
      {
        what: ['all'],
        from: input.account,
        target,
        dryRun: false,
        prune: false,
        withDependencies: false,
        enableFlows: true,
        force: false,
        secrets,
        overrides: new Map(),
      },
    );
    try {
      const { prepared } = session;
      const report = await session.apply();
      const again = await readState(git, TARGET, await resolveAt(git, 'HEAD', input.now()));
      const found = await evaluate(prepared, report, again);
      const broken = [...faults].map(([path, why]) => ({ what: `${input.account}/${path}`, title: '', why }));
      return {
        account: input.account,
        state: input.label,
        documents: documents.length + broken.length,
        restored: found.restored,
        credentials: [...secrets.values()].reduce((sum, places) => sum + places.size, 0),
        explained: found.explained,
        unexplained: [...broken, ...found.unexplained],
        requests: report.requests,
        durationMs: Math.round(performance.now() - started),
      };
    } finally {
      await session.close();
    }
  } finally {
    await emulator?.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** All documents of the state, without the files at fault. */
async function readable(state: MirrorState, faults: Map<string, string>): Promise<MirrorDocument[]> {
  const paths = documentPaths(state);
  try {
    return await readDocuments(state, paths);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    throw new AppError('USAGE', messageOf(error), {
      hint: `${faults.size} other files have faults; celigo-mirror verify lists all of them`,
    });
  }
}

/**
 * Whether a blocked step is blocked only by what cannot be restored through the API: according to the plan, or because
 * it is of a type that only people create and of which the account lists nothing at all (no licence, no right).
 * @param mirrored types that the mirror holds something of
 */
function explainedBy(
  step: Step,
  prepared: Prepared,
  steps: ReadonlyMap<Key, Step>,
  mirrored: ReadonlySet<string>,
  seen: ReadonlySet<Key>,
): boolean {
  const document = prepared.documents.get(step.key);
  if (seen.has(step.key) || !document) return false;
  const inner = new Set([...seen, step.key]);
  let explained = false;
  for (const reference of bindingReferences(document)) {
    const key = keyOf(reference.type, reference.id);
    const other = steps.get(key);
    const met = other ? !['blocked', 'impossible'].includes(other.action) : prepared.state.documents.has(key);
    if (met || isLate(document, reference)) continue;
    explained = other
      ? other.action === 'impossible' || explainedBy(other, prepared, steps, mirrored, inner)
      : findType(reference.type)?.restore.mode === 'manual' && !mirrored.has(reference.type);
    if (!explained) return false;
  }
  return explained;
}

/** Places that differ, except for credentials and what the mirror does not hold. */
function compare(document: MirrorDocument, live: JsonObject, ids: ReadonlyMap<string, string>): string[] {
  const { type, doc } = document;
  let [wanted, now] = [doc as Json, live as Json];
  for (const { place } of secretPlaces(doc).reverse()) {
    wanted = setSteps(wanted, place, undefined);
    now = setSteps(now, place, undefined);
  }
  const unknown = switchesOf(type, doc).filter((path) => valueAt(doc, path) === undefined);
  if (type.entries && doc[type.entries] === undefined) unknown.push(type.entries);
  for (const path of unknown) now = setSteps(now, stepsOf(path), undefined);
  return diffFields(restorable(type, wanted as JsonObject, ids), restorable(type, now as JsonObject, new Map())).map(
    ({ place }) => placeText(place),
  );
}

/** Compares what came back with what was there, resource by resource. */
async function evaluate(
  prepared: Prepared,
  report: RestoreReport,
  again: MirrorState,
): Promise<Pick<DrillReport, 'restored' | 'explained' | 'unexplained'>> {
  const explained: DrillFinding[] = [];
  const unexplained: DrillFinding[] = [];
  const steps = new Map(report.plan.steps.map((step) => [step.key, step]));
  const outcomes = new Map(report.outcomes.map((outcome) => [outcome.step.key, outcome]));
  const held = new Map<Key, JsonObject>();
  for (const { type, id, doc } of await readDocuments(again, documentPaths(again))) held.set(keyOf(type.name, id), doc);
  const mirrored = new Set([...prepared.state.documents.values()].map(({ type: typeName }) => typeName));
  let restored = 0;
  for (const document of prepared.wanted) {
    const { type, id, title } = document;
    const what = keyOf(type.name, id);
    const step = steps.get(what);
    if (step?.action === 'impossible' || step?.action === 'blocked') {
      const known = step.action === 'impossible' || explainedBy(step, prepared, steps, mirrored, new Set());
      (known ? explained : unexplained).push({ what, title, why: step.reason });
      continue;
    }
    const live = held.get(keyOf(type.name, prepared.ids.get(id) ?? id));
    const outcome = step && isActing(step) ? (outcomes.get(what) ?? { step, result: 'skipped' as const }) : undefined;
    const why = lackOf(document, outcome, live, prepared.ids);
    if (why === undefined) restored += 1;
    else unexplained.push({ what, title, why });
  }
  return { restored, explained, unexplained };
}

/** How a resource is not as it was, or `undefined`. */
function lackOf(
  document: MirrorDocument,
  outcome: Outcome | undefined,
  live: JsonObject | undefined,
  ids: ReadonlyMap<string, string>,
): string | undefined {
  if (outcome && outcome.result !== 'done') return outcome.reason ?? 'was not restored';
  if (!live) return 'is missing after the restore';
  const places = compare(document, live, ids);
  return places.length === 0 ? undefined : `differs after the restore: ${places.slice(0, 10).join(', ')}`;
}
