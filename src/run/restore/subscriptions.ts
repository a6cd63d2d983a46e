import type { ResourceType, SubscriptionRule } from '../../catalogue/types.ts';
import { ApiError } from '../../celigo/errors.ts';
import { AppError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import { textOf, valueAt } from '../../core/paths.ts';
import type { Writer } from './writer.ts';

/** Who is notified of what: the address, and the field and id of the resource. */
export interface Subscription {
  readonly email: string;
  readonly field: string;
  readonly id: string;
}

function ruleOf({ restore }: ResourceType): SubscriptionRule | undefined {
  return restore.mode === 'bulk' ? restore.subscription : undefined;
}

/** What a document of a `bulk` type subscribes, `undefined` where that is incomplete. */
export function subscriptionOf(type: ResourceType, doc: JsonObject): Subscription | undefined {
  const rule = ruleOf(type);
  const field = rule?.targets.find((name) => typeof doc[name] === 'string');
  const email = textOf(rule && valueAt(doc, rule.email));
  return field === undefined || email === undefined ? undefined : { email, field, id: String(doc[field]) };
}

/** Subscribes a user; gives the subscription as its list shows it. @throws AppError, ApiError */
export async function subscribe(writer: Writer, type: ResourceType, doc: JsonObject): Promise<JsonObject> {
  const rule = ruleOf(type);
  const wanted = subscriptionOf(type, doc);
  if (!rule || !wanted) {
    throw new AppError('API', `${type.noun} ${String(doc._id)} does not name its subscriber and its subject`, {
      hint: 'Subscribe manually',
    });
  }
  const { email, field, id } = wanted;
  await writer.putAll(type, [{ [field]: id, subscribed: true, [rule.sentAs]: email }]);
  const made = [...(await writer.list(type)).values()].find((item) => {
    const held = subscriptionOf(type, item);
    return held?.email === email && item[field] === id;
  });
  if (!made) throw new ApiError(`the ${type.noun} of ${email} is missing after it was written`, { transient: false });
  return made;
}
