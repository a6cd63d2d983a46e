import { findType } from '../../catalogue/index.ts';
import { isArray, type Json, type JsonObject } from '../../core/json.ts';
import { type Acting, actAs } from '../calls/acting.ts';
import { methodNotAllowed, objectBody, unknownPath } from '../calls/call.ts';
import { empty, json, type Reply } from '../calls/reply.ts';
import type { Account } from '../model/account.ts';
import { fault } from '../model/api-fault.ts';
import type { StateView } from '../model/state-view.ts';
import { type Faults, faultRule } from './faults.ts';
import type { RequestLog } from './request-log.ts';

/** What the control endpoints reach. */
export interface Controlled {
  readonly account: Account;
  readonly faults: Faults;
  readonly requests: RequestLog;
  readonly state: StateView;
}

function textIn(edit: JsonObject, field: string): string {
  const value = edit[field];
  if (typeof value === 'string') return value;
  throw fault(400, 'invalid_edit', `${field} is required`, field);
}

/** The folder of the type that an edit is about. */
function typeIn(edit: JsonObject): string {
  const type = textIn(edit, 'type');
  if (!findType(type)) throw fault(400, 'invalid_edit', `unknown type ${type}`, 'type');
  return type;
}

function objectIn(edit: JsonObject, field: string): JsonObject {
  return objectBody(edit[field]);
}

/** Runs one edit: `{as, action, type, id?, doc? | set? | patch?}`. */
function run(acting: Acting, edit: JsonObject): Json {
  const type = typeIn(edit);
  switch (edit.action) {
    case 'create':
      return acting.create(type, objectIn(edit, 'doc'));
    case 'update':
      return edit.set === undefined
        ? acting.update(type, textIn(edit, 'id'), objectIn(edit, 'doc'))
        : acting.set(type, textIn(edit, 'id'), objectIn(edit, 'set'));
    case 'patch':
      return acting.patch(type, textIn(edit, 'id'), isArray(edit.patch) ? edit.patch : []);
    case 'remove':
      acting.remove(type, textIn(edit, 'id'));
      return null;
    case 'restore':
      acting.restore(type, textIn(edit, 'id'));
      return null;
    default:
      throw fault(400, 'invalid_edit', 'action must be create, update, patch, remove or restore', 'action');
  }
}

function edits({ account }: Controlled, body: Json | undefined): Reply {
  const results = (isArray(body) ? body : [body ?? null]).map((edit) => {
    const fields = objectBody(edit);
    const actor = account.actors.inBrowser(textIn(fields, 'as'));
    if (!actor) throw fault(400, 'invalid_edit', 'no person of the account has this token, id or e-mail address', 'as');
    return run(actAs(account, actor), fields);
  });
  return json(results);
}

function touch({ state }: Controlled, body: Json | undefined): Reply {
  for (const item of isArray(body) ? body : [body ?? null]) {
    const fields = objectBody(item);
    const [type, id] = [typeIn(fields), textIn(fields, 'id')];
    if (!state.get(type, id)) throw fault(404, 'invalid_ref', `there is no document ${id} among the ${type}`);
    state.touch(type, id, objectIn(fields, 'set'));
  }
  return empty();
}

/**
 * The endpoints below `/_emulator`, for tests in another process. They need no token and answer on the loopback
 * interface only, which is all that the server listens on.
 *
 * - `GET|POST|DELETE faults`: list the pending ones, add `{match, times, fault}` (one or an array), remove all
 * - `GET|DELETE requests`: the latest requests
 * - `POST edits`: `[{as, action: create|update|patch|remove|restore, type, id, doc|set|patch}]`, done by a person
 *   (token, id or e-mail address) in the user interface; `set` maps places to values
 * - `POST touch`: `[{type, id, set}]`, changes by the platform itself
 * - `POST revoke`: `{token}`
 * - `GET dump`: everything, with secrets in plain text
 *
 * @throws ApiFault for anything else
 */
export function control(controlled: Controlled, method: string, path: string, body: Json | undefined): Reply {
  const { faults, requests, state, account } = controlled;
  const asked = `${method} ${path.toLowerCase()}`;
  switch (asked) {
    case 'GET faults':
      return json(faults.pending());
    case 'POST faults':
      for (const rule of isArray(body) ? body : [body]) faults.add(faultRule(rule));
      return empty();
    case 'DELETE faults':
      faults.clear();
      return empty();
    case 'GET requests':
      return json(requests.list());
    case 'DELETE requests':
      requests.clear();
      return empty();
    case 'POST edits':
      return edits(controlled, body);
    case 'POST touch':
      return touch(controlled, body);
    case 'POST revoke':
      account.actors.revoke(textIn(objectBody(body), 'token'));
      return empty();
    case 'GET dump':
      return json(state.dump());
    default:
      if (['faults', 'requests', 'edits', 'touch', 'revoke', 'dump'].includes(path.toLowerCase()))
        throw methodNotAllowed(method);
      throw unknownPath();
  }
}
