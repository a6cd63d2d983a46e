import type { ResourceType } from '../../catalogue/types.ts';
import {
  getOwn,
  isArray,
  isObject,
  type Json,
  type JsonObject,
  type MutableJsonObject,
  setOwn,
} from '../../core/json.ts';
import { mapPath, setPlace, valueAt, withKey } from '../../core/paths.ts';
import { codeOf } from '../model/ids.ts';
import { ruleOf } from './rules.ts';

/** What a normalisation may need in addition to the document. */
interface NormaliseContext {
  readonly id: string;
  readonly mint: () => string;
  /** The stored document, when it is replaced. */
  readonly stored: JsonObject | undefined;
}

type Normalise = (doc: JsonObject, context: NormaliseContext) => JsonObject;

function letterCase(doc: JsonObject, paths: readonly string[] = [], upper: boolean): JsonObject {
  return paths.reduce(
    (held, path) =>
      mapPath(held, path, (value) =>
        typeof value === 'string' ? (upper ? value.toUpperCase() : value.toLowerCase()) : value,
      ),
    doc,
  );
}

/** `rules` and `version` of a filter or transform repeat those of its `expression` (api-notes#echoes). */
function mirrored(value: Json): Json {
  const expression = isObject(value) ? getOwn(value, 'expression') : undefined;
  if (!isObject(value) || !isObject(expression)) return value;
  return ['rules', 'version'].reduce((held, key) => {
    const inner = getOwn(expression, key);
    return inner === undefined ? held : withKey(held, key, inner);
  }, value);
}

function isEmptyHook(hook: Json): boolean {
  return hook === null || (isObject(hook) && Object.values(hook).every((value) => value === null));
}

function withoutEmptyHooks(hooks: Json): Json {
  if (!isObject(hooks)) return hooks;
  return Object.keys(hooks).reduce(
    (held, key) => (isEmptyHook(hooks[key] ?? null) ? withKey(held, key, undefined) : held),
    hooks,
  );
}

function clampConcurrency(value: Json): Json {
  if (isArray(value)) return value.map(clampConcurrency);
  if (!isObject(value)) return value;
  const out: MutableJsonObject = {};
  for (const key of Object.keys(value)) {
    const held = value[key] as Json;
    const clamped =
      (key === 'concurrencyLevel' || key === 'targetConcurrencyLevel') && typeof held === 'number'
        ? Math.min(25, Math.max(1, Math.trunc(held)))
        : clampConcurrency(held);
    setOwn(out, key, clamped);
  }
  return out;
}

const FTP_PORTS: Readonly<Record<string, number>> = { sftp: 22, ftp: 21, ftps: 990 };

function connection(doc: JsonObject, { id }: NormaliseContext): JsonObject {
  let out = clampConcurrency(doc) as JsonObject;
  out = mapPath(out, 'netsuite.wsdlVersion', (value) => (value === 'next' ? 'next' : 'latest'));
  const protocol = valueAt(out, 'ftp.type');
  if (typeof protocol === 'string' && valueAt(out, 'ftp.port') === undefined) {
    out = setPlace(out, 'ftp.port', FTP_PORTS[protocol] ?? 21);
  }
  if (isObject(out.as2) && valueAt(out, 'as2.encrypted.userPrivateKey') === undefined) {
    out = setPlace(out, 'as2.encrypted.userPrivateKey', codeOf(`${id}-private`, 64));
    if (valueAt(out, 'as2.unencrypted.userPublicKey') === undefined) {
      out = setPlace(out, 'as2.unencrypted.userPublicKey', codeOf(`${id}-public`, 64));
    }
  }
  return out;
}

function iclient(doc: JsonObject): JsonObject {
  const out = mapPath(doc, 'oauth2.scope', (value) =>
    typeof value === 'string' ? value.split(/[\s,]+/).filter((part) => part !== '') : value,
  );
  return isObject(out.oauth2) ? setPlace(out, 'oauth2.useNewAuthFailSchema', true) : out;
}

