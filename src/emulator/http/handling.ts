import type { IncomingMessage, ServerResponse } from 'node:http';
import { parseBody } from '../calls/call.ts';
import type { Reply } from '../calls/reply.ts';
import { type Answered, refusal } from './answering.ts';
import { type Controlled, control } from './control.ts';
import { type Fault, replacement, spoil } from './faults.ts';
import { type Incoming, receive, type SendOptions, send, withETag, wordsOf } from './wire.ts';

/** Pauses that end early when the server closes. */
interface Timers {
  readonly wait: (ms: number) => Promise<void>;
  readonly clear: () => void;
}

export function createTimers(): Timers {
  const pending = new Set<NodeJS.Timeout>();
  return {
    wait: (ms) =>
      new Promise((resolve) => {
        const timer = setTimeout(() => {
          pending.delete(timer);
          resolve();
        }, ms);
        pending.add(timer);
      }),
    clear() {
      for (const timer of pending) clearTimeout(timer);
    },
  };
}

/** What answers requests. */
interface Served {
  readonly controlled: Controlled;
  readonly answer: (incoming: Incoming) => Promise<Answered>;
  readonly wait: Timers['wait'];
}

/** How a request ends: with an answer, perhaps cut or in drops; with a cut connection; or never. */
type Outcome =
  | ({ readonly kind: 'reply'; readonly reply: Reply } & Pick<SendOptions, 'bytes' | 'drop'>)
  | { readonly kind: 'reset' | 'silence' };

/** An outcome, and on whose behalf the request was answered, if it came that far. */
interface Handled {
  readonly outcome: Outcome;
  readonly by?: string | undefined;
}

/** Answers one request of the API, or meets it with the fault that is due. */
async function outcomeOf({ answer, wait }: Served, incoming: Incoming, fault: Fault | undefined): Promise<Handled> {
  if (fault?.kind === 'reset') return { outcome: { kind: 'reset' } };
  if (fault?.kind === 'stall' && fault.ms === undefined) return { outcome: { kind: 'silence' } };
  if (fault?.kind === 'stall' || fault?.kind === 'delay') await wait(fault.ms ?? 0);
  const instead = fault && fault.kind !== 'applyThenStatus' ? replacement(fault) : undefined;
  if (instead) return { outcome: { kind: 'reply', reply: instead } };
  const { by, reply } = await answer(incoming);
  if (fault?.kind === 'applyThenReset') return { outcome: { kind: 'reset' }, by };
  const how = fault ? sendingOf(fault, wait) : {};
  return { outcome: { kind: 'reply', reply: fault ? spoil(fault, reply, incoming.url.href) : reply, ...how }, by };
}

/** How an answer that meets this fault is sent. */
function sendingOf(fault: Fault, wait: Timers['wait']): Pick<SendOptions, 'bytes' | 'drop'> {
  if (fault.kind === 'truncate') return { bytes: fault.bytes ?? 'half' };
  return fault.kind === 'drip' ? { drop: () => wait(fault.ms) } : {};
}

function answerControl(controlled: Controlled, { method, url, body }: Incoming): Reply {
  try {
    const path = wordsOf(url.pathname).slice(1).join('/');
    return control(controlled, method, path, parseBody(body, 'application/json'));
  } catch (error) {
    return refusal(error);
  }
}

/** Handles requests from arrival to answer: control calls, due faults, the API itself, and the log of requests. */
export function createHandler(served: Served): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  const { account, faults, requests } = served.controlled;
  const { coding, etags } = account.behaviour;
  return async (request, response) => {
    const incoming = await receive(request);
    const { method, url } = incoming;
    if (url.pathname.startsWith('/_emulator/')) {
      await send(response, answerControl(served.controlled, incoming), account.now());
      return;
    }
    const fault = faults.next(method, url.pathname, url.searchParams);
    const { outcome: made, by } = await outcomeOf(served, incoming, fault);
    const outcome = made.kind === 'reply' ? { ...made, reply: withETag(made.reply, incoming, etags) } : made;
    requests.add({
      method,
      path: url.pathname,
      query: url.search,
      status: outcome.kind === 'reply' ? outcome.reply.status : 0,
      ...(by === undefined ? {} : { by }),
      ...(fault ? { fault: fault.kind } : {}),
    });
    if (outcome.kind === 'reset') request.socket.resetAndDestroy();
    else if (outcome.kind === 'reply') {
      const { kind: _, reply, ...how } = outcome;
      await send(response, reply, account.now(), { coding, ...how });
    }
  };
}
