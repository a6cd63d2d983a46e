import { type AuditEdit, type EditedField, fetchEdits } from '../../celigo/audit.ts';
import type { ApiClient } from '../../celigo/client.ts';
import { ApiError } from '../../celigo/errors.ts';
import { readBinned } from '../../celigo/recycle-bin.ts';
import { messageOf } from '../../core/errors.ts';
import { isObject, type Json, type JsonObject } from '../../core/json.ts';
import { oneLine } from '../../core/message.ts';
import { equalJson, setSteps } from '../../core/paths.ts';
import { atPlace, covers, placeOf } from '../../core/places.ts';
import type { Journal } from '../../mirror/journal.ts';
import { secretPlaces } from '../../plan/secrets.ts';
import { keyOf } from '../../plan/types.ts';
import type { Written } from './apply.ts';
import { versionOf } from './live.ts';
import type { Writer } from './writer.ts';

/** The clocks of server and client, and of the log and the server, need not agree to the second. */
const SLACK_MS = 60_000;

/** An edit that somebody made between our look at a resource and our write, which the write overwrote. */
export interface Slipped {
  /** `<type>/<id>` in the target. */
  readonly key: string;
  readonly who: string;
  readonly fields: readonly string[];
  /** Whether the edit is in force again. */
  readonly kept: boolean;
}

export interface SlippedInput {
  readonly client: ApiClient;
  readonly writer: Writer;
  readonly journal: Journal;
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

/**
 * Looks in the audit log for edits of others that fell between the look at a resource and the write over it: the API has
 * no conditional write, so that only the log tells of them. What such an edit set is put back, since nobody saw it when
 * the restore was agreed to.
 * @returns the edits found, and a notice where the log cannot be read
 */
export async function recoverSlipped(input: SlippedInput): Promise<{ found: Slipped[]; notice?: string }> {
  const found: Slipped[] = [];
  const targets = [...input.written.values()].filter(({ looks }) => looks.length > 0);
  if (targets.length === 0) return { found };
  let edits: AuditEdit[];
  try {
    const until = new Date(Date.now() + input.client.clockSkewMs() + SLACK_MS);
    edits = await fetchEdits(input.client, new Date(input.since.getTime() - SLACK_MS), until, input.signal);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return {
      found,
      notice: `the audit log cannot be read (${messageOf(error)}): an edit made in the very moment of a write would not be seen`,
    };
  }
  for (const target of targets) {
    const { type, id, looks } = target;
    const foreign = edits.filter(
      (edit) =>
        edit.resourceId === id &&
        edit.event === 'update' &&
        !isOurs(edit, input.userId) &&
        (type.auditType === undefined || edit.resourceType === type.auditType),
    );
    const fields = foreign.flatMap((edit) => edit.fields.map((field) => ({ ...field, edit })));
    // What our look had already seen was no surprise.
    const unseen = fields.filter(
      ({ path, newValue }) =>
        path !== '' && looks.every((look) => !equalJson(atPlace(look, placeOf(path)), newValue)),
    );
    const blind = foreign.filter(
      (edit) => edit.fields.length === 0 || edit.fields.some(({ path }) => path === ''),
    );
    if (unseen.length === 0 && blind.length === 0) continue;
    const who = [
      ...new Set(
        [...unseen.map(({ edit }) => edit), ...blind].map(({ by }) => oneLine(by.name ?? by.email ?? by.id)),
      ),
    ].join(', ');
    const result = await putBack(input, target, unseen);
    if (result === 'in force') continue;
    found.push({
      key: keyOf(type.dir, id),
      who,
      fields: unseen.map(({ path }) => path),
      kept: result === 'kept',
    });
  }
  return { found };
}

async function putBack(
  { writer, journal, client, signal }: SlippedInput,
  { type, id, looks }: Written,
  fields: readonly EditedField[],
): Promise<'in force' | 'kept' | 'lost'> {
  const key = keyOf(type.dir, id);
  try {
    let live = await writer.read(type, id);
    if (!live) {
      // Deleted over the edit: the bin still has it.
      const binned = await readBinned(client, type, id, signal);
      if (
        !binned ||
        versionOf(writer.pair(type, binned).doc) ===
          versionOf(writer.pair(type, looks.at(-1) as JsonObject).doc)
      )
        return 'in force';
      journal.append([{ kind: 'intent', key, action: 'undelete' }], true);
      await writer.undelete(type, id);
      return 'kept';
    }
    const overwritten = fields.filter(
      ({ path, newValue }) => !equalJson(atPlace(live?.raw, placeOf(path)), newValue),
    );
    if (overwritten.length === 0) return fields.length === 0 ? 'lost' : 'in force';
    journal.append([{ kind: 'intent', key, action: 'update' }], true);
    const patchable = overwritten.every(
      ({ path, newValue }) =>
        newValue !== undefined &&
        (type.restore.patch ?? []).some((allowed) => covers(allowed, placeOf(path))),
    );
    if (patchable) {
      live = await writer.patch(
        type,
        id,
        overwritten.map(({ path, newValue }) => ({
          op: 'replace',
          path: `/${placeOf(path).join('/')}`,
          value: newValue as Json,
        })),
      );
    } else {
      const body = overwritten.reduce<Json>(
        (doc, { path, newValue }) => setSteps(doc, placeOf(path), newValue),
        live.raw,
      );
      if (!isObject(body) || secretPlaces(body).length > 0) return 'lost';
      live = await writer.replace(type, id, body);
    }
    journal.append([{ kind: 'done', key, action: 'update', id, to: versionOf(live.doc) }], false);
    return 'kept';
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return 'lost';
  }
}
