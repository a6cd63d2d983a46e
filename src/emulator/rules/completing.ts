import type { ResourceType } from '../../catalogue/types.ts';
import { isArray, isObject, type Json, type JsonObject } from '../../core/json.ts';
import { mapPath, setPlace, textOf, valueAt, withKey } from '../../core/paths.ts';
import type { Context } from './draft.ts';
import { isNameOf } from './step-checks.ts';

/** Values that are there after a write although no one sent them, where the block is there (api-notes#defaults). */
const FILLED: Readonly<Record<string, Readonly<Record<string, Json>>>> = {
  exports: {
    'file.directory.pathMode': 'relativePath',
    'topic.startPosition': 'latest',
    'topic.maxWaitTimeMs': 30_000,
  },
  imports: {
    'file.directory.pathMode': 'relativePath',
    'topic.batchSize': 1_000,
    'lookups[].default': null,
    'lookups[].map': null,
    'lookups[].allowFailures': null,
    'guardrail.pii': { entities: [], mask: false },
    'guardrail.moderation': { categories: [] },
    'guardrail.pii.mask': false,
    'guardrail.aiAgent.openai.tools': [],
  },
  connections: { 'mcp.timeout': 600_000 },
  asynchelpers: {
    'http.status.initialWaitTime': null,
    'http.status.pollWaitTime': null,
    'http.result._exportId': null,
  },
};

/** Blocks that an import of another adaptor gets as well (api-notes#defaults). */
const STUBS: readonly (readonly [adaptor: string, block: string, stub: JsonObject])[] = [
  ['SalesforceImport', 'salesforce', { lookups: [] }],
  ['WrapperImport', 'wrapper', { lookups: [] }],
  ['RDBMSImport', 'rdbms', { lookups: [] }],
  ['NetSuiteDistributedImport', 'netsuite_da', { lookups: [], missingOrCorruptedDAConfig: false }],
];

/** Parts of documents that get an `_id` (api-notes#inner-ids). */
const PARTS: Readonly<Record<string, readonly string[]>> = {
  integrations: ['installSteps[].sourceConnection', 'uninstallSteps[].sourceConnection'],
  mcpservers: ['permissionSets[]', 'prompts[]', 'resources[]'],
};

function filled(type: string, doc: JsonObject): JsonObject {
  let out = doc;
  for (const [path, value] of Object.entries(FILLED[type] ?? {})) {
    const cut = path.lastIndexOf('.');
    const key = path.slice(cut + 1);
    out = mapPath(out, path.slice(0, cut), (block) =>
      isObject(block) && block[key] === undefined ? { ...block, [key]: value } : block,
    );
  }
  return out;
}

function withPartIds(type: string, doc: JsonObject, { account }: Context): JsonObject {
  return (PARTS[type] ?? []).reduce(
    (held, path) =>
      mapPath(held, path, (part) =>
        isObject(part) && part._id === undefined ? { ...part, _id: account.mint() } : part,
      ),
    doc,
  );
}

function withStubs(doc: JsonObject): JsonObject {
  const stubs = STUBS.filter(([adaptor, block]) => doc.adaptorType !== adaptor && doc[block] === undefined);
  return { ...doc, ...Object.fromEntries(stubs.map(([, block, stub]) => [block, stub])) };
}

/** Bulk inserts have a query, too, and the other way round. */
function withBulk(doc: JsonObject): JsonObject {
  if (doc.adaptorType !== 'RDBMSImport' || !isObject(doc.rdbms)) return doc;
  return { ...doc, rdbms: { query: [], bulkInsert: {}, ...doc.rdbms } };
}

/** `skipAggregation` follows from how files are aggregated. */
function withAggregation(doc: JsonObject): JsonObject {
  const kind = valueAt(doc, 'file.aggregation.type');
  return kind === undefined ? doc : setPlace(doc, 'file.skipAggregation', kind === 'page');
}

/** How changes are read is a field and, again, one of the properties (api-notes#change-capture). */
function withCapture(doc: JsonObject): JsonObject {
  const { cdc } = doc;
  if (!isObject(cdc)) return doc;
  let out = doc;
  for (const name of ['snapshotMode', 'captureMode']) {
    const properties = isArray(cdc.properties) ? cdc.properties : [];
    const found = properties.find((entry) => isObject(entry) && isNameOf(entry.name ?? null, name));
    if (isObject(found) && cdc[name] === undefined) out = setPlace(out, `cdc.${name}`, found.value);
  }
  return out;
}

/** A listener inside NetSuite has a version of its framework, fixed when it is created (api-notes#immutable). */
function withFramework(doc: JsonObject): JsonObject {
  const lacks = isObject(valueAt(doc, 'netsuite.distributed')) && doc.type === 'distributed';
  const version = valueAt(doc, 'netsuite.distributed.frameworkVersion');
  return lacks && version === undefined ? setPlace(doc, 'netsuite.distributed.frameworkVersion', 'suiteapp2.0') : doc;
}

/** A new connection recovers from rate limits by itself; the level of a block is its target (api-notes#clamped). */
function withRecovery(doc: JsonObject, { stored }: Context): JsonObject {
  if (stored || doc.autoRecoverRateLimitErrors !== undefined) return doc;
  let out: JsonObject = { ...doc, autoRecoverRateLimitErrors: true };
  for (const [name, block] of Object.entries(doc)) {
    if (!isObject(block) || block.concurrencyLevel === undefined || block.targetConcurrencyLevel !== undefined)
      continue;
    out = withKey(out, name, { ...block, targetConcurrencyLevel: block.concurrencyLevel });
  }
  return out;
}

/** What only the server knows: ids of stations, the address in a key of a service account. */
function withMintedIds(doc: JsonObject, { id }: Context): JsonObject {
  let out = doc;
  for (const path of ['as2.as2Id', 'van.as2Id']) {
    const [block = ''] = path.split('.');
    if (isObject(doc[block]) && valueAt(doc, path) === undefined) out = setPlace(out, path, `AS2-${id}`);
  }
  if (valueAt(doc, 'jdbc.type') === 'activedirectory' && valueAt(doc, 'jdbc.port') === undefined) {
    out = setPlace(out, 'jdbc.port', 389);
  }
  return out;
}

function withAddress(doc: JsonObject): JsonObject {
  const address = /"client_email"\s*:\s*"([^"]+)"/.exec(
    textOf(valueAt(doc, 'googleserviceaccount.serviceAccountJSON')) ?? '',
  );
  return address?.[1] === undefined ? doc : setPlace(doc, 'googleserviceaccount.clientEmail', address[1]);
}

const OWN: Readonly<Record<string, (doc: JsonObject, context: Context) => JsonObject>> = {
  exports: (doc) => withFramework(withCapture(doc)),
  imports: (doc) => withAggregation(withBulk(withStubs(doc))),
  connections: (doc, context) => withRecovery(withMintedIds(doc, context), context),
  iclients: withAddress,
  mcpservers: (doc) => withKey(doc, 'resources', doc.resources ?? []),
};

/** A document with what the server adds by itself (api-notes#defaults). Nothing that was sent changes. */
export function completed(type: ResourceType, doc: JsonObject, context: Context): JsonObject {
  const own = OWN[type.name]?.(doc, context) ?? doc;
  return withPartIds(type.name, filled(type.name, own), context);
}
