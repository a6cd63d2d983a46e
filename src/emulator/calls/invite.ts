import { isObject } from '../../core/json.ts';
import { textOf } from '../../core/paths.ts';
import { typeOf } from '../model/account.ts';
import { fault, invalid, missing } from '../model/api-fault.ts';
import { allowOnly, type Call, objectBody } from './call.ts';
import { json, type Reply } from './reply.ts';
import { stamp } from './writes.ts';

/** `POST /v1/invite`: the only way to a new user (api-notes#users). No e-mail is sent. */
export async function invite(call: Call): Promise<Reply> {
  const { account, actor } = call;
  allowOnly('POST', call);
  const body = objectBody(call.body());
  const email = textOf(body.email);
  if (email === undefined) throw missing('email');
  account.access.needsAdministrator(actor);
  await call.beforeWrite('ashares', undefined);
  for (const { sharedWithUser } of account.store.all('ashares')) {
    if (isObject(sharedWithUser) && sharedWithUser.email === email) {
      throw fault(409, 'invalid_user', `${email} is a user already`, 'email');
    }
  }
  const level = textOf(body.accessLevel) ?? 'monitor';
  if (!['administrator', 'manage', 'monitor'].includes(level)) {
    throw invalid('accessLevel', `\`${level}\` is not a valid enum value for path \`accessLevel\`.`);
  }
  const doc = stamp(account, actor, {
    _id: account.mint(),
    createdAt: account.now().toISOString(),
    accepted: false,
    accessLevel: level,
    sharedWithUser: { _id: account.mint(), email, name: email },
  });
  account.store.put('ashares', doc);
  account.audit.note(actor, 'create', typeOf('ashares'), String(doc._id));
  return json(doc, 201);
}
