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
import { equalJson, mapPath, setPlace, valueAt, valuesAt, withKey } from '../../core/paths.ts';
import { inferred } from './adaptors.ts';
import { normaliseConnection } from './connection-writes.ts';
import { pointers } from './connector-pointers.ts';
import type { Context } from './draft.ts';
import { normaliseMcpServer } from './mcp-writes.ts';
import { ruleOf } from './rules.ts';

type Normalise = (doc: JsonObject, context: Context) => JsonObject;

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

function iclient(doc: JsonObject): JsonObject {
  const out = mapPath(doc, 'oauth2.scope', (value) =>
    typeof value === 'string' ? value.split(/[\s,]+/).filter((part) => part !== '') : value,
  );
  return isObject(out.oauth2) ? setPlace(out, 'oauth2.useNewAuthFailSchema', true) : out;
}

/** Groups get ids from the server; an id that this document did not hold before is not taken (api-notes#groups). */
function groups(doc: JsonObject, field: string, { account: { mint }, stored }: Context): JsonObject {
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

/** A list that comes in the form of its own schema, `{type: []}`, counts as empty (api-notes#put). */
function withoutSchemaForm(value: Json): Json {
  if (isArray(value)) return value.map(withoutSchemaForm);
  if (!isObject(value)) return value;
  const out: MutableJsonObject = {};
  for (const key of Object.keys(value)) {
    const held = value[key] as Json;
    if (key !== 'responseMapping' || !isObject(held)) setOwn(out, key, withoutSchemaForm(held));
    else {
      const emptied = ['fields', 'lists'].filter((list) => isObject(held[list]));
      setOwn(
        out,
        key,
        emptied.reduce((mapping, list) => withKey(mapping, list, []), held),
      );
    }
  }
  return out;
}

/** A group that no integration has is dropped; an orphaned one that the flow had may stay (api-notes#groups). */
function withKnownGroup(doc: JsonObject, { account, stored }: Context): JsonObject {
  const group = doc._flowGroupingId;
  if (group === undefined || group === stored?._flowGroupingId || account.behaviour.validation === 'record') return doc;
  for (const integration of account.store.all('integrations')) {
    if (valuesAt(integration, 'flowGroupings[]._id').includes(group)) return doc;
  }
  return withKey(doc, '_flowGroupingId', undefined);
}

function flow(doc: JsonObject, context: Context): JsonObject {
  // A flow created without `disabled` runs at once (api-notes#flow-disabled).
  let out = doc.disabled === undefined ? { ...doc, disabled: false } : doc;
  // Overrides count only together with their description (api-notes#flow-instances).
  if (out.overrides !== undefined && out.overridesHelper === undefined) out = withKey(out, 'overrides', undefined);
  return withKnownGroup(withoutSchemaForm(out) as JsonObject, context);
}

function api(doc: JsonObject): JsonObject {
  if (doc.type === undefined) return doc;
  let out = isObject(doc.builder) ? setPlace(doc, 'builder.responseRouter.id', 'apiRouter') : doc;
  // A script API shows its script a second time, at the top (api-notes#api-legacy).
  for (const key of ['_scriptId', 'function']) out = withKey(out, key, valueAt(out, `script.${key}`));
  return out;
}

/** New connectors get new ids for their versions, APIs and conditions (api-notes#connector-parts). */
function httpConnector(doc: JsonObject, { account: { mint }, stored }: Context): JsonObject {
  if (stored) return doc;
  const paths = ['versions[]', 'apis[]', 'apis[].versions[]', 'supportedBy.*.conditions[]'];
  return paths.reduce(
    (held, path) => mapPath(held, path, (part) => (isObject(part) ? { ...part, _id: mint() } : part)),
    doc,
  );
}

function guardrail(doc: JsonObject, { account }: Context): JsonObject {
  if (!isObject(doc.guardrail)) return doc;
  const { type: kind, confidenceThreshold } = doc.guardrail;
  // The next write of an old one removes what it shows of an agent that it does not have.
  const inert = account.behaviour.completes && (kind === 'pii' || kind === 'moderation');
  const bare = inert ? setPlace(doc, 'guardrail.aiAgent', undefined) : doc;
  return confidenceThreshold === undefined ? setPlace(bare, 'guardrail.confidenceThreshold', 0.7) : bare;
}

/** One body for all records is a list of one (api-notes#server-changes). */
function withBodies(doc: JsonObject): JsonObject {
  return mapPath(doc, 'http.body', (body) => (typeof body === 'string' ? [body] : body));
}

/** Where to begin in a topic is read again only when the topic is another one (api-notes#put). */
function withPosition(doc: JsonObject, { stored }: Context): JsonObject {
  const position = valueAt(stored, 'topic.startPosition');
  const isSame = equalJson(valueAt(stored, 'topic._topicId'), valueAt(doc, 'topic._topicId'));
  return position !== undefined && isSame ? setPlace(doc, 'topic.startPosition', position) : doc;
}

function withoutWrapperStack(doc: JsonObject): JsonObject {
  return mapPath(doc, 'wrapper._stackId', () => undefined);
}

const OWN: Readonly<Record<string, Normalise>> = {
  integrations: (doc, context) => groups(groups(doc, 'flowGroupings', context), 'apiGroupings', context),
  flows: flow,
  exports: (doc, context) => ({
    ...pointers(inferred(withPosition(withoutWrapperStack(doc), context), 'Export'), context),
    asynchronous: true,
  }),
  imports: (doc, context) =>
    guardrail(withBodies(pointers(inferred(withoutWrapperStack(doc), 'Import'), context)), context),
  connections: normaliseConnection,
  iclients: iclient,
  apis: api,
  mcpservers: normaliseMcpServer,
  httpconnectors: httpConnector,
};

/** What the server makes of a written document before it stores it (api-notes#server-changes). */
export function normaliseWritten(type: ResourceType, sent: JsonObject, context: Context): JsonObject {
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
