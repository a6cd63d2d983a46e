import type { FieldPath, RegisterRule } from '../../catalogue/types.ts';
import type { MirrorDocument } from '../../core/documents.ts';
import { isArray, type JsonObject } from '../../core/json.ts';
import { equalJson, textOf, valueAt, withKey } from '../../core/paths.ts';
import { rewriteIds } from '../../plan/ids.ts';
import { fillRecords } from '../../plan/redacted-texts.ts';
import { fillEntries } from './cache-entries.ts';
import type { StepRun } from './step-run.ts';
import type { LivePair } from './writer.ts';

/**
 * Writes what has calls of its own: registered ids, and the entries of a cache.
 * @param remove also removes registered ids that are not wanted
 */
export async function writeApart(
  run: StepRun,
  document: MirrorDocument,
  id: string,
  live: LivePair,
  sent: JsonObject,
  remove: boolean,
): Promise<void> {
  const { type, doc } = document;
  const { writer } = run.context;
  const { registers } = type.restore;
  if (registers) {
    const [wanted, held] = [registrable(run, registers, doc), registeredIn(registers, live.raw)];
    await registerMore(run, document, id, live);
    // What the account ignores is not in the mirror's form, and stays.
    const ours = remove ? registeredIn(registers, live.doc) : [];
    for (const extra of ours.filter((one) => !wanted.includes(one)))
      await writer.callOf(type, id, 'DELETE', `${registers.path}/${extra}/register`);
    // These calls change the document without answering with it. What else is new in it is an edit of others, not ours.
    const fresh = equalJson(wanted, held) ? undefined : await writer.read(type, id);
    if (fresh) {
      const after = withKey(live.raw, registers.field, fresh.raw[registers.field]);
      run.log.keepWrite(type, id, live.raw, writer.pair(type, after), sent);
    }
  }
  for (const [path, call] of Object.entries(type.restore.toggles ?? {})) await toggle(run, document, id, path, call);
  const { entries } = type;
  if (entries && typeof doc[entries] === 'string') {
    const [shown = '', raw = ''] = [live.doc, live.raw].map((form) => textOf(form[entries]) ?? '');
    await fillEntries(writer, type, id, fillRecords(doc[entries], shown, { raw, taken: live.taken }), raw);
  }
}

/** Turns a member on that is on in the document. The call turns over whatever it finds, so that it comes once. */
async function toggle(
  { context: { writer } }: StepRun,
  { type, doc }: MirrorDocument,
  id: string,
  path: FieldPath,
  call: string,
): Promise<void> {
  if (valueAt(doc, path) !== true) return;
  const now = await writer.read(type, id);
  if (now && valueAt(now.raw, path) !== true) await writer.turnOver(type, id, call);
}

/** Registers what is wanted and missing. Comes before the document that may name it. */
export async function registerMore(
  run: StepRun,
  { type, doc }: MirrorDocument,
  id: string,
  live: LivePair,
): Promise<void> {
  const { registers } = type.restore;
  if (!registers) return;
  const held = registeredIn(registers, live.raw);
  const more = registrable(run, registers, doc).filter((one) => !held.includes(one));
  if (more.length > 0) await run.context.writer.callOf(type, id, 'PUT', `${registers.path}/register`, more);
}

/** Of the ids that the document registers, those in the target that exist. */
function registrable({ context, log }: StepRun, registers: RegisterRule, doc: JsonObject): string[] {
  const known = context.foreign ? new Set(context.ids.values()) : undefined;
  return registeredIn(registers, rewriteIds(doc, context.ids)).filter(
    (id) => !log.isMissing(registers.type, id) && (known?.has(id) ?? true),
  );
}

/** The registered ids that a document names. */
export function registeredIn({ field }: RegisterRule, doc: JsonObject): string[] {
  const list = doc[field];
  return isArray(list) ? list.filter((id) => typeof id === 'string') : [];
}
