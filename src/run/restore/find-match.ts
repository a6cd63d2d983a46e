import { isAppPart, type MirrorDocument } from '../../core/documents.ts';
import { AppError } from '../../core/errors.ts';
import { type Key, keyOf } from '../../core/keys.ts';
import { equalJson, valueAt } from '../../core/paths.ts';
import { shownName } from '../../core/unseen.ts';
import { rewriteIds } from '../../plan/ids.ts';
import type { RestoreDeps } from './request.ts';
import { subscriptionOf } from './subscriptions.ts';

/** Where a match is looked for. */
interface Candidates {
  readonly sameAccount: boolean;
  /** Ids of the state → ids of the target. */
  readonly ids: ReadonlyMap<string, string>;
  /** Resources of the target that are used for another one already. */
  readonly taken: ReadonlySet<Key>;
  /** The target's resources of a type. */
  readonly ofType: (type: string) => Promise<readonly MirrorDocument[]>;
  readonly choose: RestoreDeps['choose'];
}

/**
 * The resource of the target that is the same by its unique fields; of a subscription, by its subject and subscriber.
 * @throws AppError `CONFLICT` where several match and no one can choose
 */
export async function findMatch(document: MirrorDocument, where: Candidates): Promise<MirrorDocument | undefined> {
  const { type } = document;
  if (type.restore.mode === 'bulk') {
    const wanted = subscriptionOf(type, rewriteIds(document.doc, where.ids));
    const same = ({ doc }: MirrorDocument): boolean => equalJson({ ...subscriptionOf(type, doc) }, { ...wanted });
    return wanted && (await where.ofType(type.name)).find(same);
  }
  const fields = where.sameAccount ? undefined : type.restore.matchBy;
  if (!fields) return undefined;
  const alike = (await where.ofType(type.name)).filter(
    ({ id, doc }) =>
      !where.taken.has(keyOf(type.name, id)) &&
      !isAppPart(doc) &&
      fields.every((path) => equalJson(valueAt(doc, path), valueAt(document.doc, path))),
  );
  return alike.length <= 1 ? alike[0] : chooseOne(document, alike, where.choose);
}

async function chooseOne(
  { type, id, title }: MirrorDocument,
  alike: readonly MirrorDocument[],
  choose: RestoreDeps['choose'],
): Promise<MirrorDocument> {
  const shown = alike.map((one) => `${type.name}/${one.id}  ${shownName(one.title)}`);
  const name = `${keyOf(type.name, id)} "${shownName(title)}"`;
  const question = `${name} could be any of ${alike.length} ${type.plural} of the target`;
  const choice = await choose?.(question, shown);
  const chosen = choice === undefined ? undefined : alike[choice];
  if (chosen) return chosen;
  throw new AppError('CONFLICT', `${question}:${shown.map((line) => `\n  ${line}`).join('')}`, {
    hint: `Rename all but one, or write the right one into the file of ids: ${type.name}: { ${id}: <id> }`,
  });
}