/** Groups get ids from the server; an id that this document did not hold before is not taken (api-notes#groups). */
function groups(doc: JsonObject, field: string, { mint, stored }: NormaliseContext): JsonObject {
  const list = doc[field];
  if (!isArray(list)) return doc;
  const before = stored?.[field];
  const known = new Set(isArray(before) ? before.filter(isObject).map((group) => group._id) : []);
  return withKey(
    doc,
    field,
    list.map((group) =>
      isObject(group) && !(group._id !== undefined && known.has(group._id)) ? { ...group, _id: mint() } : group,
    ),
  );
}

function flow(doc: JsonObject): JsonObject {
  // A flow created without `disabled` runs at once (api-notes#flow-disabled).
  let out = doc.disabled === undefined ? { ...doc, disabled: false } : doc;
  // Overrides count only together with their description (api-notes#flow-instances).
  if (out.overrides !== undefined && out.overridesHelper === undefined) out = withKey(out, 'overrides', undefined);
  return out;
}

function api(doc: JsonObject): JsonObject {
  if (doc.type === undefined) return doc;
  let out = isObject(doc.builder) ? setPlace(doc, 'builder.responseRouter.id', 'apiRouter') : doc;
  // A script API shows its script a second time, at the top (api-notes#api-legacy).
  for (const key of ['_scriptId', 'function']) out = withKey(out, key, valueAt(out, `script.${key}`));
  return out;
}

function mcpServer(doc: JsonObject): JsonObject {
  return ['tools[]', 'apis[]'].reduce(
    (held, path) =>
      mapPath(held, path, (entry) =>
        isObject(entry) && entry.disabled === undefined ? { ...entry, disabled: true } : entry,
      ),
    doc,
  );
}

/** New connectors get new ids for their versions, APIs and conditions (api-notes#connector-parts). */
function httpConnector(doc: JsonObject, { mint, stored }: NormaliseContext): JsonObject {
  if (stored) return doc;
  const paths = ['versions[]', 'apis[]', 'apis[].versions[]', 'supportedBy.*.conditions[]'];
  return paths.reduce(
    (held, path) => mapPath(held, path, (part) => (isObject(part) ? { ...part, _id: mint() } : part)),
    doc,
  );
}

function guardrail(doc: JsonObject): JsonObject {
  const lacks = isObject(doc.guardrail) && doc.guardrail.confidenceThreshold === undefined;
  return lacks ? setPlace(doc, 'guardrail.confidenceThreshold', 0.7) : doc;
}

function withoutWrapperStack(doc: JsonObject): JsonObject {
  return mapPath(doc, 'wrapper._stackId', () => undefined);
}

const OWN: Readonly<Record<string, Normalise>> = {
  integrations: (doc, context) => groups(groups(doc, 'flowGroupings', context), 'apiGroupings', context),
  flows: flow,
  exports: (doc) => ({ ...withoutWrapperStack(doc), asynchronous: true }),
  imports: (doc) => guardrail(withoutWrapperStack(doc)),
  connections: connection,
  iclients: iclient,
  apis: api,
  mcpservers: mcpServer,
  httpconnectors: httpConnector,
};

/** What the server makes of a written document before it stores it (api-notes#server-changes). */
export function normaliseWritten(type: ResourceType, sent: JsonObject, context: NormaliseContext): JsonObject {
  let doc = letterCase(letterCase(sent, type.lowerCase, false), type.upperCase, true);
  const rule = ruleOf(type.name);
  const defaults = Object.entries({ ...type.defaults, ...(context.stored ? {} : { sandbox: false }) }).filter(
    ([path]) => !path.includes('[]'),
  );
  // A group list that a PUT leaves out is gone, so such fields are filled in for new documents only.
  const additions = context.stored && type.name === 'integrations' ? [] : Object.entries(rule.adds ?? {});
  for (const [key, value] of [...defaults, ...additions])
    if (getOwn(doc, key) === undefined) doc = withKey(doc, key, value);
  for (const path of type.expressions ?? []) doc = mapPath(doc, path, mirrored);
  for (const path of type.hooks ?? []) doc = mapPath(doc, path, withoutEmptyHooks);
  for (const path of type.padded ?? []) {
    doc = mapPath(doc, path, (value) => (typeof value === 'string' ? value.padEnd(15) : value));
  }
  return OWN[type.name]?.(doc, context) ?? doc;
}
