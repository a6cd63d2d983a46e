import type { ResourceType } from '../../catalogue/types.ts';
import { type AuditEdit, fetchEdits } from '../../celigo/audit.ts';
import type { ApiClient } from '../../celigo/client.ts';
import { ApiError } from '../../celigo/errors.ts';
import { readBinned } from '../../celigo/recycle-bin.ts';
import type { Person } from '../../core/changes.ts';
import { messageOf } from '../../core/errors.ts';
import type { Json, JsonObject } from '../../core/json.ts';
import { equalJson, setSteps } from '../../core/paths.ts';
import { atPlace, placeOf } from '../../core/places.ts';
import { versionOf } from './live.ts';
import type { Written } from './write-log.ts';
import type { Writer } from './writer.ts';

/** The clocks of server and client, and of the log and the server, need not agree to the second. */
const SLACK_MS = 60_000;

/** An edit that somebody made between our look at a resource and our write, which the write overwrote. */
export interface LostUpdate {
  readonly type: ResourceType;
  readonly id: string;
  readonly by: Person;
  readonly time: Date;
  readonly fields: readonly string[];
  /** The resource with the edit, in the mirror's form; absent where the log does not tell enough. */
  readonly doc?: JsonObject;
}

export interface SlippedInput {
  readonly client: ApiClient;
  readonly writer: Writer;
  readonly written: ReadonlyMap<string, Written>;
  /** The token's user. */
  readonly userId: string;
  /** First moment of the writes, by the server's clock. */
  readonly since: Date;
  readonly signal: AbortSignal;
}

function isOurs(edit: AuditEdit, userId: string): boolean {
  return edit.by.id === userId && (edit.source === '' || edit.source === 'api');
}

function personOf({ by }: AuditEdit): Person {
  const email = by.email ?? `${by.id}@users.noreply.integrator.io`;
  return { name: by.name ?? email, email };
}

/** The resource as one edit left it: what we had seen, with what the edit set. */
function withEdit(look: JsonObject, edit: AuditEdit): JsonObject {
  let doc: Json = look;
  for (const { path, newValue } of edit.fields) if (path !== '') doc = setSteps(doc, placeOf(path), newValue);
  return doc as JsonObject;
}

/**
 * Looks in the audit log for edits of others that fell between the look at a resource and the write over it. The API has no
 * conditional write, so that only the log tells of them; types that it does not cover cannot be watched.
 * @returns the edits found, oldest first, and a notice where the log cannot be read
 */
export async function findSlipped(input: SlippedInput): Promise<{ found: LostUpdate[]; notice?: string }> {
  const targets = [...input.written.values()].filter(({ looks }) => looks.length > 0);
  if (targets.length === 0) return { found: [] };
  let edits: AuditEdit[];
  try {
    const until = new Date(Date.now() + input.client.clockSkewMs() + SLACK_MS);
    edits = await fetchEdits(input.client, new Date(input.since.getTime() - SLACK_MS), until, input.signal);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return {
      found: [],
      notice: `the audit log cannot be read (${messageOf(error)}): an edit made in the very moment of a write would not be seen`,
    };
  }
  const told = new Set(edits.map(({ resourceId }) => resourceId));
  const own = new Set(edits.filter((edit) => isOurs(edit, input.userId)).map(({ resourceId }) => resourceId));
  const untold = targets.filter((target) => leavesTraces(input, target) && !(target.sent ? own : told).has(target.id));
  const byResource = new Map<string, AuditEdit[]>();
  for (const edit of edits) {
    if (edit.event !== 'update' || isOurs(edit, input.userId)) continue;
    byResource.set(edit.resourceId, [...(byResource.get(edit.resourceId) ?? []), edit]);
  }
  const found: LostUpdate[] = [];
  for (const target of targets) {
    const { type, id } = target;
    const foreign = (byResource.get(id) ?? []).filter(
      ({ resourceType }) => type.auditType === undefined || resourceType === type.auditType,
    );
    // Whatever came before an edit that a look had seen came before that look.
    const seen = foreign.findLastIndex((edit) => target.looks.some((look) => shows(look, edit)));
    for (const edit of foreign.slice(seen + 1)) {
      const slipped = await judge(input, target, edit);
      if (slipped) found.push(slipped);
    }
  }
  const [first] = untold;
  return {
    found: found.sort((a, b) => a.time.getTime() - b.time.getTime()),
    ...(first
      ? {
          notice: `the audit log does not tell (yet) of ${untold.length} of our own writes (${first.type.name}/${first.id}, …): an edit made in the very moment of one would not be seen`,
        }
      : {}),
  };
}

/**
 * Whether a write must stand in the audit log: then a log without it leaves out more, or is late. Of one that was not
 * answered, or by the process before, only what came of it tells that it was made: by us, or by somebody else.
 */
function leavesTraces({ writer }: SlippedInput, { type, looks, after, sent, removed }: Written): boolean {
  if (type.auditType === undefined) return false;
  if (removed) return true;
  const look = sent ? looks.at(-1) : looks[0];
  return look !== undefined && versionOf(writer.pair(type, look).doc) !== versionOf(after.doc);
}

function fieldsOf(edit: AuditEdit): AuditEdit['fields'] {
  return edit.fields.filter(({ path }) => path !== '');
}

/** Whether a document is as an edit left it, as far as the log tells what it set. */
function shows(doc: JsonObject, edit: AuditEdit): boolean {
  const told = fieldsOf(edit);
  return told.length > 0 && told.every(({ path, newValue }) => equalJson(atPlace(doc, placeOf(path)), newValue));
}

async function judge(input: SlippedInput, target: Written, edit: AuditEdit): Promise<LostUpdate | undefined> {
  const { type, id, looks, after } = target;
  const told = fieldsOf(edit);
  // What is still in force was not overwritten.
  if (!target.removed && shows(after.raw, edit)) return undefined;
  const common = {
    type,
    id,
    by: personOf(edit),
    time: new Date(edit.time),
    fields: told.map(({ path }) => path),
  };
  if (target.removed) {
    // Deleted with the edit: the bin tells what it was.
    const binned = await readBinned(input.client, type, id, input.signal).catch(() => undefined);
    const doc = binned ? input.writer.pair(type, binned).doc : undefined;
    const look = looks.at(-1);
    if (doc && look && versionOf(doc) === versionOf(input.writer.pair(type, look).doc)) return undefined;
    return { ...common, ...(doc ? { doc } : {}) };
  }
  if (told.length === 0) return common;
  return { ...common, doc: input.writer.pair(type, withEdit(looks.at(-1) as JsonObject, edit)).doc };
}
