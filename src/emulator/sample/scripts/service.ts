/** Handlers of the script APIs. */
export const API_HANDLERS = `/*
 * Script APIs. Each handler gets {method, headers, queryString, body, rawBody}
 * and returns {statusCode, headers, body}.
 */
import { flows, request } from 'integrator-api';

function answer(statusCode, body) {
  return { statusCode: statusCode, headers: { 'content-type': 'application/json' }, body: body };
}

// For the status page: is the integration platform there at all?
function handleHealth(options) {
  if (options.method !== 'GET') return answer(405, { error: 'method not allowed' });
  return answer(200, { status: 'ok', region: 'eu' });
}

/*
 * Kept for the old tills until they are replaced: starts the till flow by hand.
 * Body: {"store": "bergen"}
 */
function handleLegacyOrder(options) {
  const store = options.body && options.body.store;
  if (!['bergen', 'oslo', 'göteborg'].includes(store)) {
    return answer(400, { error: 'unknown store' });
  }
  try {
    flows.run({ _id: options.settings.flowId });
    return answer(202, { accepted: true, store: store });
  } catch (error) {
    return answer(502, { error: 'flow could not be started', detail: error.message });
  }
}

function afterStatus(options) {
  return options.postMapData.map((body) => {
    // Customers read this: no internal ids.
    delete body.internalId;
    return body;
  });
}
`;

/** Tickets are trimmed before a language model sees them. */
export const SUPPORT_HOOKS = String.raw`/*
 * Support tickets: what leaves the house is cut down first.
 */
const MAX_CHARS = 6000;

// Mail clients append the whole conversation; everything below the first marker is history.
const QUOTE_MARKERS = [/^-{2,}\s*original message/im, /^on .{5,80} wrote:$/im, /^den .{5,80} skrev:$/im];

function withoutHistory(text) {
  let end = text.length;
  for (const marker of QUOTE_MARKERS) {
    const match = marker.exec(text);
    if (match && match.index < end) end = match.index;
  }
  return text.slice(0, end).trim();
}

// Card numbers: 13 to 19 digits with blanks or hyphens between. The last four are kept for the agent.
function withoutCards(text) {
  return text.replace(/\b(?:\d[ -]?){9,15}(\d{4})\b/g, '[card ending $1]');
}

function trimTickets(options) {
  const data = options.data.map((ticket) => {
    const text = withoutCards(withoutHistory(ticket.description || ''));
    return Object.assign({}, ticket, { description: text.slice(0, MAX_CHARS), truncated: text.length > MAX_CHARS });
  });
  return { data: data, errors: options.errors, abort: false, newErrorsAndRetryData: [] };
}

/* The model answers with a confidence; below 0.6 a person decides. */
function applyTriage(options) {
  return options.postResponseMapData.map((ticket) => {
    const sure = Number(ticket.confidence || 0) >= 0.6;
    ticket.queue = sure ? ticket.suggestedQueue : 'triage';
    ticket.tags = (ticket.tags || []).concat(sure ? ['auto-routed'] : ['needs-person']);
    return ticket;
  });
}
`;
