import { parseBody, unknownPath } from '../calls/call.ts';
import { json, type Reply } from '../calls/reply.ts';
import type { Account } from '../model/account.ts';
import type { Actor } from '../model/actors.ts';
import { ApiFault, unauthorized } from '../model/api-fault.ts';
import { route } from './router.ts';
import { type Incoming, wordsOf } from './wire.ts';

/** A write that is about to take effect. */
export interface PendingWrite {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly type: string;
  /** Absent when something is created. */
  readonly id: string | undefined;
}

/** An answer, and whose request it answers. */
export interface Answered {
  readonly reply: Reply;
  /** Name of the person or token; absent when no one was recognised. */
  readonly by?: string;
}

/** Finds out whose token a request carries. @throws ApiFault 401 (api-notes#error-shapes) */
function authenticate(account: Account, header: string | undefined): Actor {
  if (header === undefined) throw unauthorized('Unauthorized');
  const token = /^bearer\s+(\S+)\s*$/i.exec(header)?.[1];
  const actor = token === undefined ? undefined : account.actors.byToken(token);
  if (!actor) throw unauthorized('Bearer Authentication Failed');
  return actor;
}

/** Any failure as the answer that a client gets. */
export function refusal(error: unknown): Reply {
  if (error instanceof ApiFault) return json(error.body, error.status, error.headers);
  // A mistake of the emulator itself; the client sees a server fault.
  const message = error instanceof Error ? error.message : String(error);
  return json({ errors: [{ code: 'internal_error', message }] }, 500);
}

/** Answers requests to the API of one account: token, rate limit, then the handlers. */
export function createAnswering(
  account: Account,
  hooks: { readonly takeToken: () => void; readonly beforeWrite: (write: PendingWrite) => Promise<void> },
): (incoming: Incoming) => Promise<Answered> {
  return async (incoming) => {
    const { method, url } = incoming;
    let by: string | undefined;
    let reply: Reply;
    try {
      const actor = authenticate(account, incoming.authorization);
      by = actor.label;
      hooks.takeToken();
      const [version = '', ...path] = wordsOf(url.pathname);
      if (version.toLowerCase() !== 'v1' || path.length === 0) throw unknownPath();
      reply = await route({
        account,
        actor,
        method,
        path,
        query: url.searchParams,
        body: () => parseBody(incoming.body, incoming.contentType),
        address: `${url.origin}${url.pathname}`,
        beforeWrite: (type, id) => hooks.beforeWrite({ method, path: url.pathname, type, id }),
      });
    } catch (error) {
      reply = refusal(error);
    }
    return by === undefined ? { reply } : { reply, by };
  };
}
